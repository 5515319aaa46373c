"""What a user can get wrong ends with status 2 and one line, and nothing is overwritten."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras_astroattn.datasets.mirabest import FULL, MiraBest
from keras_astroattn.files import held

Command = Callable[..., tuple[int, str, str]]
REPOSITORY = Path(__file__).resolve().parents[2]


class Malicious:
    """Unpickled by an unrestricted unpickler, it makes a folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def batch(images: list, labels: tuple[int, ...] = (0, 5)) -> dict:
    codes = {0: "100", 5: "200"}
    names = [f"{codes[label]}_10.0+{k}.0_0.1_20.0.png" for k, label in enumerate(labels)]
    return {"data": images, "labels": list(labels), "filenames": names}


def good_images(count: int = 2) -> list[np.ndarray]:
    return [np.full((150, 150), 10 * k, np.uint8) for k in range(count)]


@pytest.fixture
def mirabest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Path]:
    """Write a MiraBest tarball of one kind of batch, registered as if it were the published."""
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("KERAS_ASTROATTN_DATA", raising=False)

    def make(content: object) -> Path:
        path = tmp_path / "data" / "mirabest" / FULL.filename
        path.parent.mkdir(parents=True)
        pickled = pickle.dumps(content, protocol=3)
        with tarfile.open(path, "w:gz") as tarball:
            for name in FULL.batch_names:
                member = tarfile.TarInfo(f"batches/{name}")
                member.size = len(pickled)
                tarball.addfile(member, io.BytesIO(pickled))
        md5 = hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setattr(
            MiraBest.builder_configs["full"], "archive", dataclasses.replace(FULL, md5=md5)
        )
        return path

    return make


def assert_one_line(result: tuple[int, str, str], *said: str) -> None:
    status, _, err = result
    assert status == 2
    assert err.startswith("error: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    for text in said:
        assert text in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--gates 5", ["--gates", "5"]),
        ("--gates many", ["--gates", "many"]),
        ("--gates", ["--gates"]),
        ("--normalization relu", ["--normalization", "relu", "range_norm"]),
        ("--aggregation median", ["--aggregation", "median", "concat_gating"]),
        ("--pooling max", ["--pooling", "max"]),
        ("--recipe slow", ["--recipe", "slow", "paper"]),
        ("--data galaxyzoo", ["--data", "galaxyzoo", "mirabest"]),
        ("--optimizer lion", ["--optimizer", "lion"]),
        ("--dtype-policy float8", ["--dtype-policy", "float8"]),
        ("--evaluate training", ["--evaluate", "training"]),
        ("--speed 3", ["--speed"]),
        ("mirabest", ["mirabest"]),
        ("--epochs -3", ["--epochs"]),
        ("--epochs 2.5", ["--epochs"]),
        ("--learning-rate nan", ["--learning-rate", "nan"]),
        ("--learning-rate inf", ["--learning-rate", "inf"]),
        ("--learning-rate fast", ["--learning-rate", "fast"]),
        ("--batch-size 0", ["--batch-size"]),
        ("--seed 5000000000", ["--seed"]),
        ("--resume", ["--resume needs --output"]),
    ],
)
def test_options(
    command: Command, small_data: Path, tmp_path: Path, options: str, said: list[str]
) -> None:
    folder = tmp_path / "run"
    where = () if options == "--resume" else ("--output", folder)
    assert_one_line(command(options, *where), *said)
    assert not folder.exists()


def test_a_missing_data_folder(command: Command, tmp_path: Path) -> None:
    result = command("--data-dir", tmp_path / "nowhere", "--output", tmp_path / "run")
    assert_one_line(result, str(tmp_path / "nowhere"), "does not exist")


@pytest.mark.parametrize("data", ["auto", "mirabest", "frdeep"])
def test_an_empty_data_folder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    result = command(
        f"--data {data}", "--data-dir", tmp_path / "data", "--output", tmp_path / "run"
    )
    assert_one_line(result, str(tmp_path / "data"), "http://www.jb.man.ac.uk/research/")


def test_a_truncated_tarball(command: Command, mirabest, tmp_path: Path) -> None:
    path = mirabest(batch(good_images()))
    path.write_bytes(path.read_bytes()[:-100])
    result = command("--data-dir", tmp_path / "data", "--output", tmp_path / "run")
    assert_one_line(result, str(path), "truncated", FULL.url)


def test_a_wrong_checksum(command: Command, mirabest, tmp_path: Path) -> None:
    path = mirabest(batch(good_images()))
    path.write_bytes(path.read_bytes() + b"\0")
    result = command("--data-dir", tmp_path / "data", "--output", tmp_path / "run")
    assert_one_line(result, str(path), "MD5", FULL.url)


def test_a_malicious_pickle_is_not_executed(command: Command, mirabest, tmp_path: Path) -> None:
    mirabest({**batch(good_images()), "labels": Malicious(tmp_path / "made by the pickle")})
    result = command("--data-dir", tmp_path / "data", "--output", tmp_path / "run")
    assert_one_line(result, "data_batch_1", "mkdir")
    assert not (tmp_path / "made by the pickle").exists()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((149, 150), np.uint8), ["(149, 150)", "150 x 150"]),
        (np.full((150, 150), np.nan, np.float32), ["NaN", "uint8"]),
    ],
    ids=["shape", "NaN"],
)
def test_an_image_of_another_kind(
    command: Command, mirabest, tmp_path: Path, image: np.ndarray, said: list[str]
) -> None:
    mirabest(batch([good_images()[0], image]))
    result = command("--data-dir", tmp_path / "data", "--output", tmp_path / "run")
    assert_one_line(result, "row 1", "data_batch_1", *said)


@pytest.mark.parametrize(("labels", "missing"), [((0, 0), "FRII"), ((5, 5), "FRI")])
@pytest.mark.parametrize("fraction", [0, 0.2])
def test_a_subset_with_one_class(
    command: Command, mirabest, tmp_path: Path, labels, missing: str, fraction: float
) -> None:
    mirabest(batch(good_images(), labels))
    result = command(
        f"--validation-fraction {fraction}",
        "--data-dir",
        tmp_path / "data",
        "--output",
        tmp_path / "run",
    )
    assert_one_line(result, f"hold no {missing}:")
    assert not (tmp_path / "run" / "config.json").exists()


def test_a_folder_that_holds_a_run(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    shutil.copytree(reference_run.folder, tmp_path / "run")
    before = {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()}
    result = command("--data simulated --gates 0", "--output", tmp_path / "run")
    assert_one_line(result, "already holds a run", "--resume")
    assert {p: p.read_bytes() for p in (tmp_path / "run").rglob("*") if p.is_file()} == before


def test_a_folder_that_holds_something_else(command: Command, small_data, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    assert_one_line(command("--data simulated", "--output", tmp_path), "not empty", "--output")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_folder_below_a_file(command: Command, small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = command("--data simulated", "--output", tmp_path / "file" / "run")
    assert_one_line(result, "cannot write to", "--output")


def test_a_file_in_the_folders_place(command: Command, small_data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    result = command("--data simulated", "--output", tmp_path / "run")
    assert_one_line(result, "cannot write to", "--output")
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("mode", [0o500, 0o000])
def test_a_folder_without_permission(
    command: Command, small_data: Path, tmp_path: Path, mode: int
) -> None:
    (tmp_path / "run").mkdir(mode=mode)
    result = command("--data simulated", "--output", tmp_path / "run")
    assert_one_line(result, "cannot write to", "--output")


def test_a_folder_in_which_a_run_is_going_on(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    shutil.copytree(reference_run.before("resume_0002.keras").folder, tmp_path / "run")
    with held(tmp_path / "run"):
        result = command("--resume", "--output", tmp_path / "run")
    assert_one_line(result, "another run is writing to", "--output")


def test_resume_without_a_run(command: Command, small_data: Path, tmp_path: Path) -> None:
    assert_one_line(command("--resume", "--output", tmp_path / "run"), "no run to resume")
    assert not (tmp_path / "run").exists()


def test_resume_with_other_options(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    shutil.copytree(reference_run.folder, tmp_path / "run")
    result = command("--resume --gates 2 --epochs 3", "--output", tmp_path / "run")
    assert_one_line(result, "--gates 3, not 2", "leave these options out")
    assert "--epochs" not in result[2]


def test_resume_on_other_data(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    shutil.copytree(reference_run.folder, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    saved = json.loads(path.read_text())
    saved["data"]["checksum"] = "sha256:0"
    path.write_text(json.dumps(saved))
    assert_one_line(command("--resume", "--output", tmp_path / "run"), "other data", "sha256:0")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", b"", ["config.json", "another --output"]),
        ("config.json", b'{"config": {"gates"', ["config.json"]),
        ("config.json", b"[]", ["config.json"]),
        ("config.json", b'{"config": {"speed": 3}, "data": {"name": "simulated"}}', ["speed"]),
        ("config.json", b'{"config": {}}', ["config.json", "data"]),
        ("config.json", b"\xff\xfe", ["config.json"]),
        ("resume_0001.keras", b"", ["resume_0001.keras cannot be loaded", "remove it"]),
        ("resume_0001.keras", b"PK\x03\x04 and no more", ["resume_0001.keras cannot be loaded"]),
        ("history.csv", b"", ["history.csv lacks epochs"]),
        ("history.csv", b"epoch,loss\n1,what\n", ["history.csv is damaged"]),
        ("history.csv", b"epoch,loss\n1\n", ["history.csv is damaged"]),
    ],
)
def test_a_damaged_run(
    command: Command,
    small_data: Path,
    reference_run,
    tmp_path: Path,
    name: str,
    content: bytes,
    said: list[str],
) -> None:
    shutil.copytree(reference_run.before("resume_0002.keras").folder, tmp_path / "run")
    assert (tmp_path / "run" / name).exists()
    (tmp_path / "run" / name).write_bytes(content)
    assert_one_line(command("--resume", "--output", tmp_path / "run"), *said)


def test_a_truncated_checkpoint(
    command: Command, small_data: Path, reference_run, tmp_path: Path
) -> None:
    shutil.copytree(reference_run.before("resume_0002.keras").folder, tmp_path / "run")
    path = tmp_path / "run" / "resume_0001.keras"
    path.write_bytes(path.read_bytes()[:-1000])
    assert_one_line(
        command("--resume", "--output", tmp_path / "run"), "cannot be loaded", "remove it"
    )


def test_damaged_results(command: Command, small_data: Path, reference_run, tmp_path: Path) -> None:
    shutil.copytree(reference_run.folder, tmp_path / "run")
    (tmp_path / "run" / "evaluation.json").write_text('{"clean": {"accuracy": 1}}')
    assert_one_line(command("--resume", "--output", tmp_path / "run"), "evaluation.json is damaged")


@contextlib.contextmanager
def small_files_only(size: int):
    """Let this process write files of so many bytes only, as a full disk would.

    The limit holds for pytest's own output too, if that goes to a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("size", "complete"),
    [
        (100, set()),
        pytest.param(30_000, {"config.json", "history.csv"}, marks=pytest.mark.slow),
    ],
)
def test_a_disk_that_fills(
    command: Command, small_data: Path, tmp_path: Path, size: int, complete: set
) -> None:
    with small_files_only(size):
        result = command(
            "--data simulated --gates 0 --epochs 1 --optimizer sgd", "--output", tmp_path / "run"
        )
    assert_one_line(result, "cannot write the run in", "File too large", "--resume")
    assert {path.name for path in (tmp_path / "run").iterdir() if path.is_file()} == complete


@pytest.mark.parametrize("missing", ["tensorflow", "keras", "sklearn"])
def test_a_missing_extra(tmp_path: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules['{missing}'] = None; from train.run import main; "
        f"sys.exit(main(['--data', 'simulated', '--output', {str(tmp_path / 'run')!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert_one_line((done.returncode, done.stdout, done.stderr), missing, "pip install", "[train]")
    assert not (tmp_path / "run").exists()
