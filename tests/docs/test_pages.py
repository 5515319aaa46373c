"""Every command and example of the README and of the documentation runs."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from page_commands import blocks, is_runnable, run_page

REPOSITORY = Path(__file__).resolve().parents[2]
TRAINING = {"README.md", "explain-an-answer.md", "train.md", "train-a-preset.md"}
"""Pages that train a network: minutes, not seconds."""


def _pages() -> list[Path]:
    docs = REPOSITORY / "docs"
    folders = ("tutorials", "how-to", "explanation")
    pages = [path for folder in folders for path in sorted((docs / folder).glob("*.md"))]
    return [REPOSITORY / "README.md", *pages]


def _runnable_pages():
    for path in _pages():
        if any(map(is_runnable, blocks(path.read_text(encoding="utf-8")))):
            marks = [pytest.mark.slow] if path.name in TRAINING else []
            yield pytest.param(path, marks=marks, id=str(path.relative_to(REPOSITORY)))


@pytest.fixture
def reader(tmp_path, small_cache):
    """The folder of a reader who did the first tutorial, and what its commands run in."""
    for name in ("keras_astroattn", "train", "export", "constraints.txt"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    from keras_astroattn.datasets import simulate_survey
    from keras_astroattn.samples import sample_paths

    for folder in ("maps", "cutouts"):
        (tmp_path / folder).mkdir()
        for path in sample_paths():
            shutil.copy(path, tmp_path / folder)
    survey = simulate_survey(tmp_path / "survey", sources=12, tiles=2, seed=1)
    shutil.copy(survey.catalogue, tmp_path / "catalogue.fits")
    (tmp_path / "survey" / "tiles").rename(tmp_path / "mosaics")
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "KERAS_BACKEND": "tensorflow",
        "KERAS_ASTROATTN_CACHE": str(small_cache),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLBACKEND": "agg",
    }
    return tmp_path, environment


@pytest.mark.parametrize("page", list(_runnable_pages()))
def test_every_command_of_a_page_runs(page, reader):
    folder, environment = reader
    run_page(page, folder, environment)


@pytest.mark.parametrize("page", _pages(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_skipped_command_says_why(page):
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.how.startswith("skip"):
            reason = block.how.removeprefix("skip,").strip()
            assert len(reason) > 10, f"{page.name}:{block.line}"
