"""Maps of the second simulation, its independence of the training, and its tables."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from astropy.wcs import WCS

from keras_astroattn.edge import Classifier
from keras_astroattn.images import FitsMap
from keras_astroattn.images.flags import ASSUMED_BEAM
from train.studies.second_simulation import __main__ as study
from train.studies.second_simulation.galaxies import FRI, FRII, POINT, Cells, draw_fri, draw_frii
from train.studies.second_simulation.maps import (
    SURVEYS,
    beam_response,
    density,
    draw_map,
    draw_neighbours,
    draw_noise,
    draw_peak,
    image,
    kept_scales,
    sidelobe_response,
    transform,
)

FOLDER = Path(study.__file__).parent
LOTSS = SURVEYS["lofar"]  # 800 pixels of 1.5 arcsec; a beam is 4 pixels wide


def render(drawn, survey, response):
    return image(transform(drawn, survey) * response)


def cells(*sources):
    return Cells(*np.array(sources, float).T)


def test_the_maps_import_nothing_of_the_project():
    for name in ("galaxies.py", "maps.py"):
        nodes = list(ast.walk(ast.parse((FOLDER / name).read_text(encoding="utf-8"))))
        names = {
            alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {
            "." * node.level + node.module for node in nodes if isinstance(node, ast.ImportFrom)
        }
        assert names <= {"math", "dataclasses", "numpy", "astropy.io", ".galaxies"}


def test_a_run_loads_neither_the_simulation_of_the_training_nor_another_study(tmp_path):
    output, sheet = tmp_path / "sources.csv", tmp_path / "sheet.png"
    words = ["agcnn_survey", "--survey", "nvss", "--galaxies", "2", "--points", "1"]
    words += ["--output", str(output), "--sheet", str(sheet)]
    code = (
        "import sys\n"
        "from train.studies.second_simulation.__main__ import main\n"
        f"assert main({words!r}) == 0\n"
        "print([name for name in sys.modules if name.startswith(('keras_astroattn.datasets',"
        " 'keras_astroattn.survey.injection', 'train.', 'keras.', 'tensorflow'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, encoding="utf-8"
    )
    own = "train.studies.second_simulation"
    loaded = ast.literal_eval(done.stdout.splitlines()[-1])
    assert set(loaded) == {
        "train.studies",
        own,
        *(f"{own}.{n}" for n in ("__main__", "galaxies", "maps")),
    }
    assert "| NVSS, 45 arcsec | galaxies | 2 |" in done.stdout
    lines = output.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["nvss", "0", "FRI"],
        ["nvss", "1", "FRII"],
        ["nvss", "0", "point"],
    ]


def test_a_beam_of_four_pixels_covers_eighteen():
    # pi / (4 ln 2) = 1.13309, times 16 pixels.
    assert LOTSS.beam_area == pytest.approx(18.129, abs=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_a_point_source_has_the_shape_of_the_beam_wherever_it_lies(shift):
    # East is left: 0.75 arcsec west of the middle, pixel 399.5, is pixel 400.
    seen = render(cells([-0.75 - 1.5 * shift, 0.75, 2.0]), LOTSS, beam_response(LOTSS))
    distance = np.array([0, 2, 4]) - shift  # half a width is 2 pixels
    expected = 2.0 * 0.5 ** ((distance / 2) ** 2)
    np.testing.assert_allclose(seen[400, [400, 402, 404]], expected, rtol=0.01)
    assert seen.sum() == pytest.approx(2.0 * 18.129, rel=1e-4)


def test_noise_has_the_correlation_of_the_beam():
    noise = draw_noise(np.random.default_rng(1), LOTSS)
    assert noise.std() == pytest.approx(83e-6)
    # Gaussian noise of a beam of 2.355 sigma: exp(-2.355^2 / 4) = 1 / 4 at a distance of a beam.
    correlation = np.mean(noise[:, 4:] * noise[:, :-4]) / noise.var()
    assert correlation == pytest.approx(0.25, abs=0.02)


def test_counts_agree_with_two_surveys():
    # FIRST: 90 a square degree above 1 mJy (Becker et al. 1995). NVSS: 1.8 million sources above
    # 2.5 mJy on 82 % of the sky, 33,800 square degrees (Condon et al. 1998).
    first, nvss = density([1e-3, 2.5e-3])
    assert first == pytest.approx(90, rel=0.1)
    assert nvss == pytest.approx(53, rel=0.2)


def test_neighbours_have_the_density_of_the_counts():
    survey = SURVEYS["nvss"]
    drawn = [draw_neighbours(np.random.default_rng(seed), survey) for seed in range(10)]
    # 600 pixels of 15 arcsec are 2.5 degrees.
    bright = [np.count_nonzero(one.flux > 2.5e-3) for one in drawn]
    assert np.mean(bright) == pytest.approx(6.25 * density(2.5e-3), rel=0.05)
    assert min(one.flux.min() for one in drawn) >= survey.noise
    assert max(np.abs(one.east).max() for one in drawn) <= 4500


def test_peaks_follow_their_law():
    rng = np.random.default_rng(1)
    peaks = [draw_peak(rng, 50.0) for _ in range(4000)]
    assert min(peaks) >= 50
    assert max(peaks) <= 5000
    # Of N(> p) ~ p^-0.9 from 50 to 5000, half lies above 50 (0.5 + 0.5 * 100^-0.9)^(-1 / 0.9).
    assert np.median(peaks) == pytest.approx(106.2, rel=0.05)


def test_the_size_is_the_largest_extent():
    assert cells([30, 0, 1], [-30, 0, 1], [0, 10, 1]).size == pytest.approx(60, abs=0.1)
    assert cells([30, 40, 1], [-30, -40, 1]).size == pytest.approx(100, abs=0.5)
    # A cell with less than 1 % of the flux does not count.
    assert cells([30, 0, 1], [-30, 0, 1], [300, 0, 0.01]).size < 62


@pytest.mark.parametrize(("draw", "is_fri"), [(draw_fri, True), (draw_frii, False)])
def test_classes_are_those_of_fanaroff_and_riley(draw, is_fri):
    # The core, the last cell, does not count in their definition.
    for seed in range(8):
        drawn = draw(np.random.default_rng(seed))
        drawn = drawn.scaled(180 / drawn.size, 1.0)
        lobes = Cells(drawn.east[:-1], drawn.north[:-1], drawn.flux[:-1])
        seen = render(lobes, LOTSS, beam_response(LOTSS))
        row, column = np.unravel_index(seen.argmax(), seen.shape)
        distance = 1.5 * np.hypot(row - 399.5, column - 399.5)
        assert (distance < 180 / 4) == is_fri, seed


def test_galaxies_have_their_stated_size():
    for kind in (FRI, FRII):
        sizes = [draw_map(SURVEYS["nvss"], kind, 1, k, sizes=(50, 80)).size for k in range(3)]
        assert 50 <= min(sizes) <= max(sizes) <= 80
        assert len(set(sizes)) == 3


@pytest.mark.parametrize("name", SURVEYS)
def test_maps_are_read_with_their_beam_at_the_position(name, tmp_path):
    survey, one = SURVEYS[name], draw_map(SURVEYS[name], POINT, 1, 0, artefacts=False)
    x, y = WCS(one.hdu.header).celestial.all_world2pix(*one.position, 0)
    middle = (survey.pixels - 1) / 2
    # Half a pixel, and four times the error of 2 arcsec.
    assert np.abs([x - middle, y - middle]).max() < 0.5 + 8 / survey.scale
    one.hdu.writeto(tmp_path / "map.fits")
    with FitsMap(tmp_path / "map.fits") as read:
        assert (read.beam.major, read.beam.minor) == pytest.approx((survey.beam, survey.beam))
        cutout = read.cutout(one.position)
    assert (ASSUMED_BEAM in cutout.flags) == (name == "nvss")  # SkyView states no beam
    # 4 sigma of noise, and half a pixel off the peak: 0.5^(1/9) = 0.926 at three pixels a beam.
    peak = one.hdu.data.squeeze()[survey.pixels // 2 - 3 :, survey.pixels // 2 - 3 :][:6, :6].max()
    assert 0.85 * one.ratio - 4 < peak / survey.noise < one.ratio + 4 + 0.02 * one.ratio


def test_maps_are_the_same_each_time_and_differ_by_index():
    first, again, other = (draw_map(SURVEYS["nvss"], FRI, 1, k).hdu.data for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_fainter_source_has_the_same_map_without_it():
    bright, faint = (
        draw_map(SURVEYS["nvss"], POINT, 1, 0, peak_factor=factor, artefacts=False)
        for factor in (1.0, 0.4)
    )
    assert faint.ratio == pytest.approx(0.4 * bright.ratio)
    difference = (bright.hdu.data - faint.hdu.data) / SURVEYS["nvss"].noise
    assert difference.max() == pytest.approx(0.6 * bright.ratio, rel=0.08)
    assert np.abs(difference[:250]).max() < 1e-3


def test_artefacts_change_nothing_else_of_a_map():
    whole, clean = (draw_map(SURVEYS["nvss"], POINT, 1, 0, artefacts=a) for a in (True, False))
    assert (whole.position, whole.ratio) == (clean.position, clean.ratio)
    # Sidelobes of neighbours of up to 1 Jy, 2000 sigma, reach a few sigma.
    difference = (whole.hdu.data - clean.hdu.data) / SURVEYS["nvss"].noise
    assert 0.01 < np.abs(difference).max() < 10
    assert np.median(np.abs(difference)) < 0.1


def test_an_interferometer_loses_large_scales():
    # Of a Gaussian as wide as the lost one, half the peak is left; its sum is 0.
    survey = SURVEYS["vlass"]
    rng = np.random.default_rng(1)
    wide = Cells(*rng.normal(0, 58 / 2.3548, (2, 200_000)), np.ones(200_000))
    whole, left = (
        render(wide, survey, beam_response(survey) * k) for k in (1, kept_scales(survey))
    )
    assert left.sum() == pytest.approx(0, abs=1e-6 * whole.sum())
    assert left[590:610, 590:610].mean() / whole[590:610, 590:610].mean() == pytest.approx(
        0.5, abs=0.02
    )


def test_sidelobes_reach_the_inverse_of_the_dynamic_range():
    heights = []
    for seed in range(8):
        seen = render(
            cells([-0.75, 0.75, 1.0]), LOTSS, sidelobe_response(np.random.default_rng(seed), LOTSS)
        )
        assert abs(seen[400, 400]) < 0.2 * seen.max()  # none at the source
        heights.append(seen.max())
    assert 1e-3 / 3 < np.median(heights) < 3e-3


def found(label, flags=()):
    return SimpleNamespace(label=label, flags=flags)


def test_reasons_name_the_flags_that_forbid_a_class():
    assert study.reason_of(found("FRI", ("recentred",))) == ""
    assert study.reason_of(found("compact", ("off_source",))) == "compact"
    assert study.reason_of(found("uncertain", ("confused",))) == "uncertain (probability)"
    flags = ("off_source", "confused", "artefacts")
    assert study.reason_of(found("uncertain", flags)) == "uncertain (artefacts, off_source)"


def test_rows_count_sources_classes_and_reasons():
    records = [
        {"survey": "nvss", "truth": truth, "label": label, "reason": reason}
        for truth, label, reason in [
            ("FRI", "FRI", ""),
            ("FRI", "FRII", ""),
            ("FRII", "compact", "compact"),
            ("point", "FRI", ""),
        ]
    ]
    rows = {row[1]: row[2:] for row in study.rows_of(records)}
    # Wilson's interval of 1 of 2 at 95 %: 0.5 -+ 0.405.
    assert rows["galaxies"] == (3, "2 (67 %)", "1: 50.0 % (9-91)", "compact 1")
    assert rows["FRII"] == (1, "0 (0 %)", "-", "compact 1")
    assert rows["point"] == (1, "1 (100 %)", "0: 0.0 % (0-79)", "")


def test_a_record_holds_truth_and_measurement():
    drawn = draw_map(SURVEYS["nvss"], FRII, 1, 3, sizes=(250, 260))
    record = study.record_of("nvss", 3, drawn, study.classify(Classifier(), drawn))
    assert (record["survey"], record["index"], record["truth"]) == ("nvss", 3, "FRII")
    assert record["measured_size_arcsec"] == pytest.approx(255, abs=60)
    assert record["measured_snr"] == pytest.approx(drawn.ratio, rel=0.2)


def test_the_sheet_is_written_in_its_format(tmp_path):
    shown = SimpleNamespace(cutout=SimpleNamespace(pixels=np.eye(150, dtype=np.uint8)))
    study.draw_sheet(tmp_path / "wrong.pdf", [("a caption", shown)])
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.pdf"]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--sizes", "90", "20"], "--sizes 90 20: give the smaller size first"),
        (["--sheet", "wrong.gif"], "--sheet wrong.gif: give a name that ends with .png or .pdf"),
    ],
)
def test_a_bad_option_is_one_line(option, message, capsys):
    assert study.main(["agcnn_survey", *option]) == 2
    assert capsys.readouterr().err.startswith(f"error: {message}")
