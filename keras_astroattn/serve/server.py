"""Run the application on a port of this machine, until Ctrl-C."""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from keras_astroattn.errors import InputError

from .access import Access

_TOKEN_BYTES = 24
_BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """Listen on a port.

    Args:
        host: address; 127.0.0.1 is reached from this machine only.
        port: port; 0: any free one.

    Returns:
        The socket.

    Raises:
        InputError: The port is in use, or the address is not one of this machine.
    """
    try:
        ((family, kind, protocol, _, address), *_) = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(f"--host {host} is no address: {error.strerror}") from None
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise InputError(
            f"cannot listen on {host}, port {port}: {error.strerror}; name another --port, or 0 "
            "for any free one"
        ) from None
    return opened


def run(app: ASGIApp, opened: socket.socket, host: str, announce: Callable[[str], object]) -> None:
    """Serve an application to the page that is opened with a new token, until Ctrl-C.

    Args:
        app: the application.
        opened: a socket of `listen`.
        host: address that the socket listens on.
        announce: called with the address to open, when the server accepts connections.

    Raises:
        KeyboardInterrupt: The user pressed Ctrl-C.
    """
    token, port = secrets.token_urlsafe(_TOKEN_BYTES), opened.getsockname()[1]
    guarded = Access(app, token, host, port)
    server = uvicorn.Server(
        uvicorn.Config(
            guarded,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )
    logging.getLogger("uvicorn.error").addFilter(_is_defect)
    announce(f"http://{printed_host(host)}:{port}/?token={token}")
    server.run(sockets=[opened])


def _is_defect(record: logging.LogRecord) -> bool:
    """Return whether a message of the server is about a defect of the application.

    The others state that requests were cancelled at Ctrl-C.
    """
    error = record.exc_info[1] if record.exc_info else None
    return error is not None and not isinstance(error, asyncio.CancelledError)


def printed_host(host: str) -> str:
    """Return the host of the printed address."""
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
