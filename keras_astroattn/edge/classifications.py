"""`Classifications`: the classifications of a batch, as a list, a table and a notebook's output."""

from collections import Counter
from typing import TYPE_CHECKING

from keras_astroattn.tables import COLUMNS, to_astropy

from .classification import Classification
from .notebook import list_html, picture_html

if TYPE_CHECKING:
    from astropy.table import Table
    from pandas import DataFrame

SHOWN = 20
"""Most sources of a list that a notebook shows."""


class Classifications(list[Classification]):
    """A list of classifications.

    Example:
        >>> from keras_astroattn.edge import Classifier
        >>> from keras_astroattn.samples import sample_paths
        >>> results = Classifier().classify(sample_paths())
        >>> results
        Classifications(3 sources: 1 FRI, 1 FRII, 1 compact)
        >>> results[0].label
        'FRI'
        >>> results.to_table()["name", "label", "largest_angular_size_arcsec"].pprint()
            name      label  largest_angular_size_arcsec
                                        arcsec
        ------------ ------- ---------------------------
            fri.fits     FRI                       67.32
           frii.fits    FRII                       70.60
        compact.fits compact                        0.00
    """

    def __repr__(self) -> str:
        return f"Classifications({self._summary})"

    @property
    def _summary(self) -> str:
        counts = Counter(one.label for one in self)
        parts = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
        return f"{len(self)} sources: {parts}" if self else "no source"

    def to_table(self) -> "Table":
        """Return a table of astropy with the columns of `astroattn classify`.

        Units, descriptions and UCDs are those of the file formats, and unknown values are
        masked. `table.write` saves it in any format of astropy.
        """
        return to_astropy(COLUMNS, (one.to_row() for one in self))

    def to_pandas(self) -> "DataFrame":
        """Return a data frame of pandas with the columns of `astroattn classify`.

        Raises:
            ImportError: pandas is not installed.
        """
        return self.to_table().to_pandas()

    def _repr_html_(self) -> str:
        """Return the first sources with their pictures, for notebooks."""
        rows = [
            (
                picture_html(one.cutout, 64),
                one.name,
                one.label,
                ", ".join(one.probability_texts),
                ", ".join(one.flags),
            )
            for one in self[:SHOWN]
        ]
        hidden = len(self) - len(rows)
        summary = f"{self._summary}; the first {SHOWN} are shown" if hidden else self._summary
        return list_html(summary, ("source", "label", "probability", "flags"), rows)
