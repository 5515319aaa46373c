"""The kinds of files: how one is made, and what opens it."""

import gzip
import importlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.metadata import with_metadata

from . import seeds, targets
from .mutation import mutate_bytes, mutate_fits, mutate_text, mutate_values

Made = tuple[str, bytes]
"""The ending of a file's name, and its content."""


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Attributes:
        what: What the files are and what opens them, for the table.
        make: Gives one damaged file.
        target: Opens a file.
        modules: What the target imports; imported once, before the processes of the files fork.
    """

    what: str
    make: Callable[[np.random.Generator], Made]
    target: Callable[[Path], None]
    modules: tuple[str, ...]

    def prepare(self) -> None:
        """Import what the target needs."""
        for module in self.modules:
            importlib.import_module(module)


def _one_of(values, rng: np.random.Generator):
    return values[int(rng.integers(len(values)))]


def _fits(rng: np.random.Generator) -> Made:
    content = _one_of(seeds.fits_maps(), rng)
    content = mutate_fits(content, rng) if rng.random() < 0.65 else mutate_bytes(content, rng)
    if rng.random() < 0.8:
        return ".fits", content
    content = gzip.compress(content, 1, mtime=0)
    return ".fits.gz", mutate_bytes(content, rng, 1) if rng.random() < 0.5 else content


def _catalogue(rng: np.random.Generator) -> Made:
    return _table(*_one_of(seeds.catalogues(), rng), rng)


def _result(rng: np.random.Generator) -> Made:
    return _table(*_one_of(seeds.results(), rng), rng)


def _table(ending: str, content: bytes, rng: np.random.Generator) -> Made:
    if ending == ".fits" and rng.random() < 0.7:
        return ending, mutate_fits(content, rng)
    is_text = ending in (".csv", ".ecsv", ".vot", ".json")
    if is_text and rng.random() < 0.8:
        return ending, mutate_text(content, rng)
    return ending, mutate_bytes(content, rng)


def _tarball(rng: np.random.Generator) -> Made:
    content = _one_of(seeds.tarballs(), rng)
    if len(content) < 2**20:
        content = mutate_bytes(content, rng)
    content = gzip.compress(content, 1, mtime=0)
    return ".tar.gz", content if rng.random() < 0.7 else mutate_bytes(content, rng)


def _tflite(rng: np.random.Generator) -> Made:
    content = seeds.model_file()
    if rng.random() < 0.7:
        return ".tflite", mutate_bytes(content, rng)
    text = seeds.zip_members(content)["metadata.json"]
    network = content[: content.rindex(b"PK\x03\x04")]
    return ".tflite", seeds.zipped({"metadata.json": mutate_text(text, rng)}, network)


def _signed(rng: np.random.Generator) -> Made:
    network, places = seeds.network()
    if rng.random() < 0.8:
        network = mutate_values(network, places, rng)
    else:
        network = mutate_bytes(network, rng)
    metadata = json.loads(seeds.zip_members(seeds.model_file())["metadata.json"])
    return ".tflite", with_metadata(network, metadata)


def _keras(rng: np.random.Generator) -> Made:
    content = _one_of(seeds.keras_files(), rng)
    if rng.random() < 0.4:
        return ".keras", mutate_bytes(content, rng)
    members = seeds.zip_members(content)
    name = _one_of(sorted(members), rng)
    change = mutate_text if name.endswith(".json") else mutate_bytes
    members[name] = change(members[name], rng)
    if rng.random() < 0.1:
        members["config.json"] = _one_of((b"{}", b"[]", b"null", b'{"a": 1}', b"[" * 10**5), rng)
    if rng.random() < 0.05:
        del members[_one_of(sorted(members), rng)]
    return ".keras", seeds.zipped(members)


_CLASSIFY = ("keras_astroattn.cli.classify", "ai_edge_litert.interpreter", "astropy.io.fits",
             "astropy.wcs", "astropy.stats")  # fmt: skip
_CHECK = ("keras_astroattn.cli.check", "astropy.io.votable", *_CLASSIFY)

KINDS = {
    "fits": Kind("FITS maps: `astroattn classify`", _fits, targets.classify_map, _CLASSIFY),
    "tiles": Kind("FITS maps as tiles: `astroattn check`", _fits, targets.check_tile, _CHECK),
    "catalogues": Kind(
        "CSV, ECSV, FITS, VOTable, Parquet: `astroattn check`",
        _catalogue,
        targets.check_catalogue,
        _CHECK,
    ),
    "results": Kind(
        "tables of `astroattn classify` in five formats: `astroattn report`",
        _result,
        targets.report_result,
        (
            "keras_astroattn.cli.report",
            "keras_astroattn.cli.report_file",
            "astropy.io.votable",
            *_CLASSIFY,
        ),
    ),
    "tarballs": Kind(
        "tarballs of MiraBest's form: the data sets",
        _tarball,
        targets.read_tarball,
        ("keras_astroattn.datasets.archives",),
    ),
    "tflite": Kind(
        "`.tflite` files: `astroattn classify`", _tflite, targets.classify_with_model, _CLASSIFY
    ),
    "signed": Kind(
        "`.tflite` files with an altered network and its right checksum: `astroattn classify`",
        _signed,
        targets.classify_with_model,
        _CLASSIFY,
    ),
    "keras": Kind(
        "`.keras` files: `python -m export.run`",
        _keras,
        targets.open_keras_file,
        ("export.export_source",),
    ),
}
"""By the name on the command line."""


def make_file(kind: str, seed: int, number: int, folder: Path) -> Path:
    """Write the damaged file of a kind, a seed and a number; the same ever again.

    Args:
        kind: One of `KINDS`.
        seed: Of the whole run.
        number: Of the file.
        folder: Where to write it.
    """
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    ending, content = KINDS[kind].make(rng)
    path = folder / f"{kind}-{seed}-{number}{ending}"
    path.write_bytes(content)
    return path
