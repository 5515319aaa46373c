"""Which trained networks there are: the paper's, or those of a folder of runs."""

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
from keras_astroattn.models.loading import load_keras_file
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
    """Mean loss of each epoch: `training` and `validation` (None if none was held out), (n,)."""

    training: np.ndarray
    validation: np.ndarray | None
    first_epoch: int


@dataclass(frozen=True, eq=False)
class Entry:
    """One trained network: where it lies and what it is.

    Attributes:
        name: Of its folder.
        gates: 0 to 3.
        normalization: Of the attention scores.
        aggregation: From the gates to logits.
        data: What it was trained on, a name that `load_sources` knows.
        seed: Of its training; 0 for the paper's, which do not tell.
        experiment: The paper's number of the experiment it was trained for: 1, 2 or 3
            (None for a run, which is at everyone's service).
        weights: The file of its weights.
        scope: What it was trained under, `"sample"` or `"batch"`.
        batch_size: Images that share a batch in evaluation.
        epochs: Weights by epoch of training, the last being `weights`; empty if only the
            best were kept.
        snapshots: Folder of the maps drawn while it was trained, or None.
        losses: Of its training, or None.
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
        """Scopes to evaluate under: that of its training, then each image by itself.

        `softmax`, `sigmoid` and `tanh` look at one image anyway.
        """
        if self.scope == "batch" and self.gates and self.normalization in _SCOPED:
            return ("batch", "sample")
        return ("sample",)

    def columns(self) -> dict[str, str | int]:
        """What a row of a results table says of the network."""
        return {
            "model": self.name,
            "gates": self.gates,
            "normalization": self.normalization if self.gates else "",
            "aggregation": self.aggregation if self.gates else "",
            "trained_on": DATA_TITLES[self.data],
            "seed": self.seed,
        }

    def load(self, epoch: int | None = None) -> AGCNN:
        """The network with the weights of an epoch (by default its best).

        Raises:
            InputError: the file is damaged or of another network.
        """
        path = self.weights if epoch is None else self.epochs[epoch]
        if path.suffix == ".pt":
            return load_published(path, "sample")
        return load_keras_file(path, remedy="train it again or remove its folder")

    def fingerprint(self, epoch: int | None = None) -> str:
        """SHA-256 of the weights' file."""
        path = self.weights if epoch is None else self.epochs[epoch]
        return hashlib.sha256(path.read_bytes()).hexdigest()


def open_catalogue(config: ExperimentConfig) -> tuple[list[Entry], list[str]]:
    """The networks that `--weights` means, and remarks on what was left out.

    Raises:
        InputError: the folder is missing or holds none.
    """
    if config.weights == PUBLISHED:
        return published_entries(config.published_folder()), []
    return run_entries(expand_user(config.weights))


def published_entries(folder: Path) -> list[Entry]:
    """The networks below `checkpoints/`, by the names of their folders.

    Raises:
        InputError: there is none, or a name does not say what it holds.
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
            f"the name of {folder} does not tell what was trained on what: "
            "name it as it was published"
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
    # A losses' file does not name the aggregation, and networks that differ in it alone wrote
    # one file in turn. The kept epoch, that of the lowest validation loss, tells whose it is,
    # unless several networks have kept the same one.
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
        raise InputError(f"{path} is no file of losses ({error}): fetch it again") from None
    return Losses(training, validation, 0)


def run_entries(folder: Path) -> tuple[list[Entry], list[str]]:
    """The finished runs in a folder, at any depth, and remarks on the others.

    Raises:
        InputError: there is none.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder: --weights takes `{PUBLISHED}` or a folder of runs"
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
    """Those trained for one of the paper's experiments, and all runs."""
    return [entry for entry in entries if entry.experiment in (None, *numbers)]


def proposed(entries: Sequence[Entry]) -> list[Entry]:
    """Those of the paper's proposed configuration, on any data and seed: 3 gates, range_norm, ft.

    Where there is none, the one configuration that the entries share.

    Raises:
        InputError: there is neither.
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
