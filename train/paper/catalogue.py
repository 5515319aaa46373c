"""The trained networks: the published ones, or those in a folder of runs."""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from keras_astroattn.callbacks import Checkpoints, read_history
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation.protocol import PAPER_BATCH_SIZE
from keras_astroattn.files import expand_user
from keras_astroattn.models import AGCNN
from keras_astroattn.models.keras_files import load_keras_file
from keras_astroattn.models.published import (
    checkpoint_epochs,
    configuration_from_name,
    load_published,
)

from ..configuration import CONFIG_FILE, saved_config
from ..run_folder import ATTENTION_FOLDER, EVALUATION_FILE, HISTORY_FILE
from ..sources import DATA_TITLES
from .configuration import PUBLISHED, ExperimentConfig

_PUBLISHED_DATA = {
    "MiraBestNOHYBRID": "mirabest",
    "MiraBestNOUNC": "mirabest-confident",
    "FRDEEP": "frdeep",
}

_SCOPED = ("range_norm", "std_mean_norm")


@dataclass(frozen=True, eq=False)
class Losses:
    """Mean losses by epoch.

    Attributes:
        training: (n,) training loss.
        validation: (n,) validation loss; None if no sources were held out.
        first_epoch: number of the first epoch.
    """

    training: np.ndarray
    validation: np.ndarray | None
    first_epoch: int


@dataclass(frozen=True, eq=False)
class Entry:
    """One trained network.

    Attributes:
        name: name of its folder.
        gates: number of gates, 0 to 3.
        normalization: normalization of the attention scores.
        aggregation: aggregation of the gates to logits.
        data: name of its training data, as in `load_sources`.
        seed: seed of the training; 0 for published networks, whose seeds are unknown.
        experiment: number of the experiment in the paper for which it was trained, 1, 2 or 3;
            None for a run, which all experiments use.
        weights: file of the weights.
        scope: scope of the normalization in training, `"sample"` or `"batch"`.
        batch_size: number of images in a batch of the evaluation.
        epochs: files of the weights by epoch, the last one being `weights`; empty if only the
            best weights were kept.
        snapshots: folder of the attention snapshots of the training, or None.
        losses: losses of the training, or None.
    """

    name: str
    gates: int
    normalization: str
    aggregation: str
    data: str
    seed: int
    experiment: int | None
    weights: Path
    scope: str
    batch_size: int = PAPER_BATCH_SIZE
    epochs: Mapping[int, Path] = field(default_factory=dict)
    snapshots: Path | None = None
    losses: Losses | None = None

    @property
    def configuration(self) -> str:
        """Gates, normalization and aggregation in words."""
        if not self.gates:
            return "0 gates"
        gates = "1 gate" if self.gates == 1 else f"{self.gates} gates"
        return f"{gates}, {self.normalization}, {self.aggregation}"

    @property
    def scopes(self) -> tuple[str, ...]:
        """Scopes of the evaluation: that of the training, then each image by itself.

        `softmax`, `sigmoid` and `tanh` depend on one image in either scope.
        """
        if self.scope == "batch" and self.gates and self.normalization in _SCOPED:
            return ("batch", "sample")
        return ("sample",)

    def columns(self) -> dict[str, str | int]:
        """Return the columns of a results table that describe the network."""
        return {
            "model": self.name,
            "gates": self.gates,
            "normalization": self.normalization if self.gates else "",
            "aggregation": self.aggregation if self.gates else "",
            "trained_on": DATA_TITLES[self.data],
            "seed": self.seed,
        }

    def load(self, epoch: int | None = None) -> AGCNN:
        """Return the network with the weights of an epoch (by default its best).

        Raises:
            InputError: The file is damaged or of another network.
        """
        path = self.weights if epoch is None else self.epochs[epoch]
        if path.suffix == ".pt":
            return load_published(path, "sample")
        return load_keras_file(path, remedy="train it again or remove its folder")

    def fingerprint(self, epoch: int | None = None) -> str:
        """Return the SHA-256 of the weights' file."""
        path = self.weights if epoch is None else self.epochs[epoch]
        return hashlib.sha256(path.read_bytes()).hexdigest()


def open_catalogue(config: ExperimentConfig) -> tuple[list[Entry], list[str]]:
    """Return the networks named by `--weights`, and remarks on those that are omitted.

    Raises:
        InputError: The folder is missing or holds none.
    """
    if config.weights == PUBLISHED:
        return published_entries(config.published_folder()), []
    return run_entries(expand_user(config.weights))


def published_entries(folder: Path) -> list[Entry]:
    """Return the published networks in `checkpoints/`, described by the names of their folders.

    Raises:
        InputError: There is none, or a name does not describe a network.
    """
    folders = sorted(path for path in (folder / "checkpoints").iterdir() if path.is_dir())
    if not folders:
        raise InputError(f"{folder / 'checkpoints'} holds no folder of checkpoints")
    entries = [_published_entry(one, folder / "losses") for one in folders]
    return [_with_own_losses(entry, entries) for entry in entries]


def _published_entry(folder: Path, losses: Path) -> Entry:
    named = configuration_from_name(folder.name)
    match = re.search(r"Exp(\d)\d*-.*-(MiraBestNOHYBRID|MiraBestNOUNC|FRDEEP)", folder.name)
    if match is None or named.gates is None:
        raise InputError(
            f"the name of {folder} does not describe a network: give it the "
            "name that it was published with"
        )
    epochs = checkpoint_epochs(folder)
    last = max(epochs)
    return Entry(
        name=folder.name,
        gates=named.gates,
        normalization=named.normalization,
        aggregation=named.aggregation,
        data=_PUBLISHED_DATA[match[2]],
        seed=0,
        experiment=int(match[1]),
        weights=epochs[last],
        scope="batch",
        epochs=epochs,
        losses=_published_losses(losses, folder.name, named.aggregation),
    )


def _with_own_losses(entry: Entry, entries: Sequence[Entry]) -> Entry:
    # The name of a file of losses does not contain the aggregation, and networks that differ only
    # in it overwrote one file. The kept epoch has the lowest validation loss, which identifies
    # the network, unless several networks kept the same epoch.
    if entry.losses is None:
        return entry
    lowest = int(entry.losses.validation.argmin())
    alike = [
        one
        for one in entries
        if max(one.epochs) == lowest
        and one.losses is not None
        and np.array_equal(one.losses.validation, entry.losses.validation)
    ]
    return replace(entry, losses=entry.losses if alike == [entry] else None)


def _published_losses(folder: Path, name: str, aggregation: str) -> Losses | None:
    path = folder / f"{name.replace(f'Net{aggregation}-', 'Net-')}_Losses.npz"
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            training, validation = file["train_loss_plot"], file["valid_loss_plot"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a file of losses ({error}): fetch it again") from None
    return Losses(training, validation, 0)


def run_entries(folder: Path) -> tuple[list[Entry], list[str]]:
    """Return the finished runs in a folder, at any depth, and remarks on the others.

    Raises:
        InputError: There is none.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is not a folder: --weights takes `{PUBLISHED}` or a folder of runs"
        )
    entries, remarks = [], []
    for path in sorted(folder.rglob(CONFIG_FILE)):
        run = path.parent
        if (run / EVALUATION_FILE).exists() and (run / Checkpoints.BEST).exists():
            entries.append(_run_entry(run, folder))
        else:
            remarks.append(f"the run in {run} is not finished: left out")
    if not entries:
        raise InputError(
            f"{folder} holds no finished run ({CONFIG_FILE}, {Checkpoints.BEST}): "
            "train some by python -m train.sweep"
        )
    return entries, remarks


def _run_entry(run: Path, folder: Path) -> Entry:
    config = saved_config(run)
    saved = json.loads((run / CONFIG_FILE).read_text(encoding="utf-8"))
    rows = read_history(run / HISTORY_FILE)
    losses = None
    if rows:
        validation = np.array([row["val_loss"] for row in rows]) if "val_loss" in rows[0] else None
        losses = Losses(np.array([row["loss"] for row in rows]), validation, 1)
    snapshots = run / ATTENTION_FOLDER
    return Entry(
        name=str(run.relative_to(folder)) if run != folder else run.name,
        gates=config.gates,
        normalization=config.normalization,
        aggregation=config.aggregation,
        data=saved["data"]["name"],
        seed=config.seed,
        experiment=None,
        weights=run / Checkpoints.BEST,
        scope=config.scope,
        batch_size=config.batch_size if config.scope == "batch" else PAPER_BATCH_SIZE,
        snapshots=snapshots if snapshots.is_dir() else None,
        losses=losses,
    )


def of_experiments(entries: Iterable[Entry], *numbers: int) -> list[Entry]:
    """Return the networks trained for some experiments of the paper, and all runs."""
    return [entry for entry in entries if entry.experiment in (None, *numbers)]


def proposed(entries: Sequence[Entry]) -> list[Entry]:
    """Return the networks of the proposal (3 gates, range_norm, ft), of any data and seed.

    If there is none, all networks must share one configuration, which is then taken.

    Raises:
        InputError: There is none, and the configurations differ.
    """
    entries = of_experiments(entries, 1)
    chosen = [
        entry
        for entry in entries
        if (entry.gates, entry.normalization, entry.aggregation) == (3, "range_norm", "ft")
    ]
    if chosen:
        return chosen
    configurations = {entry.configuration for entry in entries}
    if len(configurations) > 1:
        raise InputError(
            "the folder holds no run of 3 gates, range_norm, ft, and those it holds differ: "
            f"{'; '.join(sorted(configurations))}"
        )
    return list(entries)
