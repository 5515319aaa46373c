"""The command `python -m benchmarks.training`: training with Keras compared with PyTorch.

It trains the proposed network (three gates, `range_norm`, `ft`, sum, Adam) on the same images
with Keras on TensorFlow and with its PyTorch equivalent, both with the paper's random affine
augmentation. Each contender is a process of its own on the same CPU cores. The rounds alternate
between them, so that other load affects all equally.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import cyclopts
import numpy as np
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1]
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


def keras_epoch(images: np.ndarray, labels: np.ndarray, batch_size: int) -> Callable[[], None]:
    """Return a function that trains one epoch with `model.fit` on a tf.data pipeline."""
    import keras
    import tensorflow as tf

    from keras_astroattn.layers import RandomAffine
    from keras_astroattn.models import AGCNN

    model = keras.Sequential(
        [keras.Input(images.shape[1:]), RandomAffine(flip=False, seed=0), AGCNN(gates=3)]
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
) -> Callable[[], None]:
    """Return a function that trains one epoch with a plain PyTorch loop."""
    import torch

    from benchmarks.reference_implementations import ReferenceAGCNN, random_affine

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = ReferenceAGCNN().to(memory_format=layout)
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
    """Train one epoch for each line of the standard input, and print its time and memory.

    Each answer is a line of JSON: `seconds` of the epoch, `peak_mib` of the process so far.
    """
    # Messages of the libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    images, labels = training_images(count)
    if contender == KERAS:
        epoch = keras_epoch(images, labels, batch_size)
    else:
        epoch = pytorch_epoch(
            images,
            labels,
            batch_size,
            threads=threads,
            channels_last=contender == "pytorch-channels-last",
            compiled=contender == "pytorch-compile",
        )
    for _ in sys.stdin:
        started = time.perf_counter()
        epoch()
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Linux counts KiB, macOS bytes.
        peak_mib = peak / (2**20 if sys.platform == "darwin" else 2**10)
        print(json.dumps({"seconds": seconds, "peak_mib": peak_mib}), file=answers, flush=True)


class Contender:
    """A process that trains one epoch on request."""

    def __init__(self, name: str, count: int, batch_size: int, threads: int):
        self.name = name
        self.count = count
        self.throughputs: list[float] = []
        self.peak_mib = 0.0
        # Open as long as the process, until `close`.
        self.messages = tempfile.TemporaryFile("w+")  # noqa: SIM115
        limits = dict.fromkeys(
            ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), str(threads)
        )
        command = [sys.executable, "-m", "benchmarks.training", "work", name]
        command += [str(count), str(batch_size), str(threads)]
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={
                **os.environ,
                **limits,
                "CUDA_VISIBLE_DEVICES": "-1",
                "KERAS_BACKEND": "tensorflow",
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
        )
        if hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))[:threads]
            os.sched_setaffinity(self.process.pid, cores)

    def train(self) -> float:
        """Train one epoch and return the images per second.

        Raises:
            InputError: The process has ended; the error holds its last message.
        """
        try:
            self.process.stdin.write("epoch\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the check of the answer below reports it
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.messages.seek(0)
            last = (self.messages.read().splitlines() or ["no message"])[-1]
            raise InputError(f"{TITLES[self.name]} could not train: {last}")
        answer = json.loads(line)
        self.peak_mib = answer["peak_mib"]
        return self.count / answer["seconds"]

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.messages.close()


def race(
    names: Sequence[str], count: int, batch_size: int, threads: int, rounds: int
) -> list[Contender]:
    """Train alternately: one epoch of each contender to warm up, then `rounds` timed ones."""
    contenders = []
    try:
        for name in names:
            contender = Contender(name, count, batch_size, threads)
            contenders.append(contender)
            contender.train()
        for _ in range(rounds):
            for contender in contenders:
                contender.throughputs.append(contender.train())
    finally:
        for contender in contenders:
            contender.close()
    return contenders


def results_table(results: dict[int, list[Contender]], threads: int) -> Table:
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
        base = next((c for c in contenders if c.name == "pytorch"), contenders[-1]).throughputs
        for contender in contenders:
            median, best = statistics.median(contender.throughputs), max(contender.throughputs)
            table.add_row(
                str(batch_size),
                TITLES[contender.name],
                f"{median:.1f}",
                f"{best:.1f}",
                f"{median / statistics.median(base):.2f}",
                f"{best / max(base):.2f}",
                f"{contender.peak_mib:.0f}",
            )
        table.add_section()
    return table


app = cyclopts.App(name="python -m benchmarks.training", version_flags=[])
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
            results[size] = race(contender, images, size, threads, rounds)
    console.print(results_table(results, threads))


if __name__ == "__main__":
    sys.exit(run_app(app))
