"""Numbers of FRI and FRII in a survey, corrected by its selection function.

In a cell of measured size and measured peak over noise, with n labels FRI and FRII:

    n - b = M N,    N = M^-1 (n - b)

M is the (label, class) share of the injected sources of each class that get each label, and N the
numbers of FRI and FRII. b are the labels of unresolved sources,

    b = n_compact k / k_compact

with k of the injected points of this peak over noise in the cell with each label, k_compact
labelled compact, and n_compact such rows in the survey. The inverse is unbiased for any shares of
FRI and FRII: it needs no prior. N may be negative where there are few sources.

Source: D'Agostini 1995, NIM A 362, 487, for this inverse and its alternatives with a prior.
"""

from dataclasses import dataclass

import numpy as np

from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.wilson import CONFIDENCE_LEVEL

from .injection import KINDS, POINT
from .response import ANSWERS, SIZE_EDGES

LEAST = 20
"""Least number of injected sources of each class in a cell, and of points labelled compact."""

DRAWS = 4000
"""Draws of the parametric bootstrap."""

_CLASSES = len(CLASS_NAMES)
_COMPACT = ANSWERS.index("compact")
_POINT = KINDS.index(POINT)


@dataclass(frozen=True)
class CorrectedCounts:
    """Corrected numbers of FRI and FRII.

    Attributes:
        labelled: (classes, sizes, ratios) number of rows with each label.
        injected: (classes, sizes, ratios) number of injected sources of each class.
        corrected: (classes, sizes, ratios) corrected number; NaN in cells that are left out.
        low: (classes, sizes, ratios) lower end of the 95 % interval.
        high: (classes, sizes, ratios) upper end.
        reasons: (sizes, ratios) reason why a cell is left out; "" if it is not.
        total: (classes, 3) number, lower and upper end, over all cells that are not left out.
    """

    labelled: np.ndarray
    injected: np.ndarray
    corrected: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reasons: np.ndarray
    total: np.ndarray


def correct(counts: np.ndarray, response: np.ndarray, seed: int = 0) -> CorrectedCounts:
    """Correct the counts of a survey.

    The intervals are from a parametric bootstrap: survey counts are Poisson, and the shares of the
    injected sources are Dirichlet with their counts plus 1 / (number of answers). Thus 0 of n
    sources is not a share of exactly 0.

    Args:
        counts: (answers, sizes, ratios) rows of the survey.
        response: (kinds, answers, sizes, ratios) injected sources.
        seed: seed of the bootstrap.

    Returns:
        The corrected counts. A cell is left out if it has fewer than `LEAST` injected sources of
        a class, if fewer than `LEAST` points of its peak over noise are compact, or if M has no
        positive determinant in over 2.5 % of the draws.
    """
    # No source in the first bin of size gets a class.
    labelled, injected = counts[:_CLASSES, 1:], response[:_CLASSES, :, 1:]
    number = injected.sum(1)
    compact_points = response[_POINT, _COMPACT].sum(0)
    rng = np.random.default_rng(seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = injected / number[:, None]
        false = response[_POINT, :_CLASSES, 1:] / compact_points
        draws = _drawn(rng, counts, response)
        apart = np.mean(_determinant(draws[0]) > 0, axis=0)
        corrected = _solved(shares, labelled - counts[_COMPACT].sum(0) * false)
        drawn = _solved(*draws)
        tail = (1 - CONFIDENCE_LEVEL) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
        mixed = (apart < 1 - tail) | ~(_determinant(shares) > 0)
    reasons = np.full(number.shape[1:], "", object)
    for is_out, reason in (
        (mixed, "the labels do not separate the classes"),
        (compact_points < LEAST, f"fewer than {LEAST} points labelled compact"),
        ((number < LEAST).any(0), f"fewer than {LEAST} injected sources of a class"),
    ):
        reasons[np.broadcast_to(is_out, reasons.shape)] = reason
    kept = reasons == ""
    corrected = np.where(kept, corrected, np.nan)
    low, high = np.where(kept, (low, high), np.nan)
    sums = drawn[..., kept].sum(-1)
    total = np.stack(
        [np.nansum(corrected, (1, 2)), *np.quantile(sums, [tail, 1 - tail], axis=0)], axis=1
    )
    return CorrectedCounts(labelled, number, corrected, low, high, reasons, total)


def _drawn(
    rng: np.random.Generator, counts: np.ndarray, response: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the shares (draws, classes, 2 labels + rest, ...), and of n - b."""
    labels = response[:_CLASSES, :_CLASSES, 1:]
    rest = response[:_CLASSES, _CLASSES:, 1:].sum(1, keepdims=True)
    answers = np.concatenate([labels, rest], axis=1)
    gamma = rng.gamma(answers + 1 / answers.shape[1], size=(DRAWS, *answers.shape))
    shares = gamma / gamma.sum(2, keepdims=True)
    # Points: each label in each bin of size, compact, and the rest.
    prior = 1 / (_CLASSES * (len(SIZE_EDGES) - 2) + 2)
    wrong = response[_POINT, :_CLASSES, 1:]
    false = rng.gamma(wrong + prior, size=(DRAWS, *wrong.shape))
    compact = response[_POINT, _COMPACT].sum(0)
    false /= rng.gamma(compact + prior, size=(DRAWS, 1, 1, *compact.shape))
    observed = rng.poisson(counts[:_CLASSES, 1:], size=(DRAWS, *wrong.shape))
    unresolved = counts[_COMPACT].sum(0)
    unresolved = rng.poisson(unresolved, size=(DRAWS, 1, 1, *unresolved.shape))
    return shares, observed - unresolved * false


def _determinant(shares: np.ndarray) -> np.ndarray:
    """Return the determinant of M from (..., classes, answers, sizes, ratios) shares."""
    a, b, c, d = _matrix(shares)
    return a * d - b * c


def _matrix(shares: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return M's elements: FRI labelled FRI, FRII labelled FRI, FRI labelled FRII, FRII FRII."""
    return (
        shares[..., 0, 0, :, :],
        shares[..., 1, 0, :, :],
        shares[..., 0, 1, :, :],
        shares[..., 1, 1, :, :],
    )


def _solved(shares: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return M^-1 (n - b), (..., classes, sizes, ratios)."""
    a, b, c, d = _matrix(shares)
    x, y = observed[..., 0, :, :], observed[..., 1, :, :]
    determinant = a * d - b * c
    return np.stack([d * x - b * y, a * y - c * x], axis=-3) / determinant[..., None, :, :]
