"""Who may talk to the server: only requests to its own address, from its own page, with the token.

A web page that the user has open in the same browser can send requests to 127.0.0.1. The checks of
Host, Origin and Sec-Fetch-Site refuse them; Host also refuses names that an attacker's name server
resolves to 127.0.0.1 (DNS rebinding).
"""

import hmac
import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer."""

LOCAL = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine reaches."""


def host_names(host: str) -> frozenset[str]:
    """Return the names by which a server at an address may be called.

    Args:
        host: address that the server listens on.
    """
    named = {host.lower()}
    if host in LOCAL:
        named.update(LOCAL)
    else:
        named.update((socket.gethostname().lower(), socket.getfqdn().lower()))
    return frozenset(named)


class Access:
    """Refuse all requests but those of the page to which the user opened the printed address.

    Args:
        app: the application.
        token: the secret of the printed address.
        host: address that the server listens on.
        port: its port.
    """

    def __init__(self, app: ASGIApp, token: str, host: str, port: int):
        self._app, self._token, self._port = app, token, port
        self._names = host_names(host)
        self._any_address = host not in LOCAL
        self.cookie = f"astroattn-{port}"  # cookies are not kept apart by port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        opens = self._opens(scope) and self._is_known_host(headers.getlist("host"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    answered[name] = value
                if opens and refused is None:
                    answered.append("Set-Cookie", self._new_cookie())
            await send(message)

        refused = self._refusal(headers, opens)
        answer = self._app if refused is None else PlainTextResponse(refused, 403)
        await answer(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers, opens: bool) -> str | None:
        """Return why a request is refused; None if it is not."""
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if not self._is_known_host(hosts):
            return "This is not the address of this server."
        if origins not in ([], [f"http://{hosts[0]}"]):
            return "Another page sent this request."
        if opens:
            return None
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "Another page sent this request."
        if not self._has_token(headers):
            return "Open the address that astroattn serve printed, with its token."
        return None

    def _opens(self, scope: Scope) -> bool:
        """Return whether a request opens the page by the printed address."""
        if scope["path"] != "/" or scope["method"] != "GET":
            return False
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return len(given) == 1 and self._is_token(given[0])

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given):
            return True
        return self._is_token(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""))

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode())

    def _new_cookie(self) -> str:
        return f"{self.cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"

    def _is_known_host(self, hosts: Collection[str]) -> bool:
        if len(hosts) != 1:
            return False
        name, _, port = hosts[0].rpartition(":") if _has_port(hosts[0]) else (hosts[0], "", "80")
        name = name.removeprefix("[").removesuffix("]").lower()
        return port == str(self._port) and (
            name in self._names or (self._any_address and _is_address(name))
        )


def _has_port(host: str) -> bool:
    return ":" in host and not host.endswith("]")


def _is_address(name: str) -> bool:
    """Return whether a name is an IP address, which no name server can point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
