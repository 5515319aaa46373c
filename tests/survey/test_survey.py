"""`astroattn survey`, `check` and `survey-summary` from end to end, as processes."""

import csv
import json
import re
import subprocess
import urllib.request

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse_single_table
from astropy.table import Table
from support.small_survey import COMMAND, assert_scored, read_result, write_catalogue

from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.images import read_fits
from keras_astroattn.images.quiet import quiet
from keras_astroattn.outputs import probability_text
from keras_astroattn.plots.survey import attention_sheet
from keras_astroattn.tables import COLUMNS

EXTRA = (
    ("nan", "nan", "10", ""),
    ("sentinel", "-99", "-99", ""),
    ("empty", "", "", ""),
    ("pole", "10", "95", ""),
    ("outside", "180.0", "-40.0", ""),
)


@pytest.fixture(scope="module")
def scored(world):
    """Each source twice and rows that cannot be scored, by two workers.

    The command line, the folder, the standard error, and the dashboard while it ran.
    """
    catalogue = write_catalogue(
        world.folder / "catalogue.csv", world.simulated, repeats=2, more=EXTRA
    )
    output = world.folder / "result"
    arguments = world.arguments(catalogue, output, "--chunk-size", 10, "--workers", 2)
    process = subprocess.Popen(arguments, env=world.environment, stderr=subprocess.PIPE, text=True)
    first = process.stderr.readline()
    with urllib.request.urlopen(first.removeprefix("dashboard:").strip(), timeout=60) as answer:
        page = answer.read().decode()
    stderr = first + process.communicate(timeout=300)[1]
    assert process.returncode == 0, stderr
    return arguments, output, stderr, page


def test_the_dashboard_is_where_the_command_says(scored):
    assert "<title>Dask" in scored[3]
    assert "bokeh.min.js" in scored[3]


def test_without_bokeh_no_dashboard_is_named(world, tmp_path):
    catalogue = tmp_path / "one.csv"
    catalogue.write_text(f"ra,dec\n{world.simulated.ra[0]},{world.simulated.dec[0]}\n")
    arguments = world.arguments(catalogue, tmp_path / "output", "--workers", 1)
    place = arguments.index("-c") + 1
    arguments[place] = "import sys; sys.modules['bokeh'] = None; " + arguments[place]
    done = world.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "1 rows" in done.stderr
    assert "http" not in done.stderr


def test_every_row_stands_once_with_its_own_columns_and_ours(world, scored):
    _, output, *_ = scored
    rows = read_result(output)
    assert len(rows) == 2 * 30 + len(EXTRA)
    assert rows[0]["id"] == "000000"
    assert rows[31]["id"] == "001001"
    schema = pq.read_schema(sorted(output.glob("part-*.parquet"))[0])
    assert schema.names[:4] == ["id", "ra", "dec", "kind"]
    # The names of the sources are those of the catalogue.
    assert {f"aa_{column.name}" for column in COLUMNS[2:]} <= set(schema.names)
    assert [column.name for column in COLUMNS[:2]] == ["path", "name"]
    assert "aa_path" in schema.names
    assert "aa_name" not in schema.names
    noise = schema.field("aa_noise_jy_beam").metadata
    assert noise[b"unit"] == b"Jy/beam"
    assert noise[b"description"]
    assert sum(pq.read_metadata(p).num_rows for p in output.glob("part-*")) == len(rows)
    assert max(pq.read_metadata(p).num_rows for p in output.glob("part-*")) <= 10


def test_scores_are_those_of_each_source_on_its_own(scored, expected):
    _, output, *_ = scored
    rows = read_result(output)[:60]
    assert_scored(rows, expected)
    labels = {row["aa_label"] for row in rows}
    assert {"FRI", "FRII", "compact"} <= labels


def test_points_are_compact_and_radio_galaxies_mostly_right(scored):
    _, output, *_ = scored
    rows = read_result(output)[:30]
    points = [row["aa_label"] for row in rows if row["kind"] == "point"]
    galaxies = [row["aa_label"] == row["kind"] for row in rows if row["kind"] != "point"]
    assert points.count("compact") >= len(points) - 1
    assert np.mean(galaxies) > 0.6  # three in four, by 2000 of them; chance is one in two


def test_rows_that_cannot_be_scored_say_why(scored):
    _, output, *_ = scored
    rows = {row["id"]: row for row in read_result(output)}
    for name, reason in (
        ("nan", "no position"),
        ("sentinel", "no position"),
        ("empty", "no position"),
        ("pole", "not on the sky"),
        ("outside", "outside every tile"),
    ):
        assert rows[name]["aa_label"] == "error"
        assert reason in rows[name]["aa_error"]
        assert rows[name]["aa_p_fri"] is None


def test_the_summary_counts_and_names_what_was_used(world, scored):
    _, output, stderr, _ = scored
    summary = json.loads((output / "_summary.json").read_text())
    assert summary["rows"] == 65
    assert sum(summary["labels"].values()) == 65
    assert summary["labels"]["error"] == len(EXTRA)
    assert summary["tiles"] == 5
    assert len(summary["model"]["sha256"]) == len(summary["catalogue"]["sha256"]) == 64
    assert "dashboard: http" in stderr
    assert "65 rows" in stderr
    assert not (output / ".survey").exists()


def test_resuming_a_finished_run_touches_nothing(world, scored):
    arguments, output, *_ = scored
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    done = world.run(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert "was complete" in done.stderr
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "holds a survey: name another folder"),
        (
            ("--resume", "--mask-neighbours", "--model", "agcnn_mirabest"),
            "the earlier run had another model and mask neighbours",
        ),
        (("--resume", "--beam", "5"), "the earlier run had another map options"),
        (("--resume", "--tta", "4"), "the earlier run had another tta"),
        (("--columns", "ra:ra"), "give ra=NAME"),
        (("--attention", "100"), "give top:N"),
        (("--linking-length", "10"), "add --rows source"),
    ],
)
def test_what_does_not_fit_is_one_line(world, scored, more, message, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", world.environment["KERAS_ASTROATTN_CACHE"])
    arguments = scored[0][len(COMMAND) :]
    assert run_app(app, [*arguments, *more]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--images", "nowhere/*.fits"), "no FITS file there"),
        (("--catalogue", "nowhere.csv"), "cannot be read: No such file"),
        (("--rows", "source"), "--columns parent=NAME, or --linking-length"),
        pytest.param(
            ("--scheduler", "tcp://127.0.0.1:1"),
            "no Dask scheduler answers",
            marks=pytest.mark.slow,
        ),
        (("--survey", "emu"), "lotss-dr2, racs"),
        (("--columns", "ra=nothing"), "no such column"),
    ],
)
def test_bad_options_are_one_line_before_any_work(world, scored, change, message, capsys, tmp_path,
                                                  monkeypatch):  # fmt: skip
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", world.environment["KERAS_ASTROATTN_CACHE"])
    arguments = {
        "--catalogue": str(world.folder / "catalogue.csv"),
        "--images": str(world.folder / "survey" / "tiles"),
        "--output": str(tmp_path / "output"),
    } | dict([change])
    assert run_app(app, ["survey", *(x for pair in arguments.items() for x in pair)]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert not (tmp_path / "output").exists()


def test_check_tells_what_to_expect(world, scored, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", world.environment["KERAS_ASTROATTN_CACHE"])
    catalogue, tiles = world.folder / "catalogue.csv", world.folder / "survey" / "tiles"
    assert run_app(app, ["check", str(catalogue), str(tiles), "--sample", "8"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "ra (double" in out
    assert "60 (92.3%)" in out  # of 65
    assert "3 TAN, 2 SIN" in out
    assert '5.40" to 9.00", median 5.40"' in out
    assert re.search(r"by the noise of (1 tile|[2-5] tiles) ", out)
    assert "of 8 sampled" in out
    assert "ms a row" in out


def test_check_without_a_row_on_a_tile_is_status_2(world, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", world.environment["KERAS_ASTROATTN_CACHE"])
    path = tmp_path / "elsewhere.csv"
    path.write_text("ra,dec\n180,-40\n")
    tiles = world.folder / "survey" / "tiles"
    assert run_app(app, ["check", str(path), str(tiles)]) == 2
    error = f"error: no row of {path} lies on a tile of {tiles}\n"
    assert capsys.readouterr().err.endswith(error)


@pytest.mark.parametrize("command", ["check", "survey"])
@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        ("name,x,y\na,1,2\n", [], "no column looks like RA: name it by --columns ra=NAME"),
        ("ra,dec\n1,2\n", ["--columns", "id=x"], "--columns id=x: there is no such column"),
        ("", [], "is empty"),
    ],
)
def test_an_error_of_a_catalogue_names_its_file(
    world, tmp_path, capsys, command, text, more, message
):
    path, output = tmp_path / "wrong.csv", tmp_path / "output"
    path.write_text(text)
    tiles = str(world.folder / "survey" / "tiles")
    given = {
        "check": [str(path), tiles],
        "survey": ["--catalogue", str(path), "--images", tiles, "--output", str(output)],
    }
    assert run_app(app, [command, *given[command], *more]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error: catalogue {path}")
    assert message in err
    assert err.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [("180,-40\n", "could be classified; most often: outside every tile"), ("", "could be")],
)
def test_a_survey_without_a_classified_row_is_status_2(world, tmp_path, rows, reason):
    catalogue = tmp_path / "elsewhere.csv"
    catalogue.write_text("ra,dec\n" + rows)
    done = world.run(*world.arguments(catalogue, tmp_path / "output", "--workers", 1))
    assert done.returncode == 2
    assert f"error: no row of {catalogue} {reason}" in done.stderr


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".ecsv"])
def test_the_table_is_exported_whole(scored, tmp_path, suffix, capsys):
    _, output, *_ = scored
    path = tmp_path / f"table{suffix}"
    arguments = ["survey-summary", str(output), "--export", str(path), "--no-figures"]
    assert run_app(app, arguments) == 0
    with quiet():  # "nat" is no unit to astropy
        table = parse_single_table(path).to_table() if suffix == ".vot" else Table.read(path)
    rows = {row["aa_row"]: row for row in read_result(output)}
    assert len(table) == len(rows) == 65
    assert str(table["aa_noise_jy_beam"].unit) in ("Jy / beam", "Jy/beam")
    for one in table:
        row = rows[int(one["aa_row"])]
        assert str(one["aa_label"]).strip() == row["aa_label"]
        assert str(one["id"]).strip() == row["id"]
        if row["aa_p_fri"] is not None:
            assert float(one["aa_p_fri"]) == pytest.approx(row["aa_p_fri"], abs=5e-7)
    assert "compact" in capsys.readouterr().out


def test_the_exported_table_and_regions_are_of_the_survey(scored, tmp_path, capsys):
    _, output, *_ = scored
    table, regions = tmp_path / "t.ecsv", tmp_path / "r.reg"
    arguments = ["--export", str(table), "--regions", str(regions), "--no-figures"]
    assert run_app(app, ["survey-summary", str(output), *arguments]) == 0
    meta = Table.read(table).meta
    assert " survey --catalogue " in meta["command"]
    assert meta["model"] == DEFAULT_PRESET
    rows = read_result(output)
    drawn = pytest.importorskip("regions").Regions.read(regions)
    known = [row for row in rows if row["aa_ra"] is not None]
    assert len(drawn) == len(known)
    # Ellipses lie at the centroid of the flux, circles at the position.
    wanted = [row["aa_ra" if row["aa_major_arcsec"] is None else "aa_centroid_ra"] for row in known]
    found = sorted(float(one.center.ra.deg) for one in drawn)
    assert found == pytest.approx(sorted(wanted), abs=1e-6)


def test_the_summary_draws_what_it_says(scored, capsys, monkeypatch):
    _, output, *_ = scored
    captions = []

    def recording(images, maps, texts, **options):
        captions.extend(texts)
        return attention_sheet(images, maps, texts, **options)

    monkeypatch.setattr("keras_astroattn.plots.survey.attention_sheet", recording)
    assert run_app(app, ["survey-summary", str(output), "--sheet", "4"]) == 0
    drawn = {path.name for path in (output / "_figures").iterdir()}
    assert drawn == {
        "probabilities.png",
        "sky.png",
        "sky_classified.png",
        "most_certain.png",
        "most_uncertain.png",
    }
    rows = read_result(output)
    assert len(rows) == 65  # readers leave the figures out
    stated = [
        f"row {number}: {row['aa_label']}, {probability_text(row['aa_p_frii'])}"
        for number, row in enumerate(rows)
        if row["aa_p_frii"] is not None and np.isfinite(row["aa_p_frii"])
    ]
    assert captions
    assert set(captions) <= set(stated)
    assert "65 rows" in capsys.readouterr().out


def test_counts_are_corrected_by_the_selection_function_of_the_tiles(world, scored, tmp_path):
    _, output, *_ = scored
    tiles, folder = world.folder / "survey" / "tiles", tmp_path / "injection"
    catalogue = world.folder / "catalogue.csv"
    options = ["--sample", 1, "--inject", 6, "--inject-output", folder]
    done = world.run(*COMMAND, "check", catalogue, tiles, *options)
    assert done.returncode == 0, done.stderr
    selection = folder / "selection.json"
    done = world.run(*COMMAND, "survey-summary", output, "--selection", selection, "--no-figures")
    assert done.returncode == 0, done.stderr
    # Six sources are too few for any cell.
    assert "left out, fewer than 20 injected sources of a class: 20 of 20 cells" in done.stdout
    table = Table.read(output / "_corrected_counts.csv")
    labels = [row["aa_label"] for row in read_result(output)]
    for name in ("FRI", "FRII"):
        inside = table["labelled"][table["class"] == name].sum()
        assert 0 < inside <= labels.count(name)
    assert len(read_result(output)) == 65  # readers leave the table out


def test_a_summary_of_no_survey_is_one_line(tmp_path, capsys):
    assert run_app(app, ["survey-summary", str(tmp_path)]) == 2
    assert "holds no complete survey" in capsys.readouterr().err


def test_sources_are_scored_once_and_the_best_are_drawn(world, expected):
    """Two components 4 arcsec apart on either side of each source are that source."""
    path = world.folder / "components.csv"
    simulated = world.simulated
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "ra", "dec"])
        for side in (-1, 1):
            for number in range(6):
                dec = float(simulated.dec[number]) + side * 2 / 3600
                writer.writerow([f"s{side:+d}{number}", float(simulated.ra[number]), dec])
    output = world.folder / "sources"
    done = world.run(
        *world.arguments(path, output, "--rows", "source", "--linking-length", 6, "--workers", 1),
        "--attention", "top:2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(output / "part-000000.parquet").to_pylist()
    assert sorted(row["aa_source"] for row in rows) == list(range(6))
    assert {row["aa_components"] for row in rows} == {2}
    for row in rows:
        number = row["aa_source"]
        assert row["aa_ra"] == pytest.approx(float(simulated.ra[number]), abs=1e-9)
        assert row["aa_dec"] == pytest.approx(float(simulated.dec[number]), abs=1e-9)
        label, p_fri, _ = expected[number][row["aa_path"]]
        assert row["aa_label"] == label
        assert row["aa_p_fri"] == (None if p_fri is None else pytest.approx(p_fri, abs=1e-3))
    members = pq.read_table(output / "_components.parquet").to_pylist()
    assert [(m["aa_row"], m["aa_source"]) for m in members] == [(n, n % 6) for n in range(12)]
    assert [m["id"] for m in members][:2] == ["s-10", "s-11"]
    names = {path.name for path in (output / "_attention").iterdir()}
    assert len(names) == 4
    assert sum(name.endswith(".attention.fits") for name in names) == 2


def test_an_answer_may_be_the_mean_of_views(world, expected, tmp_path):
    number = next(n for n, found in enumerate(expected) if next(iter(found.values()))[1])
    position = (float(world.simulated.ra[number]), float(world.simulated.dec[number]))
    catalogue = tmp_path / "one.csv"
    catalogue.write_text("ra,dec\n{!r},{!r}\n".format(*position))
    done = world.run(*world.arguments(catalogue, tmp_path / "out", "--workers", 1, "--tta", 2))
    assert done.returncode == 0, done.stderr
    (row,) = read_result(tmp_path / "out")
    found = Classifier(tta=2).classify(read_fits(row["aa_path"], position))
    assert (row["aa_label"], row["aa_p_fri"]) == (found.label, found.p_fri)
    assert row["aa_p_fri"] != expected[number][row["aa_path"]][1]
    assert row["aa_model"] == f"{DEFAULT_PRESET} (tta 2)"


def test_fields_of_first_are_tiles(world, data_dir, tmp_path):
    """Positions from the names of the files, which are centred on their sources."""
    fields = sorted((data_dir / "fits").glob("*.fits"))
    path = tmp_path / "first.csv"
    places = []
    for field in fields:
        text = field.name.split("_")[1]
        sign = max(text.find("+"), text.find("-"))
        places.append((text[:sign], text[sign:]))
    path.write_text("RA,DEC\n" + "".join(f"{ra},{dec}\n" for ra, dec in places))
    arguments = world.arguments(path, tmp_path / "output", "--workers", 1, "--chunk-size", 16)
    arguments[arguments.index("--images") + 1] = str(data_dir / "fits" / "*.fits")
    done = world.run(*arguments)
    assert done.returncode == 0, done.stderr
    rows = read_result(tmp_path / "output")
    assert [row["aa_path"] for row in rows] == [str(field) for field in fields]
    classifier = Classifier()
    for row, field, (ra, dec) in zip(rows, fields, places, strict=True):
        cutout = read_fits(field, (float(ra), float(dec)))
        found = classifier.classify(cutout)
        assert (row["aa_label"], row["aa_p_frii"]) == (found.label, found.p_frii)
        assert row["aa_peak_snr"] == cutout.peak_snr
        assert row["aa_beam_arcsec"] == 5.4
