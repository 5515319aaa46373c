"""Legend of the tables of faithfulness: their columns and maps."""

from collections.abc import Sequence

from keras_astroattn.report import Record

from .maps import (
    ATTENTION,
    BRIGHTNESS,
    EVIDENCE_MEANS,
    EVIDENCE_SUMS,
    GRAD_CAM,
    GRADIENT,
    ORACLE,
    RANDOM,
    SALIENCY,
)
from .records import Tables
from .region_perturbation import INSTALL, REGION

COLUMNS = (
    (
        "deletion",
        "deletion",
        3,
        "Delete the patches one by one, the highest value first. Mean probability of the "
        "predicted class over the deleted flux, from none to all, less that of random orders. "
        "Less is better.",
    ),
    (
        "insertion",
        "insertion",
        3,
        "Put the patches back on empty sky one by one, the highest value first. Mean probability "
        "of the predicted class, less that of random orders. More is better.",
    ),
    (
        "gain",
        "SRG",
        3,
        "Symmetric relevance gain, insertion less deletion. More is better.",
    ),
    (
        "rank",
        "rank correlation",
        2,
        "Spearman's, of the value of a patch with the margin that deleting it alone takes. The "
        "margin is the logit of the predicted class less the other. More is better.",
    ),
    (
        "sufficiency",
        "sufficiency",
        3,
        "Probability of the predicted class with only the highest fifth of the patches left, less "
        "that of random patches. More is better.",
    ),
    (
        "of_oracle",
        "share of the oracle",
        2,
        "Deletion over that of the static oracle. More is better. Empty where the oracle does not "
        "beat random orders in every bootstrap sample.",
    ),
    (
        "followed",
        "follows 20 px",
        2,
        "Correlation of the map with itself when the source is shifted by 20 pixels and the map is "
        "shifted back. More is better.",
    ),
    (
        "flipping",
        "pixel flipping",
        3,
        "Delete the pixels of the source in groups of equal number, the highest value first, "
        "anywhere on the source. Mean probability of the predicted class. Less is better.",
    ),
    (
        "perturbation",
        "region perturbation (Quantus)",
        3,
        f"Delete squares of {REGION} x {REGION} pixels, the highest sum of the map first. Mean "
        "loss of probability, computed by Quantus. More is better.",
    ),
)
"""Columns of the table of faithfulness: name in the records, title, digits, and meaning."""

MAPS = (
    (ATTENTION, "the mean attention map"),
    (
        EVIDENCE_SUMS,
        "the evidence for the predicted class, summed over each patch (networks with votes)",
    ),
    (EVIDENCE_MEANS, "the same, averaged over each patch"),
    (
        GRADIENT,
        "x a dy/d(x a), summed over gates and channels, an approximation of the contribution to "
        "the margin y (networks without votes)",
    ),
    (GRAD_CAM, "Grad-CAM of the gating signal"),
    (SALIENCY, "the absolute gradient of the logit"),
    (BRIGHTNESS, "the image itself, a map without a network"),
    (
        ORACLE,
        "the margin that deleting each patch alone takes: the best order that does not look at "
        "several patches together",
    ),
    (
        RANDOM,
        "in the measures by pixels, noise on the source; the other measures have it subtracted",
    ),
)
"""Maps of the table of faithfulness, and their meaning. Patches have means, but for the sums."""

SIGNED = ("deletion", "insertion", "gain", "rank", "sufficiency", "perturbation")
"""Columns with a sign."""


def legend(several: Sequence[Tables]) -> str:
    """Return the legend of the columns and the maps of the tables of faithfulness."""
    lines = [
        "Columns of the tables of faithfulness, means over sources with 95 % intervals of a "
        "bootstrap over sources:\n",
        *(f"- *{title}*: {meaning}" for _, title, _, meaning in COLUMNS),
        "\nMaps, by which the patches are ordered:\n",
        *(f"- *{name}*: {meaning}" for name, meaning in MAPS),
        "",
    ]
    if not all(knows(tables.faithfulness, "perturbation") for tables in several):
        lines.append(
            "Region perturbation was not measured for every network: it needs Quantus "
            f"({INSTALL}).\n"
        )
    if any(tables.has_evidence for tables in several):
        lines.append(
            "Consistency training lowers the difference between the evidence and the effect of a "
            "deletion, and so trains what these columns measure, with other shapes than the "
            "patches, groups and squares here. Compare such a network with others by its accuracy "
            "too.\n"
        )
    return "\n".join(lines)


def knows(rows: list[Record], column: str) -> bool:
    """Return whether any record has the column."""
    return any(column in row for row in rows)
