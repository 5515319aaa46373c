"""Worker processes: what ends one, and how they end."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli.journal import Journal
from keras_astroattn.cli.scoring import Scoring
from keras_astroattn.cli.scoring_pool import score_targets
from keras_astroattn.cli.targets import Target
from keras_astroattn.errors import InputError

COMMAND = [sys.executable, "-m", "keras_astroattn.cli", "classify"]


class Deadly(str):
    """A path that ends the process that receives it, as a defect of a C library does."""

    def __reduce__(self):
        return os._exit, (139,)


def images(folder, count: int) -> list[Target]:
    for number in range(count):
        np.save(folder / f"{number:03}.npy", radio_galaxy())
    return [Target(str(path), path.name) for path in sorted(folder.glob("*.npy"))]


def test_a_worker_imports_nothing_that_only_the_command_needs():
    code = (
        "import sys; import keras_astroattn.cli.scoring; "
        "print(*{'rich', 'cyclopts', 'asyncio', 'urllib.request', 'keras'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.strip()) == (0, ""), ended.stderr


def test_a_file_that_ends_its_worker_is_a_row_with_an_error(tmp_path, model_path):
    files = images(tmp_path, 20)
    for place in (3, 14):
        files[place] = Target(Deadly(files[place].path), files[place].name)
    rows = list(score_targets(files, Scoring(str(model_path)), workers=2))
    assert [row["path"] for row in rows] == [target.path for target in files]
    failed = [row for row in rows if row["label"] == "error"]
    assert [row["path"] for row in failed] == [files[3].path, files[14].path]
    for row in failed:
        assert "ended the process twice" in row["error"]
        assert row["model"] == "tiny"


def test_a_model_that_workers_cannot_use_is_one_line(tmp_path, model_path):
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(model_path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"damaged\.tflite"):
        list(score_targets(images(tmp_path, 2), Scoring(str(damaged)), workers=1))


@pytest.mark.parametrize("number", [signal.SIGKILL])
def test_workers_end_with_the_command(tmp_path, model_path, number):
    images(tmp_path, 300)
    output = tmp_path / "r.csv"
    command = [*COMMAND, tmp_path, "--model", model_path, "--output", output, "--workers", "2"]
    journal = tmp_path / ".r.csv.journal"
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        while not (journal.exists() and journal.read_bytes().count(b"\n") > 10):
            assert run.poll() is None
            time.sleep(0.02)
        workers = psutil.Process(run.pid).children(recursive=True)
        assert len(workers) >= 2
        run.send_signal(number)
        # They hold the standard output: its end comes when they have ended.
        run.communicate(timeout=15)
        assert psutil.wait_procs(workers, timeout=5)[1] == []
        assert not output.exists()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def test_two_runs_do_not_write_to_one_output(tmp_path, model_path):
    images(tmp_path, 1)
    output = tmp_path / "r.csv"
    command = [*COMMAND, tmp_path, "--model", model_path, "--output", output]
    first = Journal(output, {"model": "m"})
    try:
        for more in ([], ["--resume"], ["--overwrite"]):
            second = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60)
            assert second.returncode == 2
            assert second.stderr == (
                f"error: --output {output} is being written by another run: wait for its end, or "
                "name another file\n"
            )
        first.add("a", {"path": "a", "label": "FRI"})
        assert [row["path"] for _, row in first.rows()] == ["a"]
    finally:
        first.close()


def test_a_full_disk_in_the_journal_is_one_line_and_keeps_the_rows(tmp_path):
    """A limit on the size of the files of a process, which the kernel treats as a full disk."""
    output = tmp_path / "r.csv"
    script = f"""
import resource, signal
from keras_astroattn.cli.journal import Journal
from keras_astroattn.errors import InputError
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
journal = Journal(Path({str(output)!r}), {{"model": "m"}})
try:
    for number in range(1000):
        journal.add(str(number), {{"path": str(number), "label": "FRI"}})
except InputError as error:
    print(error)
journal.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == (
        f"{tmp_path}/.r.csv.journal cannot be written: File too large; free the disk, then go on "
        "with --resume\n"
    )
    again = Journal(output, {"model": "m"}, resume=True)
    # A line is 43 to 45 bytes, after 15 of the identity.
    assert 86 < len(again.done) < 94
    again.remove()
