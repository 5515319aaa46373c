"""Download a file politely: one pace for all threads, repeated after passing errors, limited."""

import email.utils
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from keras_astroattn.version import __version__

Result = TypeVar("Result")

LARGEST_FILE = 64 * 2**20
"""Most bytes of an answer: 300 times a field of FIRST."""

_NOTHING: Mapping = {}

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_DENIED = frozenset({401, 403})
_CHUNK = 65536
_LONGEST_WAIT = 300.0  # seconds that a service may ask to wait
_AGENT = f"keras-astroattn/{__version__} (astroattn fetch; python-requests)"


class FetchError(Exception):
    """A cutout could not be fetched; the message says why."""


class NoCoverage(FetchError):
    """The survey has no image at a position."""


class Denied(FetchError):
    """A service refuses the user."""


class Unreachable(FetchError):
    """A service failed as often as it was tried."""


class Stopped(Exception):
    """The command is ending."""


class Passing(Exception):
    """An error that may be gone later.

    Args:
        reason: the error.
        wait: seconds that the service asks to wait, or None.
    """

    def __init__(self, reason: str, wait: float | None = None):
        super().__init__(reason)
        self.wait = wait


class Downloads:
    """Requests to one service, from any number of threads.

    Args:
        rate: most requests a second, all threads together.
        tries: how often a request is tried.
        first_wait: seconds before the second try; doubled for each further one.
        timeout: longest silence of the service, seconds.
        longest: longest duration of one download, seconds.
        most_bytes: largest answer.
    """

    def __init__(
        self,
        rate: float = 1.0,
        *,
        tries: int = 4,
        first_wait: float = 2.0,
        timeout: float = 60.0,
        longest: float = 300.0,
        most_bytes: int = LARGEST_FILE,
    ):
        self._tries, self._first_wait = tries, first_wait
        self._timeout, self._longest, self._most = timeout, longest, most_bytes
        self._interval, self._next, self._lock = 1 / rate, 0.0, threading.Lock()
        self._ended = threading.Event()
        self._session = requests.Session()
        self._session.headers["User-Agent"] = _AGENT

    def __repr__(self) -> str:
        return f"Downloads({1 / self._interval:g} a second, {self._tries} tries)"

    def close(self) -> None:
        """End all downloads."""
        self._ended.set()
        self._session.close()

    def save(
        self,
        url: str,
        parameters: Mapping,
        path: Path,
        check: Callable[[Path], Result],
    ) -> tuple[str, Result]:
        """Download a file.

        Args:
            url: address.
            parameters: its query.
            path: file to write.
            check: called with the path of the complete file. `Passing` repeats the download.

        Returns:
            The whole address, and the result of `check`.

        Raises:
            FetchError: The service refuses the request, or failed as often as it was tried.
        """

        def once() -> tuple[str, Result]:
            with self._answer(url, parameters) as answer, path.open("wb") as file:
                for chunk in self._chunks(answer):
                    file.write(chunk)
            return answer.url, check(path)

        return self._repeated(once)

    def read(
        self,
        url: str,
        parameters: Mapping,
        parse: Callable[[bytes], Result],
        login: tuple[bytes, bytes] | None = None,
    ) -> Result:
        """Download and parse a small answer; errors as for `save`.

        Args:
            url: address.
            parameters: its query.
            parse: called with the answer. `Passing` repeats the download.
            login: user name and password.
        """

        def once() -> Result:
            with self._answer(url, parameters, auth=login) as answer:
                return parse(b"".join(self._chunks(answer)))

        return self._repeated(once)

    def post(self, url: str, parameters: Mapping = _NOTHING, form: Mapping = _NOTHING) -> str:
        """Send a form; return the address to which the service leads. Errors as for `save`."""

        def once() -> str:
            with self._answer(url, parameters, method="POST", data=form) as answer:
                return answer.url

        return self._repeated(once)

    def pause(self, seconds: float) -> None:
        """Let this thread wait.

        Raises:
            Stopped: `close` was called.
        """
        if self._ended.wait(seconds):
            raise Stopped

    def _repeated(self, once: Callable[[], Result]) -> Result:
        for number in range(self._tries):
            self._wait()
            try:
                return once()
            except Passing as error:
                reason, wait = str(error), error.wait
            if wait is not None and wait > _LONGEST_WAIT:
                raise Unreachable(f"{reason}; the service asks to come back in {wait:.0f} s")
            if number < self._tries - 1:
                self._hold(wait if wait is not None else self._first_wait * 2**number)
        raise Unreachable(f"{reason} ({self._tries} tries)")

    def _wait(self) -> None:
        """Wait for this thread's turn."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self._interval
        self.pause(start - now)

    def _hold(self, seconds: float) -> None:
        """Let all threads wait, because the service has trouble."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    @contextmanager
    def _answer(self, url: str, parameters: Mapping, method: str = "GET", **more):
        host = urlsplit(url).hostname
        limits = (self._timeout, self._timeout)
        try:
            answer = self._session.request(
                method, url, params=parameters, stream=True, timeout=limits, **more
            )
        except requests.Timeout:
            raise Passing(f"{host} did not answer within {self._timeout:g} s") from None
        except requests.ConnectionError:
            raise Passing(f"{host} cannot be reached") from None
        except requests.RequestException as error:
            raise FetchError(f"{host}: {error}") from None
        with answer:
            status = f"{host} answered {answer.status_code} {answer.reason}".strip()
            if answer.status_code in _PASSING:
                raise Passing(status, _asked_wait(answer.headers.get("Retry-After")))
            if answer.status_code == 204:
                raise NoCoverage(f"{host} has no image there")
            if not answer.ok:
                start = next(self._chunks(answer), b"")
                kind = Denied if answer.status_code in _DENIED else FetchError
                raise kind(f"{status}: {page_text(start)}".removesuffix(": "))
            yield answer

    def _chunks(self, answer: requests.Response):
        """Yield the bytes of an answer, within the limits of size and time."""
        begun, size = time.monotonic(), 0
        host = urlsplit(answer.url).hostname
        stated = answer.headers.get("Content-Length", "")
        too_large = f"{host} sent more than {self._most / 2**20:.0f} MiB: ask for a smaller --size"
        if stated.isdecimal() and int(stated) > self._most:
            raise FetchError(too_large)
        try:
            for chunk in answer.iter_content(_CHUNK):
                size += len(chunk)
                if size > self._most:
                    raise FetchError(too_large)
                if time.monotonic() - begun > self._longest:
                    raise Passing(f"{host} did not send all within {self._longest:g} s")
                if self._ended.is_set():
                    raise Stopped
                yield chunk
        except requests.RequestException:
            raise Passing(f"{host} cut the answer off after {size} bytes") from None


def _asked_wait(text: str | None) -> float | None:
    """Return the seconds of a header Retry-After: a number, or a date."""
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def page_text(page: bytes) -> str:
    """Return the first words of a page, without its tags."""
    text = page[:4000].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style)\b.*?(</\1>|$)|<[^>]*>", " ", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= 150 else text[:150] + " ..."
