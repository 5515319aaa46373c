"""Simulated sources seen by beams of any width."""

import dataclasses

import numpy as np
import pytest

from keras_astroattn.datasets.simulation import Components, point_source, simulate
from keras_astroattn.datasets.simulation.many_beams import (
    FARTHEST,
    SOFT_BELOW,
    Observed,
    _place,
    _with_size_and_ratio,
    observe_with_any_beam,
)
from keras_astroattn.errors import InputError
from keras_astroattn.images import flags

COUNT = 150


@pytest.fixture(scope="module")
def observed() -> list[Observed]:
    return [observe_with_any_beam(3, index) for index in range(COUNT)]


def test_a_double_gets_the_size_and_the_peak_that_are_asked_for() -> None:
    # Two points, 54 arcsec apart: their size is their distance, whatever their brightness.
    part, none = np.array(["hot spot"] * 2), np.zeros(2)
    components = Components(part, np.array([1, -1]), none + 1, np.array([27.0, -27]), none, none)
    model = dataclasses.replace(point_source(1.0), components=components, angular_size=54.0)
    found, is_close = _with_size_and_ratio(model, size=4.0, ratio=80.0)
    assert is_close
    # The measured size is that of whole pixels, a third of a beam, and within 15 %.
    assert found.angular_size == pytest.approx(4.0 * 5.4, rel=0.2)
    # A peak between four pixels, 0.71 pixels from each, is seen as 2^-(4 x 0.5 / 9) of it.
    assert 80.0 <= found.components.flux.max() <= 80.0 * 2 ** (2 / 9) * 1.001


def test_both_classes_are_about_equally_common_among_small_and_large_sources(observed) -> None:
    sizes = np.array([one.cutout.size_in_beams for one in observed])
    labels = np.array([one.model.label for one in observed])
    for part in (sizes < 4, sizes >= 4):
        assert 0.35 < labels[part].mean() < 0.68  # in MiraBest 0.9 below and 0.35 above
    assert np.nanmax(sizes) > 20
    assert np.nanmin(sizes) < 2


def test_the_frame_is_centred_on_the_source(observed) -> None:
    alone = [one for one in observed if flags.CONFUSED not in one.cutout.flags]
    offsets = [np.hypot(*one.cutout.centroid) for one in alone]
    assert np.median(offsets) < 1.0


def test_positions_are_wrong_by_up_to_twenty_pixels() -> None:
    rng = np.random.default_rng(0)
    away = np.array([np.hypot(*(np.array(_place(rng)) - 149.5)) for _ in range(2000)])
    assert FARTHEST * 0.98 < away.max() <= FARTHEST
    assert np.median(away) == pytest.approx(5.0, abs=0.5)


def test_small_sources_are_uncertain(observed) -> None:
    small = [one for one in observed if not one.cutout.size_in_beams >= SOFT_BELOW]
    assert small
    assert not any(one.confident for one in small)
    large = [one for one in observed if one.cutout.size_in_beams >= SOFT_BELOW]
    assert all(one.confident == one.model.confident for one in large)


def test_a_source_does_not_depend_on_how_many_are_drawn() -> None:
    many = simulate(3, seed=5, observation="many-beams")
    late = simulate(1, seed=5, start=2, observation="many-beams")
    np.testing.assert_array_equal(many.image[2:], late.image)
    assert not np.array_equal(many.image, simulate(3, seed=5).image)


def test_an_unknown_observation_is_an_error() -> None:
    with pytest.raises(InputError, match="first, many-beams"):
        simulate(1, seed=5, observation="nvss")
