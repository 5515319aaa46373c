"""The command `python -m train.studies.second_simulation`.

The preset was trained with one simulation, so figures from that simulation are upper limits. This
study draws other galaxies on maps made in another way (`galaxies` and `maps`). It shares no code
with `keras_astroattn.datasets.simulation` or with the training: a test holds its imports. It writes
each map as FITS, and classifies the file as a user does.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.command import new_app, run_app
from keras_astroattn.edge import Classification, Classifier
from keras_astroattn.edge.labels import UNCERTAIN, WITHOUT_CLASS
from keras_astroattn.errors import InputError
from keras_astroattn.files import write_text
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.report import csv_table, markdown_table
from keras_astroattn.wilson import wilson_interval

from .galaxies import POINT, SIZES
from .maps import SURVEYS, Map, draw_map

HEAD = ("maps", "sources", "number", "given a class", "correct", "without a class")

Record = dict[str, str | float | None]
"""One source: a row of the CSV file."""

app = new_app(
    name="python -m train.studies.second_simulation",
    help="Measure labels on simulated maps that share no code with the training's simulation.",
)

Count = Annotated[int, Parameter(validator=Number(gte=0))]


@app.default
def second_simulation(
    model: str,
    /,
    *,
    survey: list[Literal["lofar", "racs", "nvss", "vlass"]] | None = None,
    galaxies: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    points: Count = 0,
    seed: Count = 0,
    peak_factor: Annotated[float, Parameter(validator=Number(gt=0))] = 1.0,
    sizes: tuple[float, float] = SIZES,
    artefacts: bool = True,
    output: Path | None = None,
    sheet: Path | None = None,
) -> None:
    """Measure labels on simulated maps that share no code with the training's simulation.

    Args:
        model: Name of a preset, or path of a .tflite file.
        survey: Survey whose maps are simulated; repeat the option for several. By default all.
        galaxies: Number of galaxies of each survey; FRI and FRII alternate.
        points: Number of point sources of each survey.
        seed: Seed of the maps.
        peak_factor: Factor of the peaks of all sources; 0.4 makes them 2.5 times fainter.
        sizes: Least and largest angular size, arcsec; the number falls as 1 / size.
        artefacts: Whether maps have sidelobes of bright sources and lose large scales.
        output: CSV file with a row for each source.
        sheet: PNG or PDF file with pictures of the wrong classes, and of point sources with one.
    """
    from rich.progress import track

    if not 0 < sizes[0] <= sizes[1]:
        raise InputError(f"--sizes {sizes[0]:g} {sizes[1]:g}: give the smaller size first, above 0")
    if sheet is not None and sheet.suffix not in (".png", ".pdf"):
        raise InputError(f"--sheet {sheet}: give a name that ends with .png or .pdf")
    for path, option in ((output, "--output"), (sheet, "--sheet")):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise InputError(f"{option} {path}: name a file in a folder that exists")
    with quiet_native_logs():
        classifier = Classifier(model)
    records, wrong = [], []
    for name in survey or SURVEYS:
        numbers = [*enumerate(CLASS_NAMES[index % 2] for index in range(galaxies))]
        numbers += enumerate([POINT] * points)
        for index, kind in track(numbers, name):
            drawn = draw_map(
                *(SURVEYS[name], kind, seed, index),
                artefacts=artefacts,
                peak_factor=peak_factor,
                sizes=sizes,
            )
            found = classify(classifier, drawn)
            records.append(record_of(name, index, drawn, found))
            if found.label in CLASS_NAMES and found.label != kind:
                size = f" of {drawn.size:.0f}''" if kind != POINT else ""
                source = f"{name} {index}, {kind}{size}"
                wrong.append((f"{source}: {found.label}, P(FRII) {found.p_frii:.2f}", found))
    text = markdown_table(HEAD, rows_of(records), text=2)
    if output is not None:
        write_text(output, csv_table(records))
    if sheet is not None and wrong:
        draw_sheet(sheet, wrong)
    print(text)


def classify(classifier: Classifier, drawn: Map) -> Classification:
    """Classify the source of a map from a FITS file, at the position of the catalogue."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "map.fits"
        drawn.hdu.writeto(path)
        return classifier.classify(path, position=drawn.position)


def record_of(name: str, index: int, drawn: Map, found: Classification) -> Record:
    """Return the row of a source.

    Args:
        name: name of the survey.
        index: number of the source among those of its kind (FRI and FRII together).
        drawn: its map.
        found: its classification.
    """
    cutout = found.cutout
    return {
        "survey": name,
        "index": index,
        "truth": drawn.kind,
        "size_arcsec": round(drawn.size, 3),
        "peak_snr": round(drawn.ratio, 3),
        "label": found.label,
        "p_frii": found.p_frii,
        "reason": reason_of(found),
        "flags": ";".join(found.flags),
        "measured_size_arcsec": round(cutout.largest_angular_size, 3),
        "certain_size_beams": round(cutout.certain_size_in_beams, 3),
        "measured_snr": round(cutout.peak_snr, 3),
        "neighbours": cutout.neighbours,
    }


def reason_of(found: Classification) -> str:
    """Return why a source has no class: its label, with the flags that forbid one; "" with one."""
    if found.label in CLASS_NAMES:
        return ""
    forbidding = sorted(WITHOUT_CLASS.intersection(found.flags))
    if found.label != UNCERTAIN:
        return found.label
    return f"{UNCERTAIN} ({', '.join(forbidding) or 'probability'})"


def rows_of(records: Sequence[Record]) -> Iterator[Sequence[object]]:
    """Yield the rows of the table: for each survey all galaxies, FRIs, FRIIs, and points.

    The last column counts the sources without a class by their reason.
    """
    for name in dict.fromkeys(one["survey"] for one in records):
        for kind in ("galaxies", *CLASS_NAMES, POINT):
            truths = CLASS_NAMES if kind == "galaxies" else (kind,)
            chosen = [one for one in records if one["survey"] == name and one["truth"] in truths]
            if chosen:
                yield SURVEYS[name].title, kind, len(chosen), *_cells_of(chosen)


def _cells_of(records: Sequence[Record]) -> tuple[str, str, str]:
    given = [one for one in records if one["label"] in CLASS_NAMES]
    right = sum(one["label"] == one["truth"] for one in given)
    correct = "-"
    if given:
        low, high = wilson_interval(right / len(given), len(given))
        correct = f"{right}: {100 * right / len(given):.1f} % ({100 * low:.0f}-{100 * high:.0f})"
    reasons = Counter(one["reason"] for one in records if one["reason"]).most_common()
    return (
        f"{len(given)} ({100 * len(given) / len(records):.0f} %)",
        correct,
        ", ".join(f"{reason} {count}" for reason, count in reasons),
    )


def draw_sheet(path: Path, wrong: Sequence[tuple[str, Classification]]) -> None:
    """Draw the frames of sources with their captions."""
    from keras_astroattn.plots import save_figure
    from keras_astroattn.plots.sheets import contact_sheet

    images = np.stack([found.cutout.pixels for _, found in wrong])
    captions = [caption for caption, _ in wrong]
    figure = contact_sheet(images, captions, columns=3)
    save_figure(figure, path.with_suffix(""), formats=(path.suffix.removeprefix("."),))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
