"""Thresholds of the classes by neighbours, size and signal-to-noise ratio."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.edge import Classifier, LabelRules
from keras_astroattn.edge.thresholds import NEVER, ClassThresholds, are_thresholds
from keras_astroattn.images import Beam, cutout_from_array, flags

STATED = {
    "neighbours": [0, 10],
    "certain_size_beams": [1, 2, 4],
    "peak_snr": [5, 20],
    "probability": [
        [[None, None], [None, [0.9, None]], [[0.8, 0.95], [0.6, 0.7]]],
        [[None, None], [None, None], [None, [0.99, 0.99]]],
    ],
    "fitted_on": "simulated sources",
}


def source(size: float, contrast: float, *marks: str, neighbours: int = 9):
    """A cutout with a certain size in beams and a peak over noise, linked to more islands."""
    cutout = cutout_from_array(radio_galaxy())
    return replace(
        cutout,
        beam=Beam(10.0, 10.0),
        largest_angular_size=10.0 * size + 100.0,
        certain_size=10.0 * size,
        neighbours=neighbours,
        contrast=contrast,
        flags=marks,
    )


@pytest.fixture
def rules() -> LabelRules:
    return LabelRules.from_metadata({"uncertain_below": 0.65, "thresholds": STATED})


@pytest.mark.parametrize(
    ("size", "contrast", "p_frii", "label"),
    [
        (1.9, 1000, 1.0, "unresolved"),
        (0.5, 3, 1.0, "unresolved"),  # below all edges: the first cell
        (2.0, 19.9, 0.0, "unresolved"),
        (2.0, 20.0, 0.1, "FRI"),
        (2.0, 20.0, 0.11, "uncertain"),
        (2.0, 20.0, 1.0, "uncertain"),  # an FRII is never given here
        (4.0, 5.0, 0.96, "FRII"),
        (4.0, 5.0, 0.94, "uncertain"),
        (4.0, 5.0, 0.20, "FRI"),
        (400.0, 1e6, 0.70, "FRII"),
        (400.0, 1e6, 0.36, "uncertain"),  # above 0.6, and below `uncertain_below`
        (400.0, 1e6, 0.35, "FRI"),
    ],
)
def test_labels_by_size_and_signal_to_noise(rules, size, contrast, p_frii, label):
    probabilities = np.array([1 - p_frii, p_frii])
    assert rules.after_network(probabilities, source(size, contrast)) == label


@pytest.mark.parametrize(
    ("neighbours", "label"), [(0, "FRII"), (9, "FRII"), (10, "uncertain"), (300, "uncertain")]
)
def test_a_crowded_frame_has_its_own_thresholds(rules, neighbours, label):
    crowded = source(5.0, 30.0, neighbours=neighbours)
    assert rules.after_network(np.array([0.05, 0.95]), crowded) == label
    assert rules.after_network(np.array([0.005, 0.995]), crowded) == "FRII"


@pytest.mark.parametrize("flag", [flags.NO_BEAM, flags.NO_WCS, flags.ARTEFACTS])
@pytest.mark.parametrize(("size", "contrast"), [(1.5, 9), (400.0, 1e6)])
def test_a_source_with_one_of_these_flags_is_uncertain(rules, size, contrast, flag):
    marked = source(size, contrast, flag)
    assert rules.after_network(np.array([0.0, 1.0]), marked) == "uncertain"
    assert rules.calibrated(None).after_network(np.array([0.0, 1.0]), marked) == "uncertain"


def test_the_contrast_of_a_picture_is_that_of_its_faintest_pixel():
    """Blanked at 3 sigma, grey level 30 is at least 3 sigma, so the peak is at most 25.5."""
    image = np.zeros((150, 150), np.uint8)
    image[70:80, 60:90] = 30
    image[75, 75] = 255
    cutout = cutout_from_array(image)
    assert math.isnan(cutout.peak_snr)
    assert cutout.contrast == pytest.approx(3 * 255 / 30, rel=1e-4)


def test_metadata_are_read_and_written():
    found = ClassThresholds.from_metadata(STATED)
    assert found.of(source(3, 30)) == (0.9, NEVER)
    assert found.of(source(1, 30)) is None
    assert json.loads(json.dumps(found.to_metadata())) == STATED


@pytest.mark.parametrize(
    "changed",
    [
        {"neighbours": None},
        {"neighbours": [0, 10, 20]},
        {"certain_size_beams": [1, 4, 2]},
        {"certain_size_beams": []},
        {"peak_snr": [5, True]},
        {"peak_snr": [5]},
        {"peak_snr": [5, math.nan]},
        {"peak_snr": [5, 10**400]},  # larger than any float
        {"probability": None},
        {"probability": STATED["probability"][:1]},
        {"probability": STATED["probability"][0]},
        {"probability": 2 * [[[None, None], [None, None], [None, [0.9]]]]},
        {"probability": 2 * [[[None, None], [None, None], [None, [0.9, 1.1]]]]},
        {"probability": 2 * [[[None, None], [None, None], [None, 0.9]]]},
        {"fitted_on": 3},
    ],
)
def test_wrong_thresholds_are_seen(changed):
    assert are_thresholds(STATED)
    assert not are_thresholds(STATED | changed)


def test_a_calibration_keeps_only_what_cannot_be_told(rules):
    """Its threshold was measured on the survey, so it replaces those of the model."""
    found = rules.calibrated(0.75)
    assert found.after_network(np.array([0.2, 0.8]), source(1.5, 9)) == "unresolved"
    assert found.after_network(np.array([0.2, 0.8]), source(2, 20)) == "FRII"
    assert found.after_network(np.array([0.3, 0.7]), source(9, 99)) == "uncertain"


def test_an_unresolved_source_keeps_its_probabilities(model_path):
    classifier = Classifier(model_path)
    before = classifier.classify(radio_galaxy())
    classifier.rules = replace(
        classifier.rules, thresholds=ClassThresholds((0.0,), (1.0,), (5.0,), (((None,),),))
    )
    found = classifier.classify(radio_galaxy())
    assert found.label == "unresolved"
    assert (found.p_fri, found.p_frii) == (before.p_fri, before.p_frii)
