"""Lists of sources: files, table, continuation."""

import csv
from collections import Counter

import pytest
from astropy.io import fits
from astropy.table import Table
from support.survey_server import cut_off, page, refused

from keras_astroattn.errors import InputError
from keras_astroattn.fetch import SURVEYS, Downloads, FetchSettings, Source, fetch_cutouts
from keras_astroattn.fetch.table import COLUMNS
from keras_astroattn.files import held
from keras_astroattn.images import read_fits

SOURCES = [Source("a", 180.0, 30.0), Source("b", 181.0, 31.0), Source("c", 182.0, 85.0)]
PATHS = {"skyview": "/skyview", "hips2fits": "/hips2fits", "lotss": "", "cadc": "/sia"}


def settings(server, folder, survey="first", **changes):
    address = server.url + PATHS[SURVEYS[survey].service]
    return FetchSettings(survey, folder, **{"address": address, "size": 2.0, **changes})


def fast():
    return Downloads(rate=1e4, first_wait=0.01, tries=2, timeout=5.0)


def table(folder):
    with (folder / "fetched.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_position_has_a_row(server, tmp_path):
    counts, failures = fetch_cutouts(SOURCES, settings(server, tmp_path / "out"), fast())
    assert counts == Counter(fetched=2, no_coverage=1)
    assert failures == []
    rows = table(tmp_path / "out")
    assert list(rows[0]) == [column.name for column in COLUMNS]
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert [row["file"] for row in rows] == ["first_a.fits", "first_b.fits", ""]
    assert "no data there" in rows[2]["reason"]
    assert rows[0]["url"].startswith(server.url)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "fetched.csv", "first_a.fits", "first_b.fits",
    }  # fmt: skip
    assert Table.read(tmp_path / "out" / "fetched.csv")["ra"].tolist() == [180.0, 181.0, 182.0]


@pytest.mark.parametrize("survey", ["first", "nvss", "vlass", "lotss", "racs"])
def test_a_fetched_map_can_be_read(server, tmp_path, survey):
    wanted = settings(server, tmp_path / "out", survey, size=SURVEYS[survey].size / 3)
    fetch_cutouts(SOURCES[:1], wanted, fast())
    (path,) = (tmp_path / "out").glob("*.fits")
    cutout = read_fits(path)
    assert ("no_beam" in cutout.flags) == (survey == "racs")
    with fits.open(path) as hdus:
        history = " ".join(hdus[0].header["HISTORY"])
    assert SURVEYS[survey].title in history
    assert server.url in history


def test_a_run_again_asks_only_for_what_failed(server, tmp_path):
    server.faults = [page("<p>down</p>"), None]
    wanted = settings(server, tmp_path / "out", parallel=1)
    counts, failures = fetch_cutouts(SOURCES, wanted, fast())
    assert counts == Counter(fetched=1, no_coverage=1, failed=1)
    assert failures == ["a: the answer is not a FITS file: down"]
    before = (tmp_path / "out" / "first_b.fits").read_bytes()
    server.requests.clear()
    ticks = []
    counts, _ = fetch_cutouts(SOURCES, wanted, fast(), lambda: ticks.append(1))
    assert counts == Counter(fetched=2, no_coverage=1)
    assert len(ticks) == 3
    assert [query["Position"] for query in server.asked("/skyview")] == ["180.000000 30.000000"]
    assert (tmp_path / "out" / "first_b.fits").read_bytes() == before
    assert [row["status"] for row in table(tmp_path / "out")] == [
        "fetched", "fetched", "no_coverage",
    ]  # fmt: skip


def test_a_file_that_was_lost_or_damaged_is_fetched_again(server, tmp_path):
    wanted = settings(server, tmp_path / "out")
    fetch_cutouts(SOURCES[:2], wanted, fast())
    (tmp_path / "out" / "first_a.fits").unlink()
    second = tmp_path / "out" / "first_b.fits"
    second.write_bytes(second.read_bytes()[:5000])
    server.requests.clear()
    fetch_cutouts(SOURCES[:2], wanted, fast())
    assert len(server.requests) == 2
    assert read_fits(second).noise > 0


def test_rows_of_a_killed_run_count(server, tmp_path):
    wanted = settings(server, tmp_path / "out")
    fetch_cutouts(SOURCES[:2], wanted, fast())
    path = tmp_path / "out" / "fetched.csv"
    path.write_text(path.read_text() + "c,182.0,85.")  # cut off while it was written
    server.requests.clear()
    counts, _ = fetch_cutouts(SOURCES, wanted, fast())
    assert counts.total() == 3
    assert len(server.requests) == 1  # for c


def test_sources_outside_the_survey_are_not_asked_for(server, tmp_path):
    counts, _ = fetch_cutouts(
        [Source("south", 10.0, -60.0)], settings(server, tmp_path / "out"), fast()
    )
    assert counts == Counter(no_coverage=1)
    assert server.requests == []
    assert table(tmp_path / "out")[0]["reason"] == "FIRST, 1.4 GHz covers declinations -12 to +90"


def test_a_service_that_is_down_ends_the_run_and_the_same_call_goes_on(server, tmp_path):
    many = [Source(f"s{number}", float(number), 30.0) for number in range(40)]
    server.faults = [None] * 3 + [refused(503)] * 1000
    wanted = settings(server, tmp_path / "out", parallel=1)
    with pytest.raises(InputError, match=r"answered 503 .* for 5 sources in a row: .* to go on"):
        fetch_cutouts(many, wanted, fast())
    assert len(list((tmp_path / "out").glob("*.fits"))) == 3
    server.faults = []
    counts, _ = fetch_cutouts(many, wanted, fast())
    assert counts == Counter(fetched=40)


def test_no_file_is_left_of_a_failed_download(server, tmp_path):
    server.faults = [cut_off] * 2
    counts, failures = fetch_cutouts(SOURCES[:1], settings(server, tmp_path / "out"), fast())
    assert counts == Counter(failed=1)
    assert "cut the answer off" in failures[0]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fetched.csv"]


def test_a_folder_of_another_survey_or_size_is_kept(server, tmp_path):
    fetch_cutouts(SOURCES[:1], settings(server, tmp_path / "out"), fast())
    for changed in (
        settings(server, tmp_path / "out", "nvss"),
        settings(server, tmp_path / "out", size=3.0),
    ):
        with pytest.raises(InputError, match="holds cutouts of first, 2 arcmin wide"):
            fetch_cutouts(SOURCES, changed, fast())
    larger = settings(server, tmp_path / "out", size=3.0, overwrite=True)
    fetch_cutouts(SOURCES[:1], larger, fast())
    assert table(tmp_path / "out")[0]["size_arcmin"] == "3.0"
    assert fits.getheader(tmp_path / "out" / "first_a.fits")["NAXIS1"] == 100


def test_a_folder_with_other_files_is_not_touched(server, tmp_path):
    (tmp_path / "mine.fits").write_bytes(b"x")
    with pytest.raises(InputError, match=r"holds files and no fetched.csv"):
        fetch_cutouts(SOURCES, settings(server, tmp_path), fast())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.fits"]


def test_another_table_of_that_name_is_not_touched(server, tmp_path):
    (tmp_path / "fetched.csv").write_text("x,y\n1,2\n")
    with pytest.raises(InputError, match="is another table"):
        fetch_cutouts(SOURCES, settings(server, tmp_path), fast())
    assert (tmp_path / "fetched.csv").read_text() == "x,y\n1,2\n"


def test_a_damaged_table_is_reported(server, tmp_path):
    fetch_cutouts(SOURCES[:1], settings(server, tmp_path / "out"), fast())
    with (tmp_path / "out" / "fetched.csv").open("a") as file:
        file.write("b,north\n")
    with pytest.raises(InputError, match=r"fetched.csv is damaged at the row b,north"):
        fetch_cutouts(SOURCES, settings(server, tmp_path / "out"), fast())


def test_two_runs_do_not_write_to_one_folder(server, tmp_path):
    (tmp_path / "out").mkdir()
    with held(tmp_path / "out"), pytest.raises(InputError, match="written by another run"):
        fetch_cutouts(SOURCES, settings(server, tmp_path / "out"), fast())


def test_a_source_that_is_listed_twice_is_fetched_once(server, tmp_path):
    counts, _ = fetch_cutouts(SOURCES[:1] * 3, settings(server, tmp_path / "out"), fast())
    assert counts == Counter(fetched=1)
    assert len(server.requests) == 1
