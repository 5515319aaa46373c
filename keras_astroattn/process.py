"""What a process has, and what it is set to before it works."""

import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import signal
import sys
import threading
from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT = 64 * 2**20
_LARGEST_KEPT = 32 * 2**20  # glibc takes no more


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Let this process use the memory that it freed again, up to 64 MiB of it.

    Around every source some fifty arrays of up to 400 kB come and go. glibc would take each
    from the kernel, page by page: 300 page faults to measure the noise of one field, and 1100
    in a worker of Dask, which asks glibc to give everything back at once
    (`MALLOC_TRIM_THRESHOLD_`). That was 6 of 16.8 ms processor time a source. Nothing happens
    where the C library is another one.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def follow_parent() -> None:
    """Make a worker process end with the process that started it, however that ends.

    Call this in the worker, which `multiprocessing` started. A worker would otherwise wait for
    work for ever, and hold the standard output, when its parent is killed by a signal. Ctrl-C is
    left to the parent, too: a terminal sends it to all of them.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=wait, name="follow-parent", daemon=True).start()


def shield_workers() -> None:
    """Keep Ctrl-C, and complaints about an abrupt end, from processes that this thread starts.

    A terminal sends Ctrl-C to workers, too, and one that is just starting would answer with a
    traceback. A signal that is blocked in this thread is blocked in the processes it starts.
    """
    # This process of `multiprocessing` warns when the command is killed; and its start unblocks
    # the signal again, so it comes first.
    sys.warnoptions.append("ignore:resource_tracker")
    try:
        multiprocessing.resource_tracker.ensure_running()
    finally:
        sys.warnoptions.pop()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ended_by_signals(message: str) -> Iterator[None]:
    """End this process at once, with one line, when a signal interrupts the block.

    The signals are SIGINT (Ctrl-C), SIGTERM and SIGHUP. No exception is raised and nothing is
    cleaned up, because an exception in the middle of an import, of a callback or of the start of
    a cluster cannot be handled well. So use this only for work that can be killed at any moment.
    In a thread that is not the main one, signals are left as they are.

    Args:
        message: the line for the standard error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        # A progress bar may have hidden the cursor, in the middle of a line.
        clear = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{clear}{message}\n".encode())
        os._exit(128 + number)

    heard = [n for n in _ENDING_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]  # nohup
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def quiet_native_logs() -> Iterator[None]:
    """Silence what compiled code writes to the standard error inside the block.

    TensorFlow reports processors and drivers it did not find, straight to the file
    descriptor and before any of its logging options hold. Use this around its import
    only: Python's own errors are raised as ever. Later messages below fatal are left
    out too, unless `TF_CPP_MIN_LOG_LEVEL` is set.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
