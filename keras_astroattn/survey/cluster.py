"""The Dask cluster that scores a survey: one of this machine's, or one that is running."""

import contextlib
import logging
import socket
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_astroattn.errors import InputError
from keras_astroattn.process import available_cores

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, WorkerPlugin

    from .progress import Progress

_LITTLE_TO_WATCH = {
    # By default Dask looks a hundred times a second at what a worker does, and fifty times
    # whether it still answers: a seventh of the worker's time.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
}
_USUAL_PORT = 8787
_PATIENCE = 10.0  # seconds for a scheduler, or its dashboard, to answer


@contextlib.contextmanager
def open_cluster(
    scheduler: str | None, workers: int | None, prepared: "WorkerPlugin", progress: "Progress"
) -> Iterator["Client"]:
    """A client of a running cluster, or of a local one that ends with the block.

    The workers of a local cluster start while the block runs.

    Args:
        scheduler: Address of a running cluster's; None: a local one.
        workers: Processes of a local one; None: one a core.
        prepared: What each worker of a local one does when it starts.
        progress: Told the address of the dashboard.

    Raises:
        InputError: No scheduler answers, or its workers lack this package.
    """
    from distributed import Client

    # A worker that dies is what this is made for, not a page of messages.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if scheduler is None:
        with _local_cluster(workers or available_cores(), prepared, progress) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=_PATIENCE)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"--scheduler {scheduler}: no Dask scheduler answers there "
            f"({' '.join(str(error).split())[:100]})"
        ) from None
    with client:
        if _is_shown(client.dashboard_link):
            progress.dashboard(client.dashboard_link)
        _require_package(client)
        yield client


@contextlib.contextmanager
def _local_cluster(
    workers: int, prepared: "WorkerPlugin", progress: "Progress"
) -> Iterator["Client"]:
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set(_LITTLE_TO_WATCH),
        LocalCluster(
            n_workers=0,
            threads_per_worker=1,
            processes=True,
            dashboard_address=f"127.0.0.1:{_free_port()}",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(prepared)
        cluster.scale(workers)  # does not wait for them
        if _connect_dashboard(cluster):
            progress.dashboard(cluster.dashboard_link)
        yield client


def _connect_dashboard(cluster: "LocalCluster") -> bool:
    """Add the dashboard to a cluster whose workers start meanwhile: its import takes a second.

    Returns:
        Whether there is one.
    """
    try:
        from distributed.dashboard.scheduler import connect
    except ImportError:  # bokeh is missing, or too old
        return False

    async def connected() -> None:
        scheduler = cluster.scheduler
        connect(scheduler.http_application, scheduler.http_server, scheduler)

    cluster.sync(connected)
    return True


def _free_port() -> int:
    """Dask's usual port for the dashboard where it is free, else 0: any."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", _USUAL_PORT))
        except OSError:
            return 0
    return _USUAL_PORT


def _is_shown(address: str | None) -> bool:
    """Whether a dashboard really stands at an address: not every scheduler has one."""
    if not address:
        return False
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=_PATIENCE) as answer:
            return b"bokeh.min.js" in answer.read()  # and no page that says what is missing
    except (OSError, ValueError):
        return False


def _require_package(client: "Client") -> None:
    """Refuse workers without this package: each task would end one of them."""

    def is_there() -> bool:
        import importlib.util

        return all(importlib.util.find_spec(name) for name in ("keras_astroattn", "pyarrow"))

    without = [address for address, found in client.run(is_there).items() if not found]
    if without:
        raise InputError(
            f"{len(without)} workers lack this package, the first at {without[0]}: "
            "pip install 'keras-astroattn[survey]' there"
        )
