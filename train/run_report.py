"""`report.html` of a training run: its numbers, its snapshots and its misclassified sources."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_astroattn.callbacks import read_history
from keras_astroattn.datasets import Sources
from keras_astroattn.evaluation import Evaluation, resize_maps
from keras_astroattn.files import write_text
from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE, to_network_units
from keras_astroattn.models.wrappers import full_model
from keras_astroattn.outputs import gate_maps, signed_evidence, softmax
from keras_astroattn.report.html_report import Shown
from keras_astroattn.report.thumbnails import evidence_png, map_png, picture_png
from keras_astroattn.report.training_report import (
    MOST_EPOCHS,
    MOST_WRONG,
    Probe,
    evaluation_section,
    losses_section,
    options_section,
    spread_out,
    training_report_html,
)

from .configuration import TrainConfig
from .run_folder import ATTENTION_FOLDER, HISTORY_FILE

REPORT_FILE = "report.html"

_SIZE = (IMAGE_SIZE, IMAGE_SIZE)
_BATCH = 8


def write_report(
    folder: Path,
    config: TrainConfig,
    description: str,
    evaluations: Mapping[str, Evaluation],
    network: keras.Model,
    sources: Sources,
    probabilities: np.ndarray,
) -> None:
    """Write report.html to the folder of a run.

    Args:
        folder: the folder of the run.
        config: the options of the run.
        description: line that describes the run.
        evaluations: evaluations by protocol.
        network: the best network.
        sources: the evaluated sources.
        probabilities: (n, 2) P(FRI) and P(FRII) of the sources, from one clean pass.
    """
    history = read_history(folder / HISTORY_FILE)
    epochs, probes = read_probes(folder / ATTENTION_FOLDER)
    rows = wrong_rows(probabilities, sources.label)
    shown = rows[:MOST_WRONG]
    given = {name: value for name, value in config.to_json().items() if value is not None}
    text = training_report_html(
        title=f"Training run {folder.resolve().name}",
        subtitle=description,
        sections=[
            losses_section(history, best_epoch(history, config)),
            evaluation_section(evaluations.values()),
            options_section(given),
        ],
        epochs=epochs,
        probes=probes,
        wrong=misclassified(network, sources.select(shown), probabilities[shown]),
        counted=counted_text(len(rows), len(sources)),
    )
    write_text(folder / REPORT_FILE, text)


def best_epoch(history: Sequence[Mapping[str, float]], config: TrainConfig) -> int | None:
    """Return the epoch whose network was kept: that of the lowest validation loss, or the last.

    After consistency training, only its epochs are compared.
    """
    if not history:
        return None
    last = history[-1]["epoch"]
    compared = [row for row in history if row["epoch"] > config.epochs] or history
    if "val_loss" not in history[0]:
        return int(last)
    return int(min(compared, key=lambda row: row["val_loss"])["epoch"])


def read_probes(folder: Path) -> tuple[list[int], list[Probe]]:
    """Read the snapshots of a run, at most `MOST_EPOCHS` of them, evenly spread.

    Args:
        folder: folder of the snapshots.

    Returns:
        The epochs and the probes; both empty for a network without gates.
    """
    paths = sorted(folder.glob("epoch_*.npz"))
    chosen = [paths[place] for place in spread_out(len(paths), MOST_EPOCHS)] if paths else []
    by_epoch = []
    for path in chosen:
        with np.load(path) as snapshot:
            outputs = dict(snapshot)
        by_epoch.append((outputs["logits"], _maps(outputs)))
    if not chosen:
        return [], []
    probes = [
        Probe(
            CLASS_NAMES[label],
            picture_png(image),
            [float(softmax(logits[place])[1]) for logits, _ in by_epoch],
            {name: [maps[name][place] for _, maps in by_epoch] for name in by_epoch[0][1]},
        )
        for place, (image, label) in enumerate(zip(outputs["image"], outputs["label"], strict=True))
    ]
    return [int(path.stem.removeprefix("epoch_")) for path in chosen], probes


def _maps(outputs: Mapping[str, np.ndarray]) -> dict[str, list[bytes]]:
    """Return the small maps of each source by the name of the map, the most telling one first."""
    found: dict[str, list[bytes]] = {}
    evidence = signed_evidence(outputs)
    if evidence is not None:
        found["evidence"] = [evidence_png(one) for one in evidence]
    found["mean attention"] = [map_png(one) for one in outputs["attention_mean"]]
    for gate, maps in enumerate(gate_maps(outputs), start=1):
        found[f"gate {gate}"] = [map_png(one) for one in resize_maps(maps, _SIZE)]
    return found


def wrong_rows(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the rows of misclassified sources, the most certain one first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=-1) != labels)
    return wrong[np.argsort(-probabilities[wrong].max(axis=-1), kind="stable")]


def misclassified(network: keras.Model, sources: Sources, probabilities: np.ndarray) -> list[Shown]:
    """Draw misclassified sources with their attention, and the evidence if the network has it.

    Args:
        network: the network.
        sources: the sources.
        probabilities: (n, 2) P(FRI) and P(FRII).
    """
    if not len(sources):
        return []
    pixels = to_network_units(sources.image)[..., None]
    outputs = full_model(network).predict(pixels, batch_size=_BATCH, verbose=0)
    evidence, attention = signed_evidence(outputs), outputs.get("attention_mean")
    return [
        Shown(
            str(name),
            str(name),
            CLASS_NAMES[sources.label[row]],
            p_frii=float(probabilities[row, 1]),
            picture=picture_png(sources.image[row]),
            attention=None if attention is None else map_png(attention[row]),
            evidence=None if evidence is None else evidence_png(evidence[row]),
        )
        for row, name in enumerate(sources.name)
    ]


def counted_text(wrong: int, total: int) -> str:
    """Return the sentences that say which misclassified sources the report shows."""
    text = f"{wrong} of the {total} evaluated sources are misclassified in one clean pass."
    if wrong > MOST_WRONG:
        return f"{text} The {MOST_WRONG} most certain of them are shown."
    return f"{text} The most certain one is first." if wrong > 1 else text
