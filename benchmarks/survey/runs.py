"""A simulated survey, and the command that scores it."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.datasets.simulation.survey import SimulatedSurvey, simulate_survey
from keras_astroattn.errors import InputError

COMMAND = (sys.executable, "-m", "keras_astroattn.cli")

Positive = Annotated[int, Parameter(validator=Number(gte=1))]


@contextlib.contextmanager
def folder_or_temporary(named: Path | None) -> Iterator[Path]:
    """Yield the named folder, or a temporary one that is removed afterwards."""
    if named is not None:
        named.mkdir(parents=True, exist_ok=True)
        yield named.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="survey-") as temporary:
        yield Path(temporary)


def simulated_survey(
    folder: Path, sources: int, tiles: int, point_share: float = 1 / 3
) -> SimulatedSurvey:
    """Simulate a survey in the subfolder `survey` of a folder, which is replaced."""
    shutil.rmtree(folder / "survey", ignore_errors=True)
    return simulate_survey(folder / "survey", sources, tiles, seed=7, point_share=point_share)


def repeated(simulated: SimulatedSurvey, path: Path, rows: int) -> Path:
    """Write a CSV catalogue of `rows` rows that repeats the sources."""
    with path.open("w") as file:
        file.write("id,ra,dec\n")
        for row in range(rows):
            number = row % len(simulated.name)
            file.write(
                f"{row:09d},{float(simulated.ra[number])!r},{float(simulated.dec[number])!r}\n"
            )
    return path


def command(catalogue: Path, tiles: Path, output: Path, *more: object) -> list[str]:
    """Return the command line of a survey."""
    return [*COMMAND, "survey", "--catalogue", str(catalogue), "--images", str(tiles),
            "--output", str(output), *map(str, more)]  # fmt: skip


def run(arguments: list[str]) -> float:
    """Run a command and return its duration in seconds.

    Raises:
        InputError: The command fails.
    """
    begun = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"the survey ended with status {done.returncode}: {done.stderr[-500:]}")
    return time.perf_counter() - begun
