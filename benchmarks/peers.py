"""The command `python -m benchmarks.peers`: this software next to what users would pick instead.

On one core, in processes that alternate (see `benchmarks.contenders`):

- training of the equivariant network with Keras on TensorFlow, of the literature's network with
  the same symmetries in e2cnn, and of Zoobot's smallest encoder;
- training of the network of a survey on sources of many sizes, in frames (`train.run
  --fit-frames`) and on whole images, and of e2cnn's network;
- inference, one image at a time, of a preset in LiteRT, of its graph in ONNX Runtime and in
  PyTorch, of the two other networks in PyTorch;
- inference of a preset over sources of many sizes, each in the smallest frame that holds it, of
  the same preset on whole images, in LiteRT and ONNX Runtime, and of e2cnn's network;
- inference of a network of the paper (three gates, `range_norm`, `ft`, sum) in LiteRT, ONNX
  Runtime and PyTorch.

The outputs of one network in several runtimes are compared before they are timed. A contender
whose packages are not installed is left out; `pip install 'keras-astroattn[train,peers]'`
installs all. Times are processor times, on which other load on the machine has less effect.
"""

import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.errors import InputError
from keras_astroattn.report import markdown_table

from .contenders import Contender, largest_difference, race, ratio_and_range, serve
from .peer_tasks import TRAININGS, Race, Settings, task_of

Other = Literal["onnx", "pytorch", "e2cnn", "e2cnn-plain", "zoobot"]
RACES: tuple[Race, ...] = ("training", "frames", "preset", "sources", "published")

TOLERANCES = {"preset": 2e-3, "published": 5e-4}
"""Largest accepted difference of probabilities and maps; a preset's weights are float16."""


@dataclass(frozen=True)
class Peer:
    """A contender.

    Attributes:
        title: its row in the table.
        packages: packages that it needs beyond `[train]`.
        compared: whether its outputs must be those of the first contender of the race.
        backend: backend of Keras.
    """

    title: str
    packages: tuple[str, ...] = ()
    compared: bool = False
    backend: str = "tensorflow"


PEERS: dict[Race, dict[str, Peer]] = {
    "training": {
        "keras": Peer("EquivariantAGCNN, Keras on TensorFlow"),
        "e2cnn": Peer("p4m network without attention, e2cnn", ("torch", "e2cnn")),
        "zoobot": Peer("Zoobot's ConvNeXt-Pico, timm", ("torch", "timm")),
    },
    "frames": {
        "frames": Peer("EquivariantAGCNN with votes, in frames"),
        "keras": Peer("the same, whole images"),
        "e2cnn": Peer("p4m network without attention, e2cnn", ("torch", "e2cnn")),
    },
    "preset": {
        "litert": Peer("preset, LiteRT", compared=True),
        "onnx": Peer(
            "preset, ONNX Runtime",
            ("torch", "onnx", "onnxscript", "onnxruntime"),
            compared=True,
            backend="torch",
        ),
        "pytorch": Peer("preset, Keras on PyTorch", ("torch",), compared=True, backend="torch"),
        "e2cnn": Peer("p4m network without attention, e2cnn, eval mode", ("torch", "e2cnn")),
        "e2cnn-plain": Peer("the same, exported to plain PyTorch", ("torch", "e2cnn")),
        "zoobot": Peer("Zoobot's ConvNeXt-Pico, timm, eval mode", ("torch", "timm")),
    },
    "sources": {
        "frames": Peer("preset, LiteRT, in frames"),
        "litert": Peer("preset, LiteRT, whole images"),
        "onnx": Peer(
            "preset, ONNX Runtime, whole images",
            ("torch", "onnx", "onnxscript", "onnxruntime"),
            backend="torch",
        ),
        "e2cnn": Peer("p4m network without attention, e2cnn, eval mode", ("torch", "e2cnn")),
        "e2cnn-plain": Peer("the same, exported to plain PyTorch", ("torch", "e2cnn")),
    },
    "published": {
        "litert": Peer("the paper's network, LiteRT", ("torch",), compared=True),
        "onnx": Peer("the same, ONNX Runtime", ("torch", "onnx", "onnxruntime"), compared=True),
        "pytorch": Peer("the same, PyTorch", ("torch",), compared=True),
    },
}
"""The contenders of each race; the first is ours."""


app = new_app(name="python -m benchmarks.peers")


@app.command(show=False)
def work(kind: Race, name: str, settings: str) -> None:
    """Serve as a contender; `settings` is JSON."""
    given = Settings(**json.loads(settings))
    serve(lambda: task_of(kind, name, given))


def missing(peer: Peer) -> list[str]:
    """Return the packages of a contender that are not installed."""
    return [name for name in peer.packages if importlib.util.find_spec(name) is None]


def run_race(
    kind: Race, names: Sequence[str], settings: Settings, rounds: int, console: Console
) -> list[Contender]:
    """Run the named contenders of a race that are installed; the first must be.

    Raises:
        InputError: Ours is not installed, or the outputs of one network differ.
    """
    contenders: dict[str, Contender] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            peer = PEERS[kind][name]
            if lacking := missing(peer):
                console.print(f"{peer.title}: left out, {', '.join(lacking)} is not installed")
                continue
            outputs = str(Path(folder, f"{name}.npz")) if peer.compared else None
            given = replace(settings, outputs=outputs)
            contenders[name] = Contender(
                peer.title,
                ("benchmarks.peers", "work", kind, name, json.dumps(asdict(given))),
                threads=1,
                variables={"KERAS_BACKEND": peer.backend, "CUDA_VISIBLE_DEVICES": "-1"},
            )
        if names[0] not in contenders:
            raise InputError(f"the race {kind} needs {', '.join(missing(PEERS[kind][names[0]]))}")
        with console.status(f"{kind}: {rounds} rounds of {len(contenders)} contenders"):
            race(
                list(contenders.values()),
                rounds,
                lambda: _require_same(kind, Path(folder), list(contenders)),
            )
    return list(contenders.values())


def _require_same(kind: Race, folder: Path, names: Sequence[str]) -> None:
    """Check that one network gives the same outputs in all runtimes.

    Raises:
        InputError: Probabilities or maps differ by more than the tolerance.
    """
    compared = [name for name in names if PEERS[kind][name].compared]
    if not compared:
        return
    first, *others = (list(np.load(folder / f"{name}.npz").values()) for name in compared)
    for name, outputs in zip(compared[1:], others, strict=True):
        difference = largest_difference(outputs, first)
        if not difference <= TOLERANCES[kind]:
            raise InputError(
                f"the outputs of {PEERS[kind][name].title} differ from those of "
                f"{PEERS[kind][compared[0]].title} by {difference:.1e}"
            )


def race_table(kind: Race, contenders: Sequence[Contender], images: int) -> str:
    """Return the Markdown table of a race; the first contender is ours.

    The ratios are above 1 where our training is faster, and below 1 where our inference is.
    """
    ours = contenders[0].values("processor")
    rows = []
    for contender in contenders:
        theirs = contender.values("processor")
        processor, wall = contender.median("processor"), contender.median("wall")
        if kind in TRAININGS:
            figures = [f"{images / processor:.1f}", f"{images / wall:.1f}"]
            ratio = ratio_and_range(theirs, ours)
        else:
            figures = [f"{1e3 * processor:.2f}", f"{1e3 * wall:.2f}"]
            ratio = ratio_and_range(ours, theirs)
        rows.append([contender.title, *figures, "" if contender is contenders[0] else ratio])
    if kind in TRAININGS:
        headers = ["training", "images/s", "by wall time", "our rate over its (rounds)"]
    else:
        what = "mean over sources" if kind == "sources" else "one image"
        headers = [f"inference, {what}", "ms", "by wall time", "our time over its (rounds)"]
    return markdown_table(headers, rows)


@app.default
def benchmark(
    *,
    races: Annotated[tuple[Race, ...], Parameter(consume_multiple=True)] = RACES,
    without: Annotated[tuple[Other, ...], Parameter(consume_multiple=True)] = (),
    model: str = DEFAULT_PRESET,
    checkpoint: Path | None = None,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 7,
    images: Annotated[int, Parameter(validator=Number(gte=1))] = 96,
    batch_size: Annotated[int, Parameter(validator=Number(gte=1))] = 32,
    calls: Annotated[int, Parameter(validator=Number(gte=1))] = 30,
    data: str = "simulated",
    data_dir: Path | None = None,
) -> None:
    """Time training and inference on one core next to other software; print Markdown tables.

    Args:
        races: What to time: training, training on sources of many sizes in frames, inference of a
            preset, the same over sources of many sizes, inference of a network of the paper.
        without: Contenders to leave out.
        model: Name of a preset.
        checkpoint: Published checkpoint of three gates; by default the network has random
            weights, which take as long.
        rounds: Number of rounds in which the contenders alternate.
        images: Images of an epoch of training, which is a contender's part of a round.
        batch_size: Images of a step of training.
        calls: Timed calls of a contender in a round of inference; their median counts, or over
            sources of many sizes their mean.
        data: Data set of the sources of many sizes.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
    """
    console = Console(stderr=True)
    found = None if checkpoint is None else str(checkpoint.resolve())
    folder = None if data_dir is None else str(data_dir.resolve())
    settings = Settings(model, found, images, batch_size, calls, data, folder)
    for kind in races:
        names = [name for name in PEERS[kind] if name not in without]
        contenders = run_race(kind, names, settings, rounds, console)
        print(race_table(kind, contenders, images))


if __name__ == "__main__":
    sys.exit(run_app(app))
