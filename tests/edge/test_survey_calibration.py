"""A calibration for one survey: its equation, its file, and the name that it gives a model."""

import json
import math

import numpy as np
import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.edge import Calibration, Classifier, read_calibration
from keras_astroattn.edge.calibration import FORMAT, ModelName, log_odds
from keras_astroattn.errors import InputError


def test_the_odds_are_divided_and_shifted():
    # p(FRII) = 0.9 has odds 9; at T = 2 and b = ln 2 they are 3 x 2 = 6, so p' = 6 / 7.
    found = Calibration("m", 2.0, math.log(2)).apply(np.array([[0.1, 0.9], [np.nan, np.nan]]))
    np.testing.assert_allclose(found[0], [1 / 7, 6 / 7], rtol=1e-12)
    assert np.isnan(found[1]).all()


def test_no_change_is_no_change():
    p = np.array([[0.25, 0.75], [1e-5, 1 - 1e-5]])
    np.testing.assert_allclose(Calibration("m", 1.0, 0.0).apply(p), p, rtol=1e-9)
    assert Calibration("m", 1.0, 0.0).apply(p.astype(np.float32)).dtype == np.float32


def test_probabilities_of_0_and_1_have_finite_odds():
    odds = log_odds(np.array([[0.0, 1.0], [1.0, 0.0], [1e-30, 1.0]]))
    np.testing.assert_allclose(odds, [13.815510, -13.815510, 13.815510], atol=1e-5)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("m", ("m", 1, None)),
        ("m (tta 3)", ("m", 3, None)),
        ("m (calibration 0a1b2c3d)", ("m", 1, "0a1b2c3d")),
        ("m (tta 3) (calibration 0a1b2c3d)", ("m", 3, "0a1b2c3d")),
        ("a (tta b) c", ("a (tta b) c", 1, None)),
        ("", ("", 1, None)),
    ],
)
def test_the_name_of_a_model_has_three_parts(text, parts):
    found = ModelName.parse(text)
    assert (found.model, found.tta, found.calibration) == parts


def test_a_calibrated_classifier_gives_calibrated_answers(model_path):
    calibration = Calibration("tiny", 4.0, 3.0, 0.99)
    plain = Classifier(model_path).classify(radio_galaxy())
    found = Classifier(model_path, calibration=calibration)
    odds = math.log(plain.p_frii / plain.p_fri) / 4 + 3
    answer = found.classify(radio_galaxy())
    assert answer.p_frii == pytest.approx(1 / (1 + math.exp(-odds)), rel=1e-5)
    assert answer.label == "uncertain"  # below 0.99
    assert found.name == f"tiny (calibration {calibration.identity})"
    with pytest.raises(InputError, match="fitted for tiny, not for tiny \\(tta 3\\)"):
        Classifier(model_path, tta=3, calibration=calibration)


def test_rotated_views_are_averaged_before_the_calibration(model_path):
    calibration = Calibration("tiny (tta 2)", 2.0, 1.0)
    plain = Classifier(model_path, tta=2).classify(radio_galaxy())
    found = Classifier(model_path, tta=2, calibration=calibration).classify(radio_galaxy())
    odds = math.log(plain.p_frii / plain.p_fri) / 2 + 1
    assert math.log(found.p_frii / found.p_fri) == pytest.approx(odds, abs=1e-4)


def write(path, **values):
    sound = {"format": FORMAT, "model": "m", "temperature": 2.0, "shift": 0.5}
    path.write_text(json.dumps(sound | values))
    return path


def test_a_file_is_read_back(tmp_path):
    found = read_calibration(write(tmp_path / "c.json", uncertain_below=0.75))
    assert found == Calibration("m", 2.0, 0.5, 0.75)
    assert read_calibration(write(tmp_path / "c.json")).uncertain_below is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"format": "other"}, "is no calibration"),
        ({"temperature": 0}, "wrong values"),
        ({"temperature": "2"}, "wrong values"),
        ({"shift": None}, "wrong values"),
        ({"shift": float("nan")}, "wrong values"),
        ({"shift": 10**400}, "wrong values"),  # larger than any float
        ({"uncertain_below": True}, "wrong values"),
        ({"model": 3}, "wrong values"),
    ],
)
def test_wrong_files_are_refused(tmp_path, values, message):
    with pytest.raises(InputError, match=message):
        read_calibration(write(tmp_path / "c.json", **values))


def test_what_is_no_json_or_missing_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "no.json")
    (tmp_path / "c.json").write_bytes(b"\xff{")
    with pytest.raises(InputError, match="is no calibration"):
        read_calibration(tmp_path / "c.json")
