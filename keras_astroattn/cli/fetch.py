"""`astroattn fetch`: get cutouts of a survey for a list of positions."""

import getpass
import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_astroattn.errors import InputError

from .options import Columns
from .positions import read_places
from .survey import parse_columns

_SHOWN = 5  # failures
_PASSWORD = "ASTROATTN_CASDA_PASSWORD"


def fetch(  # noqa: D417 - the columns are described in `options`
    *,
    survey: str,
    output: Path,
    positions: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    position: Annotated[list[str] | None, Parameter(allow_leading_hyphen=True)] = None,
    size: Annotated[float | None, Parameter(validator=Number(gt=0, lte=120))] = None,
    columns: Columns = None,
    rate: Annotated[float, Parameter(validator=Number(gt=0, lte=5))] = 1.0,
    parallel: Annotated[int, Parameter(validator=Number(gte=1, lte=4))] = 2,
    service: str | None = None,
    user: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Fetch a FITS cutout of a survey for each position of a list.

    The folder gets one file for each source, and the table fetched.csv with the file, the status
    (fetched, no_coverage or failed) and the reason for each position. Every file is checked before
    it gets its name. The same command continues an interrupted run, and tries failed sources
    again. The exit status is 0 if there is at least one cutout, else 2.

    Args:
        survey: first, nvss, sumss, tgss, vlass, lotss, lotss-dr3, racs, racs-mid, casda-racs or
            casda-emu.
        output: Folder for the cutouts.
        positions: File of positions: a catalogue, DS9 or CASA regions, or a text with one
            position a line, as for `astroattn classify`; "-" is the standard input.
        position: Position of a source, RA,DEC, in degrees or sexagesimal; may be repeated.
        size: Width of a cutout, arcmin. By default, the width that `astroattn classify` needs.
        rate: Most requests a second.
        parallel: Number of requests at a time.
        service: Address of a mirror of the survey's image service.
        user: User name at CASDA, for casda-racs and casda-emu. The password is asked for, or read
            from the environment variable ASTROATTN_CASDA_PASSWORD.
        overwrite: Fetch the cutouts in the folder again.
    """
    for module in ("pyvo", "requests"):
        if importlib.util.find_spec(module) is None:
            raise InputError(
                f"astroattn fetch needs {module}: pip install 'keras-astroattn[fetch]'"
            )
    if service is not None and not service.startswith(("http://", "https://")):
        raise InputError(f"--service {service} is not an address: it begins with https://")
    from keras_astroattn.fetch import Downloads, FetchSettings, Login, Source, fetch_cutouts
    from keras_astroattn.fetch.surveys import SERVICES, survey_named

    asked = SERVICES[survey_named(survey).service]
    needs_login = asked.login is not None
    if needs_login != (user is not None):
        remedy = "give --user NAME" if needs_login else "leave --user out"
        raise InputError(f"--survey {survey} needs {'a' if needs_login else 'no'} login: {remedy}")
    if needs_login and service is not None:
        raise InputError(f"--service: the password is sent to {asked.title} only: leave it out")
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    places = read_places(position or [], positions, parse_columns(columns))
    sources = [Source(one.name, *one.position) for one in places if one.position]
    if not sources:
        raise InputError("no position on the sky: give --positions FILE or --position RA,DEC")
    if len(sources) < len(places):
        console.print(f"{len(places) - len(sources)} rows have no position on the sky")
    login = Login(user, _password(user)) if user else None
    settings = FetchSettings(survey, output, size, parallel, service, overwrite, login)
    bar = (TextColumn("fetching"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*bar, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(sources))
        counts, failures = fetch_cutouts(
            sources, settings, Downloads(rate), lambda: progress.advance(task)
        )
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console.print(f"{output}: {counts.total()} sources ({statuses})", markup=False)
    for failure in failures[:_SHOWN]:
        console.print(f"failed: {failure}", markup=False)
    if len(failures) > _SHOWN:
        console.print(
            f"... and {len(failures) - _SHOWN} more in {output}/fetched.csv", markup=False
        )
    if not counts["fetched"]:
        raise InputError(f"none of {counts.total()} sources has a cutout: see {output}/fetched.csv")
    console.print(f"{asked.terms}.", markup=False)
    return 0


def _password(user: str) -> str:
    """Return the password of a user, from the environment or the terminal."""
    password = os.environ.get(_PASSWORD)
    if password is None and sys.stdin.isatty():
        password = getpass.getpass(f"Password of {user}: ")
    if not password:
        raise InputError(
            f"--user {user} has no password: set {_PASSWORD}, or give it at a terminal"
        )
    return password
