"""Many files on several processes, in order, with a bounded number under way."""

import collections
import itertools
import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from keras_astroattn.errors import InputError
from keras_astroattn.tables import Row

from .scoring import Scorer, Scoring, score_in_worker, start_worker

_FILES_AT_ONCE = 8
_AHEAD = 4  # tasks a worker that wait or are done and not yet collected


def score_files(files: Iterable[tuple[str, str]], scoring: Scoring, workers: int) -> Iterator[Row]:
    """Rows of (path, name) in their order.

    Args:
        files: As `image_files.find_images` gives them.
        scoring: What they are scored with.
        workers: Processes; 1 works in this one.

    Raises:
        InputError: The model cannot be used, or a worker process was killed.
    """
    if workers == 1:
        scorer = Scorer(scoring)
        for path, name in files:
            yield scorer.score(path, name)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, start_worker, (scoring,))
    try:
        waiting: collections.deque = collections.deque()
        for group in _batched(files):
            waiting.append(pool.submit(score_in_worker, group))
            if len(waiting) >= workers * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool:
        raise InputError(
            "a worker process ended abruptly (out of memory?): add --resume, with fewer --workers"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _batched(files: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    iterator = iter(files)
    while group := list(itertools.islice(iterator, _FILES_AT_ONCE)):
        yield group
