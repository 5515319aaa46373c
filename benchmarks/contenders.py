"""Processes that repeat a task on request, so that several can alternate on the same cores.

Each contender is a process of its own, with its own libraries, environment and cores. Only one
works at a time. The rounds alternate between the contenders, so that other load on the machine
affects all equally; within a round their times form one ratio.
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
from contextlib import suppress
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.outputs import softmax

REPOSITORY = Path(__file__).resolve().parents[1]

Task = Callable[[], dict | None]
"""Does the work once; returns measurements, or None if only its duration is measured."""

Outputs = Sequence[np.ndarray]
"""Logits (1, classes) and attention maps of a network."""

_LIBRARIES = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def serve(build: Callable[[], Task]) -> None:
    """Build a task, and do it once for each line of the standard input.

    Each answer is a line of JSON: `wall` and `processor`, the seconds of the task, `peak_mib`,
    the peak memory of the process so far, and the measurements of the task, which take
    precedence.
    """
    # Messages of the libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    task = build()
    for _ in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        measured = task() or {}
        answer = {
            "wall": time.perf_counter() - wall,
            "processor": time.process_time() - processor,
            "peak_mib": _peak_mib(),
            **measured,
        }
        print(json.dumps(answer), file=answers, flush=True)


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts KiB, macOS bytes.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


class Contender:
    """A process that does a task on request. It starts at the first request.

    Args:
        title: name of the contender in tables and messages.
        arguments: module and arguments of `python -m`; the module calls `serve`.
        threads: number of threads and cores; by default all.
        variables: further environment variables.

    Attributes:
        title: as given.
        answers: what `run` returned in the rounds of `race`.
    """

    def __init__(
        self,
        title: str,
        arguments: Sequence[str],
        *,
        threads: int | None = None,
        variables: dict[str, str] | None = None,
    ):
        self.title = title
        self.answers: list[dict] = []
        self._arguments, self._threads = arguments, threads
        self._variables = dict.fromkeys(_THREADS, str(threads)) if threads else {}
        self._variables |= variables or {}
        self._process: subprocess.Popen | None = None
        # Open as long as the process, until `close`.
        self._messages = tempfile.TemporaryFile("w+")  # noqa: SIM115

    def _start(self) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", *self._arguments],
            cwd=REPOSITORY,
            env={**os.environ, **_LIBRARIES, **self._variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            text=True,
        )
        if self._threads and hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))[: self._threads]
            os.sched_setaffinity(process.pid, cores)
        return process

    def run(self) -> dict:
        """Do the task once and return its measurements; see `serve`.

        Raises:
            InputError: The process has ended; the error holds its last message.
        """
        if self._process is None:
            self._process = self._start()
        try:
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the check of the answer below reports it
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._messages.seek(0)
            last = (self._messages.read().splitlines() or ["no message"])[-1]
            raise InputError(f"{self.title} could not run: {last}")
        return json.loads(line)

    def values(self, name: str) -> list[float]:
        """Return one measurement of all rounds."""
        return [answer[name] for answer in self.answers]

    def median(self, name: str) -> float:
        """Return the median of one measurement over the rounds."""
        return statistics.median(self.values(name))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()  # it holds nothing to be kept, and libraries take long to unload
            self._process.wait()
            with suppress(BrokenPipeError):  # a request that it did not read
                self._process.stdin.close()
            self._process.stdout.close()
        self._messages.close()


def race(
    contenders: Sequence[Contender], rounds: int, check: Callable[[], None] | None = None
) -> None:
    """Run each contender once to warm up, then alternate for `rounds` rounds; ends them.

    Args:
        contenders: their `answers` are filled.
        rounds: number of rounds.
        check: is called between the warm-up and the first round.
    """
    try:
        for contender in contenders:
            contender.run()
        if check:
            check()
        for _ in range(rounds):
            for contender in contenders:
                contender.answers.append(contender.run())
    finally:
        for contender in contenders:
            contender.close()


def largest_difference(given: Outputs, expected: Outputs) -> float:
    """Return the largest difference between probabilities and maps of two networks on one image."""

    def compared(outputs: Outputs) -> list[np.ndarray]:
        return [softmax(np.asarray(outputs[0], np.float64)), *outputs[1:]]

    pairs = zip(compared(given), compared(expected), strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def ratio_and_range(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Format the ratios of paired rounds: their median, and the lowest and highest."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
