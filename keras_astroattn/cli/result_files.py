"""The files of results of `astroattn classify`.

Rows come from an iterator and are never all in memory. A file gets its name only when it is
complete.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from keras_astroattn.errors import InputError
from keras_astroattn.tables import (
    COLUMNS,
    EXPLANATION_COLUMNS,
    PICTURE,
    Column,
    Provenance,
    Row,
    batches_of,
    require_region_writer,
    require_writer,
    stream_csv,
    write_regions,
    write_table,
)


def columns_of(explain: bool) -> tuple[Column, ...]:
    """Return the columns of a table of image files, explained or not."""
    return (*COLUMNS, PICTURE, *(EXPLANATION_COLUMNS if explain else ()))


def require_outputs(
    output: Path | None, regions: Path | None, resume: bool, overwrite: bool
) -> None:
    """Refuse a table and regions that cannot be written, before anything is computed.

    Args:
        output: path of the table, or None.
        regions: path of the regions, or None.
        resume: whether a run is continued.
        overwrite: whether files may be replaced.

    Raises:
        InputError: A file cannot be written, the regions exist and may not be replaced, or an
            option needs --output.
    """
    if output is not None:
        require_writable(output)
    elif resume or regions:
        option = "--resume" if resume else "--regions"
        raise InputError(f"{option} needs --output: name the results file")
    if regions is not None:
        require_writable(regions, "--regions")
        if regions.exists() and not (overwrite or resume):
            raise InputError(f"--regions {regions} exists: add --overwrite to replace it")


def require_writable(path: Path, option: str = "--output") -> None:
    """Refuse a file of results that cannot be written, before anything is computed.

    Args:
        path: path of the file.
        option: option that names it: "--output" for a table, "--regions" for regions.

    Raises:
        InputError: The suffix is not that of a known format, the format needs a package that is
            not installed, or the folder is not writable.
    """
    (require_region_writer if option == "--regions" else require_writer)(path, option)
    if path.is_dir():
        raise InputError(f"{option} {path} is a folder: name a file")
    require_folder(path, option)


def require_folder(path: Path, option: str) -> None:
    """Refuse a file in a folder that is not writable.

    Args:
        path: path of the file.
        option: option that names it, for the message.

    Raises:
        InputError: The folder does not exist or is not writable.
    """
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{option} {path} cannot be written: {error.strerror}") from None


def beside(table: Path, suffix: str) -> Path:
    """Return the path of a file next to a table: the table's name with another suffix.

    Args:
        table: file, or folder of a survey; it may be ".".
        suffix: the suffix, with its dot.
    """
    named = table.resolve() if table.name in ("", "..") else table
    return named.parent / f"{named.name if table.is_dir() else named.stem}{suffix}"


def write_results(
    path: Path,
    rows: Iterable[Row],
    explain: bool = False,
    provenance: Provenance | None = None,
) -> None:
    """Write a table in the format that the ending of `path` names, atomically.

    Raises:
        InputError: The file is not writable (for example, the disk is full).
    """
    try:
        columns = columns_of(explain)
        write_table(path, columns, batches_of(columns, rows), provenance)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror or error}; correct that, then add --resume"
        ) from None


def write_region_file(path: Path, rows: Iterable[Row]) -> None:
    """Write the regions of a table, in the format that the ending of `path` names, atomically.

    Raises:
        InputError: The file is not writable.
    """
    try:
        write_regions(path, rows)
    except OSError as error:
        raise InputError(
            f"--regions {path} cannot be written: {error.strerror or error}; correct that, then "
            "add --resume"
        ) from None


def write_csv_rows(file: IO[str], rows: Iterable[Row], explain: bool = False) -> None:
    """Write a table as CSV to an open file, each row as soon as it comes."""
    columns = columns_of(explain)
    stream_csv(file, columns, batches_of(columns, rows, size=1))
