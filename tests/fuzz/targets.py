"""The commands and functions that open the files of a user."""

import contextlib
import csv
import dataclasses
import hashlib
import io
import os
import re
from pathlib import Path

from keras_astroattn.cli.app import app, run_app

from .runner import Refused

# An error that nobody foresaw, in the row of a file: `AttributeError: ...`.
_UNFORESEEN = re.compile(r"\b[A-Z]\w*(?:Error|Exception|Warning)\b: ")


class Unforeseen(Exception):
    """A row or a line that shows the name of a Python error."""


def classify_map(path: Path) -> None:
    """`astroattn classify` of a FITS map."""
    out, _ = _command("classify", path)
    for row in csv.DictReader(io.StringIO(out)):
        if _UNFORESEEN.search(row["error"] or ""):
            raise Unforeseen(row["error"])


def classify_with_model(path: Path) -> None:
    """`astroattn classify` of a sound image with a model file."""
    _command("classify", path.parent / "image.npy", "--model", path)


def show_model(path: Path) -> None:
    """`astroattn info` of a model file."""
    _command("info", path)


def check_catalogue(path: Path) -> None:
    """`astroattn check` of a catalogue on a sound tile."""
    _command("check", path, path.parent / "tile.fits", "--sample", "1")


def check_tile(path: Path) -> None:
    """`astroattn check` of a sound catalogue on a tile."""
    _command("check", path.parent / "catalogue.csv", path, "--sample", "1")


def report_result(path: Path) -> None:
    """`astroattn report` of a table whose map is the sound tile."""
    os.chdir(path.parent)
    page = path.with_name("report.html")
    _command("report", path, "--output", page, "--overwrite")
    if _UNFORESEEN.search(page.read_text(encoding="utf-8")):
        raise Unforeseen("the page names a Python error")


def read_tarball(path: Path) -> None:
    """The batches of a tarball; half of the tarballs have the checksum of the published one."""
    from keras_astroattn.datasets.archives import Archive, read_batches

    archive = Archive("Tiny", "http://127.0.0.1:9/tiny.tar.gz", "", "tiny", "batches", 2, 10)
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if int(md5, 16) % 2:
        archive = dataclasses.replace(archive, md5=md5)
    read_batches(path, archive)


def open_keras_file(path: Path) -> None:
    """A `.keras` file as `export.run` and `train.run` open it."""
    from export.export_source import open_export_source

    open_export_source(path)


def _command(*arguments: object) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run_app(app, [str(argument) for argument in arguments])
    said = err.getvalue()
    if status == 0:
        return out.getvalue(), said
    if _UNFORESEEN.search(said):
        raise Unforeseen(said)
    raise Refused(said.strip())
