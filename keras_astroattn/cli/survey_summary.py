"""`astroattn survey-summary`: summarize a scored survey in counts and figures."""

import importlib.util
from pathlib import Path
from typing import Annotated

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import LABELS, Classifier, list_presets
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.outputs import probability_text
from keras_astroattn.process import quiet_native_logs
from keras_astroattn.survey.session import require_packages
from keras_astroattn.survey.tiles import MapOptions

FOLDER = "_figures"
"""Folder of the figures, in the output of the survey."""

_REASONS = 12


def survey_summary(
    folder: Path,
    /,
    *,
    export: Path | None = None,
    regions: Path | None = None,
    selection: Path | None = None,
    figures: Annotated[bool, Parameter(negative="--no-figures")] = True,
    sheet: Annotated[int, Parameter(validator=Number(gte=1, lte=60))] = 18,
    model: str | None = None,
) -> None:
    """Count the labels of a scored survey, draw it, and export its table.

    Args:
        folder: Output folder of `astroattn survey`.
        export: File for the whole table (.fits, .vot, .csv, .ecsv, .json or .parquet).
        regions: File of regions (.reg for DS9, .crtf for CASA and CARTA): the ellipse of each
            source, with its label and the probability of a class.
        selection: File `selection.json` of `astroattn check --inject`. Correct the numbers of FRI
            and FRII by this selection function, and write them to `_corrected_counts.csv` in the
            output.
        figures: Draw histograms, a map of the sky, and sheets of the most certain and the most
            uncertain sources with their attention into the folder `_figures` of the output.
        sheet: Number of sources on a sheet.
        model: Name of a preset or path of a .tflite file for the sheets. By default, the model of
            the survey.
    """
    require_packages("pyarrow")
    from keras_astroattn.survey.export import export_regions, export_survey
    from keras_astroattn.survey.session import read_summary
    from keras_astroattn.survey.tally import tally

    summary = read_summary(folder)
    found = tally(folder)
    console = Console(highlight=False, soft_wrap=True)
    _print_counts(console, found, f"{folder}: {found.rows} rows, {summary['model']['name']}")
    if selection is not None:
        from .corrected_counts import correct_survey

        correct_survey(folder, selection, summary, console)
    if export is not None:
        rows = export_survey(folder, export, _provenance(summary))
        console.print(f"{export}: {rows} rows", markup=False)
    if regions is not None:
        console.print(f"{regions}: {export_regions(folder, regions)} regions", markup=False)
    if not figures:
        return
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError(
            "figures need matplotlib: pip install 'keras-astroattn[plots]', or --no-figures"
        )
    try:
        (folder / FOLDER).mkdir(exist_ok=True)
        for path in _draw(folder, found, summary, sheet, model, console):
            console.print(str(path), markup=False)
    except OSError as error:
        raise InputError(
            f"{folder / FOLDER} cannot be written: {error.strerror or error}"
        ) from None


def _provenance(summary: dict) -> dict[str, str]:
    """Return the provenance of a survey from its summary."""
    found = {
        "creator": f"keras-astroattn {summary['version']}",
        "command": summary.get("command"),
        "model": summary["model"]["name"],
        "model_sha256": summary["model"]["sha256"],
        "date": summary.get("finished"),
    }
    return {key: text for key, text in found.items() if text}


def _print_counts(console: Console, found, title: str) -> None:
    table = Table(title=title)
    table.add_column("")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    groups = (
        found.labels.most_common(),
        [(f"flag {name}", count) for name, count in found.flags.most_common()],
        [(f"error: {text}", count) for text, count in found.reasons.most_common(_REASONS)],
    )
    for group in groups:
        for name, count in group:
            table.add_row(name, str(count), f"{count / max(found.rows, 1):.1%}")
        table.add_section()
    console.print(table, markup=False)


def _draw(folder: Path, found, summary: dict, sheet: int, model: str | None, console: Console):
    from keras_astroattn.plots.style import save_figure
    from keras_astroattn.plots.survey import probability_figure, sky_figure
    from keras_astroattn.survey.results import cut_again, most_certain, most_uncertain

    into = folder / FOLDER
    if found.frii:
        # In the order of all labels, so that a class has the same colour in every survey.
        figure = probability_figure(
            {name: found.frii[name] for name in LABELS if name in found.frii}
        )
        yield from save_figure(figure, into / "probabilities", formats=("png",))
    if found.sky:
        everything = sum(found.sky.values())
        figure = sky_figure(everything, found.ra_edges, found.dec_edges)
        yield from save_figure(figure, into / "sky", formats=("png",))
        classed = [found.sky[name] for name in CLASS_NAMES if name in found.sky]
        if classed:
            figure = sky_figure(sum(classed), found.ra_edges, found.dec_edges, "FRI and FRII")
            yield from save_figure(figure, into / "sky_classified", formats=("png",))
    named = model or summary["model"]["name"]
    if model is None and named not in list_presets():
        console.print(f"no sheets: --model names the file of {named}", markup=False)
        return
    with quiet_native_logs():
        classifier = Classifier(named)
    if not classifier.has_attention:
        console.print(f"no sheets: {named} was exported without attention", markup=False)
        return
    settings = summary["identity"]
    options = MapOptions(**settings["map options"])

    def cut(source):
        return cut_again(folder, options, settings["mask neighbours"], source)

    for name, chosen in (
        ("most certain", most_certain(folder, sheet)),
        ("most uncertain", most_uncertain(folder, sheet)),
    ):
        figure = _sheet(chosen, classifier, cut, name)
        if figure is not None:
            stem = into / name.replace(" ", "_")
            yield from save_figure(figure, stem, formats=("png",))


def _sheet(chosen, classifier: Classifier, cut, name: str):
    from keras_astroattn.plots.survey import attention_sheet

    images, maps, evidence, captions = [], [], [], []
    for source in chosen:
        try:
            cutout = cut(source)
        except InputError:  # the tile has been removed since
            continue
        images.append(cutout.pixels)
        attention = classifier.attention(cutout)
        maps.append(attention.mean)
        evidence.append(attention.evidence)
        captions.append(f"row {source.row}: {source.label}, {probability_text(source.p_frii)}")
    if not images:
        return None
    title = f"{name}: label, P(FRII)"
    if classifier.has_evidence:
        title += "; evidence for FRI blue, for FRII orange; contours at the peak ÷ 4, 16, 64"
    return attention_sheet(
        np.stack(images),
        np.stack(maps),
        captions,
        title=title,
        evidence=np.stack(evidence) if classifier.has_evidence else None,
    )
