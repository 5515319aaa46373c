"""The client of a survey whose Dask scheduler is gone."""

import pytest
from distributed import CancelledError
from distributed.comm.core import CommClosedError

from keras_astroattn.errors import InputError
from keras_astroattn.survey.dispatch import _count_threads, _result


class Silent:
    """Reports to nobody."""

    def workers(self, count: int) -> None:
        self.count = count


class Cluster:
    """A client whose scheduler responds with a count, or does not respond."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def nthreads(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Chunk:
    """A chunk whose result cannot be fetched."""

    status = "cancelled"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self):
        raise self.error


LOST = [
    OSError("Timed out trying to connect to tcp://127.0.0.1:8786 after 10 s"),
    CommClosedError("in <TCP (closed)>: Stream is closed"),
    ConnectionRefusedError(111, "Connection refused"),
    CancelledError("score_chunk-1"),
]


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_a_lost_scheduler_is_one_line_however_the_connection_ends(error):
    for ask in (lambda: _count_threads(Cluster(error), Silent()), lambda: _result(Chunk(error))):
        with pytest.raises(InputError, match="the Dask scheduler is lost: start one"):
            ask()


def test_the_threads_of_all_workers_are_counted():
    progress = Silent()
    assert _count_threads(Cluster({"tcp://a": 2, "tcp://b": 3}), progress) == 5
    assert progress.count == 5
