"""Colours of labels: apart from each other, and of one hue in regions and in the report."""

import colorsys
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import keras_astroattn
from keras_astroattn.colours import GREY, LABEL_COLOURS

REPORT = Path(keras_astroattn.__file__).parent / "report" / "page" / "report.css"


def rgb(text: str) -> np.ndarray:
    return np.array([int(text[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def lab(text: str) -> np.ndarray:
    """Return CIELAB coordinates (white point D65) of an sRGB colour, as CIE 15 defines them."""
    value = rgb(text)
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    share = np.array(to_xyz) @ linear / (0.9505, 1.0, 1.089)
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_the_distance_of_colours_is_that_of_the_standard():
    # White is L = 100, and the red of sRGB is (53.24, 80.09, 67.20).
    np.testing.assert_allclose(lab("#FFFFFF"), [100, 0, 0], atol=0.05)
    np.testing.assert_allclose(lab("#FF0000"), [53.24, 80.09, 67.20], atol=0.05)


def test_labels_are_told_apart_by_colour():
    # The blue of FRI and sky blue, which are too close, are 26 apart.
    distances = {
        (one, other): np.linalg.norm(lab(a) - lab(b))
        for (one, a), (other, b) in combinations([*LABEL_COLOURS.items(), ("others", GREY)], 2)
    }
    assert min(distances.values()) > 30, min(distances, key=distances.get)


@pytest.mark.parametrize("label", ["FRI", "FRII", "uncertain"])
def test_the_report_has_the_hues_of_the_regions(label):
    rule = rf"--{label.lower()}: light-dark\((#\w{{6}}), (#\w{{6}})\)"
    pair = re.search(rule, REPORT.read_text(encoding="utf-8")).groups()
    hue = colorsys.rgb_to_hsv(*rgb(LABEL_COLOURS[label]))[0]
    assert [colorsys.rgb_to_hsv(*rgb(text))[0] for text in pair] == pytest.approx(
        [hue] * 2, abs=0.03
    )
