"""Run many trainings one after the other, or several at a time, and skip finished ones."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rich.console import Console

from keras_astroattn.errors import InputError
from keras_astroattn.process import quiet_native_logs


@dataclass(frozen=True)
class Training:
    """One of many trainings.

    Attributes:
        title: text shown when it starts.
        train: function that trains and returns the result.
    """

    title: str
    train: Callable[[], Any]


def run_trainings(
    trainings: Sequence[Training], console: Console, parallel: int = 1
) -> Iterator[tuple[Training, Any]]:
    """Run trainings, and yield each with its result, in their order.

    Args:
        trainings: the trainings.
        console: console that shows which training starts.
        parallel: number of trainings at a time, each in a thread; only for trainings that run
            in their own process.
    """

    def run(numbered: tuple[int, Training]) -> Any:
        number, training = numbered
        console.rule(f"{number} of {len(trainings)}: {training.title}", align="left")
        return training.train()

    with ThreadPoolExecutor(parallel) as pool:
        # A single training runs in the main thread, in which Keras was imported.
        results = (map if parallel == 1 else pool.map)(run, enumerate(trainings, start=1))
        yield from zip(trainings, results, strict=True)


def import_quietly(module: str, purpose: str, extras: str = "train") -> ModuleType:
    """Import a module that needs Keras, without the start-up messages of TensorFlow.

    Args:
        module: full name of the module.
        purpose: task that needs the module, for the error message.
        extras: extra of this package that installs the missing package.

    Returns:
        The module.

    Raises:
        InputError: A package that the module imports is not installed.
    """
    try:
        with quiet_native_logs():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{purpose} needs {error.name}, which is not installed: pip install -e '.[{extras}]'"
        ) from None
