"""What is installed from this repository, and what its files say of it."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import keras_astroattn
from keras_astroattn.edge import DEFAULT_PRESET

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_wheel_carries_the_library_alone(wheel):
    folders = {name.split("/")[0] for name in wheel.namelist()}
    assert len(folders) == 2
    assert "keras_astroattn" in folders
    assert (folders - {"keras_astroattn"}).pop().endswith(".dist-info")


def test_the_wheel_carries_checksums_and_both_licences(wheel):
    names = wheel.namelist()
    assert "keras_astroattn/datasets/checksums.tsv" in names
    licences = {name.rsplit("/", 1)[1] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-WEIGHTS"}


def test_the_wheel_carries_small_presets_of_three_files(wheel):
    folder = "keras_astroattn/models/presets/"
    files = [file for file in wheel.infolist() if file.filename.startswith(folder)]
    by_name = {}
    for file in files:
        path = Path(file.filename)
        if path.suffix != ".py":
            by_name.setdefault(path.stem, set()).add(path.suffix)
    assert DEFAULT_PRESET in by_name
    assert all(kinds == {".keras", ".tflite", ".md"} for kinds in by_name.values()), by_name
    assert sum(file.file_size for file in files) < 9e6  # four presets, two of them with frames


def test_the_wheel_carries_no_survey_images(wheel):
    names = {name for name in wheel.namelist() if "/samples/" not in name}  # simulated maps
    kinds = {Path(name).suffix for name in names}
    assert not kinds & {".gz", ".fits", ".png", ".jpg", ".npy", ".npz", ".pt"}


def test_the_base_install_asks_for_no_framework(project):
    base = {Requirement(text).name for text in project["dependencies"]}
    assert not base & {"tensorflow", "keras", "torch", "jax", "scipy", "matplotlib"}
    assert {"numpy", "astropy", "pillow", "ai-edge-litert"} <= base


def test_the_citation_names_the_version_and_the_wheel_has_it(wheel):
    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", text, re.MULTILINE)[1] == keras_astroattn.__version__
    assert f"keras_astroattn-{keras_astroattn.__version__}.dist-info/METADATA" in wheel.namelist()


def test_the_constraints_hold_every_dependency_above_its_bound(project):
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            pin = Requirement(line)
            (specifier,) = pin.specifier
            assert specifier.operator == "=="
            pins.setdefault(_normal(pin.name), []).append(specifier.version)
    extras = project["optional-dependencies"].values()
    for text in [*project["dependencies"], *(each for extra in extras for each in extra)]:
        requirement = Requirement(text)
        versions = pins[_normal(requirement.name)]
        assert all(version in requirement.specifier for version in versions), text


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
