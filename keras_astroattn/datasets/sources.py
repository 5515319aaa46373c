"""The sources of a data set as NumPy arrays, for training and the experiments."""

import contextlib
import dataclasses
import hashlib
import importlib.util
import io
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.files import cache_folder

from .archives import (
    DATA_VARIABLE,
    Archive,
    data_folder,
    find_archive,
    require_archive,
    verified_content,
)
from .classes import HYBRID, LabelledImages

if TYPE_CHECKING:
    from .builders import SourceBuilder
    from .simulation import Observation

DATA_NAMES = (
    "mirabest",
    "mirabest-confident",
    "mirabest-hybrid",
    "mirabest-all",
    "frdeep",
    "frdeep-nvss",
    "simulated",
)
"""Names of the data sets of `load_sources`."""

Split = Literal["train", "test", "all"]


@dataclass(frozen=True, eq=False)
class Sources(LabelledImages):
    """Radio sources, one in each row, in the order of their files.

    Attributes:
        image: uint8 (n, 150, 150), rows first.
        label: int64 (n,), 0 FRI, 1 FRII, 2 hybrid.
        class_index: int64 (n,), MiraBest's ten classes (`SOURCE_CLASSES`), -1 if unknown.
        confident: bool (n,), whether the label is certain.
        morphology: str (n,), "standard", "wide-angle tail", ...
        name: str (n,), file name without `.png`.
        ra: float64 (n,), right ascension, degrees; NaN if unknown.
        dec: float64 (n,), declination, degrees; NaN if unknown.
        redshift: float64 (n,); NaN if unknown.
        angular_size: float64 (n,), arcsec; NaN if unknown.
        batch: str (n,), batch file that holds the source.
        index: int64 (n,), row in that file.
        split: str (n,), "train" or "test".
        checksum: checksum of the data that were read, `algorithm:hexadecimal`.
    """

    batch: np.ndarray
    index: np.ndarray
    split: np.ndarray
    checksum: str

    def select(self, rows: np.ndarray | slice) -> "Sources":
        """Return the sources selected by a boolean mask (n,), by indices or by a slice."""
        columns = _columns(self)
        return dataclasses.replace(self, **{name: columns[name][rows] for name in columns})


def _columns(sources: Sources) -> dict[str, np.ndarray]:
    fields = (field.name for field in dataclasses.fields(sources))
    return {name: getattr(sources, name) for name in fields if name != "checksum"}


def load_sources(
    data: str = "mirabest-confident",
    split: Split = "train",
    data_dir: str | os.PathLike | None = None,
    *,
    version: Literal["full", "F"] = "full",
    keep_flawed: bool = False,
    simulated_sources: int | None = None,
    observation: "Observation" = "first",
    cache_dir: str | os.PathLike | None = None,
) -> Sources:
    """Read a data set. The first call prepares it (seconds); later calls read the cache.

    Args:
        data: `mirabest` (without hybrids: 1222), `mirabest-confident` (those with certain labels:
            833), `mirabest-hybrid` (34), `mirabest-all` (1256), `frdeep` (on FIRST),
            `frdeep-nvss`, `simulated`.
        split: `train`, `test`, or `all`: training sources, then test sources.
        data_dir: read-only folder of the tarballs (default: `KERAS_ASTROATTN_DATA`). If one is
            named, the tarball must be there, and each call checks its MD5. Otherwise it is
            downloaded once.
        version: version of MiraBest: `full` is the paper's, `F` the second one, with another
            split.
        keep_flawed: keep FR-DEEP's leaked, blank and duplicate training images (see `FRDeep`);
            its 50 test images are always complete.
        simulated_sources: number of training sources of `simulated`, by default 1000.
        observation: how the sources of `simulated` are observed: `"first"` or `"many-beams"`
            (`simulation.simulate`).
        cache_dir: folder for prepared data (default: `cache_folder()`).

    Returns:
        The sources, in the order of the files.

    Raises:
        InputError: The name is unknown; the data are missing, damaged or cannot be downloaded;
            the cache is not writable; or TensorFlow Datasets is not installed.

    Example:
        >>> sources = load_sources("simulated", "test")  # doctest: +SKIP
        >>> sources.image.shape  # doctest: +SKIP
        (200, 150, 150)
    """
    if split not in ("train", "test", "all"):
        raise InputError(f"unknown split {split!r}: take train, test or all")
    builder = _builder(data, version, keep_flawed, cache_dir, simulated_sources, observation)
    archive = _archive(builder)
    folder = data_folder(data_dir)
    if archive is not None and folder is not None:
        verified_content(require_archive(archive, folder), archive)
    _prepare(builder, folder)
    splits = ("train", "test") if split == "all" else (split,)
    sources = join([_read(builder, name) for name in splits])
    return sources.select(_selected(data, sources))


def is_at_hand(data: str, data_dir: str | os.PathLike | None = None) -> bool:
    """Return whether `load_sources(data, ...)` works without a network.

    It does if the data folder holds the tarball, or if no data folder is named and the cache
    holds the tarball or the prepared data.

    Args:
        data: name of the data set, as in `load_sources`.
        data_dir: data folder, as in `load_sources`.

    Raises:
        InputError: The named data folder is missing or holds no data set, or the name is
            unknown.
    """
    builder = _builder(data, "full", False, None)
    archive = _archive(builder)
    folder = data_folder(data_dir)
    if archive is None:
        return True
    if folder is None:
        return builder.data_path.exists() or builder.has_kept_archive()
    if not any(find_archive(known, folder) for known in _archives()):
        require_archive(archive, folder)
    return find_archive(archive, folder) is not None


def how_to_get(data: str) -> str:
    """Return one line that says where a data set comes from and where to put it."""
    archive = _archive(_builder(data, "full", False, None))
    if archive is None:
        return f"{data} needs no data: it is made on the spot"
    return (
        f"to get {archive.title}, put {archive.url} in a folder and name it by --data-dir or "
        f"{DATA_VARIABLE}"
    )


def _builder(
    data: str,
    version: str,
    keep_flawed: bool,
    cache_dir: str | os.PathLike | None,
    simulated_sources: int | None = None,
    observation: "Observation" = "first",
) -> "SourceBuilder":
    """Return the TFDS builder of a data name."""
    if data not in DATA_NAMES:
        raise InputError(f"unknown data {data!r}: take one of {', '.join(DATA_NAMES)}")
    if version not in ("full", "F"):
        raise InputError(f"unknown version {version!r} of MiraBest: take full or F")
    if importlib.util.find_spec("tensorflow_datasets") is None:
        raise InputError(
            "reading data sets needs TensorFlow Datasets: pip install 'keras-astroattn[train]'"
        )
    from .frdeep import FRDeep
    from .mirabest import MiraBest

    folder = cache_dir or cache_folder()
    if data == "simulated":
        from .simulated import Simulated, sources_to_train_on

        standard = Simulated.BUILDER_CONFIGS[0].training_sources
        config = sources_to_train_on(
            standard if simulated_sources is None else simulated_sources, observation
        )
        with _without_needless_warnings():
            return _open(Simulated, config, folder)
    if data.startswith("mirabest"):
        return _open(MiraBest, version, folder)
    config = ("nvss" if data == "frdeep-nvss" else "first") + ("" if keep_flawed else "_clean")
    return _open(FRDeep, config, folder)


def _open(kind: type, config: Any, folder: str | os.PathLike) -> "SourceBuilder":
    """Return a builder; it reads the description of its prepared data if there is one."""
    try:
        return kind(config=config, data_dir=folder)
    except Exception as error:  # protobuf, json and TFDS raise their own types
        prepared = Path(folder) / kind.name / getattr(config, "name", config)
        if isinstance(error, InputError) or not prepared.exists():
            raise
        raise _damaged(prepared, error) from None


def _damaged(folder: str | os.PathLike, error: Exception) -> InputError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"the prepared data in {folder} are damaged ({reason}): delete that folder")


def _archive(builder: "SourceBuilder") -> Archive | None:
    return getattr(builder.builder_config, "archive", None)


def _archives() -> tuple[Archive, ...]:
    from . import frdeep, mirabest

    return (mirabest.FULL, mirabest.VERSION_F, frdeep.FIRST, frdeep.NVSS)


def _prepare(builder: "SourceBuilder", folder: os.PathLike | None) -> None:
    import tensorflow_datasets as tfds

    with contextlib.ExitStack() as quiet:
        # TFDS writes to the standard output, which belongs to the caller. Its progress bars are
        # useful only at a terminal.
        quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
        if not sys.stderr.isatty():
            quiet.enter_context(contextlib.redirect_stderr(io.StringIO()))
        builder.download_and_prepare(
            download_config=tfds.download.DownloadConfig(manual_dir=folder)
        )


_NEEDLESS_WARNINGS = ("`FeatureConnector.dtype`", "Using custom data configuration")
"""Warnings about deprecated code in TFDS itself, and about the named configuration."""


@contextlib.contextmanager
def _without_needless_warnings() -> Iterator[None]:
    def keep(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(_NEEDLESS_WARNINGS)

    logger = logging.getLogger("absl")
    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


def _read(builder: "SourceBuilder", split: str) -> Sources:
    """Return one split of a prepared data set."""
    import tensorflow as tf

    try:
        with _without_needless_warnings():
            columns = builder.as_dataset(split=split, batch_size=-1)
    # KeyError and ValueError: the description of the data is missing or of other data.
    except (tf.errors.OpError, OSError, AssertionError, KeyError, ValueError) as error:
        raise _damaged(builder.data_path, error) from None
    arrays = {name: column.numpy() for name, column in columns.items()}
    count = len(arrays["label"])
    arrays["image"] = arrays["image"][..., 0]
    for name in ("morphology", "name", "batch"):
        arrays[name] = np.char.decode(arrays[name].astype(bytes), "utf-8")
    archive = _archive(builder)
    if archive is not None:
        checksum = f"md5:{archive.md5}"
    else:
        checksum = f"sha256:{hashlib.sha256(arrays['image'].tobytes()).hexdigest()}"
    return Sources(**arrays, split=np.full(count, split), checksum=checksum)


def join(parts: Sequence[Sources]) -> Sources:
    """Return the sources of several sets, in their order."""
    if len(parts) == 1:
        return parts[0]
    columns = [_columns(part) for part in parts]
    joined = {name: np.concatenate([part[name] for part in columns]) for name in columns[0]}
    return Sources(**joined, checksum="+".join(dict.fromkeys(part.checksum for part in parts)))


def _selected(data: str, sources: Sources) -> np.ndarray:
    """Return the mask of the sources that a data name selects."""
    everything = np.ones(len(sources), bool)
    return {
        "mirabest": sources.label != HYBRID,
        "mirabest-confident": (sources.label != HYBRID) & sources.confident,
        "mirabest-hybrid": sources.label == HYBRID,
    }.get(data, everything)
