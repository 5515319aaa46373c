"""Cutouts of CASDA: a login, then a job."""

import csv
from collections import Counter

import numpy as np
import pytest
from astropy.io import fits
from support.casda_service import PASSWORD, TOKEN, USER, take_the_place_of_casda
from support.survey_server import cut_off, page

from keras_astroattn.errors import InputError
from keras_astroattn.fetch import Downloads, FetchSettings, Login, Source, fetch_cutouts
from keras_astroattn.images import FitsMap, read_fits

SOURCES = [Source("a", 180.0, -50.0)]


@pytest.fixture
def casda(server, monkeypatch):
    take_the_place_of_casda(server, monkeypatch)
    return server


def fetch(folder, survey="casda-racs", password=PASSWORD, sources=SOURCES):
    settings = FetchSettings(survey, folder, size=15.0, login=Login(USER, password))
    return fetch_cutouts(sources, settings, Downloads(1e4, first_wait=0.01, tries=2, timeout=60.0))


def rows(folder):
    with (folder / "fetched.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_job_becomes_a_map(casda, tmp_path):
    assert fetch(tmp_path / "out") == (Counter(fetched=1), [])
    (path,) = (tmp_path / "out").glob("*.fits")
    assert path.name == "casda-racs_a.fits"
    assert casda.casda.circle == "CIRCLE 180.000000 -50.000000 0.125000"
    with fits.open(path) as found, fits.HDUList.fromstring(casda.casda.file) as sent:
        np.testing.assert_array_equal(found[0].data, sent[0].data)
        history = " ".join(found[0].header["HISTORY"])
    assert "pixels of the survey's image, cut out by CASDA" in history
    with FitsMap(path) as sky:
        assert sky.beam.major == pytest.approx(25.0)
    assert read_fits(path).noise > 0
    assert rows(tmp_path / "out")[0]["url"] == f"{casda.url}/casda/web/1+2/cutout.fits"


def test_the_password_is_not_sent_to_another_address(casda, tmp_path):
    settings = FetchSettings(
        "casda-racs", tmp_path / "out", address=casda.url, login=Login(USER, PASSWORD)
    )
    with pytest.raises(InputError, match="sent to CASDA only"):
        fetch_cutouts(SOURCES, settings, Downloads(1e4))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("survey", "image"),
    [
        # The nearest middle; neither noise, nor unreleased, nor bad.
        ("casda-racs", "RACS-DR1_1201-50A.fits"),
        # The latest of one field; neither Taylor term 1, Stokes V nor weights.
        ("casda-emu", "image.i.EMU_1159-51.SB2.cont.taylor.0.restored.conv.fits"),
    ],
)
def test_the_right_image_is_cut_out(casda, tmp_path, survey, image):
    fetch(tmp_path / "out", survey)
    assert casda.casda.image == image


def test_the_password_goes_to_the_login_and_the_services_only(casda, tmp_path):
    fetch(tmp_path / "out")
    with_password = {path for path, _, headers in casda.requests if "Authorization" in headers}
    assert with_password == {"/casda/login", "/casda/datalink"}


def test_the_password_is_written_nowhere(casda, tmp_path):
    fetch(tmp_path / "out")
    assert PASSWORD not in repr(Login(USER, PASSWORD))
    secrets = [PASSWORD.encode(), casda.requests[0][2]["Authorization"].encode(), TOKEN.encode()]
    for path in (tmp_path / "out").iterdir():
        assert not any(one in path.read_bytes() for one in secrets)


def test_the_password_is_not_sent_elsewhere(casda, tmp_path):
    casda.casda.elsewhere = casda.url.replace("127.0.0.1", "localhost")
    _, (failure,) = fetch(tmp_path / "out")
    assert failure.startswith("a: the password is not sent to localhost:")
    assert casda.asked("/casda/datalink") == []


def test_a_wrong_password_ends_the_run_at_once(casda, tmp_path):
    many = [Source(str(number), float(number), -50.0) for number in range(9)]
    with pytest.raises(InputError, match=f"^CASDA refuses --user {USER} with this password") as one:
        fetch(tmp_path / "out", password="guess", sources=many)
    assert "guess" not in str(one.value)
    assert [path for path, _, _ in casda.requests] == ["/casda/login"]
    assert rows(tmp_path / "out") == []


def test_a_job_that_fails_is_reported(casda, tmp_path):
    casda.casda.phases = ["QUEUED", "ERROR"]
    counts, failures = fetch(tmp_path / "out")
    assert counts == Counter(failed=1)
    assert failures == ["a: CASDA's job ended as ERROR: no pixels there"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fetched.csv"]


def test_a_job_without_an_end_is_given_up(casda, tmp_path, monkeypatch):
    monkeypatch.setattr("keras_astroattn.fetch.casda.LONGEST_JOB", 0.05)
    casda.casda.phases = ["SUSPENDED"]
    _, failures = fetch(tmp_path / "out")
    assert failures == ["a: CASDA's job did not end within 0.05 s"]


def test_a_run_again_fetches_what_failed_and_nothing_else(casda, tmp_path):
    casda.casda.phases = ["ERROR"]
    fetch(tmp_path / "out")
    casda.casda.phases = ["COMPLETED"]
    assert fetch(tmp_path / "out") == (Counter(fetched=1), [])
    casda.requests.clear()
    assert fetch(tmp_path / "out") == (Counter(fetched=1), [])
    assert casda.requests == []


def test_a_download_that_is_cut_off_is_tried_again(casda, tmp_path):
    casda.faults = [cut_off]
    assert fetch(tmp_path / "out")[0] == Counter(fetched=1)
    assert len(casda.asked("/casda/web/1+2/cutout.fits")) == 2
    assert len(casda.asked("/casda/async")) == 1


def test_a_file_that_differs_from_its_checksum_is_refused(casda, tmp_path):
    casda.casda.spoilt = True
    _, failures = fetch(tmp_path / "out")
    assert failures == ["a: the file differs from its checksum (2 tries)"]
    assert not list((tmp_path / "out").glob("*.fits"))


def test_a_page_is_not_taken_for_a_map(casda, tmp_path):
    casda.faults = [page("<p>expired</p>")]
    assert fetch(tmp_path / "out")[1] == ["a: the answer is not a FITS file: expired"]


def test_an_image_without_access_is_reported(casda, tmp_path):
    casda.casda.has_access = False
    _, failures = fetch(tmp_path / "out")
    assert failures == ["a: CASDA gives this user no access to the image there"]


def test_no_image_means_no_coverage(casda, tmp_path):
    counts, _ = fetch(tmp_path / "out", sources=[Source("north", 180.0, 20.0)])
    assert counts == Counter(no_coverage=1)
    assert "no public image of RACS-low DR1" in rows(tmp_path / "out")[0]["reason"]


def test_a_part_of_the_images_does_not_mean_no_coverage(casda, tmp_path):
    casda.casda.status = "OVERFLOW"
    counts, _ = fetch(tmp_path / "out", sources=[Source("north", 180.0, 20.0)])
    assert counts == Counter(failed=1)


def test_a_login_is_needed(tmp_path):
    with pytest.raises(InputError, match="--survey casda-emu needs a login at CASDA"):
        fetch_cutouts(SOURCES, FetchSettings("casda-emu", tmp_path / "out"), Downloads())
    assert not (tmp_path / "out").exists()
