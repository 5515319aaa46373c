"""Simulated sources in the user's own tiles, and the selection function of their labels."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.table import Table
from rich.console import Console
from support.synthetic_maps import celestial_header, gaussian, noise, write

from keras_astroattn.cli.injection import require_folder, selection, write_injection
from keras_astroattn.datasets.simulation import scaled_flux
from keras_astroattn.edge import Classification
from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap, cutout_from_field, flags
from keras_astroattn.survey.injection import (
    POINT,
    Injected,
    _is_free,
    drawn_on,
    drawn_source,
    inject,
)
from keras_astroattn.survey.tiles import MapOptions, find_tiles, index_tiles

SIGMA = 1e-4
SHAPE = (500, 500)


class Compact:
    """A classifier that keeps the cutouts and calls everything compact."""

    name = "compact"
    model = SimpleNamespace(content=b"model")

    def __init__(self):
        self.seen = []

    def classify(self, cutout):
        self.seen.append(cutout)
        return Classification("compact", flags=cutout.flags)


def tile(folder, beam=(5.4, 5.4, 0.0), scale=1.8, source=None):
    sky = noise(SHAPE, SIGMA, seed=5)
    if source is not None:
        sky += gaussian(SHAPE, *source, 5.4, peak=0.05, scale=scale).astype(np.float32)
    write(folder / "tile.fits", sky, celestial_header(SHAPE, beam=beam, scale=scale))
    return index_tiles(find_tiles([str(folder)])).tiles


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(tmp_path / "cache"))


def test_points_have_the_peak_that_was_drawn_and_the_file_is_unchanged(tmp_path):
    tiles, model = tile(tmp_path), Compact()
    before = (tmp_path / "tile.fits").read_bytes()
    found = inject(tiles, MapOptions(), model, 9, seed=1)
    assert [one.kind for one in found] == ["FRI", "FRII", "point"] * 3
    assert [one.number for one in found] == list(range(9))
    for one, cutout in zip(found, model.seen, strict=True):
        if one.kind == POINT:
            # The noise adds at most 4 sigma, and half a pixel costs 8 % of the peak.
            assert cutout.peak_snr == pytest.approx(one.ratio, rel=0.1, abs=4)
            assert cutout.largest_angular_size < 5.4
    assert (tmp_path / "tile.fits").read_bytes() == before


def test_sources_of_a_fine_beam_are_drawn_in_units_of_it(tmp_path):
    """The noise of the map is 1e-4 with its own beam; with 5.4 arcsec it would be another."""
    model = Compact()
    found = inject(tile(tmp_path, (2.5, 2.5, 0.0), 1.0), MapOptions(), model, 9, seed=1)
    for one, cutout in zip(found, model.seen, strict=True):
        if one.kind == POINT:
            assert cutout.beam.mean == pytest.approx(2.5)
            assert cutout.peak_snr == pytest.approx(one.ratio, rel=0.12, abs=4)
        elif one.size < 8:  # 20 arcsec, below five beams of 5.4
            assert cutout.largest_angular_size < 1.5 * one.size * 2.5


def test_a_seed_gives_the_same_sources_for_any_count(tmp_path):
    tiles = tile(tmp_path)
    few = inject(tiles, MapOptions(), Compact(), 3, seed=2)
    more = inject(tiles, MapOptions(), Compact(), 5, seed=2)
    assert more[:3] == few
    assert inject(tiles, MapOptions(), Compact(), 3, seed=3) != few


def test_places_are_free_of_emission(tmp_path):
    tiles = tile(tmp_path, source=(250, 250))
    with FitsMap(tmp_path / "tile.fits") as sky:
        for one in inject(tiles, MapOptions(), Compact(), 12):
            x, y = sky.locate([one.ra], [one.dec])[0]
            assert np.hypot(x - 250, y - 250) > 20


def test_a_place_at_a_source_larger_than_the_frame_is_not_free():
    empty = cutout_from_field(noise((300, 300), SIGMA, seed=5), 1.8, 5.4)
    assert _is_free(empty)
    assert not _is_free(replace(empty, flags=(flags.WIDER_BEAM,)))


@pytest.mark.parametrize("beam", [(5.4, 5.4, 0.0), (9.0, 6.0, 40.0)])
def test_a_source_is_drawn_with_the_beam_of_the_map(tmp_path, beam):
    tile(tmp_path, beam=beam)
    point = scaled_flux(drawn_source(POINT, 0.0, 0, 0), 0.01)
    with FitsMap(tmp_path / "tile.fits") as sky:
        drawn = drawn_on(sky, point, np.array([250.0, 240.0]), [50, 40], [450, 440])
    expected = gaussian((400, 400), 200, 200, *beam, peak=0.01, scale=1.8)
    np.testing.assert_allclose(drawn, expected, atol=2e-4)


def test_a_source_has_the_size_that_is_asked_for():
    model = drawn_source("FRII", 33.0, 4, 7)
    assert model.label == 1
    assert model.angular_size == 33.0
    assert len(model.neighbours) == 0
    extent = np.hypot(model.components.east, model.components.north).max()
    assert 33 / 4 < extent < 33


def test_tiles_without_a_beam_are_refused(tmp_path):
    tiles = tile(tmp_path, beam=None)
    with pytest.raises(InputError, match="--beam"):
        inject(tiles, MapOptions(), Compact(), 3)


def injected(kind, label, p_frii=None, size=4.0, ratio=50.0):
    p_fri = None if p_frii is None else 1 - p_frii
    size = 0.0 if kind == POINT else size
    return Injected(0, kind, size, ratio, "t", 0.0, 0.0, label, p_fri, p_frii, size, ratio, ())


def test_the_selection_function_counts_by_hand():
    found = [
        *[injected("FRI", "FRI", 0.1)] * 6,
        *[injected("FRI", "FRII", 0.9)] * 2,
        *[injected("FRI", "uncertain", 0.6)] * 2,
        *[injected("FRII", "FRII", 0.9, size=15.0)] * 9,
        injected("FRII", "compact", size=15.0),
        *[injected(POINT, "compact")] * 9,
        injected(POINT, "FRII", 0.97),
    ]
    rows = selection(found)

    def share(measure, of, **bounds):
        (row,) = (
            one
            for one in rows
            if (one["measure"], one["of"]) == (measure, of)
            and all(one[key] == value for key, value in bounds.items())
        )
        return row["sources"], row["share"]

    every = {"size_low": 1.5, "size_high": 40.0, "ratio_low": 6.0, "ratio_high": 300.0}
    assert share("completeness", "FRI", **every) == (10, 0.6)
    assert share("given", "FRI", **every) == (10, 0.8)
    assert share("completeness", "FRII", **every | {"size_low": 10.0, "size_high": 20.0}) == (
        10,
        0.9,
    )
    assert share("completeness", "FRII", **every | {"size_low": 3.0, "size_high": 5.0}) == (0, None)
    assert share("purity", "FRI") == (6, 1.0)
    assert share("purity", "FRII") == (12, 9 / 12)
    assert share("confusion", POINT) == (10, 0.1)
    # 0.9: 6 FRI and 9 FRII right, 2 FRI wrong; 0.6: 2 FRI wrong. The point is left out.
    assert share("calibration", "P from 0.8 to 0.95") == (17, 15 / 17)
    assert share("calibration", "P from 0.5 to 0.8") == (2, 0.0)
    # Wilson's interval of 6 in 10 is 0.313 to 0.832.
    row = next(one for one in rows if one["measure"] == "completeness")
    assert (row["low"], row["high"]) == pytest.approx((0.313, 0.832), abs=0.001)
    assert json.dumps(rows)


def test_the_files_hold_the_sources_and_what_made_them(tmp_path):
    found = [injected("FRI", "FRI", 0.1), injected("FRII", "FRII", 0.8), injected(POINT, "compact")]
    write_injection(tmp_path, found, Compact(), 7, Console(quiet=True))
    sources = Table.read(tmp_path / "sources.csv")
    assert list(sources["kind"]) == ["FRI", "FRII", "point"]
    assert sources["p_frii"][1] == 0.8
    stated = json.loads((tmp_path / "selection.json").read_text())
    assert (stated["seed"], stated["model"], stated["sources"]) == (7, "compact", 3)
    assert len(Table.read(tmp_path / "selection.csv")) == len(stated["selection"])
    assert (tmp_path / "selection.png").read_bytes().startswith(b"\x89PNG")


def test_the_figure_shows_each_bin_of_the_ratio_once():
    from keras_astroattn.plots.selection import selection_figure

    found = [injected(kind, kind, 0.5, 4.0, ratio) for kind in ("FRI", "FRII") for ratio in (8, 50)]
    panels = selection_figure(selection(found)).axes
    assert [axes.get_title() for axes in panels] == ["FRI", "FRII"]
    names = panels[0].get_legend_handles_labels()[1]
    assert names == ["6 to 10", "30 to 100"]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"--inject-output .*file cannot be made: "):
        require_folder(tmp_path / "file")
