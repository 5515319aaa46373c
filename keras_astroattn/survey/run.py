"""A survey from its catalogue and tiles to a folder of Parquet files, on Dask."""

import contextlib
import dataclasses
import hashlib
import json
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from keras_astroattn import __version__
from keras_astroattn.edge import ModelFile, list_presets, open_model
from keras_astroattn.errors import InputError
from keras_astroattn.files import held, partial_files, write_text

from .disk import unwritable
from .requirements import need
from .tiles import MapOptions

if TYPE_CHECKING:
    from distributed import Client

    from .catalogue import Catalogue
    from .plan import Plan
    from .progress import Progress
    from .roles import Roles
    from .scoring import Job, Network, Scored

CHUNK_SIZE = 1000
"""Rows of a chunk: some seconds of work, which is what a kill can cost."""

_AHEAD = 3  # chunks a worker's thread that are under way at once
_RECOUNT_EVERY = 1.0  # seconds between looks at how many workers there are


@dataclass(frozen=True)
class SurveySettings:
    """What a survey is.

    Attributes:
        catalogue: Table of sources.
        images: Globs, folders, lists or files of tiles.
        output: Folder of the result.
        model: Preset or path.
        survey: Whose column names the catalogue has; None: guessed.
        columns: Columns by role, which win.
        rows: "component" or "source".
        linking_length: Arcsec, for sources; None: by the parent column.
        mask_neighbours: Whether other catalogued emission is made black.
        turns: Of each image, over which the answer is averaged.
        chunk_size: Rows of a file, at most.
        options: How tiles are opened.
        workers: Processes of the local cluster; None: one a core.
        scheduler: Address of a running cluster; None: a local one.
        resume: Go on with what the output folder holds.
    """

    catalogue: Path
    images: tuple[str, ...]
    output: Path
    model: str
    survey: str | None = None
    columns: dict[str, str] = dataclasses.field(default_factory=dict)
    rows: str = "component"
    linking_length: float | None = None
    mask_neighbours: bool = False
    turns: int = 1
    chunk_size: int = CHUNK_SIZE
    options: MapOptions = dataclasses.field(default_factory=MapOptions)
    workers: int | None = None
    scheduler: str | None = None
    resume: bool = False


def run_survey(settings: SurveySettings, progress: "Progress") -> dict:
    """Score a survey, or what is left of it.

    Args:
        settings: The survey.
        progress: Told how it goes.

    Returns:
        The summary that also stands in `_summary.json`.

    Raises:
        InputError: Something given is wrong, the output folder cannot be written or holds
            another survey, or the cluster is lost.
    """
    model = open_model(settings.model)
    identity = _identity(settings, model)
    is_new = not settings.output.exists()
    folder = _prepared(settings.output)
    try:
        with held(folder):
            finished = _finished(folder, settings, identity)
            if finished is not None:
                return finished
            return _run(settings, folder, model, identity, progress)
    except BlockingIOError:
        raise InputError(f"--output {folder} is in use by another run: wait for its end") from None
    except InputError:
        if is_new:
            with contextlib.suppress(OSError):  # something was written already
                folder.rmdir()
        raise


def _prepared(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output {folder} cannot be made: {error.strerror or error}") from None
    return folder.resolve()


def _identity(settings: SurveySettings, model: ModelFile) -> dict:
    """What must be the same for a run to go on."""
    identity = {
        "catalogue": _file_state(settings.catalogue),
        "model": hashlib.sha256(model.content).hexdigest(),
        "images": list(settings.images),
        "survey": settings.survey,
        "columns": settings.columns,
        "rows": settings.rows,
        "linking length": settings.linking_length,
        "mask neighbours": settings.mask_neighbours,
        "turns": settings.turns,
        "map options": dataclasses.asdict(settings.options),
    }
    return json.loads(json.dumps(identity))


def _file_state(path: Path) -> dict:
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"catalogue {path} cannot be read: {error.strerror or error}") from None
    return {"path": str(path.resolve()), "bytes": state.st_size, "modified": state.st_mtime_ns}


def _finished(folder: Path, settings: SurveySettings, identity: dict) -> dict | None:
    """The summary of a run that is complete, after a look at whether it is this one."""
    # Imported late: looking at a finished run must not take the time of loading Dask.
    from .parts import SUMMARY

    path = folder / SUMMARY
    begun = (folder / ".survey").exists() or any(folder.glob("part-*.parquet"))
    if not path.exists():
        if begun and not settings.resume:
            raise InputError(
                f"--output {folder} holds the beginning of a survey: add --resume to go on with "
                "it, or name another folder"
            )
        return None
    if not settings.resume:
        raise InputError(f"--output {folder} holds a survey: name another folder")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{path} is damaged: remove it and start again with --resume") from None
    _require_same(summary.get("identity", {}), identity)
    return summary | {"was_complete": True}


def _require_same(before: dict, now: dict) -> None:
    differing = [key for key in now if before.get(key) != now[key]]
    if differing:
        raise InputError(
            f"--resume: the run before had another {' and '.join(differing)}: give the same, or "
            "name another --output"
        )


def _run(
    settings: SurveySettings, folder: Path, model: ModelFile, identity: dict, progress: "Progress"
) -> dict:
    need("pyarrow", "dask", "distributed")
    from .cluster import open_cluster
    from .parts import SUMMARY
    from .plan import WORK, read_plan
    from .scoring import LoadedNetwork, Network

    for leftover in partial_files(folder):
        leftover.unlink(missing_ok=True)
    plan, given = read_plan(folder), None
    if plan is not None:
        _require_same(plan.facts["identity"], identity)
    else:
        given = _opened(settings, folder)
    fresh, seconds = 0, 0.0
    if plan is None or _look_at_parts(plan)[1]:
        known = settings.model in list_presets()
        network = Network(
            settings.model if known else str(model.path.resolve()),
            identity["model"],
            settings.turns,
        )
        # Workers start, and load the network, while the command plans.
        with open_cluster(
            settings.scheduler, settings.workers, LoadedNetwork(network), progress
        ) as client:
            plan = plan or _planned(settings, folder, identity, given, progress)
            begun = time.monotonic()
            fresh = _score_rest(settings, client, plan, network, progress)
            seconds = time.monotonic() - begun
    # The last look before the survey is called complete: every row once, on disk.
    labels, waiting = _look_at_parts(plan)
    if waiting:
        raise InputError(f"{folder}: {len(waiting)} parts are gone again: add --resume")
    summary = {
        "version": __version__,
        "identity": identity,
        "rows": plan.facts["rows"],
        "catalogue_rows": plan.facts["catalogue_rows"],
        "labels": dict(sorted(labels.items())),
        "parts": plan.chunks,
        "model": {"name": model.name, "sha256": identity["model"]},
        "catalogue": {
            "path": str(settings.catalogue),
            "sha256": plan.facts["catalogue_sha256"],
            "columns": plan.facts["columns"],
        },
        "tiles": plan.facts["tiles"],
        "unreadable_tiles": plan.facts["unreadable"],
        "last_session": {
            "rows": fresh,
            "seconds": round(seconds, 1),
            "rows_per_second": round(fresh / seconds, 2) if fresh else None,
            "planning_seconds": plan.facts["seconds"],
        },
    }
    if settings.mask_neighbours:
        _keep_neighbours(folder)
    _write(folder / SUMMARY, json.dumps(summary, indent=1) + "\n")
    _remove(folder / WORK)
    return summary


def _write(path: Path, text: str) -> None:
    try:
        write_text(path, text)
    except OSError as error:
        raise unwritable(path, error) from None


def _keep_neighbours(folder: Path) -> None:
    """Sources that are drawn when the plan is gone are drawn as the network saw them."""
    import shutil

    from .again import NEIGHBOURS
    from .plan import WORK

    try:
        shutil.copytree(folder / WORK / "zones", folder / NEIGHBOURS, dirs_exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


class _Given(NamedTuple):
    """What a survey is planned from: all that a look at the files tells is wrong is told."""

    tiles: list[str]
    catalogue: "Catalogue"
    roles: "Roles"
    begun: float


def _opened(settings: SurveySettings, folder: Path) -> _Given:
    from .catalogue import open_catalogue
    from .roles import find_roles
    from .tiles import find_tiles

    if any(folder.glob("part-*.parquet")):
        # Parts without their plan: nobody can tell which rows they hold.
        raise InputError(f"--output {folder} holds parts and no plan: name another folder")
    begun = time.monotonic()
    tiles = find_tiles(settings.images)
    catalogue = open_catalogue(settings.catalogue)
    roles = find_roles(catalogue.schema, settings.survey, settings.columns)
    if settings.rows == "source" and settings.linking_length is None and roles.parent is None:
        raise InputError(
            "--rows source needs to know what belongs together: --columns parent=NAME, or "
            "--linking-length ARCSEC"
        )
    return _Given(tiles, catalogue, roles, begun)


def _planned(
    settings: SurveySettings, folder: Path, identity: dict, given: _Given, progress: "Progress"
) -> "Plan":
    from .grouping import group_rows
    from .plan import make_plan
    from .tiles import index_tiles

    paths, catalogue, roles, begun = given
    progress.indexing(len(paths))
    footprints = index_tiles(paths, settings.options, progress.indexed)
    if len(footprints.unreadable) == len(paths):
        first = footprints.unreadable[0]
        raise InputError(f"none of {len(paths)} tiles can be read; {first.path}: {first.error}")
    grouping = None
    if settings.rows == "source":
        progress.planning(catalogue.rows)
        grouping = group_rows(catalogue, roles, settings.linking_length, progress.planned)
    progress.planning(catalogue.rows)
    facts = {
        "identity": identity,
        "catalogue_sha256": _checksum(settings.catalogue),
        "columns": {k: v for k, v in dataclasses.asdict(roles).items() if v is not None},
    }
    return make_plan(
        folder,
        catalogue,
        roles,
        footprints,
        facts,
        settings.chunk_size,
        grouping,
        progress.planned,
        begun,
    )


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _look_at_parts(plan: "Plan") -> tuple[Counter[str], list[int]]:
    """Labels of the parts that are whole, and the numbers of the others."""
    from .parts import labels_of, part_path

    labels: Counter[str] = Counter()
    waiting = []
    for chunk, rows in enumerate(plan.rows_of().tolist()):
        found = labels_of(part_path(plan.folder, chunk), rows)
        if found is None:
            waiting.append(chunk)
        else:
            labels.update(found)
    return labels, waiting


def _score_rest(
    settings: SurveySettings,
    client: "Client",
    plan: "Plan",
    network: "Network",
    progress: "Progress",
) -> int:
    """Score the chunks whose parts are not there yet; give their number of rows."""
    from .scoring import Job

    job = Job(
        str(plan.folder),
        network,
        settings.options,
        settings.mask_neighbours,
        len(plan.facts["unreadable"]),
    )
    _, waiting = _look_at_parts(plan)
    rows = plan.rows_of()
    fresh = int(rows[waiting].sum())
    progress.scoring(int(rows.sum()), int(rows.sum()) - fresh, plan.facts["unreadable"])
    for scored in _score(client, job, plan, waiting, progress):
        progress.scored(int(rows[scored.chunk]))
    return fresh


def _score(
    client: "Client", job: "Job", plan: "Plan", waiting: list[int], progress: "Progress"
) -> Iterator["Scored"]:
    """Score chunks, a bounded number of them under way at a time.

    A chunk whose workers die three times is tried once more when all others are done, and
    then written with the reason in its rows.
    """
    from .scoring import fail_chunk

    deadly = []
    for scored, chunk in _submitted(client, job, plan, waiting, progress):
        if scored is None:
            deadly.append(chunk)
        else:
            yield scored
    for scored, chunk in _submitted(client, job, plan, deadly, progress):
        reason = "workers were killed while they scored these rows (out of memory?)"
        yield scored or fail_chunk(job, chunk, plan.slices_of(chunk), reason)


def _submitted(client, job: "Job", plan: "Plan", waiting: list[int], progress: "Progress"):
    """(what a worker says, chunk); None where workers were killed."""
    from distributed import CancelledError, KilledWorker, wait
    from distributed.comm.core import CommClosedError

    from .scoring import score_chunk

    left, chunks = deque(waiting), {}
    limit, counted = _AHEAD * _threads(client, progress), time.monotonic()
    lost = InputError("the Dask scheduler is gone: start one, then add --resume")
    try:
        while left or chunks:
            while left and len(chunks) < limit:
                chunk = left.popleft()
                slices = plan.slices_of(chunk)
                future = client.submit(score_chunk, job, chunk, slices, pure=False, priority=-chunk)
                chunks[future] = chunk
            try:
                done = wait(list(chunks), _RECOUNT_EVERY, "FIRST_COMPLETED").done
            except TimeoutError:
                done = ()
            for future in done:
                yield _outcome(future, KilledWorker), chunks.pop(future)
            if not done or time.monotonic() - counted > _RECOUNT_EVERY:
                limit, counted = _AHEAD * _threads(client, progress), time.monotonic()
    except (CommClosedError, CancelledError):
        raise lost from None


def _outcome(future, killed: type[Exception]) -> "Scored | None":
    """What a worker says of a chunk; None where workers were killed by it."""
    error = future.exception() if future.status == "error" else None
    if isinstance(error, killed):
        return None
    if error is not None:
        raise error
    scored = future.result()
    if scored.stopped:
        raise InputError(scored.stopped)
    return scored


def _threads(client, progress: "Progress") -> int:
    """Threads of all workers, at least 1: none may have come yet."""
    count = sum(client.nthreads().values())
    progress.workers(count)
    return max(count, 1)
