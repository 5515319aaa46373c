"""The model of a survey on many workers, against sums on paper and the real cache of pixels."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.survey_model import Survey, app
from keras_astroattn.command import run_app
from keras_astroattn.images.tile_cache import TileCache

SMALL = Survey(
    rows=1000,
    workers=10,
    chunk_size=10,
    row_time=0.01,
    plan_rate=1000,
    start=5,
    task_time=1e-3,
    open_time=0.02,
    part_time=0.05,
    result_bytes=1000,
    tiles=50,
    side=2000,
    pixel_bytes=4,
    read_again=1,
    bandwidth=1e9,
)


def test_the_parts_are_those_of_the_formula():
    # 1000 x 364 rows of pixels apart are more than 50 tiles x 2000 + 100 chunks x 364 = 136,400;
    # each has 8000 bytes.
    assert SMALL.read_bytes() == 136_400 * 8000
    assert SMALL.parts() == pytest.approx(
        {
            "planning": 50 * 0.02 + 1.0,
            "compute": (1000 * 0.01 + 150 * 0.02 + 100 * 0.05) / 10,
            "scheduler": 0.1,
            "storage": 1.0912 + 0.001,
            "last chunk": 0.1,
        }
    )
    # 5 + 2 + compute 1.8 + last chunk 0.1.
    assert SMALL.duration() == pytest.approx(8.9)
    assert SMALL.limit() == "planning"


@pytest.mark.parametrize(
    ("changes", "duration", "limit"),
    [
        ({"workers": 1}, 5 + 2 + 18, "compute"),
        ({"workers": 1000, "bandwidth": 1e8}, 5 + 2 + 10.922 + 0.1, "storage"),
        ({"task_time": 0.05}, 5 + 2 + 5 + 0.1, "scheduler"),
        # Two chunks keep two workers busy: (10 + 52 x 0.02 + 2 x 0.05) / 2.
        ({"chunk_size": 500}, 5 + 2 + 5.57 + 5, "compute"),
        ({"chunk_size": 1000}, 5 + 2 + 10 + 1.02 + 0.05 + 10, "compute"),
    ],
)
def test_the_slowest_part_limits(changes, duration, limit):
    survey = replace(SMALL, **changes)
    assert survey.duration() == pytest.approx(duration)
    assert survey.limit() == limit


def test_sources_far_apart_read_their_own_strips_only():
    # 10 sources x 364 rows are fewer than five tiles of 2000 rows.
    assert replace(SMALL, rows=10, tiles=5).read_bytes() == 3640 * 8000


@pytest.mark.parametrize("chunk_size", [50, 500])
def test_the_cache_reads_as_many_pixels(chunk_size):
    side, rows = 4000, 500
    read = []

    def pixels(down: slice, across: slice) -> np.ndarray:
        read.append((down.stop - down.start) * (across.stop - across.start))
        return np.zeros((down.stop - down.start, across.stop - across.start), np.float32)

    # The survey's chunks take the sources of a tile in the order of their rows of pixels.
    corners = np.random.default_rng(0).integers(0, side - 300, (rows, 2))
    corners = corners[np.argsort(corners[:, 0], kind="stable")]
    for start in range(0, rows, chunk_size):
        cache = TileCache(pixels, (side, side), (1, side))
        for down, across in corners[start : start + chunk_size]:
            cache.section(slice(down, down + 300), slice(across, across + 300))
    survey = replace(SMALL, rows=rows, tiles=1, side=side, chunk_size=chunk_size)
    assert survey.read_bytes() == pytest.approx(4 * sum(read), rel=0.15)


def test_the_command_prints_workers_and_chunk_sizes(capsys):
    assert run_app(app, ["--rows", "1000"]) == 0
    text = capsys.readouterr().out
    assert all(f" {workers} " in text for workers in (1, 10, 30, 100, 300, 1000))
    assert all(f" {rows} " in text for rows in (30, 100, 300, 1000, 3000, 10000))
    assert "--chunk-size, 100 workers" in text
