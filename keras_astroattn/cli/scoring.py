"""Score image files: one row of the table for each file, also for a broken one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_astroattn.edge import (
    Classifier,
    explanation_values,
    failed_row,
    open_model,
    scored_row,
)
from keras_astroattn.edge.classifier import attention_of, name_of
from keras_astroattn.errors import InputError
from keras_astroattn.images import read_image
from keras_astroattn.process import keep_freed_memory, quiet_native_logs
from keras_astroattn.tables import PICTURE, Row


@dataclass(frozen=True)
class Scoring:
    """Settings with which every file is scored; they are sent to worker processes.

    Attributes:
        model: name of a preset, or path.
        options: options of `images.read_image`.
        attention: folder for pictures and attention maps; None: none are written.
        threads: number of threads of one classification.
        tta: number of rotated views of the image over which the prediction is averaged.
        explain: whether each classification is explained.
    """

    model: str
    options: Mapping[str, Any] = field(default_factory=dict)
    attention: Path | None = None
    threads: int = 1
    tta: int = 1
    explain: bool = False


class Scorer:
    """Scorer of files, one after the other.

    Args:
        scoring: the settings.

    Raises:
        InputError: The model cannot be used.
    """

    def __init__(self, scoring: Scoring):
        self.scoring = scoring
        keep_freed_memory()
        with quiet_native_logs():
            self.classifier = Classifier(scoring.model, scoring.threads, scoring.tta)
        if scoring.attention is not None and not self.classifier.has_attention:
            raise InputError(f"model {scoring.model} was exported without attention")
        if scoring.explain:
            self.classifier.require_evidence()

    def score(self, path: str, name: str) -> Row:
        """Classify a file and return its row; an error becomes the row's `error`.

        Args:
            path: path of the file.
            name: name of its picture, without a suffix.

        Raises:
            InputError: The picture is not writable.
        """
        picture = explanation = None
        try:
            cutout = read_image(path, **self.scoring.options)
            if self.scoring.explain:
                explanation = self.classifier.explain(cutout)
            if self.scoring.attention is None:
                found = (
                    explanation.classification if explanation else self.classifier.classify(cutout)
                )
            else:
                from .attention_files import write_attention

                outputs = self.classifier.predict(cutout.network_input[np.newaxis])
                found = self.classifier.describe(cutout, outputs)
                picture = write_attention(
                    self.scoring.attention,
                    name,
                    cutout,
                    attention_of(outputs),
                    found,
                    explanation,
                )
        except InputError as error:
            return self._failed(path, name, str(error))
        except MemoryError:
            return self._failed(path, name, "not enough memory for this file")
        except OSError as error:
            if self.scoring.attention is not None:
                # The disk is full or the folder is gone: all following files would fail too.
                raise InputError(
                    f"cannot write to {self.scoring.attention}: {error.strerror or error}"
                ) from None
            return self._failed(path, name, str(error.strerror or error))
        except Exception as error:  # one broken file must not end a run of ten thousand
            return self._failed(path, name, f"{type(error).__name__}: {error}")
        row = _row(scored_row(path, cutout, found, self.model_name, name), picture)
        return row | explanation_values(explanation) if explanation else row

    def _failed(self, path: str, name: str, reason: str) -> Row:
        return _row(failed_row(path, reason, self.model_name, name))

    @property
    def model_name(self) -> str:
        """Name of the model, as in the column `model`."""
        return self.classifier.name


_scorer: Scorer | None = None


def score_in_worker(scoring: Scoring, files: list[tuple[str, str]]) -> list[Row]:
    """Return the rows of files, in a worker process, which loads the model once.

    Args:
        scoring: the settings.
        files: (path, name) of each file.

    Raises:
        InputError: The model cannot be used, or a picture is not writable.
    """
    global _scorer
    if _scorer is None or _scorer.scoring != scoring:
        _scorer = Scorer(scoring)
    return [_scorer.score(path, name) for path, name in files]


def failed_in_worker(scoring: Scoring, path: str, name: str, reason: str) -> Row:
    """Return the row of a file that no worker process could read."""
    return _row(failed_row(path, reason, name_of(open_model(scoring.model), scoring.tta), name))


def _row(row: Row, picture: Path | None = None) -> Row:
    return row | {PICTURE.name: None if picture is None else str(picture)}
