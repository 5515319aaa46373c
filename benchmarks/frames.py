"""Compare a network in frames with the same network on whole images.

`python -m benchmarks.frames MODEL` classifies the sources of a data set in the smallest frame that
holds each, and in the whole image, in alternating rounds on one core. It prints the largest
differences and the processor times by frame, and the time of an image in batches. The images show
the source alone.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.sources import DATA_NAMES
from keras_astroattn.edge import open_model
from keras_astroattn.edge.frames import smallest_frame
from keras_astroattn.edge.network import Network
from keras_astroattn.errors import InputError
from keras_astroattn.report import markdown_table

from .contenders import Task

app = new_app(
    name="python -m benchmarks.frames",
    help=__doc__.splitlines()[0],
)

_ROUNDS, _CALLS = 5, 10  # of batches


def pixels_alone(data: str, data_dir: Path | None, limit: int | None) -> np.ndarray:
    """Return images of a data set that show the source alone.

    Args:
        data: name of the data set.
        data_dir: folder with the archives of the data sets.
        limit: largest number of images, evenly spread over the data; None: all.

    Returns:
        (n, 150, 150) uint8.
    """
    from keras_astroattn.datasets import load_sources
    from keras_astroattn.images import source_alone

    pixels = load_sources(data, split="all", data_dir=data_dir).image
    if limit is not None and limit < len(pixels):
        pixels = pixels[np.linspace(0, len(pixels) - 1, limit).astype(int)]
    return source_alone(pixels)


def images_alone(data: str, data_dir: Path | None, limit: int | None) -> np.ndarray:
    """Return the images of `pixels_alone` as a network takes them, (n, 150, 150, 1) float32."""
    from keras_astroattn.images import to_network_units

    return to_network_units(pixels_alone(data, data_dir, limit))[..., np.newaxis]


def classify(model: str, in_frames: bool) -> Callable[[np.ndarray], object]:
    """Return a function that runs a network on images (n, 150, 150, 1), on one thread.

    Args:
        model: name of a preset, or path of a .tflite file.
        in_frames: whether it runs in the smallest frame that holds the source.
    """
    network = Network(open_model(model), threads=1)
    if in_frames:
        return network.run
    return lambda images: network.run_in_frame(images, network.sizes[-1])


def mean_times(run: Callable[[np.ndarray], object], images: np.ndarray) -> Task:
    """Return a task that runs a network on images one by one, and measures the mean time."""

    def task() -> dict[str, float]:
        wall, processor = time.perf_counter(), time.process_time()
        for image in images:
            run(image[np.newaxis])
        return {
            "wall": (time.perf_counter() - wall) / len(images),
            "processor": (time.process_time() - processor) / len(images),
        }

    return task


@app.default
def benchmark(
    model: str,
    /,
    *,
    data: str = "simulated",
    data_dir: Path | None = None,
    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 3,
    batches: Annotated[tuple[int, ...], Parameter(consume_multiple=True)] = (),
) -> int:
    """Print differences and times of a network in frames, by frame, as Markdown tables.

    Args:
        model: Name of a preset, or path of a .tflite file with frames.
        data: Data set whose sources are classified.
        data_dir: Folder with the archives of the data sets; by default `KERAS_ASTROATTN_DATA`.
        limit: Largest number of sources; by default all.
        rounds: Number of times that all sources are classified; medians count.
        batches: Numbers of images in one call to time too, for example 4 8.
    """
    if data not in DATA_NAMES:
        raise InputError(f"--data {data!r}: choose from {', '.join(DATA_NAMES)}")
    if any(size < 1 for size in batches):
        raise InputError(f"--batches must be at least 1; got {min(batches)}")
    opened = open_model(model)
    network = Network(opened, threads=1)
    if len(network.sizes) == 1:
        raise InputError(f"{opened.path} has no frames: its network does not see the source alone")
    images = images_alone(data, data_dir, limit)
    chosen = np.array([smallest_frame(image, network.sizes) for image in images])
    with Console(stderr=True).status(f"classifying {len(images)} sources of {data}"):
        print(_by_frame(network, images, chosen, rounds))
        if batches:
            print(_by_batch(network, images, chosen, batches))
    return 0


def _by_frame(network: Network, images: np.ndarray, chosen: np.ndarray, rounds: int) -> str:
    whole = network.sizes[-1]
    calls = (network.run, lambda image: network.run_in_frame(image, whole))
    differences = {size: np.zeros(2) for size in network.sizes}
    for image, size in zip(images, chosen, strict=True):
        given, expected = (call(image[np.newaxis]) for call in calls)
        differences[size] = np.maximum(differences[size], _differences(given, expected))
    # In turns of all images, because a frame after a whole image finds nothing in the cache.
    measured = [[_times(call, images) for call in calls] for _ in range(rounds)]
    times = np.median(measured, axis=0).T
    rows = []
    for size in [*network.sizes, None]:
        own = np.full(len(images), True) if size is None else chosen == size
        if not own.any():
            continue
        largest = np.max(list(differences.values()), axis=0) if size is None else differences[size]
        ours, theirs = times[own].mean(axis=0)
        rows.append(
            [
                "all" if size is None else str(size),
                f"{100 * own.mean():.1f} %",
                *(f"{one:.0e}" for one in largest),
                f"{ours:.2f}",
                f"{theirs:.2f}",
                f"{ours / theirs:.2f}",
            ]
        )
    headers = ["frame", "sources", "largest difference of a probability", "of a map",
               "ms", "ms, whole image", "ratio"]  # fmt: skip
    return markdown_table(headers, rows)


def _by_batch(
    network: Network, images: np.ndarray, chosen: np.ndarray, batches: tuple[int, ...]
) -> str:
    rows = []
    for size in network.sizes:
        own = images[chosen == size]
        if not len(own):
            continue
        counts = (1, *batches)
        best = dict.fromkeys(counts, np.inf)
        for _ in range(_ROUNDS):
            for count in counts:
                batch = np.resize(own, (count, *own.shape[1:]))
                network.run_in_frame(batch, size)  # the interpreter is resized here
                took = _processor_ms(lambda b=batch, s=size: network.run_in_frame(b, s), _CALLS)
                best[count] = min(best[count], took / count)
        rows.append([str(size), *(f"{best[count]:.3f}" for count in counts)])
    return markdown_table(["frame", "ms an image", *(f"in {n}" for n in batches)], rows)


def _differences(given: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> np.ndarray:
    """Return the largest difference of a probability, and of attention and evidence."""
    found = {name: float(np.abs(given[name] - values).max()) for name, values in expected.items()}
    maps = [one for name, one in found.items() if name not in ("logits", "probabilities")]
    return np.array([found["probabilities"], max(maps, default=0.0)])


def _times(call: Callable, images: np.ndarray) -> list[float]:
    """Return the processor time, ms, of a call for each image."""
    return [_processor_ms(lambda one=image: call(one[np.newaxis]), 1) for image in images]


def _processor_ms(call: Callable, repeats: int) -> float:
    started = time.process_time()
    for _ in range(repeats):
        call()
    return 1e3 * (time.process_time() - started) / repeats


if __name__ == "__main__":
    sys.exit(run_app(app))
