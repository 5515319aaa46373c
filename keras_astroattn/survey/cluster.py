"""The Dask cluster that scores a survey: a local one, or a running one."""

import asyncio
import contextlib
import logging
import socket
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

from keras_astroattn.errors import InputError
from keras_astroattn.process import available_cores, shield_workers

if TYPE_CHECKING:
    from distributed import Client, LocalCluster, WorkerPlugin

    from .progress import Progress

_LITTLE_TO_WATCH = {
    # By default Dask samples a worker's stack a hundred times a second, and checks fifty times
    # whether it still responds. This takes a seventh of the worker's time.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
}
_USUAL_PORT = 8787
_PATIENCE = 10.0  # seconds for a scheduler or its dashboard to answer
_PATIENCE_WORKERS = 60.0  # seconds for all workers to answer, which may be starting or busy


@contextlib.contextmanager
def open_cluster(
    scheduler: str | None, workers: int | None, prepared: "WorkerPlugin", progress: "Progress"
) -> Iterator["Client"]:
    """Connect to a running cluster, or start a local one that ends with the block.

    The workers of a local cluster start while the block runs.

    Args:
        scheduler: address of the scheduler of a running cluster; None: start a local one.
        workers: number of processes of a local cluster; None: one a core.
        prepared: plugin that prepares each worker of a local cluster.
        progress: reports the address of the dashboard to the user.

    Yields:
        A client of the cluster.

    Raises:
        InputError: No scheduler answers, or its workers lack this package.
    """
    _silence_dask()
    if scheduler is None:
        with _local_cluster(workers or available_cores(), prepared, progress) as client:
            yield client
        return
    with _connected(scheduler) as client:
        if _is_shown(client.dashboard_link):
            progress.dashboard(client.dashboard_link)
        _require_package(client)
        yield client


def _silence_dask() -> None:
    """Leave messages to this package: a worker that dies is replaced, a lost scheduler is named."""
    import distributed  # noqa: F401 - its import sets the levels of its loggers

    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _connected(address: str) -> "Client":
    """Return a client of the scheduler at an address.

    Raises:
        InputError: No scheduler responds there in time.
    """
    from distributed import Client, rpc

    async def identify() -> None:
        # A server that accepts the connection and does not respond, or speaks HTTP, would keep
        # `Client` waiting for ever: its own timeout ends with the connection.
        async with rpc(address) as scheduler:
            await scheduler.identity()

    try:
        asyncio.run(asyncio.wait_for(identify(), _PATIENCE))
        return Client(address, timeout=_PATIENCE)
    except TimeoutError:
        reason = f"nothing within {_PATIENCE:.0f} s"
    except Exception as error:  # from a comm, a serializer, or the network
        reason = " ".join(str(error).split())[:100] or type(error).__name__
    raise InputError(
        f"--scheduler {address}: no Dask scheduler answers there ({reason}): give the address "
        "that `dask scheduler` prints, tcp://HOST:8786 by default; the dashboard has another"
    )


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
        cluster.sync(_shield_workers)
        client.register_plugin(prepared)
        cluster.scale(workers)  # does not wait for them
        if _connect_dashboard(cluster):
            progress.dashboard(cluster.dashboard_link)
        yield client


async def _shield_workers() -> None:
    shield_workers()  # in the thread of the event loop, which starts them


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
    """Return Dask's usual port for the dashboard if it is free, otherwise 0 for any port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", _USUAL_PORT))
        except OSError:
            return 0
    return _USUAL_PORT


def _is_shown(address: str | None) -> bool:
    """Return whether a dashboard answers at an address: not every scheduler has one."""
    if not address:
        return False
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=_PATIENCE) as answer:
            return b"bokeh.min.js" in answer.read()  # not the page that reports missing packages
    except (OSError, ValueError):
        return False


def _require_package(client: "Client") -> None:
    """Refuse workers without this package, because each task would end one of them.

    Raises:
        InputError: A worker lacks the package, or does not answer in time.
    """

    def is_there() -> bool:
        import importlib.util

        return all(importlib.util.find_spec(name) for name in ("keras_astroattn", "pyarrow"))

    try:
        answers = client.sync(client.run, is_there, callback_timeout=_PATIENCE_WORKERS)
    except TimeoutError:
        raise InputError(
            f"--scheduler {client.scheduler.address}: its workers do not answer within "
            f"{_PATIENCE_WORKERS:.0f} s: restart them"
        ) from None
    without = [address for address, found in answers.items() if not found]
    if without:
        raise InputError(
            f"{len(without)} workers lack this package, the first at {without[0]}: "
            "pip install 'keras-astroattn[survey]' there"
        )
