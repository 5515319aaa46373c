"""Labels of sources larger than the frame."""

import pytest

from keras_astroattn.edge import Classifier
from keras_astroattn.wilson import wilson_interval
from train.studies.thresholds import large_sources as study

EDGE = "beyond_frame"


def trial(truth, first, label, size=60.0, ratio=200.0, factor=2, lobes=False):
    return study.Trial(truth, size, ratio, first, label, factor, lobes)


def test_rows_count_sources_by_what_the_first_frame_shows():
    trials = [
        *(trial(1, EDGE, "FRII"), trial(0, EDGE, "FRII"), trial(0, EDGE, "FRI")),
        *(trial(0, EDGE, EDGE, factor=1), trial(1, "FRI", "FRI", factor=1)),
    ]
    low, high = wilson_interval(2 / 3, 3)
    correct = f"2: 67 % ({100 * low:.0f}-{100 * high:.0f})"
    trials += [trial(0, "compact", "FRI", lobes=True), trial(0, "FRI", "uncertain", lobes=True)]
    edge, lobes, neither = study.table_rows("some", trials)
    assert edge == ["some", 7, "reach the edge: 4", "3 (75 %)", correct]
    assert lobes[2:4] == ["have lobes beyond: 2", "1 (50 %)"]
    assert lobes[4].startswith("1: 100 %")
    assert neither[2:4] == ["neither: 1", "1 (100 %)"]
    assert neither[4].startswith("0: 0 %")


def test_a_class_of_a_point_source_is_wrong():
    row, *_ = study.table_rows("points", [trial(study.POINT, EDGE, "FRI", size=0.0)])
    assert row[3] == "1 (100 %)"
    assert row[4].startswith("0: 0 %")


def test_sources_are_grouped_by_size_and_ratio():
    large = [trial(0, EDGE, "FRI", size, ratio) for size, ratio in ((50, 30), (100, 500))]
    small = [trial(study.POINT, EDGE, EDGE, 0.0), trial(1, EDGE, EDGE, 30.0)]
    counts = {name: len(rows) for name, rows in study.groups(large, small)}
    assert counts["large galaxies"] == counts["large FRI"] == 2
    assert counts["large FRII"] == 0
    assert [counts[f"{low} to {high} beams"] for low, high in ((45, 75), (75, 120))] == [1, 1]
    assert [counts[f"peak {low} to {high} sigma"] for low, high in ((20, 100), (300, 1000))] == [
        1,
        1,
    ]
    assert counts["galaxies of 1 to 40 beams"] == counts["point sources"] == 1


@pytest.mark.slow
def test_a_large_galaxy_is_classified_in_the_frame_that_holds_it():
    classifier = Classifier()
    trials = [study.large_galaxy(classifier, index) for index in range(10)]
    assert [one.truth for one in trials] == [0, 1] * 5
    assert all(45 <= one.size <= 180 for one in trials)
    widened = [one for one in trials if one.factor > 1]
    assert widened
    assert all(one.reaches_edge and one.label != EDGE for one in widened)
