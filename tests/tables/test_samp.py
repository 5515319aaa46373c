"""Tables over SAMP, with astropy's hub in this process and programs that open what they get."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import pytest
from astropy.table import Table

from keras_astroattn.edge import failed_row
from keras_astroattn.errors import InputError
from keras_astroattn.tables import COLUMNS, batches_of, write_table
from keras_astroattn.tables.samp import LOAD, _samp, require_receiver, send_votable

samp = _samp()


class Program:
    """A program at the hub that loads each table it is sent."""

    def __init__(self, name, takes=LOAD, error=None):
        self.client = samp.SAMPIntegratedClient(name, addr="127.0.0.1")
        self.client.connect()
        self.tables, self.names, self.error = [], [], error
        self.client.bind_receive_call(takes, self._load)

    def _load(self, private_key, sender_id, msg_id, mtype, params, extra):
        if self.error is not None:
            self.client.ereply(msg_id, "samp.error", error={"samp.errortxt": self.error})
            return
        # Before the answer: the sender may then delete the file.
        path = url2pathname(urlparse(params["url"]).path)
        self.tables.append(Table.read(path, format="votable"))
        self.names.append(params["name"])
        self.client.ereply(msg_id, "samp.ok", result={})


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMP_HUB", f"std-lockurl:{(tmp_path / 'samp.lock').as_uri()}")


@pytest.fixture
def hub(no_hub, tmp_path):
    with samp.conf.set_temp("use_internet", False):
        server = samp.SAMPHubServer(
            web_profile=False, lockfile=str(tmp_path / "samp.lock"), addr="127.0.0.1"
        )
        server.start()
        programs = []
        yield lambda *given, **options: programs.append(Program(*given, **options)) or programs[-1]
        for program in programs:
            program.client.disconnect()
        server.stop()


@pytest.fixture
def votable(tmp_path):
    path = tmp_path / "a b.vot"
    rows = [failed_row("a.fits", "it is blank", "model", "a"), {"name": "b", "ra": 160.5}]
    write_table(path, COLUMNS, batches_of(COLUMNS, rows))
    return path


def test_every_program_that_takes_tables_loads_it(hub, votable):
    topcat, aladin, viewer = hub("topcat"), hub("Aladin"), hub("ds9", takes="image.load.fits")
    assert sorted(send_votable(votable, "results")) == ["Aladin", "topcat"]
    for program in (topcat, aladin):
        (table,) = program.tables
        assert program.names == ["results"]
        assert table["name"].tolist() == ["a", "b"]
        assert table["ra"][1] == 160.5
        assert table["ra"].unit == "deg"
    assert not viewer.tables


def test_one_program_is_named_in_any_case(hub, votable):
    topcat, aladin = hub("topcat"), hub("Aladin")
    require_receiver("TOPCAT")
    assert send_votable(votable, "results", "TOPCAT") == ["topcat"]
    assert (len(topcat.tables), len(aladin.tables)) == (1, 0)
    with pytest.raises(InputError, match="no 'ds9' at the SAMP hub takes tables: there are Aladin"):
        send_votable(votable, "results", "ds9")


def test_without_a_hub_the_error_says_what_to_do(no_hub, votable):
    for call in (require_receiver, lambda: send_votable(votable, "results")):
        with pytest.raises(InputError, match=r"no SAMP hub runs .*: open TOPCAT or Aladin first"):
            call()


def test_a_lock_file_that_was_left_behind_is_no_hub(no_hub, tmp_path):
    (tmp_path / "samp.lock").write_text(
        "samp.secret=x\nsamp.hub.xmlrpc.url=http://127.0.0.1:9/\nsamp.profile.version=1.3\n"
    )
    with pytest.raises(InputError, match="no SAMP hub runs"):
        require_receiver()


def test_a_hub_without_a_program_for_tables_is_no_receiver(hub):
    hub("ds9", takes="image.load.fits")
    with pytest.raises(InputError, match="no program at the SAMP hub takes tables"):
        require_receiver()


def test_a_program_that_cannot_load_the_table_says_why(hub, votable):
    hub("topcat", error="no memory")
    with pytest.raises(InputError, match="could not be sent over SAMP: topcat: no memory"):
        send_votable(votable, "results")
    aladin = hub("Aladin")
    assert send_votable(votable, "results") == ["Aladin"]
    assert len(aladin.tables) == 1


JSAMP = Path("/usr/share/java/jsamp.jar")
"""The hub of TOPCAT and STILTS; Debian's `stilts` and `topcat` install it."""


@pytest.mark.slow
@pytest.mark.skipif(
    not (JSAMP.exists() and shutil.which("java")), reason="needs Debian's package stilts or topcat"
)
def test_the_hub_of_topcat_passes_the_table_on(no_hub, votable, tmp_path):
    main = ["-cp", str(JSAMP), "org.astrogrid.samp.JSamp", "hub", "-mode", "no-gui"]
    with subprocess.Popen(
        ["java", *main, "-profiles", "std"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            for _ in range(300):
                if (tmp_path / "samp.lock").exists():
                    break
                time.sleep(0.1)
            program = Program("topcat")
            assert send_votable(votable, "results") == ["topcat"]
            assert program.tables[0]["ra"][1] == 160.5
            program.client.disconnect()
        finally:
            process.terminate()


def test_a_program_that_does_not_answer_is_not_waited_for_for_ever(hub, votable, monkeypatch):
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
