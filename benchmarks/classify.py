"""The command `python -m benchmarks.classify`: `astroattn classify` on a folder of images.

It compares the rate of `astroattn classify` with that of the bare model in as many processes,
measures the memory for a tenth of the files and for all files, and the time to the first result
of a new process. On a machine with other load, compare processor times.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import psutil
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation import draw_source, simulate_field
from keras_astroattn.edge import DEFAULT_PRESET
from keras_astroattn.errors import InputError
from keras_astroattn.images import preprocess
from keras_astroattn.process import available_cores

DIFFERENT = 64
"""Number of different images; the other files are links to them."""

_MIB = 2**20

_BARE = """
import sys
import numpy as np
from keras_astroattn.edge import Classifier
classifier = Classifier(sys.argv[1])
images = np.load(sys.argv[2])
classifier.predict(images[:1])
for number in range(int(sys.argv[3])):
    classifier.predict(images[number % len(images)][None])
"""

_STARTS = {
    "an array": """
import sys
import numpy as np
from keras_astroattn.edge import Classifier
Classifier(sys.argv[1]).classify(np.load(sys.argv[2]))
""",
    "a FITS file": """
import sys
from keras_astroattn.edge import Classifier
from keras_astroattn.images import read_fits
Classifier(sys.argv[1]).classify(read_fits(sys.argv[2]))
""",
    "astroattn classify, a FITS file": """
import sys
from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
run_app(app, ["classify", sys.argv[2], "--model", sys.argv[1]])
""",
}

# The value of `wait4` would include the parent, from which the process was forked.
_PEAK = """
import resource
try:
    with open("/proc/self/status") as file:
        print(next(int(line.split()[1]) / 2**10 for line in file if line.startswith("VmHWM")))
except OSError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""

app = new_app(name="python -m benchmarks.classify")


@dataclass(frozen=True)
class Cost:
    """Cost of a command with all its processes.

    Attributes:
        wall: duration, s.
        processor: processor time, s.
        peak: peak memory, MiB.
    """

    wall: float
    processor: float
    peak: float


def cost_of(commands: Sequence[Sequence[str]], **options) -> Cost:
    """Run commands at the same time, and measure them with their children.

    Args:
        commands: the commands.
        **options: options of `subprocess.Popen`.

    Raises:
        InputError: A command fails.
    """
    before = os.times()
    started = time.perf_counter()
    running = [psutil.Popen(command, stdout=subprocess.DEVNULL, **options) for command in commands]
    peak = 0.0
    while any(process.poll() is None for process in running):
        peak = max(peak, sum(map(_resident, running)))
        time.sleep(0.05)
    wall = time.perf_counter() - started
    after = os.times()
    for process in running:
        if process.returncode:
            raise InputError(f"{' '.join(process.args)[:80]} ended with {process.returncode}")
    used = after.children_user + after.children_system
    used -= before.children_user + before.children_system
    return Cost(wall, used, peak / _MIB)


def _resident(process: psutil.Popen) -> float:
    """Return the memory of a process and its children in bytes; shared memory counts once."""
    total = 0.0
    try:
        for one in [process, *process.children(recursive=True)]:
            # USS takes long to measure: systems without PSS give RSS.
            memory = one.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        pass
    return total


@app.default
def benchmark(
    model: str = DEFAULT_PRESET,
    /,
    *,
    count: Annotated[int, Parameter(validator=Number(gte=DIFFERENT))] = 10_000,
    kinds: Annotated[
        tuple[Literal["png", "npy", "fits"], ...], Parameter(consume_multiple=True)
    ] = (
        "png",
        "fits",
    ),
    workers: int | None = None,
    starts: Annotated[int, Parameter(validator=Number(gte=1))] = 7,
) -> None:
    """Time `astroattn classify` on a folder, and the start of a process.

    Args:
        model: Name of a preset, or path of a .tflite file.
        count: Number of files in the folder.
        kinds: Formats of the files; png and npy have 150 x 150 pixels, fits 300 x 300.
        workers: Number of processes; by default one for each core.
        starts: Number of new processes of each kind.
    """
    workers = workers or available_cores()
    console = Console()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = make_folders(folder, kinds, count)
        console.print(_start_table(folder, model, starts))
        table = Table(title=f"{count} files, {workers} processes, model {model}")
        for title in ("of", "files", "images/s", "processor\nms/image", "rate to\nthe bare model's",
                      "by processor\ntime", "peak\nMiB"):  # fmt: skip
            table.add_column(title, justify="right")
        np.save(folder / "images.npy", images)
        one = [sys.executable, "-c", _BARE, model, str(folder / "images.npy")]
        bare = cost_of([[*one, str(count // workers)]] * workers)
        table.add_row("bare model", str(count), *_figures(bare, count, bare))
        for kind in kinds:
            for files in (count // 10, count):
                name = f"{kind}-{files}"
                given = cost_of([[
                    sys.executable, "-m", "keras_astroattn.cli", "classify", str(folder / name),
                    "--model", model, "--output", str(folder / f"{name}.csv"),
                    "--workers", str(workers),
                ]])  # fmt: skip
                figures = list(_figures(given, files, bare, count))
                table.add_row(kind, str(files), *figures)
        console.print(table)


def make_folders(folder: Path, kinds: Sequence[str], count: int) -> np.ndarray:
    """Make folders `KIND-COUNT` with a tenth of the files and with all files.

    Returns:
        (64, 150, 150, 1) float32, the different images in network units.
    """
    from astropy.io import fits
    from PIL import Image

    from keras_astroattn.images import to_network_units

    header = fits.Header(
        {
            "CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "CRVAL1": 180.0, "CRVAL2": 30.0,
            "CRPIX1": 150.5, "CRPIX2": 150.5, "CDELT1": -5e-4, "CDELT2": 5e-4,
            "BUNIT": "JY/BEAM", "BMAJ": 1.5e-3, "BMIN": 1.5e-3, "BPA": 0.0, "SURVEY": "FIRST",
        }
    )  # fmt: skip
    originals = folder / "originals"
    originals.mkdir()
    pictures = []
    for index in range(DIFFERENT):
        field = simulate_field(draw_source(30, index), 30, index)
        pictures.append(preprocess(field))
        fits.PrimaryHDU(field, header).writeto(originals / f"{index}.fits")
        Image.fromarray(pictures[-1]).save(originals / f"{index}.png")
        np.save(originals / f"{index}.npy", pictures[-1])
    for kind in kinds:
        for files in (count // 10, count):
            target = folder / f"{kind}-{files}"
            target.mkdir()
            for number in range(files):
                os.link(originals / f"{number % DIFFERENT}.{kind}", target / f"{number:06}.{kind}")
    return to_network_units(np.stack(pictures))[..., np.newaxis]


def _figures(cost: Cost, files: int, bare: Cost, bare_files: int | None = None):
    bare_files = bare_files or files
    yield f"{files / cost.wall:.0f}"
    yield f"{1e3 * cost.processor / files:.2f}"
    yield f"{(files / cost.wall) / (bare_files / bare.wall):.0%}"
    yield f"{(bare.processor / bare_files) / (cost.processor / files):.0%}"
    yield f"{cost.peak:.0f}"


def _start_table(folder: Path, model: str, starts: int) -> Table:
    table = Table(title="A fresh process, from its start to its end after the first result")
    for title in ("of", "median s", "fastest s", "processor\nfastest s", "resident\nMiB"):
        table.add_column(title, justify="right")
    files = {"an array": "0.npy"}
    for name, code in _STARTS.items():
        file = folder / "originals" / files.get(name, "0.fits")
        walls, used, resident = [], [], 0.0
        for _ in range(starts):
            started = time.perf_counter()
            before = os.times()
            ended = subprocess.run(
                [sys.executable, "-c", code + _PEAK, model, str(file)],
                capture_output=True,
                text=True,
            )
            walls.append(time.perf_counter() - started)
            after = os.times()
            if ended.returncode:
                raise InputError(f"{name}: {ended.stderr.strip().splitlines()[-1]}")
            used.append(after.children_user - before.children_user)
            used[-1] += after.children_system - before.children_system
            resident = float(ended.stdout.splitlines()[-1])
        table.add_row(
            name,
            f"{statistics.median(walls):.2f}",
            f"{min(walls):.2f}",
            f"{min(used):.2f}",
            f"{resident:.0f}",
        )
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
