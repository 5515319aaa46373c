"""The command `python -m benchmarks.serve`: how long `astroattn serve` takes to filter and sort.

Writes random rows as the folder of a survey, starts `astroattn serve`, and times the requests that
its page sends for each filter and order, over HTTP on this machine. "first" is the first request of
a query, which searches the table; "next page" is the next request of the same query.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.survey.session import SUMMARY

LABELS = ("FRI", "FRII", "uncertain", "compact", "no_source")
FLAGS = ("", "low_snr", "low_snr;edge", "recentred", "blank")
PARTS = 10
TILES = 500

QUERIES = {
    "no filter": {},
    "label": {"label": "FRI"},
    "flag": {"flag": "edge"},
    "S/N and size": {"snr": "20", "size": "30"},
    "name": {"name": "12345"},
    "most uncertain first": {"order": "entropy"},
    "brightest FRIIs first": {"label": "FRII", "order": "snr"},
    "by name": {"order": "name"},
    "sources to label": {"part": "chosen"},
    "all filters, largest first": {
        "label": "FRI", "flag": "low_snr", "snr": "5", "size": "10", "name": "9", "order": "size",
    },
}  # fmt: skip
"""Requests of the page, by what the user does."""

AtLeast1 = Annotated[int, Parameter(validator=Number(gte=1))]
AtLeast0 = Annotated[int, Parameter(validator=Number(gte=0))]
Seconds = Annotated[float, Parameter(validator=Number(gte=0, lte=3600))]

app = new_app(name="python -m benchmarks.serve")


@app.default
def serve(*, rows: AtLeast1 = 1_000_000, seed: AtLeast0 = 0, settle: Seconds = 10.0) -> None:
    """Print the time of each query on random rows.

    Args:
        rows: Rows of the table.
        seed: Seed of the rows.
        settle: Seconds to wait after the start, in which the server sorts its table.
    """
    with tempfile.TemporaryDirectory(prefix="astroattn-") as folder:
        survey = Path(folder) / "scored"
        write_survey(survey, rows, seed)
        start = time.perf_counter()
        module = ("-m", "keras_astroattn.cli")
        command = [sys.executable, *module, "serve", str(survey), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                address = _address(process)
                ready = time.perf_counter() - start
                page = _seconds(address)
                time.sleep(settle)
                times = _times(address)
                memory = _resident(process.pid)
            finally:
                process.terminate()
    table = Table(title=f"{rows:,} rows in {PARTS} files: ready in {ready:.1f} s, "
                  f"first page in {page:.1f} s, {memory:.2f} GB")  # fmt: skip
    for name in ("query", "sources", "first, s", "next page, s"):
        table.add_column(name, justify="left" if name == "query" else "right")
    for name, (count, first, again) in times.items():
        table.add_row(name, f"{count:,}", f"{first:.3f}", f"{again:.3f}")
    Console().print(table)


def write_survey(folder: Path, rows: int, seed: int) -> None:
    """Write random rows as the folder of a survey.

    Args:
        folder: the new folder.
        rows: number of rows.
        seed: seed of the values.
    """
    folder.mkdir()
    random = np.random.default_rng(seed)
    for part, numbers in enumerate(np.array_split(np.arange(rows), PARTS)):
        count = len(numbers)
        p_frii = random.beta(0.3, 0.3, count).clip(1e-6, 1 - 1e-6)
        entropy = -(p_frii * np.log(p_frii) + (1 - p_frii) * np.log(1 - p_frii))
        columns = {
            "id": [f"J{number:09d}" for number in numbers],
            "aa_row": numbers,
            "aa_ra": random.uniform(0, 360, count),
            "aa_dec": random.uniform(-90, 90, count),
            "aa_path": [f"/tiles/{tile:04d}.fits" for tile in random.integers(0, TILES, count)],
            "aa_label": random.choice(LABELS, count).tolist(),
            "aa_p_fri": 1 - p_frii,
            "aa_p_frii": p_frii,
            "aa_entropy_nats": entropy,
            "aa_peak_snr": random.lognormal(3, 1, count),
            "aa_largest_angular_size_arcsec": random.lognormal(3, 0.5, count),
            "aa_flags": random.choice(FLAGS, count).tolist(),
            "aa_error": pa.nulls(count, pa.string()),
            "aa_model": ["agcnn_mirabest"] * count,
        }
        pq.write_table(pa.table(columns), folder / f"part-{part:06d}.parquet", compression="zstd")
    summary = {
        "version": "",
        "model": {"name": "agcnn_mirabest", "sha256": ""},
        "identity": {"map options": {}},
        "catalogue": {"columns": {"id": "id"}},
    }
    (folder / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")


def _address(process: subprocess.Popen) -> str:
    while (found := re.match(r"open (\S+) ", line := process.stdout.readline())) is None:
        if not line:
            raise InputError("astroattn serve ended before it was ready")
    return found[1]


def _times(address: str) -> dict[str, tuple[int, float, float]]:
    """Return by query the number of its sources, and the seconds of its first two pages."""
    base, token = address.split("?token=")
    found = {}
    for name, query in QUERIES.items():
        seconds = []
        for page in range(2):
            text = urllib.parse.urlencode(query | {"page": page})
            request = urllib.request.Request(
                f"{base}sources?{text}", headers={"Authorization": f"Bearer {token}"}
            )
            start = time.perf_counter()
            with urllib.request.urlopen(request) as answer:
                count = json.load(answer)["count"]
            seconds.append(time.perf_counter() - start)
        found[name] = (count, *seconds)
    return found


def _seconds(address: str) -> float:
    start = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        answer.read()
    return time.perf_counter() - start


def _resident(process: int) -> float:
    """Return the memory of a process, GB."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1e6


if __name__ == "__main__":
    sys.exit(run_app(app))
