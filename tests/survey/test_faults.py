"""What goes wrong at night, with real processes: every row once, no score changed."""

import contextlib
import dataclasses
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.small_survey import assert_scored, read_result, write_catalogue

pytestmark = pytest.mark.slow

PATIENCE = 600.0  # seconds, on a busy machine


@pytest.fixture(scope="module")
def catalogue(world) -> Path:
    """1500 rows: each source fifty times."""
    return write_catalogue(world.folder / "large.csv", world.simulated, repeats=50)


def start(world, arguments, **options) -> subprocess.Popen:
    return subprocess.Popen(
        [*map(str, arguments)],
        env=world.environment,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def wait_for_parts(process: subprocess.Popen, output: Path, count: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(list(output.glob("part-*"))) < count:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.02)


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def has_a_tile_open(worker: psutil.Process) -> bool:
    return any(".fits" in Path(file.path).name for file in worker.open_files())


def test_killed_workers_are_replaced(world, catalogue, expected, tmp_path):
    output = tmp_path / "output"
    process = start(world, world.arguments(catalogue, output, "--chunk-size", 10, "--workers", 2))
    killed = 0
    for parts in (3, 20, 40):
        wait_for_parts(process, output, parts)
        for worker in workers_of(process)[: 2 if parts == 20 else 1]:
            worker.send_signal(signal.SIGKILL)
            killed += 1
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    assert killed >= 3
    rows = read_result(output)
    assert len(rows) == 1500
    assert_scored(rows, expected)


def test_rows_that_kill_every_worker_say_so_in_the_end(world, catalogue, tmp_path):
    output = tmp_path / "output"
    arguments = world.arguments(catalogue, output, "--chunk-size", 2000, "--workers", 1)
    process = start(world, arguments)
    killed = 0
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end at any moment
            for worker in workers_of(process):
                if has_a_tile_open(worker):  # in the middle of the one chunk
                    worker.kill()
                    killed += 1
        time.sleep(0.1)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, stderr
    assert "could be classified; most often: workers were killed" in stderr
    assert killed >= 8
    rows = read_result(output)
    assert len(rows) == 1500
    assert {row["aa_label"] for row in rows} == {"error"}
    assert all("workers were killed" in row["aa_error"] for row in rows)


DEADLY = """
import os

read = os.pread

def deadly(descriptor, *arguments):
    if os.readlink(f"/proc/self/fd/{descriptor}").endswith("tile-003.fits"):
        os._exit(139)  # as a decoder that crashes
    return read(descriptor, *arguments)

os.pread = deadly
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_tile_that_ends_its_worker_costs_its_own_rows_alone(world, expected, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(DEADLY)
    environment = world.environment | {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), world.environment["PYTHONPATH"]])
    }
    catalogue = write_catalogue(tmp_path / "catalogue.csv", world.simulated, repeats=2)
    output = tmp_path / "output"
    arguments = world.arguments(catalogue, output, "--workers", 1)
    done = dataclasses.replace(world, environment=environment).run(*arguments)
    assert done.returncode == 0, done.stderr
    rows = read_result(output)
    assert len(rows) == 60
    lost = [row for row in rows if row["aa_label"] == "error"]
    assert {Path(row["aa_path"]).name for row in lost} == {"tile-003.fits"}
    assert all("workers were killed twice while they read this file" in row["aa_error"]
               for row in lost)  # fmt: skip
    on_it = [n for n, found in enumerate(expected) if any("tile-003" in path for path in found)]
    assert {int(row["id"][3:]) for row in lost} <= set(on_it)
    assert_scored([row for row in rows if row["aa_label"] != "error"], expected)


def test_a_killed_command_goes_on(world, catalogue, expected, tmp_path):
    output = tmp_path / "output"
    arguments = world.arguments(catalogue, output, "--chunk-size", 10, "--workers", 2)
    done = 0
    for parts in (5, 30):
        process = start(world, [*arguments, *(["--resume"] if done else [])])
        wait_for_parts(process, output, parts)
        workers = workers_of(process)
        process.kill()
        process.communicate()
        psutil.wait_procs(workers, timeout=60)  # they end when they see that it is gone
        done = len(list(output.glob("part-*")))
    assert 30 <= done < 150
    refused = world.run(*arguments)
    assert refused.returncode == 2
    assert "add --resume" in refused.stderr
    kept = {path: path.stat().st_mtime_ns for path in output.glob("part-*")}
    finished = world.run(*arguments, "--resume")
    assert finished.returncode == 0, finished.stderr
    assert "rows are done" in finished.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    rows = read_result(output)
    assert len(rows) == 1500
    assert_scored(rows, expected)


def test_a_damaged_part_is_scored_again(world, catalogue, expected, tmp_path):
    output = tmp_path / "output"
    arguments = world.arguments(catalogue, output, "--chunk-size", 100, "--workers", 1)
    process = start(world, arguments)
    wait_for_parts(process, output, 2)
    process.kill()
    process.communicate()
    damaged = sorted(output.glob("part-*"))[0]
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert world.run(*arguments, "--resume").returncode == 0
    assert_scored(read_result(output), expected)


def copied(world, tmp_path) -> Path:
    tiles = tmp_path / "tiles"
    shutil.copytree(world.folder / "survey" / "tiles", tiles)
    return tiles


def by_copy(expected, world, tiles):
    return [
        {str(tiles / Path(path).name): value for path, value in one.items()} for one in expected
    ]


def test_a_truncated_tile_costs_its_own_rows_alone(world, catalogue, expected, tmp_path):
    tiles, output = copied(world, tmp_path), tmp_path / "output"
    cut = tiles / "tile-002.fits"
    cut.write_bytes(cut.read_bytes()[:1_000_000])
    arguments = world.arguments(catalogue, output, "--chunk-size", 100)
    arguments[arguments.index("--images") + 1] = str(tiles)
    done = world.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "1 tiles cannot be read" in done.stderr
    assert "truncated" in done.stderr
    rows = read_result(output)
    assert len(rows) == 1500
    lost = [row for row in rows if row["aa_label"] == "error"]
    assert lost
    assert {row["aa_error"] for row in lost} == {"outside every tile that can be read (1 cannot)"}
    assert_scored([r for r in rows if r["aa_label"] != "error"], by_copy(expected, world, tiles))


def test_a_tile_that_is_cut_or_vanishes_midway_costs_its_own_rows_alone(
    world, catalogue, expected, tmp_path
):
    tiles, output = copied(world, tmp_path), tmp_path / "output"
    arguments = world.arguments(catalogue, output, "--chunk-size", 10, "--workers", 1)
    arguments[arguments.index("--images") + 1] = str(tiles)
    process = start(world, arguments)
    wait_for_parts(process, output, 2)  # tile 0 is being read
    cut = tiles / "tile-003.fits"
    os.truncate(cut, 200_000)
    (tiles / "tile-004.fits").unlink()
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, stderr
    rows = read_result(output)
    assert len(rows) == 1500
    lost = [row for row in rows if row["aa_label"] == "error"]
    assert {Path(row["aa_path"]).name for row in lost} == {"tile-003.fits", "tile-004.fits"}
    reasons = {row["aa_error"] for row in lost}
    assert any("No such file" in reason for reason in reasons)
    assert any("truncated" in reason for reason in reasons)
    assert_scored([r for r in rows if r["aa_label"] != "error"], by_copy(expected, world, tiles))


def test_a_disk_that_fills_up_ends_the_run_and_room_lets_it_go_on(
    world, catalogue, expected, tmp_path
):
    """In a mount namespace of its own: 700 kB, then more."""
    output = tmp_path / "small"
    output.mkdir()
    arguments = world.arguments(catalogue, output / "result", "--chunk-size", 10, "--workers", 1)
    script = tmp_path / "script.sh"
    command = subprocess.list2cmdline(arguments)
    script.write_text(
        "set -u\n"
        f"mount -t tmpfs -o size=700k none {output} || exit 77\n"
        f"{command}\n"
        'echo "first: $?" >&2\n'
        f"ls {output}/result | grep -c part >&2\n"
        f"mount -o remount,size=100m {output}\n"
        f"{command} --resume\n"
        'echo "second: $?" >&2\n'
        f"cp -r {output}/result {tmp_path}/kept\n"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", str(script)],
        env=world.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode == 77 or "unshare:" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr[:200]}")
    assert "No space left on device; make room, then add --resume" in done.stderr
    assert "first: 2" in done.stderr
    assert "second: 0" in done.stderr
    rows = read_result(tmp_path / "kept")
    assert len(rows) == 1500
    assert_scored(rows, expected)
    assert not [path for path in (tmp_path / "kept").rglob("*") if ".partial." in path.name]


def test_a_plan_that_does_not_fit_is_one_line(world, catalogue, expected, tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    output = tmp_path / "output"
    arguments = world.arguments(catalogue, output, "--workers", 1)
    process = start(world, arguments, preexec_fn=limit)
    _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, stderr
    (line,) = [line for line in stderr.splitlines() if line.startswith("error:")]
    assert "cannot be written: File too large" in line
    assert world.run(*arguments, "--resume").returncode == 0
    assert_scored(read_result(output), expected)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def dask_cluster(world, folder, workers=2):
    """The address of a scheduler with separately started workers, and the scheduler."""
    address = f"tcp://127.0.0.1:{free_port()}"
    host, port = address.removeprefix("tcp://").split(":")

    def start_dask(*arguments) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
            env=world.environment,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    processes = [start_dask("scheduler", "--host", host, "--port", port)]
    try:
        for _ in range(workers):
            processes.append(start_dask("worker", address, "--nthreads", "1"))
        time.sleep(5)
        yield address, processes[0]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def test_separately_started_workers_give_the_same_table(world, catalogue, tmp_path):
    there, here = tmp_path / "there", tmp_path / "here"
    with dask_cluster(world, tmp_path) as (address, _):
        attached = world.run(
            *world.arguments(catalogue, there, "--chunk-size", 50, "--scheduler", address)
        )
        assert attached.returncode == 0, attached.stderr
        assert "http" not in attached.stderr  # that scheduler has no dashboard
    local = world.run(*world.arguments(catalogue, here, "--chunk-size", 100, "--workers", 2))
    assert local.returncode == 0, local.stderr
    assert read_result(there) == read_result(here)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_scheduler_that_is_killed_is_one_line_and_the_run_goes_on(
    world, expected, tmp_path, number
):
    output = tmp_path / "output"
    catalogue = write_catalogue(tmp_path / "sources.csv", world.simulated, repeats=10)
    arguments = world.arguments(catalogue, output, "--chunk-size", 10)
    with dask_cluster(world, tmp_path) as (address, scheduler):
        process = start(world, [*arguments, "--scheduler", address])
        wait_for_parts(process, output, 5)
        scheduler.send_signal(number)
        _, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, stderr
    assert stderr == "error: the Dask scheduler is lost: start one, then add --resume\n"
    before = {path: path.stat().st_mtime_ns for path in output.glob("part-*.parquet")}
    assert 5 <= len(before) < 30
    with dask_cluster(world, tmp_path) as (address, _):
        done = world.run(*arguments, "--scheduler", address, "--resume")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    rows = read_result(output)
    assert len(rows) == 300
    assert_scored(rows, expected)
