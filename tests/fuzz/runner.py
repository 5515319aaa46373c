"""Run a target on one file in a process of its own, and say what became of it."""

import contextlib
import json
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from keras_astroattn.errors import InputError

OUTCOMES = ("right", "refused", "traceback", "crash", "hang", "memory", "reach")
"""`right`: an answer; `refused`: one clear line; `reach`: code run or an address asked for."""

LONGEST = 20.0  # seconds
LARGEST = 2**30  # bytes that a file may take beyond what the process had
_ADDRESS_SPACE = 12 * 2**30
_FORBIDDEN = ("socket.connect", "socket.getaddrinfo", "os.system", "os.exec", "subprocess.Popen",
              "os.posix_spawn", "os.spawn", "urllib.Request", "webbrowser.open")  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        kind: One of `OUTCOMES`.
        detail: The message, or where the traceback ends.
    """

    kind: str
    detail: str = ""


class Refused(Exception):
    """A command ended with status 2; the message is its line."""


def run_alone(target: Callable[[Path], object], path: Path, longest: float = LONGEST) -> Outcome:
    """Run a target on a file in a forked process.

    Args:
        target: Returns for an answer; raises `InputError` or `Refused` for a refusal.
        path: The file.
        longest: Seconds after which it hangs.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        _in_child(target, path, sending)
    os.close(sending)
    started = time.monotonic()
    said = b""
    try:
        while time.monotonic() - started < longest:
            if select.select([receiving], [], [], 0.5)[0]:
                part = os.read(receiving, 65536)
                if not part:
                    break
                said += part
        else:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Outcome("hang", f"{longest:.0f} s")
    finally:
        os.close(receiving)
    _, status, usage = os.wait4(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it left behind
    before, _, said = said.partition(b"\n")
    taken = 1024 * usage.ru_maxrss - int(before or 0)
    if taken > LARGEST:
        return Outcome("memory", f"{taken / 2**30:.1f} GiB")
    if status != 0 or not said:
        return Outcome("crash", f"status {os.waitstatus_to_exitcode(status)}")
    return Outcome(*json.loads(said))


def _in_child(target: Callable[[Path], object], path: Path, sending: int) -> None:
    """Run the target, write the outcome as JSON to a pipe, and end the process."""
    os.setpgid(0, 0)
    # Before the target runs; a process that was just forked has fewer pages than its parent.
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    os.write(sending, b"%d\n" % (pages * resource.getpagesize()))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    reached = []
    sys.addaudithook(
        lambda event, arguments: reached.append(event) if event in _FORBIDDEN else None
    )
    try:
        target(path)
        outcome = ("right", "")
    except (InputError, Refused) as error:
        message = str(error)
        outcome = ("refused", message) if "\n" not in message else ("traceback", message)
    except MemoryError:
        outcome = ("memory", "MemoryError")
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{'/'.join(Path(last.filename).parts[-3:])}:{last.lineno}"
        outcome = ("traceback", f"{type(error).__name__} at {place}: {str(error)[:200]}")
    if reached:
        outcome = ("reach", ", ".join(sorted(set(reached))))
    with contextlib.suppress(OSError):
        os.write(sending, json.dumps(outcome).encode())
    os._exit(0)
