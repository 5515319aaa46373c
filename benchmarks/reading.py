"""The command `python -m benchmarks.reading`: time to read and prepare FITS fields.

It reads the maps of a folder with this checkout and with another one, for example that of an
earlier commit (`git worktree add ../earlier COMMIT`), in new processes that alternate. Processor
time is compared, so that other load on the machine matters less. The ratio holds only if both
give the same images: their checksums are compared.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError

HERE = Path(__file__).resolve().parents[1]

_READ = """
import hashlib, json, sys, time
from pathlib import Path
from keras_astroattn.images import read_fits
from keras_astroattn.process import keep_freed_memory
keep_freed_memory()
paths = sorted(Path(sys.argv[1]).glob("*.fits"))
digest = hashlib.sha256()
for path in paths:
    found = read_fits(path)
    digest.update(found.pixels.tobytes() + found.brightness.tobytes())
    digest.update(repr((found.noise, found.peak_snr, found.flags, found.beam)).encode())
times = []
for _ in range(int(sys.argv[2])):
    begun = time.process_time()
    for path in paths:
        read_fits(path)
    times.append((time.process_time() - begun) / len(paths))
print(json.dumps({"ms": 1e3 * min(times), "digest": digest.hexdigest(), "fields": len(paths)}))
"""

app = new_app(name="python -m benchmarks.reading")


@app.default
def benchmark(
    folder: Path,
    /,
    *,
    baseline: Path | None = None,
    processes: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
) -> None:
    """Time `read_fits` on a folder of maps.

    Args:
        folder: Folder of FITS maps, each with its source in the middle.
        baseline: Another checkout, to compare with.
        processes: Number of new processes of each checkout.
        rounds: Passes over the folder in each process; the fastest counts.
    """
    if not any(folder.glob("*.fits")):
        raise InputError(f"{folder} holds no .fits file")
    checkouts = {"this checkout": HERE}
    if baseline is not None:
        if not (baseline / "keras_astroattn" / "images").is_dir():
            raise InputError(f"--baseline {baseline} is not a checkout of keras-astroattn")
        checkouts["baseline"] = baseline.resolve()
    found: dict[str, list[dict]] = {name: [] for name in checkouts}
    for _ in range(processes):
        for name, checkout in checkouts.items():
            found[name].append(_read(checkout, folder, rounds))
    table = Table(title=f"{found['this checkout'][0]['fields']} fields, {processes} processes each")
    for title in ("", "processor ms a field: median", "least", "ratio of medians", "same images"):
        table.add_column(title, justify="right")
    last = list(checkouts)[-1]
    reference = statistics.median(one["ms"] for one in found[last])
    for name, runs in found.items():
        times = [one["ms"] for one in runs]
        median = statistics.median(times)
        same = {one["digest"] for one in runs} == {found[last][0]["digest"]}
        table.add_row(
            name, f"{median:.2f}", f"{min(times):.2f}", f"{median / reference:.2f}",
            "yes" if same else "no",
        )  # fmt: skip
    Console().print(table)


def _read(checkout: Path, folder: Path, rounds: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(folder.resolve()), str(rounds)],
        env=os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InputError(f"{checkout} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(run_app(app))
