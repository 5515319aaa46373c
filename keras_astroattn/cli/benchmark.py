"""`astroattn benchmark`: time a model on this machine."""

import time
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.images import IMAGE_SIZE
from keras_astroattn.process import available_cores, quiet_native_logs


def benchmark(
    model: str = DEFAULT_PRESET,
    *,
    repeats: Annotated[int, Parameter(validator=Number(gte=3))] = 200,
    threads: Annotated[list[int] | None, Parameter(consume_multiple=True)] = None,
) -> None:
    """Time a model on this machine, one image at a time.

    Args:
        model: Name of a preset, or path of a .tflite file.
        repeats: Number of timed classifications.
        threads: Numbers of threads to time. By default, one and the number of cores.
    """
    threads = threads or sorted({1, available_cores()})
    table = Table(title=f"{model}: one image, {repeats} times")
    for title in ("threads", "median ms", "fastest ms", "images/s"):
        table.add_column(title, justify="right")
    y, x = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE] - (IMAGE_SIZE - 1) / 2
    image = (2 * np.exp(-(x**2 + y**2) / 200) - 1).astype(np.float32)[np.newaxis, ..., np.newaxis]
    for count in threads:
        with quiet_native_logs():
            classifier = Classifier(model, threads=count)
        milliseconds = time_predictions(classifier, image, repeats)
        median = float(np.median(milliseconds))
        table.add_row(
            str(count), f"{median:.2f}", f"{min(milliseconds):.2f}", f"{1000 / median:.0f}"
        )
    Console().print(table)


def time_predictions(classifier: Classifier, image: np.ndarray, repeats: int) -> list[float]:
    """Return the milliseconds of each of `repeats` predictions, after three warm-up ones."""
    milliseconds = []
    for number in range(-3, repeats):
        started = time.perf_counter()
        classifier.predict(image)
        if number >= 0:
            milliseconds.append((time.perf_counter() - started) * 1e3)
    return milliseconds
