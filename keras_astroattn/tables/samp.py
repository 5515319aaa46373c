"""Send a table to the programs on this desktop that speak SAMP, such as TOPCAT and Aladin.

A SAMP hub runs in TOPCAT or Aladin. The messages stay on this machine.
"""

import contextlib
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from keras_astroattn.errors import InputError

from .readers import Table, read_table
from .writers import write_table

LOAD = "table.load.votable"
"""Message that asks a program to load a VOTable."""

TIMEOUT = 60
"""Seconds that a program may take to load the table."""


def require_receiver(receiver: str | None = None) -> None:
    """Refuse to begin where no program could take a table.

    Args:
        receiver: name of the program, in upper or lower case; None: any.

    Raises:
        InputError: No hub runs, or no such program is connected to it.
    """
    with _connected() as client:
        _receivers(client, receiver)


def send_table(path: Path, receiver: str | None = None) -> list[str]:
    """Send a table in any format to the programs that take tables.

    Args:
        path: file or folder that `read_table` reads; anything but a VOTable is converted.
        receiver: name of the one program that gets it, in upper or lower case; None: all.

    Returns:
        Names of the programs that have loaded it.

    Raises:
        InputError: The table cannot be read or sent.
    """
    if path.suffix.lower() == ".vot":
        if not path.is_file():
            raise InputError(f"{path} does not exist: name the table that astroattn wrote")
        return send_votable(path, path.name, receiver)
    return send_rows(read_table(path), path.name, receiver)


def send_rows(table: Table, name: str, receiver: str | None = None) -> list[str]:
    """Send a table in memory to the programs that take tables.

    Args:
        table: the table.
        name: its name in these programs.
        receiver: name of the one program that gets it, in upper or lower case; None: all.

    Returns:
        Names of the programs that have loaded it.

    Raises:
        InputError: The table cannot be sent.
    """
    with tempfile.TemporaryDirectory(prefix="astroattn-") as folder:
        votable = Path(folder) / "table.vot"
        write_table(votable, table.columns, table.batches())
        return send_votable(votable, name, receiver)


def send_votable(path: Path, name: str, receiver: str | None = None) -> list[str]:
    """Send a VOTable to the programs that take tables, and wait until they have loaded it.

    Args:
        path: the file. It may be deleted after the call.
        name: name of the table in these programs.
        receiver: name of the one program that gets it, in upper or lower case; None: all.

    Returns:
        Names of the programs that have loaded it.

    Raises:
        InputError: No hub runs, no such program is connected to it, or none could load the table.
    """
    samp = _samp()
    url = path.resolve().as_uri()
    message = {"samp.mtype": LOAD, "samp.params": {"url": url, "table-id": url, "name": name}}
    loaded, failed = [], []
    with _connected() as client:
        for identity, program in _receivers(client, receiver).items():
            try:
                answer = client.call_and_wait(identity, message, str(TIMEOUT))
            except (samp.SAMPHubError, samp.SAMPProxyError, OSError) as error:
                failed.append(f"{program}: {_line(error)}")
                continue
            if answer.get("samp.status") == "samp.error":
                reason = answer.get("samp.error", {}).get("samp.errortxt", "no reason given")
                failed.append(f"{program}: {_line(reason)}")
            else:
                loaded.append(program)
    if not loaded:
        raise InputError(f"the table could not be sent over SAMP: {'; '.join(failed)}")
    return loaded


def _samp() -> ModuleType:
    """Return the SAMP library: that of pyvo, or the deprecated one of astropy that it came from."""
    with contextlib.suppress(ImportError):
        from pyvo import samp

        if hasattr(samp, "SAMPIntegratedClient"):  # not before pyvo 1.9
            return samp
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from astropy import samp

    return samp


@contextlib.contextmanager
def _connected() -> Iterator[Any]:
    samp = _samp()
    # Nothing but this machine is asked, so that it works without a network.
    with samp.conf.set_temp("use_internet", False):
        client = samp.SAMPIntegratedClient(
            "astroattn", "Classified radio galaxies", addr="127.0.0.1", callable=False
        )
        try:
            client.connect()
        except (samp.SAMPHubError, OSError) as error:
            raise InputError(
                f"no SAMP hub runs ({_line(error)}): open TOPCAT or Aladin first"
            ) from None
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):  # the hub has gone since
                client.disconnect()


def _receivers(client: Any, receiver: str | None) -> Mapping[str, str]:
    """Return the names of the programs that take tables, by their identity at the hub."""
    found = {
        identity: str(client.get_metadata(identity).get("samp.name", identity))
        for identity in client.get_subscribed_clients(LOAD)
    }
    if not found:
        raise InputError("no program at the SAMP hub takes tables: open TOPCAT or Aladin first")
    if receiver is None:
        return found
    chosen = {key: name for key, name in found.items() if name.lower() == receiver.lower()}
    if not chosen:
        names = ", ".join(sorted(found.values()))
        raise InputError(f"no {receiver!r} at the SAMP hub takes tables: there are {names}")
    return chosen


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
