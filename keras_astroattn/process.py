"""Resources and settings of a process: cores, memory, signals and native logs."""

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
from pathlib import Path

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # from glibc's malloc.h
_KEPT = 64 * 2**20
_LARGEST_KEPT = 32 * 2**20  # the largest value that glibc accepts


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Let this process reuse freed memory, up to 64 MiB, instead of returning it to the system.

    Around every source some fifty arrays of up to 400 kB are created and freed. glibc would
    request each from the kernel, page by page: 300 page faults to measure the noise of one field,
    and 1100 in a worker of Dask, which makes glibc return all memory at once
    (`MALLOC_TRIM_THRESHOLD_`). This takes 6 of 16.8 ms processor time for each source. With
    another C library this function does nothing.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _LARGEST_KEPT)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)


def follow_parent() -> None:
    """Make a worker process end with its parent process.

    Call this in a worker that `multiprocessing` started. Otherwise a worker would wait for work
    for ever, and hold the standard output, if a signal kills its parent. The worker ignores
    Ctrl-C, because a terminal sends it to the parent too.
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
    """Keep Ctrl-C, and warnings about an abrupt end, from processes that this thread starts.

    A terminal sends Ctrl-C to workers too, and a starting worker would print a traceback. A
    signal that is blocked in this thread is blocked in the processes that it starts.
    """
    # The resource tracker of `multiprocessing` warns if the command is killed. Its start unblocks
    # the signal, so it is started first.
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
    cleaned up, because an exception during an import, a callback or the start of a cluster cannot
    be handled well. So use this only for work that can be killed at any moment. In a thread other
    than the main one, signals are unchanged.

    Args:
        message: the line for the standard error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        # A progress bar may have hidden the cursor in the middle of a line.
        clear = "\r\x1b[K\x1b[?25h" if os.isatty(2) else ""
        with contextlib.suppress(OSError):
            os.write(2, f"{clear}{message}\n".encode())
        # Without this process, a worker that is starting prints a traceback: one that exists is
        # killed, and one that another thread starts from now on has no standard error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        _kill_children()
        os._exit(128 + number)

    heard = [n for n in _ENDING_SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]  # nohup
    before = {number: signal.signal(number, end) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _kill_children() -> None:
    """Kill the processes that this process started, where the system lists them in /proc."""
    killed: set[int] = set()
    while found := _children() - killed:
        for child in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        killed |= found


def _children() -> set[int]:
    children = set()
    for thread in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended
            children |= {int(number) for number in thread.read_text().split()}
    return children


@contextlib.contextmanager
def quiet_native_logs() -> Iterator[None]:
    """Silence the output of compiled code to the standard error inside the block.

    TensorFlow reports missing processors and drivers directly to the file descriptor, before
    its logging options apply. Use this only around its import: Python's own errors are raised as
    usual. Later messages below fatal are suppressed too, unless `TF_CPP_MIN_LOG_LEVEL` is set.
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
