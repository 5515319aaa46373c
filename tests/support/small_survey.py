"""A survey on disk, the command as a process, and what each row must be."""

import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset

from keras_astroattn.datasets.simulation.survey import SimulatedSurvey
from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import read_fits

COMMAND = [sys.executable, "-c", "from keras_astroattn.cli import main; main()"]


@dataclass(frozen=True)
class World:
    """A survey on disk and how to score it.

    Attributes:
        folder: Where there is room.
        simulated: The survey.
        environment: Of processes.
    """

    folder: Path
    simulated: SimulatedSurvey
    environment: dict[str, str]

    def arguments(self, catalogue: Path, output: Path, *more: object) -> list[str]:
        """The command that scores a catalogue."""
        images = str(self.folder / "survey" / "tiles")
        return [*COMMAND, "survey", "--catalogue", str(catalogue), "--images", images,
                "--output", str(output), *map(str, more)]  # fmt: skip

    def run(self, *arguments: object) -> subprocess.CompletedProcess:
        """The finished command."""
        return subprocess.run(
            [*map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


def write_catalogue(path: Path, simulated: SimulatedSurvey, repeats: int = 1, more=()) -> Path:
    """A CSV catalogue: every source so many times, and more (id, ra, dec) rows."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "ra", "dec", "kind"])
        for turn in range(repeats):
            for number in range(len(simulated.name)):
                # repr keeps every bit of a position.
                writer.writerow(
                    [
                        f"{turn:03d}{number:03d}",
                        repr(float(simulated.ra[number])),
                        repr(float(simulated.dec[number])),
                        simulated.kind[number],
                    ]
                )
        writer.writerows(more)
    return path


def read_result(output: Path) -> list[dict]:
    """All rows of a result, in the catalogue's order, each once."""
    rows = pyarrow.dataset.dataset(output).to_table().to_pylist()
    rows.sort(key=lambda row: row["aa_row"])
    assert [row["aa_row"] for row in rows] == list(range(len(rows)))
    return rows


def scored_alone(simulated: SimulatedSurvey) -> list[dict[str, tuple]]:
    """(label, P(FRI), noise) of each source from each tile, without the survey's code."""
    classifier = Classifier()
    found: list[dict[str, tuple]] = [{} for _ in simulated.name]
    for path in simulated.tiles:
        for number, position in enumerate(
            zip(simulated.ra.tolist(), simulated.dec.tolist(), strict=True)
        ):
            try:
                cutout = read_fits(path, position)
            except InputError:
                continue
            one = classifier.classify(cutout)
            found[number][str(path)] = (one.label, one.p_fri, cutout.noise)
    return found


def assert_scored(rows: list[dict], expected: list[dict[str, tuple]]) -> None:
    """Rows of simulated sources are what each source is on its tile, to the last bit."""
    for row in rows:
        wanted = expected[int(row["id"][3:])][row["aa_path"]]
        assert (row["aa_label"], row["aa_p_fri"], row["aa_noise_jy_beam"]) == wanted
