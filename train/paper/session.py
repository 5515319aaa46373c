"""One call of `train.paper`: its networks, sources, predictions, evaluations and files."""

import contextlib
import fnmatch
import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from keras_astroattn.datasets import Sources, load_sources
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import Evaluation, evaluate_predictions
from keras_astroattn.evaluation.protocol import PAPER_REPEATS
from keras_astroattn.files import write_text
from keras_astroattn.images import to_network_units
from keras_astroattn.models import attention_model, images_seen_by
from keras_astroattn.plots import save_figure
from keras_astroattn.report import Record

from ..run_folder import make_writable
from . import passes as saved
from .catalogue import Entry, open_catalogue
from .configuration import ExperimentConfig
from .passes import ScopePass

PREDICTIONS = "predictions"

EXAMPLES = {"mirabest": (8, 92), "mirabest-confident": (8, 67), "frdeep": (13, 40)}
"""Rows of an FRI and an FRII of the test set whose attention is shown.

Rows 8 and 92 of MiraBest are those of the paper; MiraBest* holds the same two galaxies. Those of
FR-DEEP are resolved and not among the training images of MiraBest.
"""

SCOPE_WORDS = {"batch": "per batch", "sample": "per image"}
"""Scopes of the normalization, as written in tables."""


@dataclass(frozen=True)
class Measurement:
    """Predictions of one network on a set of sources, and their evaluation.

    Attributes:
        entry: the network.
        epoch: epoch of its weights; None for the best.
        sources: the sources.
        repeats: number of random transforms of each source.
        passes: predictions and maps, by scope.
        evaluations: evaluations by (`"pooled"` or `"clean"`, scope).
    """

    entry: Entry
    epoch: int | None
    sources: Sources
    repeats: int
    passes: dict[str, ScopePass]
    evaluations: dict[tuple[str, str], Evaluation]

    def record(self, evaluation: Evaluation) -> Record:
        """Return a row of a results table: the network, then every metric with its bounds."""
        epoch = {} if self.epoch is None else {"epoch": self.epoch}
        return self.entry.columns() | epoch | evaluation.record()

    @property
    def main(self) -> ScopePass:
        """The pass under the scope of the training."""
        return self.passes[self.entry.scopes[0]]

    @property
    def main_evaluation(self) -> Evaluation:
        """The pooled evaluation under the scope of the training."""
        return self.evaluations["pooled", self.entry.scopes[0]]


def evaluation_records(measurements: Iterable[Measurement]) -> list[Record]:
    """Return one record for each network, protocol and scope."""
    return [
        one.record(evaluation) for one in measurements for evaluation in one.evaluations.values()
    ]


class Session:
    """One call of the program, which computes each result once and keeps it on disk.

    Args:
        config: the options.
        experiment: name of the experiment, and of the folder of its results.
        console: console for the progress.
    """

    def __init__(self, config: ExperimentConfig, experiment: str, console: Console | None = None):
        self.config = config
        self.experiment = experiment
        self.console = console or Console()
        self.repeats = config.repeats_of(experiment)
        self.entries, remarks = open_catalogue(config)
        self._in_full = _named([entry.name for entry in self.entries], config.in_full)
        self.folder = config.output / experiment
        for folder in (config.output, self.folder, config.output / PREDICTIONS):
            make_writable(folder)
        self._sources: dict[tuple[str, str], Sources] = {}
        for remark in remarks:
            self.say(remark)

    def say(self, text: str) -> None:
        """Show a line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def sources(self, data: str, split: str | None = None) -> Sources:
        """Return the sources of a data set, by default of the split in the options."""
        key = (data, split or self.config.split)
        if key not in self._sources:
            self._sources[key] = load_sources(*key, self.config.data_dir)
        return self._sources[key]

    def examples(self, data: str) -> Sources:
        """Return an FRI and an FRII of the test set; see `EXAMPLES`."""
        sources = self.sources(data, "test")
        rows = EXAMPLES.get(data) or [
            int(np.flatnonzero(sources.label == label)[0]) for label in (0, 1)
        ]
        return sources.select(np.array(rows))

    def example_names(self, data: str) -> list[str]:
        """Return the names of the examples in figures: their rows in the test set."""
        return [f"row {row}" for row in EXAMPLES[data]] if data in EXAMPLES else ["first"] * 2

    def repeats_of(self, entry: Entry) -> int:
        """Return the number of random transforms of a network; at least 360 with `--in-full`."""
        return max(self.repeats, PAPER_REPEATS) if entry.name in self._in_full else self.repeats

    def measure(
        self, entries: Iterable[Entry], epochs: Sequence[int] | None = None
    ) -> list[Measurement]:
        """Evaluate networks, or epochs of one network, on the sources of their data set.

        Predictions in the output folder are read, not computed again.

        Args:
            entries: the networks.
            epochs: epochs of the training; by default the best one.

        Returns:
            The measurements.

        Raises:
            InputError: There is no network.
        """
        wanted = [
            (entry, epoch) for entry in entries for epoch in ([None] if epochs is None else epochs)
        ]
        if not wanted:
            raise InputError(f"{self.config.weights} holds no network for {self.experiment}")
        files = [self._file(entry, epoch) for entry, epoch in wanted]
        views = [self.repeats_of(entry) * len(self.sources(entry.data)) for entry, _ in wanted]
        missing = [not path.exists() for path in files]
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        todo = sum(count for count, lacks in zip(views, missing, strict=True) if lacks)
        if todo and not self.console.is_terminal:
            self.say(f"{sum(missing)} of {len(wanted)} networks to evaluate, {todo} images")
        with progress:
            task = progress.add_task("evaluating", total=todo) if todo else None
            return [
                self._measure(entry, epoch, path, progress, task)
                for (entry, epoch), path in zip(wanted, files, strict=True)
            ]

    def example_maps(self, entry: Entry) -> dict[int, np.ndarray]:
        """Return mean attention maps (m, h, w) of the examples by epoch, normalized per image."""
        network = entry.load()
        examples = images_seen_by(network, self.examples(entry.data).image)
        inputs = to_network_units(examples[..., np.newaxis])
        forward = attention_model(network).predict_on_batch
        maps = {}
        for epoch in entry.epochs:
            network.set_weights(entry.load(epoch).get_weights())
            maps[epoch] = np.asarray(forward(inputs)["attention_mean"])
        return maps

    def _measure(self, entry, epoch, path, progress, task) -> Measurement:
        sources = self.sources(entry.data)
        passes = saved.read_passes(path, entry.scopes)
        with self.writing():
            if passes is None:
                passes = self._walk(entry, epoch, path, lambda views: progress.advance(task, views))
                saved.save_passes(path, passes)
            evaluations = self._evaluations(entry, sources, passes, path.with_suffix(".json"))
        return Measurement(entry, epoch, sources, self.repeats_of(entry), passes, evaluations)

    def _walk(self, entry: Entry, epoch: int | None, path, on_views) -> dict[str, ScopePass]:
        sources = self.sources(entry.data)
        known = self._of_fewer_repeats(entry, path)
        on_views(len(sources) * max((len(one.views) for one in known.values()), default=0))
        network = entry.load(epoch)
        passes = saved.walk(
            network,
            images_seen_by(network, sources.image),
            sources.label,
            images_seen_by(network, self.examples(entry.data).image),
            scopes=entry.scopes,
            repeats=self.repeats_of(entry),
            seed=self.config.seed,
            batch_size=entry.batch_size,
            on_views=on_views,
            known=known,
        )
        # The compiled graphs of dozens of networks would fill the memory.
        keras.backend.clear_session()
        return passes

    def _of_fewer_repeats(self, entry: Entry, path: Path) -> dict[str, ScopePass]:
        """Return the kept passes of this network and sources with the most repeats below these."""
        start, _, key = path.stem.rsplit("-", 2)
        kept = {}
        for other in path.parent.glob(f"{glob.escape(start)}-*-{key}.npz"):
            repeats = other.stem.rsplit("-", 2)[1]
            if repeats.isdecimal() and int(repeats) < self.repeats_of(entry):
                kept[int(repeats)] = other
        passes = (saved.read_passes(kept[repeats], entry.scopes) for repeats in sorted(kept)[::-1])
        return next((one for one in passes if one is not None), {})

    def _file(self, entry: Entry, epoch: int | None) -> Path:
        """Return the file of a network's passes; its name depends on all relevant options."""
        if epoch is not None and entry.epochs[epoch] == entry.weights:
            epoch = None  # the best epoch, whose passes the other experiments share
        sources = self.sources(entry.data)
        decides = [
            saved.FORMAT,
            entry.fingerprint(epoch),
            entry.scopes,
            entry.batch_size,
            entry.data,
            sources.checksum,
            self.config.split,
            self.config.seed,
            self.example_names(entry.data),
        ]
        name = entry.name + ("" if epoch is None else f"-epoch{epoch}")
        return self.kept_file(f"{name}-{self.config.split}-{self.repeats_of(entry)}", decides)

    def kept_file(self, name: str, decides: list) -> Path:
        """Return the file of a result; its name holds a digest of the values in `decides`."""
        key = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:16]
        stem = name.replace("/", "_")
        return self.config.output / PREDICTIONS / f"{stem}-{key}.npz"

    def _evaluations(
        self, entry: Entry, sources: Sources, passes: dict[str, ScopePass], path: Path
    ) -> dict[tuple[str, str], Evaluation]:
        with contextlib.suppress(OSError, ValueError, KeyError):
            texts = json.loads(path.read_text(encoding="utf-8"))
            return {
                (kind, scope): Evaluation.from_json(json.dumps(texts[f"{kind}/{scope}"]))
                for scope in entry.scopes
                for kind in ("pooled", "clean")
            }
        evaluations = evaluate(entry, sources.label, passes)
        texts = {"/".join(key): json.loads(one.to_json()) for key, one in evaluations.items()}
        write_text(path, json.dumps(texts) + "\n")
        return evaluations

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Raise one line that names the output folder for an error of writing in the block."""
        try:
            yield
        except OSError as error:
            raise InputError(
                f"cannot write to {self.config.output} ({error.strerror or error}): "
                "name another --output"
            ) from None

    def save(self, figure: Figure, name: str) -> None:
        """Write a figure as PNG and PDF."""
        with self.writing():
            save_figure(figure, self.folder / name)
        self.say(f"{self.folder / name}.png, .pdf")

    def write(self, name: str, text: str) -> None:
        """Write a text file of results."""
        with self.writing():
            write_text(self.folder / name, text)
        self.say(str(self.folder / name))


def _named(names: Sequence[str], patterns: Iterable[str]) -> set[str]:
    """Return the names that match any of the patterns.

    Raises:
        InputError: A pattern matches no name.
    """
    chosen = set()
    for pattern in patterns:
        fitting = fnmatch.filter(names, pattern)
        if not fitting:
            raise InputError(f"--in-full {pattern} names no network: give the name of its folder")
        chosen.update(fitting)
    return chosen


def evaluate(
    entry: Entry,
    labels: np.ndarray,
    passes: dict[str, ScopePass],
    rows: np.ndarray | slice = slice(None),
    note: str = "",
) -> dict[tuple[str, str], Evaluation]:
    """Evaluate the predictions of a network, pooled and clean.

    Args:
        entry: the network.
        labels: (n,) classes of all sources.
        passes: predictions by scope.
        rows: rows of the sources to evaluate on.
        note: text added to the name of the protocol.

    Returns:
        Evaluations by (`"pooled"` or `"clean"`, scope).
    """
    evaluations = {}
    for scope, one in passes.items():
        how = f", {SCOPE_WORDS[scope]}" if len(entry.scopes) > 1 else ""
        for kind, name, answers in (
            ("pooled", f"pooled {len(one.views)}", one.views[:, rows]),
            ("clean", "clean", one.clean[rows]),
        ):
            evaluations[kind, scope] = evaluate_predictions(
                labels[rows], answers, protocol=name + how + note
            )
    return evaluations
