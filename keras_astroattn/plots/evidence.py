"""The signed evidence of each pixel: which parts of a source speak for FRI, which for FRII."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.image import AxesImage

EVIDENCE_COLOURS = "RdBu"
"""Colour map of the signed evidence E(FRII) - E(FRI): red FRI, white nothing, blue FRII."""

EVIDENCE_LABEL = "FRI  ◂ evidence ▸  FRII"
"""Label of its colour bar."""

_PEAK_PERCENTILE = 99.0  # of |E| over the pixels with evidence: the end of the colour scale
_CONTOUR_STEP = 4.0  # between neighbouring brightness contours
_CONTOURS = 3


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
    """Draw signed evidence under the contours of the source.

    Args:
        axes: where to draw.
        evidence: (h, w) signed evidence, E(FRII) - E(FRI).
        image: (h, w) brightness of the source; its contours are at the peak over 4, 16, 64
            and so on, as far as the image reaches.
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
    peak = brightness.max()
    if peak > 0:
        levels = peak / _CONTOUR_STEP ** np.arange(_CONTOURS, 0, -1)
        faintest = brightness[brightness > 0].min()
        levels = levels[levels > faintest] if (levels > faintest).any() else [peak / 2]
        axes.contour(brightness, levels=levels, colors="0.25", linewidths=0.3)
    return drawn
