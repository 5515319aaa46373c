"""`astroattn classify` at the positions of catalogues, regions and options."""

import csv
import io
import json
import shutil
import subprocess

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import QTable, Table
from support.synthetic_maps import celestial_header, gaussian, noise, write
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.app import app
from keras_astroattn.cli.positions import read_places
from keras_astroattn.cli.scoring import Scorer, Scoring
from keras_astroattn.cli.targets import Target, targets_at
from keras_astroattn.command import run_app
from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap
from keras_astroattn.images.position import position_name
from keras_astroattn.survey import tiles
from keras_astroattn.survey.tiles import MapOptions

SHAPE = (400, 400)
INSIDE = [(180.0, 30.0), (180.05, 30.02)]
OUTSIDE = (10.0, -20.0)


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    sky = noise(SHAPE) + gaussian(SHAPE, 199.5, 199.5, 20, 6, peak=0.01, scale=1.8)
    return write(tmp_path_factory.mktemp("maps") / "mosaic.fits", sky, celestial_header(SHAPE))


@pytest.fixture(scope="module")
def neighbour(mosaic):
    """A map that covers the second position alone, near its edge."""
    header = celestial_header(SHAPE, ra=180.15, dec=30.02)
    return write(mosaic.with_name("neighbour.fits"), noise(SHAPE, seed=1), header)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def catalogue_columns() -> dict[str, list]:
    ra, dec = zip(*INSIDE, strict=True)
    return {"name": ["3C 1", "b"], "ra": list(ra), "dec": list(dec)}


@pytest.mark.parametrize("ending", ["csv", "ecsv", "fits", "vot", "parquet"])
def test_catalogues_of_every_format_give_names_and_positions(tmp_path, ending):
    path = tmp_path / f"c.{ending}"
    table = Table(catalogue_columns())
    table.write(path, **({"format": "votable"} if ending == "vot" else {}))
    places = read_places((), str(path))
    assert [place.name for place in places] == ["3C 1", "b"]
    assert [place.position for place in places] == [pytest.approx(one) for one in INSIDE]


def test_a_catalogue_of_pybdsf_is_recognised(tmp_path):
    columns = {"Source_id": [4, 7], "Isl_id": [3, 3], "RA": [180.0, 180.05], "E_RA": [1e-5, 1e-5],
               "DEC": [30.0, 30.02], "E_DEC": [1e-5, 1e-5], "Total_flux": [0.1, 0.2],
               "S_Code": ["S", "M"]}  # fmt: skip
    Table(columns).write(tmp_path / "srl.fits")
    # PyBDSF writes the names of the columns of CSV as a comment.
    rows = [", ".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    comments = ["# Source list for map.fits", "# Equinox : 2000.0 ", "", "# " + ", ".join(columns)]
    (tmp_path / "srl.csv").write_text("\n".join([*comments, *rows]) + "\n")
    # In its ASCII files spaces separate them, and pad the numbers.
    rows = [
        "  ".join(f"{value!s:>8}" for value in row) for row in zip(*columns.values(), strict=True)
    ]
    (tmp_path / "m.srl").write_text(
        "\n".join([*comments[:-1], "# " + " ".join(columns), *rows, ""])
    )
    for name in ("srl.fits", "srl.csv", "m.srl"):
        places = read_places((), str(tmp_path / name))
        assert [place.name for place in places] == ["4", "7"]
        assert places[1].position == (180.05, 30.02)


def test_the_gaussians_of_pybdsf_have_their_own_names(tmp_path):
    columns = {"Gaus_id": [8, 9], "Isl_id": [3, 3], "Source_id": [4, 4], "Wave_id": [0, 0],
               "RA": [180.0, 180.05], "DEC": [30.0, 30.02], "S_Code": ["M", "M"]}  # fmt: skip
    Table(columns).write(tmp_path / "gaul.fits")
    assert [place.name for place in read_places((), str(tmp_path / "gaul.fits"))] == ["8", "9"]


def test_a_catalogue_of_aegean_is_named_by_island_and_source(tmp_path):
    columns = {"island": [12, 12], "source": [0, 1], "local_rms": [1e-4, 1e-4],
               "ra_str": ["12:00:00.00", "12:00:12.00"], "dec_str": ["+30:00:00", "+30:01:12"],
               "ra": [180.0, 180.05], "dec": [30.0, 30.02], "uuid": ["a", "b"]}  # fmt: skip
    Table(columns).write(tmp_path / "comp.csv")
    places = read_places((), str(tmp_path / "comp.csv"))
    assert [place.name for place in places] == ["12_0", "12_1"]
    assert [place.position for place in places] == INSIDE


@pytest.mark.parametrize("ending", ["ecsv", "fits"])
def test_a_catalogue_of_photutils_is_recognised(tmp_path, ending):
    centroid = SkyCoord(INSIDE, unit="deg")
    table = QTable({"label": [1, 2], "xcentroid": [1.0, 2.0], "sky_centroid": centroid})
    table.write(tmp_path / f"p.{ending}")
    places = read_places((), str(tmp_path / f"p.{ending}"))
    assert [place.name for place in places] == ["1", "2"]
    assert places[1].position == pytest.approx(INSIDE[1])


@pytest.mark.parametrize(("ending", "kind"), [("reg", "ds9"), ("crtf", "crtf"), ("txt", "ds9")])
def test_regions_give_their_middles_and_labels(tmp_path, ending, kind):
    regions = pytest.importorskip("regions")
    import astropy.units as u

    centres = SkyCoord(INSIDE, unit="deg")
    corners = SkyCoord([179.9, 180.1, 180.1, 179.9], [29.9, 29.9, 30.1, 30.1], unit="deg")
    meta = {"text": "core", "label": "core"}
    shapes = regions.Regions(
        [
            regions.CircleSkyRegion(centres[0], 20 * u.arcsec, meta=meta),
            regions.EllipseSkyRegion(centres[1], 20 * u.arcsec, 9 * u.arcsec, 30 * u.deg),
            regions.PolygonSkyRegion(corners),
        ]
    )  # fmt: skip
    shapes.write(tmp_path / f"r.{ending}", format=kind)
    places = read_places((), str(tmp_path / f"r.{ending}"))
    assert places[0].name == "core"
    assert places[0].position == pytest.approx(INSIDE[0], abs=1e-6)
    assert places[1].name.startswith("J1200")
    assert places[1].position == pytest.approx(INSIDE[1], abs=1e-6)
    # The middle of a small quadrangle lies a little poleward of the mean of its corners.
    assert places[2].position == pytest.approx((180.0, 30.0), abs=1e-4)


def test_regions_in_pixels_are_refused(tmp_path):
    pytest.importorskip("regions")
    path = tmp_path / "r.reg"
    path.write_text("# Region file format: DS9\nimage\ncircle(10,10,3)\n")
    with pytest.raises(InputError, match="a region is in pixels"):
        read_places((), str(path))


def test_a_text_may_hold_one_position_a_line(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# mine\n180.0 30.0\n\n12:00:12.0,+30:01:12\n")
    assert [place.position for place in read_places((), str(path))] == [
        (180.0, 30.0),
        pytest.approx((180.05, 30.02)),
    ]
    path.write_text("180.0 30.0\n180.0 north\n")
    with pytest.raises(InputError, match="line 2"):
        read_places((), str(path))


@pytest.mark.parametrize(
    ("position", "name"),
    [
        ((187.70593, 12.39112), "J123049.42+122328.0"),  # M87: 12h30m49.423s +12d23m28.03s
        ((299.868153, 40.733916), "J195928.35+404402.0"),  # Cygnus A: 19h59m28.3567s
        ((0.0, -0.5), "J000000.00-003000.0"),
        ((359.99999999, 89.9999999), "J235959.99+895959.9"),
    ],
)
def test_a_position_gives_a_name_truncated_as_the_iau_recommends(position, name):
    assert position_name(*position) == name


def test_each_position_becomes_a_row_in_the_order_of_the_options(mosaic, model_path, capsys):
    arguments = ["--position", "180.05,30.02", "--position", "12:00:00,+30:00:00"]
    assert run("classify", mosaic, "--model", model_path, *arguments) == 0
    out, err = capsys.readouterr()
    rows = rows_of(out)
    assert [row["name"] for row in rows] == ["J120012.00+300112.0", "J120000.00+300000.0"]
    assert [row["ra"] for row in rows] == ["180.050000", "180.000000"]
    assert rows[0]["label"] == "no_source"
    assert rows[1]["label"] in ("FRI", "FRII", "uncertain")
    assert err.startswith("classified: 2 positions (")


def test_a_position_on_no_map_is_a_row_with_an_error(
    mosaic, neighbour, model_path, tmp_path, capsys
):
    catalogue = tmp_path / "c.csv"
    positions = [*INSIDE, OUTSIDE, ("", "")]
    lines = [f"{name},{ra},{dec}" for name, (ra, dec) in zip("abcd", positions, strict=True)]
    catalogue.write_text("\n".join(["id,ra,dec", *lines]) + "\n")
    broken = tmp_path / "broken.fits"
    broken.write_bytes(b"SIMPLE")
    arguments = ["--positions", catalogue, "--model", model_path, "--output", tmp_path / "r.json"]
    assert run("classify", mosaic, neighbour, broken, *arguments) == 0
    rows = json.loads((tmp_path / "r.json").read_text())["sources"]
    assert [row["name"] for row in rows] == ["a", "b", "c", "d", "broken.fits"]
    # Both maps hold the second position; it is far from the edge of the first alone.
    assert [row["path"] for row in rows[:2]] == [str(mosaic), str(mosaic)]
    assert rows[2]["error"] == "outside every map that can be read (1 cannot)"
    assert (rows[2]["ra"], rows[2]["dec"], rows[2]["path"]) == (*OUTSIDE, None)
    assert rows[3]["error"] == "no position: RA or Dec is missing"
    assert rows[4]["path"] == str(broken)
    assert rows[4]["label"] == "error"
    err = capsys.readouterr().err
    assert "5 positions (" in err
    assert f"failed: c: {rows[2]['error']}\n" in err
    assert run("classify", mosaic, *arguments, "--overwrite", "--strict") == 1
    assert run("classify", mosaic, *arguments[2:], "--position", "180,30", "--overwrite",
               "--strict") == 0  # fmt: skip


def test_a_map_is_opened_once_for_all_its_positions(mosaic, model_path, monkeypatch):
    opened = []

    class Counted(FitsMap):
        def __init__(self, path, **options):
            opened.append(path)
            super().__init__(path, **options)

    monkeypatch.setattr(tiles, "FitsMap", Counted)
    places = read_places(["180,30", "180.01,30", "180.02,30.01"], None)
    targets = targets_at(places, [(str(mosaic), "mosaic.fits")], MapOptions())
    with Scorer(Scoring(str(model_path))) as scorer:
        rows = [scorer.score(target) for target in targets]
    assert [row["error"] for row in rows] == [None] * 3
    assert opened == [str(mosaic)]


def test_a_position_is_classified_as_alone(mosaic, model_path, tmp_path):
    from keras_astroattn.edge import Classifier
    from keras_astroattn.images import read_fits

    with Scorer(Scoring(str(model_path), {"noise": 2e-4})) as scorer:
        row = scorer.score(Target(str(mosaic), "x", "x", (180.001, 30.0)))
    alone = read_fits(mosaic, (180.001, 30.0), noise=2e-4)
    assert row["p_fri"] == Classifier(model_path).classify(alone).p_fri
    assert row["noise_jy_beam"] == alone.noise


def test_pictures_of_sources_of_one_name_differ(mosaic, model_path, tmp_path):
    catalogue = tmp_path / "c.csv"
    catalogue.write_text("id,ra,dec\n3C/1,180,30\n3c_1,180.001,30\n")
    arguments = ["--positions", catalogue, "--model", model_path, "--attention", tmp_path / "a"]
    assert run("classify", mosaic, *arguments, "--output", tmp_path / "r.json") == 0
    rows = json.loads((tmp_path / "r.json").read_text())["sources"]
    assert [row["name"] for row in rows] == ["3C/1", "3c_1"]
    names = sorted(path.name for path in (tmp_path / "a").glob("*.png"))
    assert names == ["3C_1-000001.png", "3c_1-000002.png"]


def test_a_run_with_other_positions_does_not_go_on(
    mosaic, model_path, tmp_path, monkeypatch, capsys
):
    from keras_astroattn.cli import classify as command

    def interrupted(*_):
        raise KeyboardInterrupt

    arguments = ["classify", mosaic, "--model", model_path, "--output", tmp_path / "r.csv"]
    with monkeypatch.context() as patch:
        patch.setattr(command, "write_results", interrupted)
        assert run(*arguments, "--position", "180,30") == 130
    assert run(*arguments, "--position", "180.05,30.02", "--resume") == 2
    assert "another positions" in capsys.readouterr().err
    assert run(*arguments, "--position", "180,30", "--resume") == 0


def test_positions_come_from_the_standard_input(mosaic, model_path, capsys, monkeypatch):
    text = io.TextIOWrapper(io.BytesIO(b"name,ra,dec\nmine,180,30\n"))
    monkeypatch.setattr("sys.stdin", text)
    assert run("classify", mosaic, "--model", model_path, "--positions", "-") == 0
    assert [row["name"] for row in rows_of(capsys.readouterr().out)] == ["mine"]


def written(tmp_path, text: str) -> str:
    (tmp_path / "c.csv").write_text(text)
    return str(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("ra,dec\n", "c.csv holds no position on the sky\n"),
        ("name,x,y\na,1,2\n", "c.csv: no column looks like RA"),
        ("ra,dec\nnan,30\n", "c.csv holds no position on the sky: row 1: no position"),
        ("ra,dec\n10,-20\n", "position 10.00000,-20.00000 is not on the map"),
        ("ra,dec\n1000,95\n", "c.csv holds no position on the sky: row 1: its position is not"),
    ],
)  # fmt: skip
def test_bad_catalogues_are_one_line_and_write_nothing(mosaic, model_path, tmp_path, capsys, text,
                                                        message):  # fmt: skip
    output = tmp_path / "r.csv"
    output.write_text("precious")
    arguments = ["--positions", written(tmp_path, text), "--model", model_path, "--output", output]
    assert run("classify", mosaic, *arguments, "--overwrite") == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert output.read_text() == "precious"


def test_a_wrong_unit_is_one_line(mosaic, model_path, tmp_path, capsys):
    columns = fits.ColDefs(
        [
            fits.Column("RA", "D", unit="Jy", array=np.array([180.0])),
            fits.Column("DEC", "D", unit="deg", array=np.array([30.0])),
        ]
    )
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "c.fits")
    arguments = ["--positions", tmp_path / "c.fits", "--model", model_path]
    assert run("classify", mosaic, *arguments) == 2
    err = capsys.readouterr().err
    assert "c.fits: column RA is in 'Jy'" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--position", "nan,nan"], "is not on the sky"),
        (["--position", "north"], "is not RA,DEC"),
        (["--positions", "nowhere.csv"], "No such file"),
        (["--position", "10,-20"], "is not on the map"),
    ],
)
def test_bad_positions_are_one_line(mosaic, model_path, capsys, arguments, message):
    assert run("classify", mosaic, "--model", model_path, *arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_positions_need_a_map(model_path, tmp_path, capsys):
    np.save(tmp_path / "a.npy", radio_galaxy())
    assert run("classify", tmp_path / "a.npy", "--model", model_path, "--position", "180,30") == 2
    assert "--position needs a FITS map" in capsys.readouterr().err


def test_catalogues_without_pyarrow_are_one_line(monkeypatch, tmp_path):
    from keras_astroattn.cli import positions

    monkeypatch.setattr(positions.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"keras-astroattn\[parquet\]"):
        read_places((), written(tmp_path, "ra,dec\n180,30\n"))
    (tmp_path / "r.reg").write_text("# Region file format: DS9\n")
    with pytest.raises(InputError, match=r"keras-astroattn\[regions\]"):
        read_places((), str(tmp_path / "r.reg"))
    (tmp_path / "list.txt").write_text("180 30\n")
    assert len(read_places((), str(tmp_path / "list.txt"))) == 1


def test_the_sources_of_a_mosaic_are_detected_and_sorted_by_peak(model_path, tmp_path, capsys):
    sky = noise((900, 900))
    for x, y, peak in ((200, 200, 0.004), (700, 300, 0.02), (450, 800, 0.008)):
        sky += gaussian((900, 900), x, y, 20, 6, peak=peak, scale=1.8)
    path = write(tmp_path / "mosaic.fits", sky, celestial_header((900, 900)))
    empty = write(tmp_path / "empty.fits", noise((300, 300)), celestial_header((300, 300)))
    arguments = ["--detect", "--model", model_path, "--output", tmp_path / "r.json"]
    assert run("classify", path, empty, *arguments) == 0
    rows = json.loads((tmp_path / "r.json").read_text())["sources"]
    assert rows.pop()["error"] == "no source above 5 sigma"
    with FitsMap(path) as opened:
        places = opened.locate(*np.transpose([(row["ra"], row["dec"]) for row in rows]))
    np.testing.assert_allclose(places, [(700, 300), (450, 800), (200, 200)], atol=0.7)
    assert rows[0]["name"] == position_name(rows[0]["ra"], rows[0]["dec"])
    snr = [row["peak_snr"] for row in rows]
    assert snr == sorted(snr, reverse=True)
    capsys.readouterr()
    assert run("classify", empty, *arguments, "--overwrite") == 2
    assert "no source above 5 sigma" in capsys.readouterr().err


def test_detected_sources_that_may_be_two_lobes_get_no_class(model_path, tmp_path):
    # Two lobes 80 pixels apart, and six brighter points elsewhere: 6 x pi 70^2 / 900^2 = 0.11.
    sky = noise((900, 900))
    for x in (410, 490):
        sky += gaussian((900, 900), x, 450, 20, 6, 90, peak=0.008, scale=1.8)
    for x, y in ((60, 60), (450, 60), (840, 60), (60, 840), (450, 840), (840, 840)):
        sky += gaussian((900, 900), x, y, 5.4, peak=0.3, scale=1.8)
    path = write(tmp_path / "mosaic.fits", sky, celestial_header((900, 900)))
    out = tmp_path / "r.json"
    assert run("classify", path, "--detect", "--model", model_path, "--output", out) == 0
    rows = json.loads(out.read_text())["sources"]
    lobes = [row for row in rows if row["peak_snr"] < 200]
    assert len(lobes) == 2
    assert all(row["label"] == "uncertain" and "confused" in row["flags"] for row in lobes)


def test_detection_uses_the_map_of_the_noise(model_path, tmp_path, capsys):
    sky = noise((400, 400))
    for x in (100, 300):
        sky += gaussian((400, 400), x, 200, 5.4, peak=0.003, scale=1.8)
    path = write(tmp_path / "mosaic.fits", sky, celestial_header((400, 400)))
    level = np.full((400, 400), 1e-4, np.float32)
    level[:, 200:] = 1e-3
    rms = write(tmp_path / "rms.fits", level, celestial_header((400, 400)))
    arguments = ["--detect", "--model", model_path, "--output", tmp_path / "r.json"]
    assert run("classify", path, *arguments, "--rms-map", rms) == 0
    (row,) = json.loads((tmp_path / "r.json").read_text())["sources"]
    with FitsMap(path) as opened:
        np.testing.assert_allclose(opened.locate([row["ra"]], [row["dec"]])[0], (100, 200), atol=1)
    other = write(tmp_path / "other.fits", level[:300], celestial_header((300, 400), dec=40.0))
    capsys.readouterr()
    assert run("classify", path, *arguments, "--overwrite", "--rms-map", other) == 2
    assert "other.fits" in capsys.readouterr().err


def test_detection_and_positions_exclude_each_other(mosaic, model_path, capsys):
    assert run("classify", mosaic, "--detect", "--position", "180,30", "--model", model_path) == 2
    assert "--position and --detect: give one" in capsys.readouterr().err


def test_a_large_map_without_a_position_names_the_ways(model_path, tmp_path, capsys):
    path = write(tmp_path / "large.fits", np.zeros((1300, 1300), np.float32),
                 celestial_header((1300, 1300)))  # fmt: skip
    assert run("classify", path, "--model", model_path) == 2
    err = capsys.readouterr().err
    assert all(
        way in err for way in ("--position RA,DEC", "--positions FILE", "survey", "--detect")
    )


def test_regions_are_written_next_to_the_table(mosaic, model_path, tmp_path, capsys):
    regions = pytest.importorskip("regions")
    arguments = ["--position", "180,30", "--model", model_path, "--output", tmp_path / "r.csv"]
    drawn = ["--regions", tmp_path / "r.reg"]
    assert run("classify", mosaic, *arguments, *drawn) == 0
    (one,) = regions.Regions.read(tmp_path / "r.reg")
    # The source lies at the position, and its ellipse at the centroid of its flux.
    asked = SkyCoord(180.0, 30.0, unit="deg")
    assert type(one).__name__ == "EllipseSkyRegion"
    assert one.center.separation(asked).arcsec < 3
    (tmp_path / "r.csv").unlink()
    assert run("classify", mosaic, *arguments, *drawn) == 2
    assert "--regions" in capsys.readouterr().err
    assert not (tmp_path / "r.csv").exists()
    for wrong, message in (
        (["--regions", tmp_path / "r.txt"], "must end in .reg"),
        (["--regions", tmp_path / "none" / "r.reg"], "cannot be written"),
    ):
        assert run("classify", mosaic, *arguments, *wrong) == 2
        assert message in capsys.readouterr().err
    assert run("classify", mosaic, *arguments[:-2], *drawn) == 2
    assert "--regions needs --output" in capsys.readouterr().err


def test_fields_of_first_are_found_by_their_positions(data_dir, model_path, tmp_path):
    paths = sorted((data_dir / "fits").glob("*.fits"))[:6]
    # Number, RA, Dec, redshift and size: 100_016.732+000.523_0.1538_0026.95.fits
    positions = [(float(path.name[4:11]), float(path.name[11:19])) for path in paths]
    lines = [f"{path.name},{ra},{dec}" for path, (ra, dec) in zip(paths, positions, strict=True)]
    catalogue = written(tmp_path, "\n".join(["name,ra,dec", *lines[::-1]]) + "\n")
    arguments = ["--positions", catalogue, "--model", model_path, "--output", tmp_path / "r.json"]
    assert run("classify", *paths, *arguments) == 0
    rows = json.loads((tmp_path / "r.json").read_text())["sources"]
    assert [row["path"] for row in rows] == [str(path) for path in paths[::-1]]
    assert not [row["error"] for row in rows if row["error"]]


@pytest.mark.parametrize("ending", ["fits", "vot"])
def test_stilts_matches_the_table_with_its_catalogue(mosaic, model_path, tmp_path, ending):
    stilts = shutil.which("stilts")
    if stilts is None:
        pytest.skip("needs the program stilts (Debian's package of this name)")
    table, catalogue = tmp_path / f"r.{ending}", tmp_path / "c.fits"
    Table(catalogue_columns()).write(catalogue)
    arguments = ["--positions", catalogue, "--model", model_path, "--output", table]
    assert run("classify", mosaic, *arguments) == 0
    matched = subprocess.run(
        [stilts, "tskymatch2", f"in1={table}", f"in2={catalogue}", "ra1=ra", "dec1=dec", "ra2=ra",
         "dec2=dec", "error=0.01", "ofmt=csv"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    rows = rows_of(matched.stdout)
    assert [(row["name_1"], row["name_2"]) for row in rows] == [("3C 1", "3C 1"), ("b", "b")]


def test_a_map_without_a_source_in_the_middle_names_the_options(model_path, tmp_path, capsys):
    empty = write(tmp_path / "a.fits", noise((300, 300)), celestial_header((300, 300)))
    assert run("classify", empty, "--model", model_path) == 0
    assert "without a source in the middle: 1; name positions" in capsys.readouterr().err
    assert run("classify", empty, "--model", model_path, "--position", "180,30") == 0
    assert "in the middle" not in capsys.readouterr().err
