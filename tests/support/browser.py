"""Headless browsers: Chromium by its DevTools protocol, Firefox by WebDriver BiDi."""

import asyncio
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
needs_firefox = pytest.mark.skipif(FIREFOX is None, reason="no firefox on this machine")
BROWSERS = [
    pytest.param("chromium", marks=needs_chromium),
    pytest.param("firefox", marks=needs_firefox),
]
"""Parameters of a test that runs in each browser."""

_SECONDS = 180


class Tab:
    """A page that is open in a browser: the messages to it and from it.

    Attributes:
        requests: addresses that it has asked for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, socket):
        self._loop, self._socket, self._numbers = loop, socket, itertools.count(1)
        self.requests: list[str] = []

    def call(self, method: str, **parameters) -> dict:
        """The result of a command of the browser's protocol."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._run(self._send(json.dumps(message)))
        while True:
            found = json.loads(self._run(self._receive()))
            if found.get("method") in ("Network.requestWillBeSent", "network.beforeRequestSent"):
                self.requests.append(found["params"]["request"]["url"])
            if found.get("id") == number:
                assert "error" not in found, found
                return found["result"]

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + _SECONDS
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, expression
            time.sleep(0.05)

    async def _send(self, text: str) -> None:
        await self._socket.write_message(text)

    async def _receive(self) -> str:
        return await self._socket.read_message()

    def _run(self, waited):
        return self._loop.run_until_complete(asyncio.wait_for(waited, _SECONDS))


class ChromiumTab(Tab):
    """A page in Chromium."""

    def evaluate(self, expression: str):
        """The value of an expression; one that is a promise is waited for."""
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def open(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.call("Network.enable")
        self.call("Page.enable")
        found = self.call("Page.navigate", url=address)  # returns when the new page begins
        assert "errorText" not in found, found
        self.until("document.readyState === 'complete'")


class FirefoxTab(Tab):
    """A page in Firefox."""

    def begin(self) -> None:
        """Begin a session, which the browser has one of."""
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["network.beforeRequestSent"])
        (first, *_) = self.call("browsingContext.getTree")["contexts"]
        self._context = first["context"]

    def evaluate(self, expression: str):
        """The value of an expression; one that is a promise is waited for."""
        found = self.call(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})) ?? 'null')()",
            target={"context": self._context},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"]["value"])

    def press(self, key: str) -> None:
        """Press a key."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": keys}]
        self.call("input.performActions", context=self._context, actions=actions)

    def open(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.call("browsingContext.navigate", context=self._context, url=address, wait="complete")


@contextmanager
def browser(profile: Path, name: str = "chromium") -> Iterator[Tab]:
    """Start a browser with an empty profile, and end it."""
    from tornado.websocket import websocket_connect

    profile.mkdir()
    program, tab_of, options, socket_of = {
        "chromium": (CHROMIUM, ChromiumTab, _of_chromium(profile), _socket_of_chromium),
        "firefox": (FIREFOX, FirefoxTab, _of_firefox(profile), _socket_of_firefox),
    }[name]
    process = subprocess.Popen(
        [program, *options, "--headless", "--remote-debugging-port=0", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    loop = asyncio.new_event_loop()
    try:
        address = _when_there(lambda: socket_of(profile))

        async def connect():
            return await websocket_connect(address, max_message_size=2**26)

        socket = loop.run_until_complete(connect())
        tab = tab_of(loop, socket)
        if name == "firefox":
            tab.begin()
        yield tab
        socket.close()
        loop.run_until_complete(asyncio.sleep(0.1))
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)
        loop.close()


def _when_there(find: Callable[[], str | None]) -> str:
    deadline = time.monotonic() + _SECONDS
    while (found := find()) is None:
        assert time.monotonic() < deadline, "the browser does not start"
        time.sleep(0.1)
    return found


def _of_chromium(profile: Path) -> list[str]:
    return ["--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]


def _socket_of_chromium(profile: Path) -> str | None:
    port_file = profile / "DevToolsActivePort"
    if not (port_file.exists() and port_file.read_text().count("\n")):
        return None
    port = port_file.read_text().split()[0]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            pages = [one for one in json.load(answer) if one["type"] == "page"]
    except OSError:
        return None
    return pages[0]["webSocketDebuggerUrl"] if pages else None  # it opens after the port


def _of_firefox(profile: Path) -> list[str]:
    return ["--no-remote", "--profile", str(profile)]


def _socket_of_firefox(profile: Path) -> str | None:
    try:
        found = json.loads((profile / "WebDriverBiDiServer.json").read_text())
    except (OSError, ValueError):
        return None
    return f"ws://{found['ws_host']}:{found['ws_port']}/session"
