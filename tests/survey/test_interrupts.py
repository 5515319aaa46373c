"""A survey that is interrupted ends at once, with one line, and leaves no process."""

import os
import signal
import subprocess
import time

import psutil
import pytest
from support.small_survey import read_result, write_catalogue

LINE = "interrupted: give the same command with --resume to go on\n"
PATIENCE = 300.0  # seconds, on a busy machine


def cut_short(world, output, number, is_time, everyone=False):
    """Send a signal to the command as soon as `is_time` of its children."""
    catalogue = write_catalogue(output.with_suffix(".csv"), world.simulated, repeats=50)
    command = world.arguments(catalogue, output, "--chunk-size", 10, "--workers", 2)
    run = subprocess.Popen(
        command,
        env=world.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + PATIENCE
        children = []
        while not is_time(children):
            assert run.poll() is None, run.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.01)
            children = psutil.Process(run.pid).children(recursive=True)
        # A terminal sends Ctrl-C to all processes.
        (os.killpg if everyone else os.kill)(run.pid, number)
        # Whoever is left holds the standard streams: their end comes when all have ended.
        out, err = run.communicate(timeout=10)
        assert psutil.wait_procs(children, timeout=5)[1] == []
    finally:
        run.kill()
    assert out == ""
    return command, run.returncode, err


def test_ctrl_c_while_workers_start_is_one_line(world, tmp_path):
    _, status, err = cut_short(
        world, tmp_path / "output", signal.SIGINT, lambda children: len(children) >= 3, True
    )
    assert (status, err) == (130, LINE)


@pytest.mark.slow
def test_ctrl_c_while_rows_are_scored_is_one_line_and_the_run_goes_on(world, tmp_path):
    output = tmp_path / "output"
    command, status, err = cut_short(
        world, output, signal.SIGINT, lambda _: len(list(output.glob("part-*"))) > 2, True
    )
    assert status == 130
    assert err.startswith("dashboard: http")
    assert err.endswith("/status\n" + LINE)
    assert world.run(*command, "--resume").returncode == 0
    assert len(read_result(output)) == 1500


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_workers_end_with_the_command(world, tmp_path, number):
    output = tmp_path / "output"
    _, status, err = cut_short(
        world, output, number, lambda _: len(list(output.glob("part-*"))) > 2
    )
    assert status == (-9 if number == signal.SIGKILL else 128 + number)
    assert "Traceback" not in err
    assert err.endswith(LINE) == (number != signal.SIGKILL)
