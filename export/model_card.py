"""Write the model card of a trained network: its accuracy, its limits and its training."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_astroattn.edge.labels import COMPACT_BELOW_BEAMS
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import Evaluation
from train.configuration import TrainConfig, read_run, recipe_values

from .exporting import Result
from .metadata import PREPROCESSING
from .source_model import SourceModel

EVALUATION_FILE = "evaluation.json"
"""In the folder of a training run."""

_NOT_TOLD = (
    "recipe",
    "data",
    "seed",
    "evaluate",
    "protocol_repeats",
    "simulated_sources",
    "initial_weights",
)
"""Options of a run that the card tells in words, or that do not touch the network."""

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
one of the two. Probabilities mean P(class | a resolved radio galaxy of either class). Whether an
image shows one is not the network's to say: `keras_astroattn.edge` labels it `compact` (smaller
than {compact:g} beam{plural}), `beyond_frame` or `no_source` before the network is asked, and then
gives no probability.

{sources}

## Input

{recipe}

## Training

{training}

Reproduce it with

```sh
{command}
```

## Calibration

{calibration}

## Files

| file | bytes | |
|---|---:|---|
{files}

{verification}

## Known failures

- The network itself gives point sources one of the two classes. The rules of
  `keras_astroattn.edge` keep them from it; whoever calls the .keras file directly must do so too.
- Arms and rings that imaging leaves around bright sources are given a class. A FITS map that
  shows them is flagged `artefacts`.
- A coarser beam than 5.4" on FIRST's pixels makes everything look edge-brightened. `read_fits`
  puts such maps on three pixels a beam; a file without a beam is flagged `no_beam`, and its
  label should not be trusted.
- Sources of few beams: 47 % of MiraBest's FRII are under 27", against 12 % of its FRI, so small
  size alone speaks for FRII here.
- A frame that is not centred on the source: neighbours are taken for lobes.
- {accuracy}

Figures by beam, size and signal-to-noise: `python -m train.studies.robustness` and
docs/robustness.md. Cross-validated accuracy of networks trained like this one:
`python -m train.studies.accuracy` and docs/accuracy.md.

## Terms

{terms}
"""

_MEASURED = """\
| measured on | images | accuracy % (95 % interval) | AUC | recall FRI | recall FRII | calibration error |
|---|---:|---|---|---|---|---|
{rows}"""  # noqa: E501


def model_card(
    source: SourceModel,
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
    evaluations = dict(_evaluations(run / EVALUATION_FILE))
    compact = metadata["labels"]["compact_below_beams"]
    return _CARD.format(
        name=source.name,
        what=_filled(_what(source)),
        figures=_figures(source, evaluations),
        compact=compact,
        plural="" if compact == COMPACT_BELOW_BEAMS == 1 else "s",
        sources=_filled(
            f"Trained on: {metadata['trained_on']}. Larger, fainter and more distant ones are new "
            "to it."
        ),
        recipe=_filled(
            f'(batch, 150, 150, 1), float32 in [-1, 1]: FIRST\'s beam of 5.4", 1.8" a pixel. '
            f"Recipe: {PREPROCESSING}. `keras_astroattn.images.read_fits` follows it bit for bit, "
            "and brings maps of other surveys to it."
        ),
        training=_training(source, run),
        command=_command(source),
        calibration=_filled(_calibration(source)),
        files="\n".join(
            f"| `{name}` | {size} | {_KINDS[Path(name).suffix]} |" for name, size in files.items()
        ),
        verification=_filled(_verification(verified, metadata["precision"])),
        accuracy=_filled(_how_well_known(source, evaluations)),
        terms=_filled(f"{metadata['terms'][0].upper()}{metadata['terms'][1:]}."),
    )


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


def _tested(source: SourceModel) -> bool:
    return source.training is None or source.training.split == "train"


def _figures(source: SourceModel, evaluations: Mapping[str, Evaluation]) -> str:
    table = _MEASURED.format(rows="\n".join(map(_row, evaluations.values())))
    if _tested(source):
        return table
    told = _filled(
        "For use in the field: it was trained on all sources, those of the test batch too, so that "
        "**nothing is left to test it on**. The table is of the very sources it was trained on; "
        "what to expect of new ones is in docs/accuracy.md."
    )
    return f"{told}\n\n{table}"


def _how_well_known(source: SourceModel, evaluations: Mapping[str, Evaluation]) -> str:
    if not _tested(source):
        return "Its accuracy on sources it has not seen is not known but by its likes'."
    images = next(iter(evaluations.values())).images
    return f"One seed's accuracy on {images} test images is known to some 5 points."


def _row(found: Evaluation) -> str:
    low, high = found.accuracy_interval
    return (
        f"| {found.protocol} | {found.images} | "
        f"{100 * found.accuracy:.1f} ({100 * low:.1f} to {100 * high:.1f}) | "
        f"{found.auc:.3f} ({found.auc_interval[0]:.3f} to {found.auc_interval[1]:.3f}) | "
        f"{found.recall[0]:.3f} | {found.recall[1]:.3f} | {found.expected_calibration_error:.3f} |"
    )


def _what(source: SourceModel) -> str:
    gates = getattr(source.training, "gates", None)
    told = f"An attention-gated network (`{type(source.model).__name__}`"
    told += "" if gates is None else f", {gates} gates"
    return (
        f"{told}, {source.model.count_params():,} parameters) that tells Fanaroff-Riley type I "
        "from type II on radio images and shows where it looked."
    )


def _training(source: SourceModel, run: Path) -> str:
    saved = _saved(run)
    told = [_learned(saved, source.training.split == "all")]
    first = _first_run(source.training)
    if first is not None:
        config = _saved(first)["config"]
        told.append(
            "It started from the weights of a network that had learned from others before: "
            + _learned(_saved(first), config["split"] == "all")
        )
    versions = ", ".join(f"{name} {version}" for name, version in saved["versions"].items())
    told.append(f"Made with {versions}; backend {saved.get('backend')}.")
    return "\n\n".join(_filled(text) for text in told)


def _saved(run: Path) -> dict[str, Any]:
    return json.loads((run / "config.json").read_text(encoding="utf-8"))


def _learned(saved: dict[str, Any], test_too: bool) -> str:
    data, config = saved["data"], saved["config"]
    held_out = data.get("validation") or 0
    simulated = data["name"] == "simulated"
    untold = tuple(name for name in _NOT_TOLD if not (simulated and name == "simulated_sources"))
    options = ", ".join(
        f"{name.replace('_', ' ')} {value}"
        for name, value in config.items()
        if name not in untold and value is not None
    )
    validation = f"{held_out} held out for validation" if held_out else "none held out"
    return (
        f"{data.get('training')} training images of `{data.get('name')}` "
        f"({data.get('checksum')}), {validation}; the data set's own test batch "
        f"{'is among them' if test_too else 'was not trained on'}. "
        f"Recipe `{config.get('recipe')}`, seed {config.get('seed')}: {options}."
    )


def _first_run(config: TrainConfig) -> Path | None:
    """Return the folder of the run from whose weights another one started."""
    folder = None if config.initial_weights is None else Path(config.initial_weights)
    return folder if folder is not None and folder.is_dir() else None


def _command(source: SourceModel) -> str:
    if source.training is None:
        raise InputError(f"{source.name} comes from no training run: give the folder of one")
    return "\n".join(_commands(source.training))


def _commands(config: TrainConfig, output: Path | None = None) -> list[str]:
    """Return the commands that train a network, that of its initial weights first."""
    first = _first_run(config)
    before = [] if first is None else _commands(read_run(first)[0], first)
    usual = {
        **TrainConfig().to_json(),
        **recipe_values(config.recipe, config.gates),
        "recipe": TrainConfig.recipe,
        "data": None,
    }
    words = ["python -m train.run"]
    for name, value in config.to_json().items():
        if value == usual[name]:
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words.append(f"--{flag} {value}")
    if output is not None:
        words.append(f"--output {output}")
    return [*before, " ".join(words)]


def _calibration(source: SourceModel) -> str:
    calibration = source.calibration
    if calibration.source is None:
        told = "None: the temperature is 1, probabilities are softmax(logits)."
    else:
        told = (
            f"Probabilities are softmax(logits / {calibration.temperature:.4g}), fitted on "
            f"{calibration.source}. The .tflite file gives them so; of the .keras file "
            "`from_preset` gives logits, or with `calibrated=True` both."
        )
    if calibration.uncertain_below is None:
        return f"{told} The label `uncertain` is not given."
    return (
        f"{told} Below {calibration.uncertain_below:.3g} of the more probable class the label is "
        "`uncertain`."
    )


def _verification(verified: Result, precision: str) -> str:
    found = verified.verification
    return (
        f"The .tflite file ({precision}) against Keras on {found.images} real images: "
        f"probabilities differ by at most {found.probability_difference:.1e}, attention by "
        f"{found.attention_difference:.1e}; {found.class_agreement:.1%} of the classes agree."
    )


def _filled(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
