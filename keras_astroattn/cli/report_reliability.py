"""The section of an HTML report on the reliability of the probabilities, from labels of people."""

from collections.abc import Sequence

import numpy as np

from keras_astroattn.edge import Result
from keras_astroattn.recalibration import GivenLabel, agree, calibration_error
from keras_astroattn.recalibration.estimates import reliability
from keras_astroattn.recalibration.labels import FRI, FRII, require_sources
from keras_astroattn.report.charts import ReliabilityBin
from keras_astroattn.report.html_page import Section
from keras_astroattn.report.summary import reliability_section


def reliability_of(result: Result, labels: Sequence[GivenLabel]) -> Section | None:
    """Return the section of the reliability.

    If labels are of the random part, only these count, with their weights.

    Args:
        result: the table.
        labels: labels of people.

    Returns:
        The section; None if no classified source is labelled FRI or FRII.

    Raises:
        InputError: A label is of a source that the table does not hold.
    """
    require_sources(labels, result.sources, result.path)
    row = {source: place for place, source in enumerate(result.sources)}
    known = np.isfinite(result.probabilities).all(axis=1)
    used = [
        one
        for one in agree(labels).labels.values()
        if one.label in (FRI, FRII) and known[row[one.source]]
    ]
    used = [one for one in used if one.inclusion is not None] or used
    if not used:
        return None
    given = (
        result.probabilities[[row[one.source] for one in used]],
        np.array([one.label == FRII for one in used]),
        np.array([1 / (one.inclusion or 1) for one in used]),
    )
    bins = [
        ReliabilityBin(stated, share, *interval, count)
        for stated, share, interval, count in reliability(*given)
    ]
    return reliability_section(bins, calibration_error(*given))
