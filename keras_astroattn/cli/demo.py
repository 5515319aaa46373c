"""`astroattn demo`: classify the sample maps of the package."""

import csv
import importlib.util
import shutil
from pathlib import Path

from rich.console import Console

from keras_astroattn.errors import InputError
from keras_astroattn.samples import sample_paths

from .classify import classify
from .terminal_table import print_sources


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
    with results.open(newline="", encoding="utf-8") as file:
        print_sources(csv.DictReader(file))
    console.print(f"Maps:     {output}")
    console.print(f"Table:    {results}")
    if pictures is None:
        console.print("Pictures: need matplotlib; pip install 'keras-astroattn[plots]'")
    else:
        console.print(f"Pictures: {pictures}")
    return status
