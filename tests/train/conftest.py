"""A small simulated set, the command in this process, and one run that many tests look at."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from train.run import main

OPTIONS = "--data simulated --gates 3 --epochs 3 --batch-size 8 --dropout 0.3 --seed 3"


@dataclass(frozen=True)
class State:
    """A copy of a run folder as a kill just before a rename leaves it."""

    folder: Path
    about_to_write: str


@dataclass(frozen=True)
class ReferenceRun:
    """A run that nothing interrupted, and its folder before each of its renames."""

    folder: Path
    options: list[str]
    states: list[State]

    def before(self, name: str) -> State:
        return next(state for state in self.states if state.about_to_write == name)


@pytest.fixture
def small_data(small_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment in which `--data simulated` is the small set."""
    monkeypatch.setenv("KERAS_ASTROATTN_CACHE", str(small_cache))
    monkeypatch.delenv("KERAS_ASTROATTN_DATA", raising=False)
    return small_cache


@pytest.fixture
def command(capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str, str]]:
    """Run `python -m train.run` in this process: (exit status, stdout, stderr).

    Arguments that are text are split at their spaces, paths are not.
    """

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        words = [[str(a)] if isinstance(a, Path) else a.split() for a in arguments]
        status = main([word for several in words for word in several])
        return status, *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def reference_run(small_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> ReferenceRun:
    """Train once, copying the folder before each file takes its name."""
    root = tmp_path_factory.mktemp("reference")
    folder, states = root / "run", []
    rename = os.replace

    def copy_then_rename(source, target):
        target = Path(target)
        if target.is_relative_to(folder):
            state = State(root / f"state_{len(states):02d}", target.name)
            shutil.copytree(folder, state.folder)
            states.append(state)
        rename(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_ASTROATTN_CACHE", str(small_cache))
        patch.delenv("KERAS_ASTROATTN_DATA", raising=False)
        patch.setattr(os, "replace", copy_then_rename)
        assert main([*OPTIONS.split(), "--output", str(folder)]) == 0
    return ReferenceRun(folder, OPTIONS.split(), states)
