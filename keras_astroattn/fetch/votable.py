"""Answers of services of the Virtual Observatory: VOTables."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from keras_astroattn.images.quiet import quiet
from keras_astroattn.tables import rows_elsewhere

from .download import FetchError, Passing, page_text

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile

ON_THE_IMAGE = 1e-4
"""Radius in which an image is looked for, degrees: it must hold the position itself."""


def votable_rows(answer: bytes, kind: Callable) -> list:
    """Return the rows of a VOTable as records of pyvo.

    Args:
        answer: the VOTable.
        kind: class of pyvo for its rows.

    Raises:
        FetchError: It is a page, or the service reports an error.
        Passing: It is broken.
    """
    from astropy.io.votable import parse
    from pyvo.dal.exceptions import DALQueryError

    if not answer.lstrip().startswith((b"<?xml", b"<VOTABLE")):
        raise FetchError(f"the answer is not a VOTable: {page_text(answer)}")
    try:
        if rows_elsewhere(io.BytesIO(answer)) is not None:
            raise FetchError("the answer is a VOTable without its rows")
        with quiet():
            table: VOTableFile = parse(io.BytesIO(answer))
            return list(kind(table))
    except FetchError:
        raise
    except DALQueryError as error:
        raise FetchError(f"the service answered: {error.reason or error}") from None
    except Exception as error:  # pyvo and astropy raise many types for broken tables
        raise Passing(f"the answer is a broken VOTable: {str(error)[:150]}") from None


def as_number(value: object) -> float:
    """Return a value of a table as a number; -1 if it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return -1.0
    return number if number == number else -1.0
