"""The command in this process, and a folder of runs."""

import shutil

import pytest

from train.paper.__main__ import main


@pytest.fixture
def command(capsys, monkeypatch):
    """Run `python -m train.paper` in this process: (exit status, stdout, stderr)."""
    monkeypatch.delenv("KERAS_ASTROATTN_PUBLISHED", raising=False)

    def run(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def runs(reference_run, tmp_path):
    """A folder with a finished run, and one that is not finished."""
    folder = tmp_path / "runs"
    shutil.copytree(reference_run.folder, folder / "one")
    shutil.copytree(reference_run.folder, folder / "two")
    (folder / "two" / "evaluation.json").unlink()
    return folder
