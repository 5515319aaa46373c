"""Send the chunks of a survey to the workers of a Dask cluster, and collect them."""

import contextlib
import time
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from distributed import CancelledError, KilledWorker, as_completed

from keras_astroattn.errors import InputError

from .attempts import forget_attempts
from .parts import check_parts
from .plan import Plan
from .progress import Progress
from .session import WORK
from .settings import SurveySettings
from .worker import Job, ModelReference, Scored, fail_chunk, score_chunk

if TYPE_CHECKING:
    from distributed import Client, Future

_AHEAD = 3  # chunks under way for each thread of a worker
_POLL = 0.1  # seconds between two looks for finished chunks
_COUNT_EVERY = 1.0  # seconds between two counts of the workers
_PASSES = 2
_KILLED = "workers were killed while they scored these rows (out of memory?)"


def score_waiting(
    settings: SurveySettings,
    client: "Client",
    plan: Plan,
    model: ModelReference,
    progress: Progress,
) -> int:
    """Score the chunks whose parts are not on disk.

    A tile that ends two workers at the same row is given up in that chunk. A chunk whose
    workers are killed nevertheless, four times each, is tried again after all others. After the
    second such pass its rows get an error.

    Args:
        settings: the survey.
        client: client of the cluster.
        plan: the plan of the survey.
        model: the model.
        progress: reports each chunk to the user.

    Returns:
        Number of scored rows.

    Raises:
        InputError: The output folder is not writable, the model cannot be used, or the
            connection to the cluster is lost.
    """
    unreadable = plan.facts["unreadable"]
    job = Job(str(plan.folder), model, settings.options, settings.mask_neighbours, len(unreadable))
    forget_attempts(plan.folder / WORK)
    _, waiting = check_parts(plan)
    rows = plan.rows_of()
    fresh = int(rows[waiting].sum())
    progress.scoring(int(rows.sum()), int(rows.sum()) - fresh, unreadable)
    for _ in range(_PASSES):
        killed = []
        for chunk, scored in _scored(client, job, plan, waiting, progress):
            if scored is None:
                killed.append(chunk)
            else:
                progress.scored(int(rows[chunk]))
        waiting = killed
    for chunk in waiting:
        fail_chunk(job, chunk, plan.slices_of(chunk), _KILLED)
        progress.scored(int(rows[chunk]))
    return fresh


def _scored(
    client: "Client", job: Job, plan: Plan, waiting: list[int], progress: Progress
) -> Iterator[tuple[int, Scored | None]]:
    """Yield each chunk and its result in the order of their ends; None if its workers died.

    A limited number of chunks is processed at a time.
    """
    left, under_way, finished = deque(waiting), {}, as_completed(loop=client.loop)
    threads, counted = 0, -_COUNT_EVERY
    while left or under_way:
        if time.monotonic() - counted >= _COUNT_EVERY:
            threads, counted = _count_threads(client, progress), time.monotonic()
        while left and len(under_way) < _AHEAD * max(threads, 1):
            chunk = left.popleft()
            with _scheduler_there():
                future = client.submit(
                    score_chunk, job, chunk, plan.slices_of(chunk), pure=False, priority=-chunk
                )
            under_way[future] = chunk
            finished.add(future)
        done = finished.next_batch(block=False)
        for future in done:
            yield under_way.pop(future), _result(future)
        if not done:
            time.sleep(_POLL)


@contextlib.contextmanager
def _scheduler_there() -> Iterator[None]:
    """Name the lost scheduler where a call of the client fails.

    Its connection closes, refuses or times out, which are all `OSError`, or the futures are
    cancelled.
    """
    try:
        yield
    except (OSError, CancelledError):
        raise InputError("the Dask scheduler is lost: start one, then add --resume") from None


def _result(future: "Future") -> Scored | None:
    """Return the report of a worker on a chunk; None if its workers were killed.

    Raises:
        InputError: The worker reports an error that concerns every chunk, or the scheduler is
            lost.
    """
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return None
    if error is not None:
        raise error
    with _scheduler_there():
        scored = future.result()
    if scored.stopped:
        raise InputError(scored.stopped)
    return scored


def _count_threads(client: "Client", progress: Progress) -> int:
    """Return the number of threads of all workers; 0 if no worker is there yet.

    Raises:
        InputError: The scheduler is lost.
    """
    with _scheduler_there():
        count = sum(client.nthreads().values())
    progress.workers(count)
    return count
