"""Tables over SAMP, with astropy's hub in this process and programs that open what they get."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen
from xmlrpc.client import Fault

import pytest
from astropy.table import Table
from support.samp_hub import Program, samp

from keras_astroattn.edge import failed_row
from keras_astroattn.errors import InputError
from keras_astroattn.tables import COLUMNS, WRITERS, batches_of, write_table
from keras_astroattn.tables.samp import LOAD, _samp, require_receiver, send_table, send_votable


@pytest.fixture
def votable(tmp_path):
    path = tmp_path / "a b.vot"
    rows = [failed_row("a.fits", "it is blank", "model", "a"), {"name": "b", "ra": 160.5}]
    write_table(path, COLUMNS, batches_of(COLUMNS, rows))
    return path


def test_every_program_that_takes_tables_loads_it(samp_hub, votable):
    topcat, aladin, viewer = (
        samp_hub("topcat"),
        samp_hub("Aladin"),
        samp_hub("ds9", takes="image.load.fits"),
    )
    assert sorted(send_votable(votable, "results")) == ["Aladin", "topcat"]
    for program in (topcat, aladin):
        (table,) = program.tables
        assert program.names == ["results"]
        assert table["name"].tolist() == ["a", "b"]
        assert table["ra"][1] == 160.5
        assert table["ra"].unit == "deg"
    assert not viewer.tables


def test_one_program_is_named_in_any_case(samp_hub, votable):
    topcat, aladin = samp_hub("topcat"), samp_hub("Aladin")
    require_receiver("TOPCAT")
    assert send_votable(votable, "results", "TOPCAT") == ["topcat"]
    assert (len(topcat.tables), len(aladin.tables)) == (1, 0)
    with pytest.raises(InputError, match="no 'ds9' at the SAMP hub takes tables: there are Aladin"):
        send_votable(votable, "results", "ds9")


def test_without_a_hub_the_error_says_what_to_do(no_samp_hub, votable):
    for call in (require_receiver, lambda: send_votable(votable, "results")):
        with pytest.raises(InputError, match=r"no SAMP hub runs .*: open TOPCAT or Aladin first"):
            call()


def test_a_lock_file_that_was_left_behind_is_no_hub(no_samp_hub):
    no_samp_hub.write_text(
        "samp.secret=x\nsamp.hub.xmlrpc.url=http://127.0.0.1:9/\nsamp.profile.version=1.3\n"
    )
    with pytest.raises(InputError, match="no SAMP hub runs"):
        require_receiver()


def test_a_hub_without_a_program_for_tables_is_no_receiver(samp_hub):
    samp_hub("ds9", takes="image.load.fits")
    with pytest.raises(InputError, match="no program at the SAMP hub takes tables"):
        require_receiver()


def test_a_program_that_cannot_load_the_table_says_why(samp_hub, votable):
    samp_hub("topcat", error="no memory")
    with pytest.raises(InputError, match="could not be sent over SAMP: topcat: no memory"):
        send_votable(votable, "results")
    aladin = samp_hub("Aladin")
    assert send_votable(votable, "results") == ["Aladin"]
    assert len(aladin.tables) == 1


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITERS if suffix != ".vot"])
def test_a_table_of_any_format_is_sent_as_a_votable(samp_hub, tmp_path, suffix):
    path = tmp_path / f"results{suffix}"
    rows = [{"name": "a", "ra": 160.5, "label": "FRI"}, {"name": "b", "label": "error"}]
    write_table(path, COLUMNS, batches_of(COLUMNS, rows))
    topcat = samp_hub("topcat")
    assert send_table(path) == ["topcat"]
    (table,) = topcat.tables
    assert topcat.names == [f"results{suffix}"]
    assert table["label"].tolist() == ["FRI", "error"]
    assert table["ra"][0] == 160.5
    assert table["ra"].unit == "deg"


def test_a_table_that_does_not_exist_is_an_error(samp_hub, tmp_path):
    samp_hub("topcat")
    for name in ("missing.vot", "missing.csv"):
        with pytest.raises(InputError, match="missing"):
            send_table(tmp_path / name)


JSAMP = Path("/usr/share/java/jsamp.jar")
"""The hub of TOPCAT and STILTS; Debian's `stilts` and `topcat` install it."""


def connected(name, takes=LOAD, seconds=60):
    """A program at a hub that is being started."""
    for _ in range(10 * seconds):
        try:
            return Program(name, takes)
        except (samp.SAMPHubError, Fault, OSError):
            time.sleep(0.1)
    raise TimeoutError(f"no hub after {seconds} s")


@pytest.mark.slow
@pytest.mark.skipif(
    not (JSAMP.exists() and shutil.which("java")), reason="needs Debian's package stilts or topcat"
)
def test_the_hub_of_topcat_passes_the_table_on(no_samp_hub, votable):
    main = ["-cp", str(JSAMP), "org.astrogrid.samp.JSamp", "hub", "-mode", "no-gui"]
    with subprocess.Popen(
        ["java", *main, "-profiles", "std"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            program = connected("topcat")
            assert send_votable(votable, "results") == ["topcat"]
            assert program.tables[0]["ra"][1] == 160.5
            program.client.disconnect()
        finally:
            process.terminate()


@pytest.fixture
def topcat(no_samp_hub, tmp_path):
    """TOPCAT on a screen of its own, with its hub; what is yielded asks it for its table."""
    if not (shutil.which("topcat") and shutil.which("xvfb-run")):
        pytest.skip("needs TOPCAT and xvfb-run, Debian's packages topcat and xvfb")
    with subprocess.Popen(
        ["xvfb-run", "-a", "topcat", "-hub"],
        env=os.environ | {"HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            client = connected("asker", takes="nothing", seconds=120).client
            yield lambda: _table_of(client)
            client.disconnect()
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _table_of(client):
    (topcat,) = client.get_subscribed_clients("table.get.stil")
    message = {"samp.mtype": "table.get.stil", "samp.params": {"format": "votable"}}
    for _ in range(300):  # it answers before the table is the current one
        answer = client.call_and_wait(topcat, message, "60")
        if answer["samp.status"] == "samp.ok":
            break
        time.sleep(0.1)
    with urlopen(answer["samp.result"]["url"], timeout=60) as file:
        return Table.read(io.BytesIO(file.read()), format="votable")


@pytest.mark.slow
def test_topcat_opens_the_table(topcat, votable):
    for _ in range(600):  # its hub runs before TOPCAT is ready
        with contextlib.suppress(InputError):
            require_receiver("topcat")
            break
        time.sleep(0.1)
    assert send_votable(votable, "results", "topcat") == ["topcat"]
    table = topcat()
    assert table["name"].tolist() == ["a", "b"]
    assert table["ra"][1] == 160.5
    assert str(table["ra"].unit) == "deg"
    assert table["ra"].meta["ucd"] == "pos.eq.ra;meta.main"


def test_a_program_that_does_not_answer_is_not_waited_for_for_ever(samp_hub, votable, monkeypatch):
    monkeypatch.setattr("keras_astroattn.tables.samp.TIMEOUT", 1)
    silent = samp.SAMPIntegratedClient("silent", addr="127.0.0.1")
    silent.connect()
    silent.bind_receive_call(LOAD, lambda *_: None)
    with pytest.raises(InputError, match=r"could not be sent over SAMP: silent: .*imeout"):
        send_votable(votable, "results")
    silent.disconnect()


def test_the_library_of_astropy_serves_without_pyvo(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvo", None)
    assert _samp().__name__ == "astropy.samp"
