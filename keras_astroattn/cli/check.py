"""`astroattn check`: check the inputs of a survey before it is started."""

import contextlib
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation.intervals import wilson_interval
from keras_astroattn.images import BLACK, IMAGE_SIZE
from keras_astroattn.images.noise_beam import disagree
from keras_astroattn.process import available_cores, quiet_native_logs
from keras_astroattn.survey.progress import Progress
from keras_astroattn.survey.session import require_packages
from keras_astroattn.survey.tiles import Footprints, MapOptions, find_tiles, index_tiles

from .options import (
    TTA,
    Catalogue,
    Columns,
    MapFlags,
    Model,
    SurveyName,
    Tiles,
    Turns,
    parse_columns,
    tta_of,
)

_SHOWN = 3  # errors of each kind
_NOISE_BEAMS = 5  # tiles whose noise is looked at


def check(
    catalogue: Catalogue,
    images: Tiles,
    /,
    *,
    model: Model = DEFAULT_PRESET,
    survey: SurveyName = None,
    columns: Columns = None,
    tta: TTA = 1,
    turns: Turns = None,
    sample: Annotated[
        int,
        Parameter(
            validator=Number(gte=1),
            help="Number of sources to classify, to estimate the labels and the run time.",
        ),
    ] = 64,
    workers: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=1),
            help="Number of worker processes for which the run time is estimated. By default, one "
            "a core.",
        ),
    ] = None,
    inject: Annotated[
        int,
        Parameter(
            validator=Number(gte=0),
            help="Inject N simulated sources (FRI, FRII and points) into the tiles, one at a "
            "time, and measure how many get their class.",
        ),
    ] = 0,
    inject_from: Annotated[
        Literal["simulated", "mirabest"],
        Parameter(
            help="Sources of --inject: simulated ones, or those of MiraBest's test set, as the "
            "beam of the tiles shows them from a larger distance. The latter need MiraBest and "
            "the extra [train].",
        ),
    ] = "simulated",
    inject_output: Annotated[Path, Parameter(help="Folder for the results of --inject.")] = Path(
        "injection"
    ),
    seed: Annotated[
        int, Parameter(validator=Number(gte=0), help="Seed of the sources of --inject.")
    ] = 0,
    opening: MapFlags = MapFlags(),
) -> int:
    """Check a catalogue and its tiles before a survey: columns, beams, coverage, and run time.

    With --inject it also measures the selection function of the labels on these tiles.

    Ends with status 2 if no row of the catalogue lies on a tile.
    """
    require_packages("pyarrow")
    from keras_astroattn.survey.catalogue import open_catalogue
    from keras_astroattn.survey.column_mapping import KEYS
    from keras_astroattn.survey.forecast import forecast
    from keras_astroattn.survey.injection import inject as inject_sources

    from .injection import real_sources, require_folder, write_injection

    options = opening.options()
    with quiet_native_logs():
        real = real_sources(inject_from) if inject else None
        classifier = Classifier(model, tta=tta_of(tta, turns))
        classifier.predict(np.full((1, IMAGE_SIZE, IMAGE_SIZE, 1), BLACK, np.float32))
    opened = open_catalogue(catalogue)
    mapping = opened.map_columns(survey, parse_columns(columns))
    with Progress(Console(stderr=True)) as progress:
        paths = find_tiles(images)
        progress.indexing(len(paths))
        footprints = index_tiles(paths, options, progress.indexed)
        progress.planning(opened.rows)
        found = forecast(opened, mapping, footprints, classifier, options, sample, progress.planned)
        injected = []
        if inject:
            require_folder(inject_output)
            progress.injecting(inject)
            injected = inject_sources(
                footprints.tiles, options, classifier, inject, seed, progress.injected, real
            )
    console = Console(highlight=False, soft_wrap=True)
    table = Table(show_header=False, title=f"{catalogue}")
    table.add_row("names of", mapping.survey or "no known survey: columns guessed by name")
    for key in KEYS:
        table.add_row(key, _column(opened.schema, mapping, key))
    table.add_row("rows", f"{found.rows}")
    table.add_row("without a position", f"{found.missing}")
    table.add_row("position not on the sky", f"{found.nowhere}")
    _add_tiles(table, footprints, found.tiles_used)
    _add_noise_beams(table, footprints, options)
    share = found.inside / found.rows if found.rows else 0.0
    table.add_row("rows on a tile", f"{found.inside} ({share:.1%})")
    if found.sampled:
        for label, count in sorted(found.labels.items()):
            table.add_row(f"likely {label}", _share(count, found.sampled))
        for reason in found.errors[:_SHOWN]:
            table.add_row("error", reason)
        count = workers or available_cores()
        table.add_row(
            f"estimated time, {count} worker{'s' * (count > 1)}",
            f"{_time(found.hours(count))} ({found.seconds_per_row * 1e3:.1f} ms a row)",
        )
    console.print(table, markup=False)
    if injected:
        write_injection(inject_output, injected, classifier, seed, console, inject_from)
    if not found.inside:
        raise InputError(f"no row of {catalogue} lies on a tile of {' '.join(images)}")
    return 0


def _column(schema, mapping, key: str) -> str:
    name = getattr(mapping, key)
    if name is None:
        return "none"
    unit = (schema.field(name).metadata or {}).get(b"unit", b"").decode()
    if key == "flux":
        unit = mapping.flux_unit or ""
    if key in ("ra", "dec") and not unit:
        is_text = str(schema.field(name).type) in ("string", "large_string")
        hours = "hours" if key == "ra" else "degrees"
        unit = f"sexagesimal ({hours}) or decimal degrees" if is_text else "deg assumed"
    return f"{name} ({schema.field(name).type}{', ' + unit if unit else ''})"


def _add_tiles(table: Table, footprints: Footprints, used: int) -> None:
    good = [tile for tile in footprints.tiles if tile.error is None]
    table.add_row("tiles", f"{len(footprints.tiles)}, {used} of them with rows")
    for tile in footprints.unreadable[:_SHOWN]:
        table.add_row("cannot be read", f"{tile.path}: {tile.error}")
    if len(footprints.unreadable) > _SHOWN:
        table.add_row("cannot be read", f"{len(footprints.unreadable) - _SHOWN} more")
    kinds = Counter(str(tile.keywords["CTYPE1"])[-3:] for tile in good)
    table.add_row("projections", ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    widths = np.array([np.sqrt(tile.beam[0] * tile.beam[1]) for tile in good if tile.beam])
    without = len(good) - len(widths)
    text = "none"
    if len(widths):
        text = f'{widths.min():.2f}" to {widths.max():.2f}", median {np.median(widths):.2f}"'
    if without:
        text += f"; {without} tiles state none (--beam)"
    table.add_row("beams", text)


def _add_noise_beams(table: Table, footprints: Footprints, options: MapOptions) -> None:
    """Compare the beams of some tiles with the correlation of their noise."""
    good = [tile for tile in footprints.tiles if tile.error is None]
    widths, differing = [], []
    for tile in good[:: max(len(good) // _NOISE_BEAMS, 1)][:_NOISE_BEAMS]:
        with contextlib.suppress(InputError), options.open(tile.path) as sky:
            found = sky.noise_beam()
            if found is not None:
                widths.append(found.mean)
                if sky.beam is not None and disagree(sky.beam, found):
                    differing.append(tile.path)
    if widths:
        tiles = "1 tile" if len(widths) == 1 else f"{len(widths)} tiles"
        text = f'{np.median(widths):.2g}" to about 30 %, by the noise of {tiles}'
        table.add_row("beam from the noise", text)
    for path in differing[:_SHOWN]:
        table.add_row("warning", f"{path}: its beam and its noise differ by over a factor of 1.5")


def _share(count: int, of: int) -> str:
    """Return a share with its 95 % interval."""
    low, high = wilson_interval(count / of, of)
    return f"{count / of:.0%} of {of} sampled ({low:.0%} to {high:.0%})"


def _time(hours: float) -> str:
    if hours < 1 / 60:
        return "less than a minute"
    return f"{hours * 60:.0f} min" if hours < 1.5 else f"{hours:.1f} h"
