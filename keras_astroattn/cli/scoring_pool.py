"""Classify many targets in several processes, in order, with a limited number in progress."""

import collections
import itertools
import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from keras_astroattn.process import follow_parent
from keras_astroattn.tables import Row

from .scoring import Scorer, Scoring, failed_in_worker, score_in_worker
from .targets import Target

_AT_ONCE = 8  # targets of a task
_AHEAD = 4  # tasks for each worker that wait or have finished and are not yet collected
_DEADLY = "reading it ended the process twice (damaged, or too large for the memory)"


def score_targets(targets: Iterable[Target], scoring: Scoring, workers: int) -> Iterator[Row]:
    """Yield the rows of targets in their order.

    Several targets are read in worker processes: one that ends the process that reads it
    becomes a row with an error, and the others are classified.

    Args:
        targets: the targets.
        scoring: the settings.
        workers: number of worker processes. A single target needs none.

    Raises:
        InputError: The model cannot be used, or a picture is not writable.
    """
    targets = list(targets)
    if len(targets) == 1:
        with Scorer(scoring) as scorer:
            yield scorer.score(targets[0])
        return
    pool = _Pool(scoring, workers)
    try:
        waiting: collections.deque[_Task] = collections.deque()
        for group in _batched(targets):
            waiting.append(_Task(group, pool.submit(group)))
            if len(waiting) >= workers * _AHEAD:
                yield from _next_rows(pool, waiting)
        while waiting:
            yield from _next_rows(pool, waiting)
    finally:
        pool.close()


class _Task:
    """Some targets, and their future rows; None if the pool was already broken."""

    def __init__(self, targets: list[Target], rows: Future | None):
        self.targets = targets
        self.rows = rows

    def result(self) -> list[Row] | None:
        """Return the rows; None if a worker ended abruptly, perhaps by another task's targets."""
        try:
            return None if self.rows is None else self.rows.result()
        except (BrokenProcessPool, CancelledError):
            return None


class _Pool:
    """Worker processes that are replaced if one ends abruptly."""

    def __init__(self, scoring: Scoring, workers: int):
        self.scoring = scoring
        self._workers = workers
        self._executor = self._started(workers)

    def submit(self, targets: list[Target]) -> Future | None:
        try:
            return self._executor.submit(score_in_worker, self.scoring, targets)
        except BrokenProcessPool:
            return None

    def restart(self, workers: int | None = None) -> None:
        self.close()
        self._executor = self._started(workers or self._workers)

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)

    @staticmethod
    def _started(workers: int) -> ProcessPoolExecutor:
        # Not fork, because the loaded libraries have threads.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, context, follow_parent)


def _next_rows(pool: _Pool, waiting: collections.deque[_Task]) -> Iterator[Row]:
    """Yield the rows of the oldest task; one by one if a worker ended abruptly."""
    first = waiting.popleft()
    rows = first.result()
    if rows is not None:
        yield from rows
        return
    pool.restart(workers=1)
    for target in first.targets:
        yield _score_alone(pool, target)
    pool.restart()
    for task in waiting:
        if task.result() is None:
            task.rows = pool.submit(task.targets)


def _score_alone(pool: _Pool, target: Target) -> Row:
    """Return the row of a target while no other is in progress, so that a crash is its own."""
    for _ in range(2):
        task = _Task([target], pool.submit([target]))
        rows = task.result()
        if rows is not None:
            return rows[0]
        pool.restart(workers=1)
    return failed_in_worker(pool.scoring, target, _DEADLY)


def _batched(targets: Iterable[Target]) -> Iterator[list[Target]]:
    iterator = iter(targets)
    while group := list(itertools.islice(iterator, _AT_ONCE)):
        yield group
