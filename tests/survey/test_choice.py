"""The tile that a source is cut from: the one that knows most of the sky around it."""

import dataclasses
import math

import numpy as np
import pytest

from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_field, flags
from keras_astroattn.survey.choice import OpenTiles, choose_tile, known_share
from keras_astroattn.survey.tiles import MapOptions

SIGMA = 150 / 8  # pixels, of the weight


def cutout(blank=None, shape=(300, 300), centre=None):
    field = np.random.default_rng(0).normal(0, 1e-4, shape).astype(np.float32)
    if blank is not None:
        field[blank] = np.nan
    return cutout_from_field(field, 1.8, 5.4, centre=centre)


def columns(start: int, stop: int):
    return (slice(None), slice(start, stop))


def test_a_frame_without_a_gap_is_known():
    assert known_share(cutout()) == 1


@pytest.mark.parametrize("distance", [5, 20, 40])
def test_the_known_share_is_the_integral_of_a_gaussian(distance):
    """Of a half plane whose edge has that distance; the frame holds four sigma on each side."""
    expected = 0.5 * (1 + math.erf(distance / SIGMA / math.sqrt(2)))
    found = known_share(cutout(columns(150 + distance, 300)))
    assert found == pytest.approx(expected, abs=2e-4)


def test_what_lies_beyond_the_map_is_as_unknown_as_what_is_blank_on_it():
    ends = cutout(shape=(300, 170), centre=(149.5, 149.5))
    assert known_share(ends) == known_share(cutout(columns(170, 300)))


def test_nothing_is_known_of_a_source_in_a_hole_of_the_size_of_the_beam():
    y, x = np.mgrid[:300, :300] - 149.5
    assert known_share(cutout(np.hypot(x, y) < 3.5)) == 0
    assert 0.98 < known_share(cutout(np.hypot(x, y) < 2)) < 1


def chosen(*cutouts):
    tried = []

    def cut(path):
        tried.append(path)
        found = cutouts[int(path)]
        if isinstance(found, Exception):
            raise found
        return found

    path, found = choose_tile([str(n) for n in range(len(cutouts))], cut)
    assert found is cutouts[int(path)]
    return path, tried


def test_the_first_tile_that_knows_all_is_taken_and_no_other_is_read():
    assert chosen(cutout(), cutout()) == ("0", ["0"])


def test_a_half_blank_source_comes_from_the_tile_that_has_the_whole():
    half, nearly = cutout(columns(150, 300)), cutout(columns(190, 300))
    assert chosen(half, nearly, cutout())[0] == "2"
    assert chosen(half, nearly)[0] == "1"
    assert chosen(nearly, half, half)[0] == "0"


def test_a_tile_that_has_the_whole_source_is_preferred_to_one_that_knows_more_of_the_frame():
    nearly, less = cutout(columns(190, 300)), cutout(columns(170, 300))
    cut_off = dataclasses.replace(nearly, flags=(flags.INCOMPLETE,))
    assert chosen(cut_off, less)[0] == "1"
    assert chosen(nearly, less)[0] == "0"


def test_a_tile_that_shows_a_large_source_as_a_whole_is_preferred():
    nearly, less = cutout(columns(190, 300)), cutout(columns(170, 300))
    beyond = dataclasses.replace(nearly, flags=(flags.BEYOND_FRAME,))
    whole = dataclasses.replace(less, flags=(flags.WIDER_BEAM,))
    assert chosen(beyond, whole)[0] == "1"
    assert chosen(whole, beyond)[0] == "0"
    # A tile can know all of the first frame, but not of the wider one.
    beyond = dataclasses.replace(cutout(), flags=(flags.BEYOND_FRAME,))
    assert chosen(beyond, whole)[0] == "1"


def test_a_tile_that_cannot_be_read_is_left_out():
    assert chosen(InputError("cut short"), cutout(columns(150, 300)))[0] == "1"


def test_a_source_that_no_tile_knows_is_an_error():
    hole = cutout(columns(140, 160))
    with pytest.raises(InputError, match="0: the map is blank at this position"):
        chosen(hole, hole)
    with pytest.raises(InputError, match="cut short"):
        chosen(InputError("cut short"), hole)


def test_few_tiles_are_open_at_once_and_all_are_closed(monkeypatch):
    opened, closed = [], []

    class Map:
        def __init__(self, path):
            self.path = path
            opened.append(path)

        def close(self):
            closed.append(self.path)

    monkeypatch.setattr("keras_astroattn.survey.choice.FitsMap", Map)
    monkeypatch.setattr(MapOptions, "open", lambda self, path: Map(path))
    with OpenTiles(MapOptions()) as tiles:
        for path in "abcdae":
            assert tiles.get(path).path == path
        assert opened == ["a", "b", "c", "d", "e"]
        assert closed == ["b"]  # a was used again
    assert sorted(closed) == opened


def test_a_tile_that_was_given_up_is_not_opened():
    with (
        OpenTiles(MapOptions(), {"a.fits": "given up"}) as tiles,
        pytest.raises(InputError, match=r"a\.fits: given up"),
    ):
        tiles.cutout("a.fits", (0.0, 0.0))


def test_whatever_a_strange_tile_raises_is_an_input_error(monkeypatch):
    class Map:
        def cutout(self, position, noise, pixel):
            raise ZeroDivisionError("of a strange header")

        def close(self):
            pass

    monkeypatch.setattr(MapOptions, "open", lambda self, path: Map())
    with (
        OpenTiles(MapOptions()) as tiles,
        pytest.raises(InputError, match="a: ZeroDivisionError: of a strange header"),
    ):
        tiles.cutout("a", (0.0, 0.0))
