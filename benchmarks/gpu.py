"""The command `python -m benchmarks.gpu`: training and inference on an accelerator.

For TensorFlow, JAX and PyTorch as backends of Keras, and for float32 and bfloat16, it measures
images per second of the equivariant network (`python -m train.run --symmetry p4m`) in training
and in inference, and how long the paper's recipe in full would take (`--recipe paper`: 100 epochs
of 72 augmented passes over 855 images, and as many over 214 validation images, batches of 16).
The hours are extrapolated from one measured pass of each kind over `--images` images.

Each backend and precision is a process of its own; they alternate (see `benchmarks.contenders`).
The images are read from memory through the pipeline of `train.run`, which needs TensorFlow with
every backend: `pip install 'keras-astroattn[train,backends]'`. A machine without an
accelerator gives the figures of its processor, and the command says so.
"""

import importlib.util
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.process import available_cores
from keras_astroattn.report import markdown_table

from .contenders import Contender, Task, race, serve
from .training import training_images

Backend = Literal["tensorflow", "jax", "torch"]
Precision = Literal["float32", "bfloat16"]

TITLES: dict[Backend, str] = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
POLICIES: dict[Precision, str] = {"float32": "float32", "bfloat16": "mixed_bfloat16"}

PAPER_IMAGES = {"training": 855, "validation": 214}
"""Images of a run on MiraBest: 1069 training sources, of which 20 % are held out."""

# Several processes share the memory of an accelerator.
_SHARE = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}

app = new_app(name="python -m benchmarks.gpu")


def device() -> tuple[str, bool]:
    """Return the name of the device that Keras's backend computes on, and whether it is a CPU."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        for card in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(card)
            return details.get("device_name", card.name), False
    elif backend == "jax":
        import jax

        if jax.default_backend() != "cpu":
            return jax.devices()[0].device_kind, False
    else:
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name(0), False
    return processor_name(), True


def processor_name() -> str:
    """Return the name of this machine's processor and the number of cores it may use."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {available_cores()} cores"


@app.command(show=False)
def work(precision: Precision, count: int, batch_size: int) -> None:
    """Serve as a contender, with the backend of the environment."""
    serve(lambda: _passes(POLICIES[precision], count, batch_size))


def _passes(policy: str, count: int, batch_size: int) -> Task:
    """Return a task that makes one pass of each kind, and returns the images per second."""
    from train.configuration import TrainConfig, recipe_values

    ours = TrainConfig(symmetry="p4m", batch_size=batch_size, dtype_policy=policy)
    paper = TrainConfig(recipe="paper", dtype_policy=policy, **recipe_values("paper", 3))
    images, labels = training_images(count)
    pixels = ((images[..., 0] + 1) * 127.5).astype(np.uint8)
    targets = np.eye(2, dtype=np.float32)[labels]
    train, network = _training_pass(ours, pixels, targets)
    train_paper, network_of_paper = _training_pass(paper, pixels, targets)
    validate = _validation_pass(paper, network_of_paper, pixels, targets)
    name, is_cpu = device()

    def task() -> dict:
        return {
            "device": name,
            "is_cpu": is_cpu,
            "training": count / _seconds(train),
            "inference": count
            / _seconds(lambda: network.predict(images, batch_size=batch_size, verbose=0)),
            "paper_training": count / _seconds(train_paper),
            "paper_validation": count / _seconds(validate),
        }

    return task


def _training_pass(config, pixels: np.ndarray, targets: np.ndarray):
    """Return a function that trains one pass, and the network."""
    from train.batches import steps_per_epoch, training_batches
    from train.loop import build, network_of

    model = build(config, len(pixels))
    size = min(config.batch_size, len(pixels))

    def train() -> None:
        batches = training_batches(
            pixels, targets, passes=1, batch_size=size, seed=config.seed, epochs=range(1)
        )
        steps = steps_per_epoch(len(pixels), 1, size)
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return train, network_of(model)


def _validation_pass(config, network, pixels: np.ndarray, targets: np.ndarray):
    """Return a function that predicts one augmented pass over validation images."""
    from train.batches import validation_batches
    from train.loop import augmentation

    def validate() -> None:
        network.predict(
            validation_batches(
                pixels,
                targets,
                passes=1,
                batch_size=config.batch_size,
                augment=augmentation(config),
            ),
            verbose=0,
        )

    return validate


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def paper_hours(training_rate: float, validation_rate: float) -> float:
    """Return the hours of the paper's recipe in full from images per second of both kinds."""
    from train.configuration import recipe_values

    recipe = recipe_values("paper", 3)
    seconds = (
        recipe["passes"] * PAPER_IMAGES["training"] / training_rate
        + recipe["validation_passes"] * PAPER_IMAGES["validation"] / validation_rate
    )
    return recipe["epochs"] * seconds / 3600


def figures_table(contenders: Sequence[Contender]) -> str:
    """Return a Markdown table with a row for each backend and precision."""
    rows = []
    for contender in contenders:
        training, validation = (contender.median(f"paper_{n}") for n in ("training", "validation"))
        rows.append(
            [
                contender.title,
                *(_rate_and_range(contender.values(n)) for n in ("training", "inference")),
                _rate(training),
                f"{paper_hours(training, validation):.1f}",
            ]
        )
    headers = [
        *("backend", "training, images/s", "inference, images/s"),
        *("the paper's recipe, images/s", "in full, hours (extrapolated)"),
    ]
    return markdown_table(headers, rows)


def _rate_and_range(rates: Sequence[float]) -> str:
    return f"{_rate(np.median(rates))} ({_rate(min(rates))} to {_rate(max(rates))})"


def _rate(rate: float) -> str:
    return f"{rate:.0f}" if rate >= 10 else f"{rate:.2g}"


@app.default
def benchmark(
    *,
    backends: Annotated[tuple[Backend, ...], Parameter(consume_multiple=True)] = tuple(TITLES),
    precisions: Annotated[tuple[Precision, ...], Parameter(consume_multiple=True)] = tuple(
        POLICIES
    ),
    images: Annotated[int, Parameter(validator=Number(gte=1))] = 4096,
    batch_size: Annotated[int, Parameter(validator=Number(gte=1))] = 256,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 3,
) -> None:
    """Measure training and inference on an accelerator; print a Markdown table.

    Args:
        backends: Backends of Keras; one that is not installed is left out.
        precisions: float32, or bfloat16 with weights in float32.
        images: Images of a pass.
        batch_size: Images of a batch; the paper's recipe has 16.
        rounds: Number of rounds, after a first one that compiles.
    """
    console = Console(stderr=True)
    contenders = []
    for backend in backends:
        if importlib.util.find_spec(backend) is None:
            console.print(f"{TITLES[backend]}: left out, {backend} is not installed")
            continue
        for precision in precisions:
            contenders.append(
                Contender(
                    f"{TITLES[backend]}, {precision}",
                    ("benchmarks.gpu", "work", precision, str(images), str(batch_size)),
                    variables={"KERAS_BACKEND": backend, **_SHARE},
                )
            )
    if not contenders:
        raise InputError(f"none of these backends is installed: {', '.join(backends)}")
    with console.status(f"{rounds} rounds of {len(contenders)} contenders"):
        race(contenders, rounds)
    for name, is_cpu in {(c.answers[0]["device"], c.answers[0]["is_cpu"]) for c in contenders}:
        print(f"No accelerator: figures of a processor, {name}." if is_cpu else f"Card: {name}.")
    print()
    print(figures_table(contenders))


if __name__ == "__main__":
    sys.exit(run_app(app))
