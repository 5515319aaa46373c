"""`astroattn demo`: classify the sample maps of the package."""

import csv
import importlib.util
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from keras_astroattn.errors import InputError
from keras_astroattn.samples import sample_paths

from .classify import classify


def demo(*, output: Path = Path("astroattn-demo")) -> int:
    """Classify three simulated maps that come with the package.

    Copies the maps into a new folder and writes `results.csv` and, with matplotlib, a picture
    of each source with the network's attention.

    Args:
        output: New folder.
    """
    try:
        output.mkdir(parents=True)
        maps = [Path(shutil.copy(path, output)) for path in sample_paths()]
    except FileExistsError:
        raise InputError(f"{output} exists: remove it, or name another --output") from None
    except OSError as error:
        raise InputError(f"--output {output} cannot be written: {error.strerror}") from None
    results = output / "results.csv"
    pictures = output / "pictures" if importlib.util.find_spec("matplotlib") else None
    status = classify([str(path) for path in maps], output=results, attention=pictures, workers=1)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(_table(results))
    console.print(f"Maps:     {output}")
    console.print(f"Table:    {results}")
    if pictures is None:
        console.print("Pictures: need matplotlib; pip install 'keras-astroattn[plots]'")
    else:
        console.print(f"Pictures: {pictures}")
    return status


def _table(results: Path) -> Table:
    table = Table("map", "label", "P(FRI)", "P(FRII)", "size (arcsec)", "peak / noise")
    with results.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            numbers = (
                _rounded(row["p_fri"], 2),
                _rounded(row["p_frii"], 2),
                _rounded(row["largest_angular_size_arcsec"], 0),
                _rounded(row["peak_snr"], 0),
            )
            table.add_row(Path(row["path"]).name, row["label"], *numbers)
    return table


def _rounded(number: str, digits: int) -> str:
    return f"{float(number):.{digits}f}" if number else ""
