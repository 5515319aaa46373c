"""Sections of the HTML report above its grid: counts, histograms, sky and reliability."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from keras_astroattn.images import CLASS_NAMES

from .charts import ReliabilityBin, histogram, histogram_svg, reliability_svg
from .html_page import Section
from .sky import sky_svg

KINDS = {"fri": "FRI", "frii": "FRII", "uncertain": "uncertain", "other": "no class"}
"""Kinds of sources in charts (classes of the style sheet) and their names."""

MOST_DOTS = 5000
"""Largest number of dots on the map of the sky."""

_MOST_REASONS = 12
_LONGEST_REASON = 60


def kind_of(label: str) -> str:
    """Return the kind of a label in charts."""
    return label.lower() if label in (*CLASS_NAMES, "uncertain") else "other"


def counts_section(
    labels: Sequence[str], flags: Sequence[str], errors: Sequence[str], meanings: Mapping[str, str]
) -> Section:
    """Count the labels, the flags and the errors of a table.

    Args:
        labels: (n,) label of each row.
        flags: (n,) flags of each row, separated by semicolons.
        errors: (n,) error of each row, or "".
        meanings: meaning of each label and flag.
    """
    total = len(labels)
    rows: list[tuple] = [("", "rows", "share", "meaning")]
    groups = {
        "": Counter(labels).most_common(),
        "flag ": Counter(
            flag for text in flags for flag in text.split(";") if flag
        ).most_common(),
        "error: ": Counter(
            text[:_LONGEST_REASON] for text in errors if text
        ).most_common(_MOST_REASONS),
    }  # fmt: skip
    for prefix, group in groups.items():
        for name, count in group:
            meaning = "" if prefix == "error: " else meanings.get(name, "")
            rows.append((prefix + name, count, f"{count / total:.1%}", meaning))
    return Section("Labels and flags", rows)


def histograms_section(
    labels: Sequence[str], p_frii: np.ndarray, size: np.ndarray, snr: np.ndarray
) -> Section:
    """Draw histograms of the probability, the size and the signal-to-noise ratio.

    Args:
        labels: (n,) label of each row.
        p_frii: (n,) P(FRII); NaN is unknown.
        size: (n,) largest angular size, arcsec; NaN is unknown.
        snr: (n,) peak over noise; NaN is unknown.
    """
    kinds = [kind_of(label) for label in labels]
    order = tuple(KINDS)
    charts = [
        histogram("P(FRII)", p_frii, kinds, order, (0.0, 1.0)),
        histogram("largest angular size, arcsec", size, kinds, order),
        histogram("peak S/N", snr, kinds, order),
    ]
    key = "Colours: FRI blue, FRII orange, uncertain green, no class grey."
    text = [key]
    if np.any(size == 0):
        text.append("Sources of size 0 (point sources) are not in the histogram of the size.")
    return Section("Distributions", (), [histogram_svg(one) for one in charts if one], text)


def sky_section(
    labels: Sequence[str], ra: np.ndarray, dec: np.ndarray, seed: int = 0
) -> Section | None:
    """Draw the positions of the sources on the sky.

    Args:
        labels: (n,) label of each row.
        ra: (n,) right ascension, degrees; NaN is unknown.
        dec: (n,) declination, degrees; NaN is unknown.
        seed: seed of the draw of `MOST_DOTS` positions, if there are more.

    Returns:
        The section; None without a position.
    """
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not known.size:
        return None
    shown = known
    if known.size > MOST_DOTS:
        shown = np.sort(np.random.default_rng(seed).choice(known, MOST_DOTS, replace=False))
    kinds = [kind_of(labels[row]) for row in shown]
    # The sources of few labels are drawn last, over the others.
    order = {kind: KINDS[kind] for kind in ("other", "uncertain", "fri", "frii")}
    text = f"{known.size} sources with a position."
    if known.size > MOST_DOTS:
        text += f" {MOST_DOTS} of them, drawn at random, are shown."
    return Section("Sky", (), [sky_svg(ra[shown], dec[shown], kinds, order)], [text])


def reliability_section(bins: Sequence[ReliabilityBin], error: float) -> Section:
    """Draw the observed share of right classes against the stated probability.

    Args:
        bins: labelled sources with similar probability.
        error: expected calibration error.
    """
    text = [
        f"Expected calibration error: {error:.1%}. Bars: 95 % intervals. Only sources that you "
        "labelled FRI or FRII count."
    ]
    return Section("Reliability", (), [reliability_svg(bins)], text)
