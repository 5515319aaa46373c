"""`astroattn fetch`: get cutouts of a survey for a list of positions."""

import importlib.util
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keras_astroattn.errors import InputError

from .options import Columns
from .survey import parse_columns

_SHOWN = 5  # failures


def fetch(  # noqa: D417 - the columns are described in `options`
    *,
    positions: Path,
    survey: str,
    output: Path,
    size: Annotated[float | None, Parameter(validator=Number(gt=0, lte=120))] = None,
    columns: Columns = None,
    rate: Annotated[float, Parameter(validator=Number(gt=0, lte=5))] = 1.0,
    parallel: Annotated[int, Parameter(validator=Number(gte=1, lte=4))] = 2,
    service: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Fetch a FITS cutout of a survey for each position of a list.

    The folder gets one file for each source, and the table fetched.csv with the file, the status
    (fetched, no_coverage or failed) and the reason for each position. Every file is checked before
    it gets its name. The same command continues an interrupted run, and tries failed sources
    again. The exit status is 0 if there is at least one cutout, else 2.

    Args:
        positions: List of positions: CSV or ECSV file, FITS table, VOTable or Parquet file.
        survey: first, nvss, sumss, tgss, vlass, lotss, lotss-dr3, racs or racs-mid.
        output: Folder for the cutouts.
        size: Width of a cutout, arcmin. By default, the width that `astroattn classify` needs.
        rate: Most requests a second.
        parallel: Number of requests at a time.
        service: Address of a mirror of the survey's image service.
        overwrite: Fetch what is in the folder again.
    """
    for module in ("pyvo", "requests", "pyarrow"):
        if importlib.util.find_spec(module) is None:
            raise InputError(
                f"astroattn fetch needs {module}: pip install 'keras-astroattn[fetch]'"
            )
    if service is not None and not service.startswith(("http://", "https://")):
        raise InputError(f"--service {service} is not an address: it begins with https://")
    from keras_astroattn.fetch import FetchSettings, fetch_cutouts
    from keras_astroattn.fetch.download import Downloads
    from keras_astroattn.fetch.surveys import SERVICES, survey_named

    terms = SERVICES[survey_named(survey).service].terms
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    sources, without = _read_sources(positions, parse_columns(columns))
    if without:
        rows = "1 row" if without == 1 else f"{without} rows"
        console.print(f"{rows} of {positions}: no position on the sky", markup=False)
    settings = FetchSettings(survey, output, size, parallel, service, overwrite)
    bar = (TextColumn("fetching"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*bar, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(sources))
        counts, failures = fetch_cutouts(
            sources, settings, Downloads(rate), lambda: progress.advance(task)
        )
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console.print(f"{output}: {counts.total()} sources ({told})", markup=False)
    for failure in failures[:_SHOWN]:
        console.print(f"failed: {failure}", markup=False)
    if len(failures) > _SHOWN:
        console.print(f"... and {len(failures) - _SHOWN} more in {output / 'fetched.csv'}")
    if not counts["fetched"]:
        raise InputError(f"none of {counts.total()} sources has a cutout: see {output}/fetched.csv")
    console.print(f"{terms}.", markup=False)
    return 0


def _read_sources(path: Path, columns: dict[str, str]) -> tuple[list, int]:
    """Return the sources of a list, and the number of rows without a position."""
    from keras_astroattn.fetch import Source
    from keras_astroattn.survey.catalogue import open_catalogue
    from keras_astroattn.survey.column_mapping import POSITIONED, map_columns, read_positions

    catalogue = open_catalogue(path)
    mapping = map_columns(catalogue.schema, given=columns)
    found, without = [], 0
    for batch in catalogue.batches(mapping.names):
        positions = read_positions(batch, mapping)
        ids = batch.column(mapping.id).to_pylist() if mapping.id else [None] * batch.num_rows
        rows = zip(ids, positions.ra, positions.dec, positions.state, strict=True)
        for name, ra, dec, state in rows:
            if state == POSITIONED:
                found.append(Source("" if name is None else str(name), float(ra), float(dec)))
            else:
                without += 1
    if not found:
        raise InputError(f"{path} holds no position on the sky")
    return found, without
