"""The command `python -m benchmarks.training`: training with Keras compared with PyTorch.

It trains the proposed network (three gates, `range_norm`, `ft`, sum, Adam) on the same images
with Keras on TensorFlow and with its PyTorch equivalent, both with the paper's random affine
augmentation. Each contender is a process of its own on the same CPU cores; see
`benchmarks.contenders`.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import cyclopts
import numpy as np
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError

from .contenders import Contender, race, serve

if TYPE_CHECKING:
    import torch

LEARNING_RATE = 5e-5
KERAS = "keras"

TITLES = {
    KERAS: "Keras (TensorFlow)",
    "pytorch": "PyTorch",
    "pytorch-channels-last": "PyTorch channels last",
    "pytorch-compile": "PyTorch compiled",
}
"""Titles of the contenders, by name."""


def training_images(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images of one blob each, and random classes.

    The time of a step does not depend on the content of the images.

    Returns:
        float32 (count, 150, 150, 1) in [-1, 1], and int32 (count,).
    """
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:150, :150].astype(np.float32)
    centres = rng.uniform(50, 100, (count, 2, 1, 1)).astype(np.float32)
    distance = (y - centres[:, 0]) ** 2 + (x - centres[:, 1]) ** 2
    images = 2 * np.exp(-distance / 50) - 1
    return images[..., None], rng.integers(0, 2, count).astype(np.int32)


def keras_epoch(
    images: np.ndarray, labels: np.ndarray, batch_size: int, *, equivariant: bool = False
) -> Callable[[], None]:
    """Return a function that trains one epoch with `model.fit` on a tf.data pipeline."""
    import keras
    import tensorflow as tf

    from keras_astroattn.layers import RandomAffine
    from keras_astroattn.models import AGCNN, EquivariantAGCNN

    network = EquivariantAGCNN() if equivariant else AGCNN(gates=3)
    model = keras.Sequential(
        [keras.Input(images.shape[1:]), RandomAffine(flip=False, seed=0), network]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(LEARNING_RATE),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        # XLA does not compile the augmentation, and on a CPU it is slower (see RandomAffine).
        jit_compile=False,
    )
    batches = tf.data.Dataset.from_tensor_slices((images, labels))
    batches = batches.shuffle(len(images), seed=0).batch(batch_size).prefetch(1)

    def epoch() -> None:
        # The pipeline shuffles.
        model.fit(batches, shuffle=False, verbose=0)

    return epoch


def pytorch_epoch(
    images: np.ndarray,
    labels: np.ndarray,
    batch_size: int,
    *,
    threads: int,
    channels_last: bool = False,
    compiled: bool = False,
    network: "Callable[[], torch.nn.Module] | None" = None,
) -> Callable[[], None]:
    """Return a function that trains one epoch with a plain PyTorch loop.

    Args:
        images: float32 (count, size, size, 1).
        labels: int (count,).
        batch_size: images in a step.
        threads: number of threads.
        channels_last: whether the tensors have PyTorch's layout with channels last.
        compiled: whether `torch.compile` compiles the network.
        network: makes the network; by default that of the paper.
    """
    import torch

    from benchmarks.reference_implementations import ReferenceAGCNN, random_affine

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = (network or ReferenceAGCNN)().to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    forward = torch.compile(model) if compiled else model
    # From memory in slices: less work than a DataLoader does.
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    classes = torch.from_numpy(labels.astype(np.int64))

    def epoch() -> None:
        model.train()
        for rows in torch.randperm(len(pixels)).split(batch_size):
            batch = random_affine(pixels[rows]).contiguous(memory_format=layout)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(forward(batch), classes[rows])
            loss.backward()
            optimizer.step()

    return epoch


def work(contender: str, count: int, batch_size: int, threads: int) -> None:
    """Train one epoch for each line of the standard input (see `contenders.serve`)."""

    def build() -> Callable[[], None]:
        images, labels = training_images(count)
        if contender == KERAS:
            return keras_epoch(images, labels, batch_size)
        return pytorch_epoch(
            images,
            labels,
            batch_size,
            threads=threads,
            channels_last=contender == "pytorch-channels-last",
            compiled=contender == "pytorch-compile",
        )

    serve(build)


def start(name: str, count: int, batch_size: int, threads: int) -> Contender:
    """Start a process that trains one epoch on request, without a GPU."""
    arguments = ("benchmarks.training", "work", name, str(count), str(batch_size), str(threads))
    return Contender(
        TITLES[name], arguments, threads=threads, variables={"CUDA_VISIBLE_DEVICES": "-1"}
    )


def results_table(results: dict[int, dict[str, Contender]], images: int, threads: int) -> Table:
    """Return a row for each batch size and contender, with ratios to eager PyTorch."""
    table = Table(title=f"Training, 3 gates, range_norm, ft, sum, Adam; {threads} CPU threads")
    table.add_column("batch", justify="right")
    table.add_column("with", no_wrap=True)
    columns = (
        "images/s\nmedian",
        "images/s\nbest",
        "ratio of\nmedians",
        "ratio of\nbest",
        "peak\nMiB",
    )
    for title in columns:
        table.add_column(title, justify="right")
    for batch_size, contenders in results.items():
        base = contenders.get("pytorch", list(contenders.values())[-1])
        slow, slowest = base.median("wall"), min(base.values("wall"))
        for contender in contenders.values():
            median, best = contender.median("wall"), min(contender.values("wall"))
            table.add_row(
                str(batch_size),
                contender.title,
                f"{images / median:.1f}",
                f"{images / best:.1f}",
                f"{slow / median:.2f}",
                f"{slowest / best:.2f}",
                f"{contender.answers[-1]['peak_mib']:.0f}",
            )
        table.add_section()
    return table


app = new_app(name="python -m benchmarks.training")
app.command(work, show=False)


@app.default
def benchmark(
    *,
    batch_size: tuple[int, ...] = (16, 32),
    contender: tuple[str, ...] = (KERAS, "pytorch"),
    rounds: Annotated[int, cyclopts.Parameter(validator=cyclopts.validators.Number(gte=1))] = 5,
    images: Annotated[int, cyclopts.Parameter(validator=cyclopts.validators.Number(gte=1))] = 192,
    threads: Annotated[int, cyclopts.Parameter(validator=cyclopts.validators.Number(gte=1))] = 2,
) -> None:
    """Time training with Keras and with PyTorch, and print a table.

    Args:
        batch_size: Images in a step; repeat the option for several.
        contender: keras, pytorch, pytorch-channels-last or pytorch-compile; repeat the option
            for several.
        rounds: Number of timed epochs of each contender.
        images: Number of images in an epoch.
        threads: Number of CPU threads and cores of each contender.
    """
    unknown = [name for name in contender if name not in TITLES]
    if unknown:
        raise InputError(f"unknown contender {unknown[0]!r}; choose from {', '.join(TITLES)}")
    console = Console()
    results = {}
    for size in batch_size:
        with console.status(f"batches of {size}: {rounds} rounds of {', '.join(contender)}"):
            results[size] = {name: start(name, images, size, threads) for name in contender}
            race(list(results[size].values()), rounds)
    console.print(results_table(results, images, threads))


if __name__ == "__main__":
    sys.exit(run_app(app))
