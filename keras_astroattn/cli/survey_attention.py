"""`--attention top:N`: draw the most certain sources of a survey with their attention."""

import importlib.util
import re
from pathlib import Path

from rich.console import Console

from keras_astroattn.edge import Classifier
from keras_astroattn.edge.classifier import attention_of
from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.survey.settings import SurveySettings

FOLDER = "_attention"
"""Folder in the output; readers of data sets skip names that begin with an underscore."""


def parse_attention(text: str | None) -> int:
    """Return N of `top:N`; 0 if no attention is wanted.

    Args:
        text: text of the option, or None.

    Raises:
        InputError: The text has another form, or matplotlib is missing.
    """
    if text is None:
        return 0
    found = re.fullmatch(r"top:([1-9]\d{0,5})", text)
    if not found:
        raise InputError(f"--attention {text}: give top:N, as top:100")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("--attention needs matplotlib: pip install 'keras-astroattn[plots]'")
    return int(found[1])


def write_best_attention(
    output: Path, settings: SurveySettings, wanted: int, console: Console
) -> None:
    """Draw the most certain sources; existing drawings are kept.

    Args:
        output: output folder of the survey.
        settings: its settings.
        wanted: number of sources.
        console: console for messages.

    Raises:
        InputError: The model has no attention, or the folder is not writable.
    """
    from keras_astroattn.survey.results import cut_again, most_certain

    from .attention_files import write_attention

    chosen = most_certain(output, wanted)
    if not chosen:
        console.print("--attention: no source has a class", markup=False)
        return
    with quiet_native_logs():
        classifier = Classifier(settings.model, tta=settings.tta, calibration=settings.calibration)
    if not classifier.has_attention:
        raise InputError(f"model {settings.model} was exported without attention")
    folder, failed = output / FOLDER, 0
    for source in chosen:
        name = f"{source.label}-{source.row:09d}"
        if (folder / f"{name}.attention.fits").exists():
            continue
        try:
            folder.mkdir(exist_ok=True)
            cutout = cut_again(output, settings.options, settings.mask_neighbours, source)
            outputs = classifier.predict(classifier.network_input(cutout))
            found = classifier.describe(cutout, outputs)
            # A mean over rotations is no single answer that could be taken apart.
            explained = classifier.has_evidence and settings.tta == 1
            explanation = classifier.explain(cutout) if explained else None
            write_attention(folder, name, cutout, attention_of(outputs), found, explanation)
        except InputError:  # the tile has gone since
            failed += 1
        except OSError as error:
            raise InputError(
                f"{folder} cannot be written: {error.strerror or error}; correct that, then add "
                "--resume"
            ) from None
    lost = f", {failed} could not be read again" if failed else ""
    console.print(f"{folder}: {len(chosen) - failed} sources with attention{lost}", markup=False)
