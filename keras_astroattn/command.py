"""Run the commands of the project and report their errors."""

import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

import cyclopts
from rich.console import Console

from keras_astroattn.errors import InputError

_BROKEN_PIPE = 128 + signal.SIGPIPE
_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)
"""Errors of a closed or full standard output."""

_REFUSED = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR, errno.ENOTDIR),
    *(errno.ENOSPC, errno.EDQUOT),
)
"""Errors of a file or folder that the system refuses to read or to write."""


class Ended(KeyboardInterrupt):
    """A signal asked the process to end; cleanup is as for Ctrl-C.

    Args:
        number: number of the signal.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


def new_app(name: str, **options: Any) -> cyclopts.App:
    """Return the app of a command, without options that the user has no use for.

    These are `--version`, unless `options` names it, and an option `--empty-...` for each list.

    Args:
        name: how the command is called.
        **options: options of `cyclopts.App`.
    """
    plain = cyclopts.Parameter(negative_iterable=())
    return cyclopts.App(name, **{"version_flags": [], "default_parameter": plain} | options)


def run_app(app: cyclopts.App, arguments: Sequence[str] | None = None) -> int:
    """Run a cyclopts app and return its exit status.

    An error that the user can correct (a wrong option, an `InputError`, a file without permission,
    a full disk) is printed as one line on the standard error, without a traceback. Characters that
    the encoding of the standard output lacks are written as escapes.

    Args:
        app: the command.
        arguments: arguments of the command line; by default those of this process.

    Returns:
        The integer that the command returned, otherwise 0; 2 after an error that the user can
        correct; 128 + the signal's number after Ctrl-C, SIGTERM or SIGHUP, and if the reader of
        the standard output is gone (`| head`).
    """
    _prepare_streams()
    app.suppress_keyboard_interrupt = False  # otherwise cyclopts ends the process itself
    try:
        with _raising_signals():
            status = app(
                arguments,
                exit_on_error=False,
                print_error=False,
                result_action="return_value",
            )
            sys.stdout.flush()
    except (cyclopts.CycloptsError, InputError) as error:
        _say(f"error: {' '.join(str(error).split())}")
        return 2
    except KeyboardInterrupt as error:
        number = error.number if isinstance(error, Ended) else signal.SIGINT
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        _say(f"interrupted{by}")
        return 128 + number
    except OSError as error:
        if error.filename is not None and error.errno in _REFUSED:
            _say(f"error: {error.filename}: {error.strerror}")
            return 2
        if error.errno not in _UNWRITABLE or error.filename is not None:
            raise
        if error.errno == errno.EPIPE:
            return _BROKEN_PIPE
        _say(f"error: the output cannot be written: {error.strerror}")
        return 2
    finally:
        _finish(sys.stdout)
    return status if isinstance(status, int) else 0


def _prepare_streams() -> None:
    """Open the standard streams that are closed, and let them write any character."""
    for name, mode in (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            # Opened at the stream's own number, which the next opened file would get. This
            # standard output is not writable, so a command that needs it reports that.
            descriptor = os.open(os.devnull, mode)
            setattr(sys, name, open(descriptor, "r" if name == "stdin" else "w"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _raising_signals() -> Iterator[None]:
    """Raise `Ended` at SIGTERM and SIGHUP inside the block, unless they are ignored (`nohup`)."""

    def end(number: int, frame: object) -> None:
        raise Ended(number)

    numbers = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if threading.current_thread() is threading.main_thread()
        and signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _say(line: str) -> None:
    """Print a line on the standard error, if it is open."""
    with contextlib.suppress(OSError):
        Console(stderr=True, soft_wrap=True, highlight=False).print(line, markup=False)


def _finish(stream: TextIO) -> None:
    """Flush a stream; if this fails, discard the rest, so that Python does not report it."""
    try:
        stream.flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
