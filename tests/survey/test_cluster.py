"""Addresses at which no scheduler is, and workers that do not answer."""

import http.server
import socket
import threading
import time

import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.survey import cluster


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch):
    monkeypatch.setattr(cluster, "_PATIENCE", 0.5)


@pytest.fixture
def silent():
    """Accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def dashboard():
    """Speaks HTTP, as the dashboard of a scheduler does."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Quiet", (http.server.BaseHTTPRequestHandler,), {
            "log_message": lambda *_: None
        })
    )  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"tcp://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("kind", ["silent", "dashboard"])
def test_a_port_of_something_else_is_refused_in_time(kind, request):
    address = request.getfixturevalue(kind)
    begun = time.monotonic()
    with pytest.raises(InputError, match=f"--scheduler {address}: no Dask scheduler answers"):
        cluster._connected(address)
    assert time.monotonic() - begun < 10  # most of which is the import of Dask


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "tcp://", "http://a b"])
def test_an_address_of_nothing_is_refused(address):
    with pytest.raises(InputError, match="no Dask scheduler answers there") as found:
        cluster._connected(address)
    assert "\n" not in str(found.value)


class Client:
    """A client whose workers answer so."""

    def __init__(self, answer):
        self.answer = answer
        self.scheduler = type("Scheduler", (), {"address": "tcp://here"})

    def run(self):
        raise AssertionError

    def sync(self, function, *arguments, callback_timeout):
        assert function == self.run
        assert callback_timeout > 0
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_workers_that_do_not_answer_are_refused():
    with pytest.raises(InputError, match="tcp://here: its workers do not answer within 60 s"):
        cluster._require_package(Client(TimeoutError()))


def test_workers_without_the_package_are_refused():
    cluster._require_package(Client({"tcp://a": True}))
    with pytest.raises(InputError, match="1 workers lack this package, the first at tcp://b"):
        cluster._require_package(Client({"tcp://a": True, "tcp://b": False}))
