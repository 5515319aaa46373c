"""Sources to fetch, and the names of their files."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from keras_astroattn.images.position import position_name

Key = tuple[str, float, float]

_LONGEST = 80  # characters of a file's name


@dataclass(frozen=True)
class Source:
    """A position on the sky.

    Attributes:
        name: name of the source; may be empty.
        ra: ICRS right ascension, degrees.
        dec: ICRS declination, degrees.
    """

    name: str
    ra: float
    dec: float

    @property
    def key(self) -> Key:
        """The source as a table holds it: name, and position to 0.0004 arcsec."""
        return self.name, round(self.ra, 7), round(self.dec, 7)


def file_name(survey: str, source: Source, taken: Collection[str]) -> str:
    """Return the name of the file of a source.

    Args:
        survey: name of the survey.
        source: the source.
        taken: names of other files.
    """
    words = re.sub(r"[^A-Za-z0-9+.-]+", "_", source.name).strip("_.-")[:_LONGEST]
    stem = f"{survey}_{words or position_name(source.ra, source.dec)}"
    found, number = f"{stem}.fits", 2
    while found in taken:
        found, number = f"{stem}_{number}.fits", number + 1
    return found
