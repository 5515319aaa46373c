"""The signed evidence of each pixel: which parts of a source speak for FRI, which for FRII."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from string import ascii_uppercase

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from keras_astroattn.images.islands import label_islands

from .style import CLASS_COLOURS

EVIDENCE_COLOURS = LinearSegmentedColormap.from_list(
    "evidence", ["#003a66", CLASS_COLOURS[0], "white", CLASS_COLOURS[1], "#7a2f00"]
)
"""Colour map of the signed evidence E(FRII) - E(FRI): white is nothing, and each side has the
colour of its class in all figures, blue FRI and orange FRII, which colour-blind readers tell
apart."""

EVIDENCE_LABEL = "FRI ◂ evidence ▸ FRII"
"""Label of its colour bar."""

EVIDENCE_KEY = "FRI ◂   ▸ FRII\ncontours: peak\n÷ 4, 16, 64"
"""Label of a colour bar below a panel of `show_evidence`, with the key of the contours."""

_PEAK_PERCENTILE = 99.0  # of |E| over the pixels with evidence: the end of the colour scale
_CONTOUR_FACTORS = (64, 16, 4)
_SHOWN_SHARE = 0.05  # of the flux: islands with more are inside a window
_MARGIN = 6.0  # between them and its edge, pixels
_SMALLEST_WINDOW = 48.0  # pixels
_LARGEST_WINDOW = 0.8  # of the frame; a larger window is the frame

Window = tuple[float, float, float, float]
"""Edges of a square part of an image in pixels: left, right, first and last row."""


@dataclass(frozen=True)
class Part:
    """A component of a source, for drawing.

    Attributes:
        name: name of the component.
        mask: (h, w) bool, its pixels.
        share: its share of the evidence.
        speaks_for: the class that its evidence is for.
        p_without: probability of the likelier class when the component is deleted.
    """

    name: str
    mask: np.ndarray = field(repr=False)
    share: float
    speaks_for: str
    p_without: float


def evidence_limit(evidence: np.ndarray) -> float:
    """Return the end of a symmetric colour scale for signed evidence.

    Args:
        evidence: signed evidence of any shape.

    Returns:
        The 99th percentile of its absolute values other than 0; 1 if all are 0.
    """
    values = np.abs(evidence[evidence != 0])
    return float(np.percentile(values, _PEAK_PERCENTILE)) if values.size else 1.0


def show_evidence(
    axes: Axes, evidence: np.ndarray, image: np.ndarray, limit: float | None = None
) -> AxesImage:
    """Draw signed evidence under the outline and the contours of the source.

    Args:
        axes: axes to draw on.
        evidence: (h, w) signed evidence, E(FRII) - E(FRI).
        image: (h, w) brightness of the source. The outline encloses the pixels above 0; the
            contours are at the peak over 64, 16 and 4.
        limit: end of the symmetric colour scale; by default `evidence_limit`.

    Returns:
        The drawn evidence, for a colour bar.
    """
    limit = evidence_limit(evidence) if limit is None else limit
    height, width = evidence.shape
    drawn = axes.imshow(
        evidence,
        cmap=EVIDENCE_COLOURS,
        norm=Normalize(-limit, limit, clip=True),
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    brightness = np.nan_to_num(np.asarray(image, float), nan=0.0, posinf=0.0, neginf=0.0)
    source = brightness > 0
    if source.any() and not source.all():
        axes.contour(source, levels=[0.5], colors="0.6", linewidths=0.3)
    peak = float(brightness.max())
    if peak > 0:
        faintest = float(brightness[source].min())
        levels = [peak / factor for factor in _CONTOUR_FACTORS if peak / factor > faintest]
        if levels:
            axes.contour(brightness, levels=levels, colors="0.15", linewidths=0.4)
    return drawn


def source_window(image: np.ndarray, evidence: np.ndarray | None = None) -> Window:
    """Return a square window around a small source.

    Args:
        image: (h, w) brightness. The window holds every island, a group of touching pixels above
            0, with at least 5 % of the flux.
        evidence: (h, w) evidence, or a mask of the source: if any value is not 0, pixels of value
            0 are no part of the source.

    Returns:
        The window; the whole frame for a source that fills most of it, and without a source.
    """
    height, width = image.shape
    frame = (-0.5, width - 0.5, -0.5, height - 0.5)
    flux = np.where(image > 0, image, 0).astype(float)
    if evidence is not None and evidence.any():
        flux[evidence == 0] = 0
    if not flux.any():
        return frame
    points, islands = label_islands(flux > 0)
    _, numbers = np.unique(islands, return_inverse=True)
    shares = np.bincount(numbers, weights=flux[tuple(points.T)]) / flux.sum()
    # Nothing but specks of equal flux: the brightest.
    kept = points[shares[numbers] >= min(_SHOWN_SHARE, shares.max())]
    low, high = kept.min(axis=0), kept.max(axis=0)
    side = max(float((high - low).max()) + 1 + 2 * _MARGIN, _SMALLEST_WINDOW)
    if side > _LARGEST_WINDOW * min(height, width):
        return frame
    top, left = np.clip((low + high - side) / 2, -0.5, np.array([height, width]) - 0.5 - side)
    return float(left), float(left + side), float(top), float(top + side)


def zoom(axes: Axes, window: Window, pixel_scale: float) -> None:
    """Show a window of an image, with a scale bar if it is a part of the frame.

    Args:
        axes: they show the whole image, its first row at the top or at the bottom.
        window: result of `source_window`.
        pixel_scale: pixel scale, arcsec.
    """
    upwards = axes.get_ylim()[1] > axes.get_ylim()[0]
    whole = abs(axes.get_xlim()[1] - axes.get_xlim()[0])
    left, right, first, last = window
    axes.set_xlim(left, right)
    axes.set_ylim((first, last) if upwards else (last, first))
    side = right - left
    if side >= whole:
        return
    arcsec = max((a for a in (5, 10, 20, 30, 60, 120, 300) if a / pixel_scale < 0.4 * side),
                 default=1.0)  # fmt: skip
    y = first + 0.06 * side if upwards else last - 0.06 * side
    start = left + 0.06 * side
    axes.plot([start, start + arcsec / pixel_scale], [y, y], color="black", lw=1.0)
    label = f"{arcsec / 60:g}′" if arcsec >= 60 else f"{arcsec:g}″"
    text = axes.annotate(label, (start, y), (0, 2), textcoords="offset points", fontsize=6)
    text.set_path_effects([withStroke(linewidth=1.5, foreground="white")])


def mark_window(axes: Axes, window: Window) -> None:
    """Draw the edge of a window onto the source that it is a part of."""
    left, right, first, last = window
    if right - left < abs(axes.get_xlim()[1] - axes.get_xlim()[0]):
        axes.add_patch(
            Rectangle((left, first), right - left, last - first, fill=False, color="white",
                      lw=0.5, ls=(0, (3, 2)))
        )  # fmt: skip


def outline_parts(axes: Axes, parts: Sequence[Part]) -> None:
    """Draw the outline of each part, and a letter at it, A first."""
    for letter, part in zip(ascii_uppercase, parts, strict=False):
        if part.mask.all() or not part.mask.any():
            continue
        axes.contour(part.mask, levels=[0.5], colors="black", linewidths=0.7)
        # The pixel nearest to the middle, so that the letter of a bent part lies on it.
        rows, columns = np.nonzero(part.mask)
        nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
        text = axes.text(
            columns[nearest],
            rows[nearest],
            letter,
            ha="center",
            va="center",
            fontsize=7,
            fontweight="bold",
            clip_on=True,
        )
        text.set_path_effects([withStroke(linewidth=1.8, foreground="white")])
