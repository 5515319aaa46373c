"""Labels of sources among other radio galaxies."""

import numpy as np
import pytest

from keras_astroattn.datasets.simulation import NOISE, draw_source
from keras_astroattn.edge import Classifier
from train.studies.thresholds import extended_neighbours as study
from train.studies.thresholds.large_sources import Trial
from train.studies.thresholds.populations import POINT


def trial(truth, label, factor=1, lobes=False):
    return Trial(truth, 10.0, float("nan"), "beyond_frame", label, factor, lobes)


def test_rows_count_sources_by_kind_and_frame():
    trials = [trial(0, "FRI"), trial(1, "FRI"), trial(1, "uncertain", lobes=True)]
    trials += [trial(POINT, "FRII", factor=2), trial(0, "FRI", factor=4)]
    rows = {tuple(row[1:3]): row[3:] for row in study.table_rows(0.7, trials)}
    assert {row[0] for row in study.table_rows(0.7, trials)} == {"0.7"}
    assert rows["all", "first"][:2] == [2, "2 (100 %)"]
    assert rows["all", "first"][2].startswith("1: 50 % (")
    assert rows["all", "wider"][0] == 2
    assert rows["FRI", "wider"][2].startswith("1: 100 % (")
    assert rows["point", "wider"][2].startswith("0: 0 % (")
    assert rows["FRII", "outer_lobes"] == [1, "0", "-"]
    assert rows["point", "first"] == [0, "0", "-"]


def test_galaxies_lie_at_random_places_with_the_stated_density():
    sources = [study.source_with_galaxies(1, index, 0.5) for index in range(12)]
    assert [one.label for one in sources] == [0, 1, POINT] * 4
    # Each galaxy has one core; points are of the part "neighbour".
    counts = [np.count_nonzero(one.neighbours.part == "core") for one in sources]
    expected = 0.5 * (study._WIDTH / 100) ** 2
    assert np.mean(counts) == pytest.approx(expected, abs=3 * np.sqrt(expected / 12))
    cores = sources[0].neighbours.select(sources[0].neighbours.part == "core")
    assert np.abs(cores.east).max() <= study._WIDTH / 2 * study.BEAM


def test_the_density_changes_the_neighbours_alone():
    few, none = (study.source_with_galaxies(1, 0, density) for density in (0.5, 0.0))
    np.testing.assert_array_equal(few.components.flux, none.components.flux)
    assert set(none.neighbours.part) == {"neighbour"}


def test_a_frame_of_each_width_shows_the_same_source():
    model = study.source_with_galaxies(1, 1, 0.0)
    first, wide = (study.observed(model, 1, 1, widening) for widening in (1, 2))
    assert wide.pixel_scale == pytest.approx(2 * first.pixel_scale)
    assert wide.largest_angular_size == pytest.approx(first.largest_angular_size, abs=15)


def test_the_peak_of_a_source_is_a_multiple_of_the_noise():
    model = study._with_peak(draw_source(1, 0), 50.0)
    assert study.render(model, neighbours=False).max() == pytest.approx(50 * NOISE, rel=0.05)


@pytest.mark.slow
def test_sources_among_galaxies_are_classified():
    classifier = Classifier()
    trials = [study.source_among_galaxies(classifier, 1, index, 0.7) for index in range(3)]
    assert [one.truth for one in trials] == [0, 1, POINT]
    assert all(study.frame_of(one) in ("first", "wider", "outer_lobes") for one in trials)
