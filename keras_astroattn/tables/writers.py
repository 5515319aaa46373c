"""Select the writer of a format; a file gets its name only when it is complete."""

import importlib
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

from keras_astroattn.errors import InputError
from keras_astroattn.files import atomic_path

from .batches import Batch
from .columns import Column
from .provenance import Provenance

WRITERS = {
    ".csv": ("text_writers", "write_csv"),
    ".ecsv": ("ecsv_writer", "write_ecsv"),
    ".json": ("text_writers", "write_json"),
    ".vot": ("votable_writer", "write_votable"),
    ".fits": ("fits_writer", "write_fits"),
    ".parquet": ("parquet_writer", "write_parquet"),
}
"""Module and function by the suffix of the file."""


def require_writer(path: Path, option: str) -> None:
    """Refuse a file whose format cannot be written.

    Args:
        path: path of the file.
        option: option that names it, for the message.

    Raises:
        InputError: The suffix is not in `WRITERS`, or the format needs another package.
    """
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise InputError(f"{option} {path}: its name must end in one of {', '.join(WRITERS)}")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise InputError("Parquet needs pyarrow: pip install 'keras-astroattn[parquet]'")


def write_table(
    path: Path,
    columns: Sequence[Column],
    batches: Iterable[Batch],
    provenance: Provenance | None = None,
) -> None:
    """Write a table atomically, in the format of the suffix of `path`.

    Args:
        path: path of the file; its suffix is in `WRITERS`.
        columns: columns of the table.
        batches: values, from `batches_of`.
        provenance: origin of the table, stated in the file, except in CSV.

    Raises:
        OSError: The file is not writable.

    Example:
        >>> from keras_astroattn.tables import COLUMNS, batches_of, read_table
        >>> row = {"name": "3C 31", "ra": 16.8540, "dec": 32.4126, "label": "FRI"}
        >>> write_table(Path("sources.vot"), COLUMNS, batches_of(COLUMNS, [row]))
        >>> read_table(Path("sources.vot")).values["name"]
        ['3C 31']
    """
    module, name = WRITERS[path.suffix.lower()]
    writer = getattr(importlib.import_module(f".{module}", __package__), name)
    with atomic_path(path) as temporary:
        writer(temporary, columns, batches, provenance or {})
