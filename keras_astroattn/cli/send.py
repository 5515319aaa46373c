"""`astroattn send`: send a table of results to TOPCAT, Aladin and other programs, by SAMP."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from keras_astroattn.tables.samp import require_receiver, send_table


def send(table: Path, /, *, to: Annotated[str | None, Parameter(name="--to")] = None) -> None:
    """Send a table to the programs on this desktop that take tables.

    TOPCAT or Aladin must be open: the SAMP hub that passes the table on runs in them.

    Args:
        table: Table that `astroattn classify` or `survey-summary --export` wrote, or the folder
            of `astroattn survey`.
        to: Name of the one program that gets it, such as topcat. By default, all.
    """
    require_receiver(to)
    report_sent(table, to)


def report_sent(table: Path, to: str | None) -> None:
    """Send a table and print the names of the programs that have loaded it."""
    programs = ", ".join(send_table(table, to))
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"{table}: sent to {programs}", markup=False)
