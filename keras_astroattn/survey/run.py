"""Score a survey: read a catalogue and its tiles, write a folder of Parquet files."""

import json
import shutil
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from keras_astroattn.edge import ModelFile, list_presets, open_model
from keras_astroattn.edge.metadata import SOURCE_ALONE_KEY
from keras_astroattn.errors import InputError
from keras_astroattn.files import partial_files, write_text
from keras_astroattn.tables import command_line, utc_now
from keras_astroattn.version import __version__

from .session import (
    SUMMARY,
    WORK,
    finished_summary,
    identity_of,
    open_output,
    require_packages,
    require_same,
    unwritable,
)
from .settings import SurveySettings

if TYPE_CHECKING:
    from .plan import Plan
    from .progress import Progress
    from .worker import ModelReference


def run_survey(settings: SurveySettings, progress: "Progress") -> dict:
    """Score a survey, or the rest of one that was interrupted.

    Args:
        settings: settings of the survey.
        progress: reports each step to the user.

    Returns:
        The summary, which is also in `_summary.json` of the output folder.

    Raises:
        InputError: An input is invalid or not for this model, the output folder is not writable or
            holds another survey, or the connection to the cluster is lost.
    """
    model = open_model(settings.model)
    if settings.mask_neighbours and model.metadata.get(SOURCE_ALONE_KEY):
        raise InputError(
            f"--mask-neighbours is not for {settings.model}, which sees the source alone: "
            "leave it out, or name a --model that sees the whole frame"
        )
    identity = identity_of(settings, model)
    with open_output(settings.output) as folder:
        # Checked before Dask is imported, so that a finished survey returns at once.
        summary = finished_summary(folder, identity, settings.resume)
        return summary or _score(settings, folder, model, identity, progress)


def _score(
    settings: SurveySettings, folder: Path, model: ModelFile, identity: dict, progress: "Progress"
) -> dict:
    require_packages("pyarrow", "dask", "distributed")
    from .parts import check_parts
    from .plan import open_inputs, read_plan
    from .worker import ModelReference

    for leftover in partial_files(folder):
        leftover.unlink(missing_ok=True)
    plan, inputs = read_plan(folder), None
    if plan is None:
        inputs = open_inputs(settings, folder)
    else:
        require_same(plan.facts["identity"], identity)
    rows, seconds = 0, 0.0
    if plan is None or check_parts(plan)[1]:
        is_preset = settings.model in list_presets()
        reference = ModelReference(
            settings.model if is_preset else str(model.path.resolve()),
            identity["model"],
            settings.tta,
            settings.calibration,
        )
        plan, rows, seconds = _score_waiting(
            settings, folder, plan, inputs, reference, identity, progress
        )
    # The last check before the survey is complete: every row is on disk once.
    labels, waiting = check_parts(plan)
    if waiting:
        raise InputError(f"{folder}: {len(waiting)} parts are missing again: add --resume")
    summary = _summary(settings, plan, model, labels) | {
        "last_session": {
            "rows": rows,
            "seconds": round(seconds, 1),
            "rows_per_second": round(rows / seconds, 2) if rows else None,
            "planning_seconds": plan.facts["seconds"],
        }
    }
    _finish(folder, summary, settings.mask_neighbours)
    return summary


def _score_waiting(
    settings: SurveySettings,
    folder: Path,
    plan: "Plan | None",
    inputs,
    reference: "ModelReference",
    identity: dict,
    progress: "Progress",
) -> tuple["Plan", int, float]:
    """Plan the survey if it has no plan, and score the rows that are not on disk.

    Returns:
        The plan, the number of scored rows, and the seconds that scoring took.
    """
    from .cluster import open_cluster
    from .dispatch import score_waiting
    from .plan import plan_survey
    from .worker import LoadModel

    # Workers start, and load the model, while the command plans.
    with open_cluster(
        settings.scheduler, settings.workers, LoadModel(reference), progress
    ) as client:
        plan = plan or plan_survey(settings, folder, identity, inputs, progress)
        begun = time.monotonic()
        rows = score_waiting(settings, client, plan, reference, progress)
        return plan, rows, time.monotonic() - begun


def _summary(
    settings: SurveySettings, plan: "Plan", model: ModelFile, labels: Counter[str]
) -> dict:
    facts = plan.facts
    return {
        "version": __version__,
        "command": command_line(),
        "finished": utc_now(),
        "identity": facts["identity"],
        "rows": facts["rows"],
        "catalogue_rows": facts["catalogue_rows"],
        "labels": dict(sorted(labels.items())),
        "parts": plan.chunks,
        "model": {"name": model.name, "sha256": facts["identity"]["model"]},
        "catalogue": {
            "path": str(settings.catalogue),
            "sha256": facts["catalogue_sha256"],
            "columns": facts["columns"],
        },
        "tiles": facts["tiles"],
        "unreadable_tiles": facts["unreadable"],
    }


def _finish(folder: Path, summary: dict, keep_neighbours: bool) -> None:
    """Write the summary and remove the plan."""
    from .neighbours import ZONES
    from .results import NEIGHBOURS

    try:
        if keep_neighbours:
            # Figures drawn later need the neighbours to show each source as the network saw it.
            shutil.copytree(folder / WORK / ZONES, folder / NEIGHBOURS, dirs_exist_ok=True)
        write_text(folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
    except OSError as error:
        raise unwritable(folder, error) from None
    shutil.rmtree(folder / WORK, ignore_errors=True)
