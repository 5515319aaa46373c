"""Report the progress of a survey on a terminal or in the log of a batch job."""

import math
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

_LINE_EVERY = 60.0  # seconds between lines without a terminal
_PATIENCE = 10.0  # seconds that workers may take to start


class Progress:
    """Reporter of progress on a console: a bar on a terminal, otherwise a line a minute.

    Use it as a context manager.

    Args:
        console: the console.
    """

    def __init__(self, console: Console):
        self._console = console
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = None
        self._total: int | None = None
        self._done = self._before = 0
        self._begun = self._line_at = 0.0
        self._alone_since: float | None = None

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def indexing(self, tiles: int) -> None:
        """Start to report read headers, of `tiles` in all."""
        self._start("reading headers", tiles)

    def indexed(self, done: int) -> None:
        """Report the number of tiles whose headers are read."""
        self._advance_to(done)

    def planning(self, rows: int | None) -> None:
        """Start to report read rows, of `rows` in all if this is known."""
        self._start("assigning sources to tiles", rows)

    def planned(self, done: int) -> None:
        """Report the number of rows that are read."""
        self._advance_to(done)

    def injecting(self, sources: int) -> None:
        """Start to report injected sources, of `sources` in all."""
        self._start("injecting sources", sources)

    def injected(self, done: int) -> None:
        """Report the number of injected sources that are classified."""
        self._advance_to(done)

    def scoring(self, rows: int, done: int, unreadable: list) -> None:
        """Start to report scored rows: `rows` in all, of which `done` are on disk already."""
        if unreadable:
            path, error = unreadable[0]
            self.say(f"{len(unreadable)} tiles cannot be read; the first: {path}: {error}")
        if done:
            self.say(f"going on: {done} of {rows} rows are done")
        self._start("scoring", rows, done)

    def scored(self, rows: int) -> None:
        """Report that more rows are scored."""
        self._advance_to(self._done + rows)

    def workers(self, threads: int) -> None:
        """Report the number of threads of all workers; say so if there is none for 10 s."""
        now = time.monotonic()
        if threads or self._alone_since is None:
            self._alone_since = None if threads else now
        elif now - self._alone_since > _PATIENCE:
            self.say("no worker is there: waiting for one")
            self._alone_since = math.inf

    def dashboard(self, address: str | None) -> None:
        """Show the address of the dashboard."""
        if address:
            self.say(f"dashboard: {address}")

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _start(self, what: str, total: int | None, done: int = 0) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._what, self._total, self._done, self._before = what, total, done, done
        self._begun = self._line_at = time.monotonic()
        self._task = self._bar.add_task(what, total=total, completed=done, note="")

    def _advance_to(self, done: int) -> None:
        self._done = done
        now = time.monotonic()
        note = self._note(now)
        self._bar.update(self._task, completed=done, note=note)
        if not self._console.is_terminal and now - self._line_at >= _LINE_EVERY:
            self._line_at = now
            of = f" of {self._total}" if self._total else ""
            self.say(f"{self._what}: {done}{of}, {note}")

    def _note(self, now: float) -> str:
        rate = (self._done - self._before) / max(now - self._begun, 1e-6)
        note = f"{rate:.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
        if self._total and rate > 0:
            note += f", {_duration((self._total - self._done) / rate)} left"
        return note


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
