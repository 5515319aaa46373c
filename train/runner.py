"""Run many trainings one after the other, or several at a time, and skip those that are done."""

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
        title: shown when it starts.
        train: trains and returns the result.
    """

    title: str
    train: Callable[[], Any]


def run_trainings(
    trainings: Sequence[Training], console: Console, parallel: int = 1
) -> Iterator[tuple[Training, Any]]:
    """Run trainings and give each with its result, in their order.

    Args:
        trainings: those that are still to be done.
        console: where to show which training starts.
        parallel: number of trainings at a time, each in a thread; only for trainings that run
            in a process of their own.
    """

    def run(numbered: tuple[int, Training]) -> Any:
        number, training = numbered
        console.rule(f"{number} of {len(trainings)}: {training.title}", align="left")
        return training.train()

    with ThreadPoolExecutor(parallel) as pool:
        # A single training stays in the main thread, in which Keras was imported.
        results = (map if parallel == 1 else pool.map)(run, enumerate(trainings, start=1))
        yield from zip(trainings, results, strict=True)


def import_quietly(module: str, purpose: str, extras: str = "train") -> ModuleType:
    """Import a module that needs Keras, without the start-up messages of TensorFlow.

    Args:
        module: its full name.
        purpose: what needs it, for the error.
        extras: of this package, which install what is missing.

    Raises:
        InputError: a package that the module imports is not installed.
    """
    try:
        with quiet_native_logs():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{purpose} needs {error.name}, which is not installed: pip install -e '.[{extras}]'"
        ) from None
