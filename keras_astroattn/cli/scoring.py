"""Score targets: one row of the table for each, also for one of a broken file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from keras_astroattn.edge import (
    Calibration,
    Classifier,
    explanation_values,
    failed_row,
    open_model,
    scored_row,
)
from keras_astroattn.edge.classifier import attention_of, name_of
from keras_astroattn.edge.labels import UNCERTAIN
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, FITS_SUFFIXES, Cutout, FitsMap, read_image
from keras_astroattn.images.flags import CONFUSED
from keras_astroattn.process import keep_freed_memory, quiet_native_logs
from keras_astroattn.survey.choice import OpenTiles, choose_tile
from keras_astroattn.survey.tiles import MapOptions
from keras_astroattn.tables import PICTURE, Row

from .targets import Target

_OF_THE_MAP = ("hdu", "stokes", "channel", "beam", "centre")


@dataclass(frozen=True)
class Scoring:
    """Settings with which every target is scored; they are sent to worker processes.

    Attributes:
        model: name of a preset, or path.
        options: options of `images.read_image`.
        attention: folder for pictures and attention maps; None: none are written.
        threads: number of threads of one classification.
        tta: number of rotated views of the image over which the prediction is averaged.
        explain: whether each classification is explained.
        calibration: calibration for one survey, or None.
    """

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    attention: Path | None = None
    threads: int = 1
    tta: int = 1
    explain: bool = False
    calibration: Calibration | None = None

    @property
    def map_options(self) -> MapOptions:
        """Options to open maps with."""
        return MapOptions(**{k: v for k, v in self.options.items() if k in _OF_THE_MAP})


class Scorer:
    """Scorer of targets, one after the other; the maps that were used last stay open.

    Use it as a context manager, which closes the maps.

    Args:
        scoring: the settings.

    Raises:
        InputError: The model cannot be used.
    """

    def __init__(self, scoring: Scoring):
        self.scoring = scoring
        keep_freed_memory()
        with quiet_native_logs():
            self.classifier = Classifier(
                scoring.model, scoring.threads, scoring.tta, scoring.calibration
            )
        if scoring.attention is not None and not self.classifier.has_attention:
            raise InputError(f"model {scoring.model} was exported without attention")
        if scoring.explain:
            self.classifier.require_evidence()
        self._maps = OpenTiles(scoring.map_options)
        self._noise_map: FitsMap | None = None

    def __enter__(self) -> "Scorer":
        return self

    def __exit__(self, *exception: object) -> None:
        self._maps.__exit__(*exception)
        if self._noise_map is not None:
            self._noise_map.close()

    def score(self, target: Target) -> Row:
        """Classify a target and return its row; an error becomes the row's `error`.

        Args:
            target: the file, or the position on a map.

        Raises:
            InputError: The picture is not writable.
        """
        picture = explanation = None
        try:
            path, cutout = self._cut(target)
            confused = target.confused or any(cutout.covers(*one) for one in target.neighbours)
            if confused:
                cutout = replace(cutout, flags=tuple(sorted({*cutout.flags, CONFUSED})))
            if self.scoring.explain:
                explanation = self.classifier.explain(cutout)
            if self.scoring.attention is None:
                found = (
                    explanation.classification if explanation else self.classifier.classify(cutout)
                )
            else:
                from .attention_files import write_attention

                outputs = self.classifier.predict(self.classifier.network_input(cutout))
                found = self.classifier.describe(cutout, outputs)
                picture = write_attention(
                    self.scoring.attention,
                    target.name,
                    cutout,
                    attention_of(outputs),
                    found,
                    explanation,
                )
        except InputError as error:
            return self._failed(target, str(error))
        except MemoryError:
            return self._failed(target, "not enough memory for this file")
        except OSError as error:
            if self.scoring.attention is not None:
                # The disk is full or the folder is gone: all following files would fail too.
                raise InputError(
                    f"cannot write to {self.scoring.attention}: {error.strerror or error}"
                ) from None
            return self._failed(target, str(error.strerror or error))
        except Exception as error:  # one broken file must not end a run of ten thousand
            return self._failed(target, f"{type(error).__name__}: {error}")
        if confused and found.label in CLASS_NAMES:
            found = replace(found, label=UNCERTAIN)
        name = target.source or target.name
        row = _row(scored_row(path, cutout, found, self.model_name, name), picture)
        return row | explanation_values(explanation) if explanation else row

    def _cut(self, target: Target) -> tuple[str, Cutout]:
        """Return the path of the file that a target is cut from, and the cutout."""
        if target.error is not None:
            raise InputError(target.error)
        options, path = self.scoring.options, target.path
        if target.position is None:
            return path, read_image(path, **options)
        if not path.lower().endswith(FITS_SUFFIXES):
            return path, read_image(path, **options, position=target.position)
        return choose_tile(
            (path, *target.others),
            lambda one: self._maps.cutout(one, target.position, noise=self._noise),
        )

    def _noise(self, sky: FitsMap) -> float | FitsMap | None:
        """Return the noise for a map: the given number, or the open map of `--rms-map`."""
        path, noise = self.scoring.options.get("rms_map"), self.scoring.options.get("noise")
        if path is None:
            return noise
        if noise is not None:
            raise InputError("give either a noise or a noise map, not both")
        if self._noise_map is None or self._noise_map.beam != sky.beam:
            if self._noise_map is not None:
                self._noise_map.close()
            self._noise_map = FitsMap(path, beam=sky.beam)
        return self._noise_map

    def _failed(self, target: Target, reason: str) -> Row:
        return _failed(target, reason, self.model_name)

    @property
    def model_name(self) -> str:
        """Name of the model, as in the column `model`."""
        return self.classifier.name


_scorer: Scorer | None = None


def score_in_worker(scoring: Scoring, targets: list[Target]) -> list[Row]:
    """Return the rows of targets, in a worker process, which loads the model once.

    Args:
        scoring: the settings.
        targets: the targets.

    Raises:
        InputError: The model cannot be used, or a picture is not writable.
    """
    global _scorer
    if _scorer is None or _scorer.scoring != scoring:
        _scorer = Scorer(scoring)
    return [_scorer.score(target) for target in targets]


def failed_in_worker(scoring: Scoring, target: Target, reason: str) -> Row:
    """Return the row of a target that no worker process could read."""
    model = name_of(open_model(scoring.model), scoring.tta, scoring.calibration)
    return _failed(target, reason, model)


def _failed(target: Target, reason: str, model: str) -> Row:
    name = target.source or target.name
    return _row(failed_row(target.path, reason, model, name, target.position))


def _row(row: Row, picture: Path | None = None) -> Row:
    return row | {PICTURE.name: None if picture is None else str(picture)}
