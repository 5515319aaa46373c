"""Results of a network for one image."""

from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import Cutout
from keras_astroattn.outputs import probability_text
from keras_astroattn.tables import COLUMNS, Row, to_astropy

from .notebook import source_html
from .rows import cutout_values

if TYPE_CHECKING:
    from astropy.table import Table
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class Attention:
    """Attention maps and evidence of one image.

    Attributes:
        gates: one (h, w) float32 attention map for each gate, coarsest first.
        mean: (150, 150) float32, mean attention map at the size of the image.
        evidence: (150, 150) float32, signed evidence E(FRII) - E(FRI) of each pixel, whose sum
            is the difference of the logits; None if the network gives no evidence.
    """

    gates: tuple[np.ndarray, ...]
    mean: np.ndarray = field(repr=False)
    evidence: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True, repr=False)
class Classification:
    """Classification of one image.

    A notebook shows it with a picture of the source. It keeps the cutout and the maps of the
    network, about 0.4 MB. Two classifications are equal if label, probabilities and flags are.

    Attributes:
        label: one of `edge.LABELS`.
        p_fri: P(FRI | a resolved radio galaxy); None if the network did not classify the image.
        p_frii: P(FRII | a resolved radio galaxy), or None.
        entropy: entropy of the probabilities, -sum p ln p, nats, or None.
        flags: flags that mark unusual images (`keras_astroattn.images.flags`).
        cutout: the source, or None.
        attention: attention maps of the network; None if it did not classify the image or gives
            no attention.
        path: path of the file, or "".
        model: name of the model, or "".

    Example:
        >>> from keras_astroattn.edge import Classifier
        >>> from keras_astroattn.samples import sample_paths
        >>> found = Classifier().classify(sample_paths()[1])
        >>> found
        Classification('frii.fits', FRII, P(FRI) 0.001, P(FRII) 0.999, flags: recentred)
        >>> found.label, round(found.p_frii, 2)
        ('FRII', 1.0)
        >>> found.to_table()["name", "ra", "dec", "label"].pprint()
           name       ra        dec    label
                     deg        deg
        --------- ---------- --------- -----
        frii.fits 160.000000 30.000000  FRII
    """

    label: str
    p_fri: float | None = None
    p_frii: float | None = None
    entropy: float | None = None
    flags: tuple[str, ...] = ()
    cutout: Cutout | None = field(default=None, compare=False)
    attention: Attention | None = field(default=None, compare=False)
    path: str = field(default="", compare=False)
    model: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Name of the file, or ""."""
        return PurePath(self.path).name

    def __repr__(self) -> str:
        parts = [repr(self.name)] if self.name else []
        parts += [self.label, *self.probability_texts]
        parts.append(f"flags: {', '.join(self.flags) or 'none'}")
        return f"Classification({', '.join(parts)})"

    @property
    def probability_texts(self) -> list[str]:
        """The probabilities in words, or nothing."""
        if self.p_fri is None:
            return []
        fri, frii = map(probability_text, (self.p_fri, self.p_frii))
        return [f"P(FRI) {fri}", f"P(FRII) {frii}"]

    def to_row(self) -> Row:
        """Return the values by the names of the columns of `astroattn classify`."""
        return (cutout_values(self.cutout) if self.cutout else {}) | {
            "path": self.path or None,
            "name": self.name or None,
            "label": self.label,
            "p_fri": self.p_fri,
            "p_frii": self.p_frii,
            "entropy_nats": self.entropy,
            "flags": ";".join(self.flags),
            "error": None,
            "model": self.model or None,
        }

    def to_table(self) -> "Table":
        """Return a table of astropy with one row and the columns of `astroattn classify`."""
        return to_astropy(COLUMNS, [self.to_row()])

    def to_pandas(self) -> "DataFrame":
        """Return a data frame of pandas with one row and the columns of `astroattn classify`.

        Raises:
            ImportError: pandas is not installed.
        """
        return self.to_table().to_pandas()

    def plot(
        self,
        ax: "Axes | None" = None,
        title: str | None = None,
        overlay: bool = True,
        **options,
    ) -> "Figure":
        """Draw the source for a paper, with contours and the evidence or attention.

        Args:
            ax: axes to draw on; None: a new figure with a key.
            title: text above the source; None: name, label, probability and flags.
            overlay: whether to draw the evidence or the attention.
            **options: those of `plots.source_figure`: `width` in mm (only of a new figure),
                `whole_frame`.

        Returns:
            The figure.

        Raises:
            InputError: The classification keeps no cutout.
            ImportError: matplotlib is not installed.

        Example:
            >>> from keras_astroattn.edge import Classifier
            >>> from keras_astroattn.plots import save_figure
            >>> from keras_astroattn.samples import sample_paths
            >>> figure = Classifier().classify(sample_paths()[1]).plot(width=180)
            >>> save_figure(figure, "frii", formats=("pdf", "png"))  # doctest: +SKIP
        """
        if self.cutout is None:
            raise InputError("this classification keeps no cutout: there is nothing to draw")
        from keras_astroattn.plots import draw_source, source_figure

        options |= {"title": self.summary if title is None else title}
        if overlay and self.attention is not None:
            options |= {"attention": self.attention.mean, "evidence": self.attention.evidence}
        if ax is None:
            return source_figure(self.cutout, **options)
        draw_source(ax, self.cutout, **options)
        return ax.figure

    @property
    def summary(self) -> str:
        """Name, label, probability and flags, in one line each."""
        answer = ", ".join([self.label, *self.probability_texts])
        return "\n".join(filter(None, [self.name, answer, ", ".join(self.flags)]))

    def _repr_html_(self) -> str:
        """Return a picture of the source with label, probabilities and flags, for notebooks."""
        return source_html(
            self.name, self.label, self.probability_texts, self.flags, self.cutout, self.model
        )


def scored_row(
    path: str, cutout: Cutout, found: Classification, model: str, name: str | None = None
) -> Row:
    """Return the row of a classified cutout.

    Args:
        path: path of the image.
        cutout: the source.
        found: its classification.
        model: name of the model.
        name: name of the source.

    Returns:
        Values by the names of the columns.
    """
    return replace(found, cutout=cutout, path=path, model=model).to_row() | {"name": name}
