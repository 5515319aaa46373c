"""The fuzzer itself: files that repeat, and outcomes that differ."""

import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from keras_astroattn.errors import InputError

from .kinds import KINDS, make_file
from .mutation import mutate_bytes, mutate_fits, mutate_text
from .runner import run_alone
from .seeds import catalogues, fits_maps, write_companions


def refuses(path: Path):
    raise InputError("one line")


def refuses_on_two_lines(path: Path):
    raise InputError("two\nlines")


def fails(path: Path):
    return 1 / 0


def dies(path: Path):
    os.abort()


def hangs(path: Path):
    time.sleep(60)


def asks_for_an_address(path: Path):
    with socket.socket() as found:
        found.settimeout(0.1)
        found.connect_ex(("127.0.0.1", 9))
    raise InputError("one line")


@pytest.mark.parametrize(
    ("target", "kind", "detail"),
    [
        (lambda path: None, "right", ""),
        (refuses, "refused", "one line"),
        (refuses_on_two_lines, "traceback", "two\nlines"),
        (fails, "traceback", "ZeroDivisionError at tests/fuzz/test_fuzz.py"),
        (dies, "crash", "status -6"),
        (hangs, "hang", "1 s"),
        (asks_for_an_address, "reach", "socket.connect"),
        (lambda path: bytearray(1200 * 2**20), "memory", "1.2 GiB"),
    ],
)
def test_every_outcome_is_distinguished(target, kind, detail, tmp_path):
    found = run_alone(target, tmp_path, longest=1.0 if kind == "hang" else 20.0)
    assert found.kind == kind
    assert detail in found.detail


def test_the_same_seed_gives_the_same_file(tmp_path):
    contents = [make_file("fits", 3, number, tmp_path).read_bytes() for number in (5, 6, 5)]
    assert contents[0] == contents[2] != contents[1]


@pytest.mark.parametrize("change", [mutate_bytes, mutate_fits, mutate_text])
def test_a_change_changes(change):
    content = fits_maps()[0]
    changed = [change(content, np.random.default_rng(seed)) != content for seed in range(20)]
    assert sum(changed) > 15


@pytest.mark.parametrize("number", range(len(fits_maps())))
def test_a_sound_map_is_answered(number, tmp_path):
    path = tmp_path / "map.fits"
    path.write_bytes(fits_maps()[number])
    assert run_alone(KINDS["fits"].target, path).kind == "right"


def test_sound_catalogues_are_answered(tmp_path):
    write_companions(tmp_path)
    found = []
    for number, (ending, content) in enumerate(catalogues()):
        path = tmp_path / f"{number}{ending}"
        path.write_bytes(content)
        found.append(run_alone(KINDS["catalogues"].target, path).kind)
    reaches_out = slice(7, 10)
    del found[reaches_out]
    assert found == ["right"] * 8


@pytest.mark.parametrize("kind", ["fits", "tarballs", "tflite", "signed", "results"])
def test_damaged_files_are_answered_or_refused(kind, tmp_path):
    write_companions(tmp_path)
    for number in range(3):
        path = make_file(kind, 0, number, tmp_path)
        assert run_alone(KINDS[kind].target, path).kind in ("right", "refused"), path
