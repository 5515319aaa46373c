"""Which training images give the ranges of int8, on files that are made up here."""

import numpy as np
import pytest
from support import tiny_model_file

from export import conversion


@pytest.fixture
def draws(monkeypatch):
    """Converts images to files that are wrong as `errors` says, and records the images."""
    source = tiny_model_file.untrained_source()
    seen = []

    def logits(content, images):
        found = source.model.predict(images, verbose=0)
        return found + errors[int(content)][: len(images)]

    def converted(images):
        seen.append(images)
        return str(len(seen) - 1).encode()

    rows = np.arange(4)[:, np.newaxis]
    errors = [
        np.where(rows % 2, 3.0, -3.0) * [1, -1],  # scattered
        np.where(rows % 2, 2.5, 1.5) * [1, -1],  # far off, by nearly the same everywhere
        np.where(rows % 2, 0.9, -0.9) * [1, -1],
        np.where(rows % 2, 3.0, 0.0) * [1, -1],
    ]
    monkeypatch.setattr(conversion, "CALIBRATION_IMAGES", 4)
    monkeypatch.setattr(conversion, "_logits_of", logits)
    return source, converted, seen


def images(number):
    """Distinct images, dark but for one pixel."""
    made = np.full((number, 150, 150, 1), -1, np.float32)
    made[np.arange(number), 75, np.arange(number)] = 1
    return made


def test_the_draw_whose_errors_scatter_least_gives_the_ranges(draws):
    source, converted, seen = draws
    chosen, offset = conversion._ranges(source, images(12), converted)
    assert len(seen) == 4
    np.testing.assert_array_equal(chosen, seen[1])
    # the mean of 2.5 and 1.5 is taken off the logits
    np.testing.assert_allclose(offset, [2, -2], atol=1e-5)
    # four of twelve, evenly, from the first, the second, ...
    np.testing.assert_array_equal(seen[0], images(12)[[0, 3, 7, 11]])
    np.testing.assert_array_equal(seen[1], images(12)[[1, 4, 7, 11]])


def test_few_images_are_drawn_once(draws):
    source, converted, seen = draws
    chosen, _ = conversion._ranges(source, images(4), converted)
    assert len(seen) == 1
    np.testing.assert_array_equal(chosen, images(4))
