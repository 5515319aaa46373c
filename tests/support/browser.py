"""A headless Chromium, driven by its DevTools protocol."""

import asyncio
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
_SECONDS = 60


class Tab:
    """A page that is open in the browser."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket):
        self._loop, self._socket, self._numbers = loop, socket, itertools.count(1)
        self.requests: list[str] = []

    def call(self, method: str, **parameters) -> dict:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._run(self._send(json.dumps(message)))
        while True:
            found = json.loads(self._run(self._receive()))
            if found.get("method") == "Network.requestWillBeSent":
                self.requests.append(found["params"]["request"]["url"])
            if found.get("id") == number:
                assert "error" not in found, found
                return found["result"]

    def evaluate(self, expression: str):
        found = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def open(self, address: str) -> None:
        self.call("Network.enable")
        self.call("Page.enable")
        self.call("Page.navigate", url=address)
        deadline = time.monotonic() + _SECONDS
        ready = f"document.readyState === 'complete' && location.href === {json.dumps(address)}"
        while not self.evaluate(ready):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    async def _send(self, text: str) -> None:
        await self._socket.write_message(text)

    async def _receive(self) -> str:
        return await self._socket.read_message()

    def _run(self, coroutine):
        return self._loop.run_until_complete(asyncio.wait_for(coroutine, _SECONDS))


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """Start Chromium with an empty profile, and end it."""
    from tornado.websocket import websocket_connect

    profile.mkdir()
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    process = subprocess.Popen(
        [CHROMIUM, *options, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    loop = asyncio.new_event_loop()
    try:
        port_file, deadline = profile / "DevToolsActivePort", time.monotonic() + _SECONDS
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < deadline, "chromium does not start"
            time.sleep(0.1)
        port = port_file.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            (page,) = [one for one in json.load(answer) if one["type"] == "page"]

        async def connect():
            return await websocket_connect(page["webSocketDebuggerUrl"], max_message_size=2**26)

        socket = loop.run_until_complete(connect())
        yield Tab(loop, socket)
        socket.close()
        loop.run_until_complete(asyncio.sleep(0.1))
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)
        loop.close()
