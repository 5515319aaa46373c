"""Write the model card of a trained network: its accuracy, its limits and its training."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_astroattn.edge.labels import COMPACT_BELOW_BEAMS
from keras_astroattn.edge.metadata import SOURCE_ALONE_KEY
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import Evaluation

from .export_source import ExportSource
from .exporting import Result
from .thresholds import class_section, with_section
from .training_section import training_section

EVALUATION_FILE = "evaluation.json"
"""File of a training run's folder that holds its evaluations."""

_CARD = """\
# {name}

{what}

{figures}

## What the classes mean

| class | means | among MiraBest's labels |
|---|---|---|
| FRI | edge-darkened | 100, and the tails: wide-angle 102, head-tail 104 |
| FRII | edge-brightened | 200, and the double-doubles 201 |

Hybrids (300, 310) were left out of training: the network has no class for them and gives them
one of the two. Probabilities mean P(class | a resolved radio galaxy of either class). The network
cannot decide whether an image shows one. The rules of `keras_astroattn.edge` decide this first: an
image with the label `compact` (smaller than {compact:g} beam{plural}), `beyond_frame`, `incomplete`
or `no_source` gets no probability.

{sources}

## Input

{recipe}

## Training

{training}

## Calibration

{calibration}

## Files

| file | bytes | |
|---|---:|---|
{files}

{verification}

## Known failures

- Point sources: the network gives them one of the two classes. The rules of `keras_astroattn.edge`
  prevent this. If you call the .keras file directly, apply these rules yourself.
- Imaging artefacts: the network gives arms and rings around bright sources a class. A source of a
  FITS map that shows them has the flag `artefacts` and no class; a picture has no such flag.
- Coarse beams: on FIRST's pixels, a beam larger than 5.4" makes every source look edge-brightened.
  `read_fits` brings such maps to three pixels a beam. A file without a beam has the flag `no_beam`
  and no class.
- Small sources: 47 % of MiraBest's FRII are under 27", but only 12 % of its FRI. So a small size
  alone favours FRII.
{neighbours}
- {accuracy}

The documentation lists the labels by beam, size and signal-to-noise ratio
(`docs/explanation/robustness.md`), and the cross-validated accuracy of networks trained like this
one (`docs/explanation/accuracy.md`).

## Terms

{terms}
"""

_MEASURED = """\
| measured on | images | accuracy % (95 % interval) | AUC | recall FRI | recall FRII | calibration error |
|---|---:|---|---|---|---|---|
{rows}"""  # noqa: E501


def model_card(
    source: ExportSource,
    run: Path,
    metadata: Mapping[str, Any],
    files: Mapping[str, int],
    verified: Result,
) -> str:
    """Return the model card of a run's best network, in Markdown.

    Args:
        source: the network; its name is that of the preset.
        run: folder of the training run.
        metadata: metadata of the .tflite file.
        files: sizes in bytes by name.
        verified: comparison of the .tflite file with Keras.

    Returns:
        Markdown text.

    Raises:
        InputError: The run has not been evaluated.
    """
    if source.training is None:
        raise InputError(f"{source.name} comes from no training run: give the folder of one")
    evaluations = dict(_evaluations(run / EVALUATION_FILE))
    compact = metadata["labels"]["compact_below_beams"]
    card = _CARD.format(
        name=source.name,
        what=_filled(_what(source)),
        figures=_figures(source, evaluations),
        compact=compact,
        plural="" if compact == COMPACT_BELOW_BEAMS == 1 else "s",
        sources=_filled(
            f"Trained on: {metadata['trained_on']}. The network has not seen larger, fainter or "
            "more distant sources."
        ),
        recipe=_filled(
            f'(batch, 150, 150, 1), float32 in [-1, 1]: FIRST\'s beam of 5.4", 1.8" a pixel. '
            f"Recipe: {metadata['preprocessing']}. `keras_astroattn.images.read_fits` follows it "
            f"bit for bit, and brings maps of other surveys to it.{_alone(metadata)}"
        ),
        training=training_section(run, source.training, source.calibration.source),
        calibration=_filled(_calibration(source)),
        files="\n".join(
            f"| `{name}` | {size} | {_KINDS[Path(name).suffix]} |" for name, size in files.items()
        ),
        verification=_filled(_verification(verified, metadata["precision"])),
        neighbours=_neighbours(metadata),
        accuracy=_filled(_how_well_known(source, evaluations)),
        terms=_filled(f"{metadata['terms'][0].upper()}{metadata['terms'][1:]}."),
    )
    thresholds = metadata["labels"].get("thresholds")
    if thresholds is None:
        return card
    return with_section(card, class_section(thresholds, metadata["data"].get("fri_share")))


def _alone(metadata: Mapping[str, Any]) -> str:
    if not metadata.get(SOURCE_ALONE_KEY):
        return ""
    return (
        " The network sees the source alone: other islands are black, and the brightest pixel of "
        "the source is white, as `edge.Classifier` and `Cutout.source_alone` make it."
    )


def _neighbours(metadata: Mapping[str, Any]) -> str:
    if not metadata.get(SOURCE_ALONE_KEY):
        text = (
            "Frames that are not centred on the source: the network can take neighbours for lobes."
        )
    else:
        text = (
            "Islands: the network does not see a lobe that was not linked to the source, and can "
            "take a neighbour that was linked to it for a lobe. The flag `confused` marks doubtful "
            "sources."
        )
    return textwrap.fill(f"- {text}", 100, subsequent_indent="  ")


_KINDS = {
    ".keras": "`keras_astroattn.models.from_preset`; the network without its optimizer",
    ".tflite": "`keras_astroattn.edge.Classifier`, `astroattn classify`",
}


def _evaluations(path: Path) -> Iterator[tuple[str, Evaluation]]:
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): evaluate the run first") from None
    found = {
        name: Evaluation.from_json(json.dumps(values))
        for name, values in saved.items()
        if isinstance(values, dict)
    }
    if not found:
        raise InputError(f"{path} holds no evaluation: evaluate the run first")
    yield from found.items()


def _tested(source: ExportSource) -> bool:
    return source.training is None or source.training.split == "train"


def _figures(source: ExportSource, evaluations: Mapping[str, Evaluation]) -> str:
    table = _MEASURED.format(rows="\n".join(map(_row, evaluations.values())))
    if _tested(source):
        return table
    warning = _filled(
        "For sources of other catalogues. The network was trained on all sources, the test batch "
        "included, so **there is no test accuracy**. The table shows the sources that it was "
        "trained on. For the accuracy on new sources see `docs/explanation/accuracy.md`."
    )
    return f"{warning}\n\n{table}"


def _how_well_known(source: ExportSource, evaluations: Mapping[str, Evaluation]) -> str:
    if not _tested(source):
        return "Test accuracy: not known for this network, only for networks trained like it."
    images = next(iter(evaluations.values())).images
    return f"Test accuracy: that of one seed on {images} images is known to about 5 points."


def _row(found: Evaluation) -> str:
    low, high = found.accuracy_interval
    return (
        f"| {found.protocol} | {found.images} | "
        f"{100 * found.accuracy:.1f} ({100 * low:.1f} to {100 * high:.1f}) | "
        f"{found.auc:.3f} ({found.auc_interval[0]:.3f} to {found.auc_interval[1]:.3f}) | "
        f"{found.recall[0]:.3f} | {found.recall[1]:.3f} | {found.expected_calibration_error:.3f} |"
    )


def _what(source: ExportSource) -> str:
    gates = getattr(source.training, "gates", None)
    with_gates = "" if gates is None else f", {gates} gates"
    return (
        f"An attention-gated network (`{type(source.model).__name__}`{with_gates}, "
        f"{source.model.count_params():,} parameters). It classifies radio galaxies as "
        "Fanaroff-Riley type I or II, and gives an attention map for each gate."
    )


def _calibration(source: ExportSource) -> str:
    calibration = source.calibration
    if calibration.source is None:
        text = "None: the temperature is 1, so probabilities are softmax(logits)."
    else:
        text = (
            f"Probabilities are softmax(logits / {calibration.temperature:.4g}), fitted on "
            f"{calibration.source}. The .tflite file gives these probabilities. `from_preset` "
            "gives logits, or with `calibrated=True` both."
        )
    if calibration.uncertain_below is None:
        return f"{text} The label `uncertain` is not given."
    return (
        f"{text} If the more probable class is below {calibration.uncertain_below:.3g}, the label "
        "is `uncertain`."
    )


def _verification(verified: Result, precision: str) -> str:
    found = verified.verification
    return (
        f"Comparison of the .tflite file ({precision}) with Keras on {found.images} real images: "
        f"probabilities differ by at most {found.probability_difference:.1e}, attention by "
        f"{found.attention_difference:.1e}; {found.class_agreement:.1%} of the classes agree."
    )


def _filled(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
