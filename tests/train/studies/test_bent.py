"""Shapes drawn on the grid, and scores of features that separate or do not."""

import numpy as np
import pytest

from train.studies.bent import out_of_fold_scores, shape_moments

BEND, RATIO, PEAK_OFFSET = 12, 13, 14
"""Columns of `shape_moments`."""


def drawn(*lines):
    """Lines of brightness 100 from (row, column) in steps, with a core of 200 at each start."""
    image = np.zeros((150, 150), np.uint8)
    for (row, column), (down, across), steps in lines:
        for step in range(steps):
            r, c = row + step * down, column + step * across
            image[r - 1 : r + 2, c - 1 : c + 2] = np.maximum(
                image[r - 1 : r + 2, c - 1 : c + 2], 200 if step == 0 else 100
            )
    return image


CORE = (75, 75)
STRAIGHT = drawn((CORE, (0, 1), 25), (CORE, (0, -1), 25))
RIGHT_ANGLE = drawn((CORE, (1, 1), 25), (CORE, (1, -1), 25))
ONE_SIDED = drawn((CORE, (0, 1), 40))


def test_a_straight_symmetric_source_has_no_bend_and_no_skewness():
    (found,) = shape_moments(STRAIGHT[None])
    np.testing.assert_allclose(found[[1, 2, 3, 5, 7, 8, 9, 11]], 0, atol=1e-9)
    assert found[BEND] == pytest.approx(0, abs=1e-6)
    assert found[RATIO] == pytest.approx(1)
    assert found[PEAK_OFFSET] == pytest.approx(0, abs=1e-9)


def test_a_right_angle_is_bent_by_90_degrees():
    (found,) = shape_moments(RIGHT_ANGLE[None])
    # The core's pixels turn the sides inwards by some degrees.
    assert np.degrees(found[BEND]) == pytest.approx(90, abs=5)
    assert found[3] > 0.5  # |<u^2 v>|, 0 for a straight source


def test_a_one_sided_source_is_skewed_along_its_axis():
    (found,) = shape_moments(ONE_SIDED[None])
    assert found[RATIO] < 0.1
    # The end of a line lies sqrt(3) deviations from its middle; the core reaches inwards.
    assert 1.2 < found[PEAK_OFFSET] < np.sqrt(3)


@pytest.mark.parametrize("image", [STRAIGHT, RIGHT_ANGLE, ONE_SIDED])
def test_the_orientation_does_not_matter(image):
    turned = np.stack([image, np.rot90(image), image[:, ::-1]])
    found = shape_moments(turned)
    np.testing.assert_allclose(found[1:], np.tile(found[0], (2, 1)), atol=1e-6)


def test_a_source_is_scored_without_its_own_label():
    random = np.random.default_rng(0)
    is_bent = np.arange(100) % 5 == 0
    features = np.stack([is_bent + 0.1 * random.normal(size=100), random.normal(size=100)], axis=1)
    folds = [np.arange(0, 100, 2), np.arange(1, 100, 2)]
    scores = out_of_fold_scores(features, is_bent, folds)
    assert scores[is_bent].min() > scores[~is_bent].max()
    other = is_bent.copy()
    other[folds[0]] = ~other[folds[0]]
    again = out_of_fold_scores(features, other, folds)
    np.testing.assert_array_equal(again[folds[0]], scores[folds[0]])
