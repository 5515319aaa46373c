"""Labels of maps with a finer beam than FIRST's."""

import pytest

from keras_astroattn.edge import Classifier
from keras_astroattn.wilson import wilson_interval
from train.studies.thresholds import narrow_beams as study


def test_a_row_counts_the_labels_of_each_way():
    trials = [
        study.Trial(0, 10.0, "unresolved", "FRI", "FRI"),
        study.Trial(1, 10.0, "FRII", "compact", "FRII"),
        study.Trial(0, 20.0, "FRI", "FRI", "FRII"),
        study.Trial(study.POINT, 0.0, "compact", "compact", "compact"),
    ]
    row = study.table_row(2.5, "all", trials)
    low, high = (round(100 * limit) for limit in wilson_interval(2 / 3, 3))
    assert row[:3] == ["2.5", "all", 4]
    assert row[3:5] == ["2 (50 %)", "2: 100 % (34-100)"]
    assert row[5] == "2 (50 %)"
    assert row[7:] == ["3 (75 %)", f"2: 67 % ({low}-{high})"]
    counts = {name: len(some) for name, some in study.groups(trials)}
    assert counts == {
        "galaxies": 3,
        "1.5 to 5 beams": 0,
        "5 to 15 beams": 2,
        "15 to 40 beams": 1,
        "40 to 100 beams": 0,
        "points": 1,
    }


@pytest.mark.slow
def test_small_sources_of_a_fine_beam_get_a_class():
    classifier = Classifier()
    trials = [study.trial_of(classifier, 2.5, index) for index in range(30, 60)]
    assert [one.truth for one in trials[:3]] == [0, 1, study.POINT]
    classes = ("FRI", "FRII")
    before, now = (
        sum(getattr(one, way) in classes for one in trials) for way in ("smoothed", "label")
    )
    assert now > before
    assert not any(one.label in classes for one in trials if one.truth == study.POINT)
