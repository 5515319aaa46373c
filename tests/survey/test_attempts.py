"""The record of what ended a worker."""

import subprocess
import sys

from keras_astroattn.survey.attempts import Attempts, deadly_tiles, forget_attempts


def attempt(work, *noted, chunk=3):
    """An attempt that ends without a word after the rows and tiles that it noted."""
    one = Attempts(work, chunk)
    for row, tile in noted:
        one.note(row, tile)
    one.close()
    return one


def test_a_tile_that_ends_two_workers_at_one_row_is_deadly(tmp_path):
    attempt(tmp_path, (0, 5), (1, 5), (2, 7))
    assert deadly_tiles(tmp_path, 3) == set()
    attempt(tmp_path, (0, 5), (1, 5))  # another row, as when a worker is killed from outside
    assert deadly_tiles(tmp_path, 3) == set()
    attempt(tmp_path, (0, 5), (1, 5), (2, 7))
    assert deadly_tiles(tmp_path, 3) == {7}
    assert deadly_tiles(tmp_path, 4) == set()
    assert Attempts(tmp_path, 3).deadly == {7}


def test_a_worker_that_ends_between_tiles_blames_none(tmp_path):
    for _ in range(3):
        one = Attempts(tmp_path, 3)
        one.note(9, 5)
        one.note_nothing()
        one.close()
    assert deadly_tiles(tmp_path, 3) == set()


def test_records_go_with_the_chunk_and_with_the_run(tmp_path):
    attempt(tmp_path, (0, 5)).remove()
    assert list(tmp_path.iterdir()) == []
    attempt(tmp_path, (0, 5))
    attempt(tmp_path, (0, 5), chunk=8)
    forget_attempts(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_record_outlives_a_killed_process(tmp_path):
    script = f"""
import os, signal
from pathlib import Path
from keras_astroattn.survey.attempts import Attempts
one = Attempts(Path({str(tmp_path)!r}), 0)
one.note(1, 2)
os.kill(os.getpid(), signal.SIGKILL)
"""
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    assert deadly_tiles(tmp_path, 0) == {2}
