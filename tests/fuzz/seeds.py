"""Sound files of each kind, from which the damaged ones are made."""

import gzip
import io
import json
import os
import pickle
import re
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
from astropy.io import fits

from keras_astroattn.presets import DEFAULT_PRESET, preset_file

_SIZE = 160
_RA, _DEC = 180.0, 35.0


def sky() -> np.ndarray:
    """(160, 160) float32 map, Jy/beam: two lobes over noise of 0.1 mJy."""
    y, x = np.mgrid[:_SIZE, :_SIZE] - (_SIZE - 1) / 2
    noise = np.random.default_rng(1).normal(0, 1e-4, (_SIZE, _SIZE))
    lobes = sum(0.02 * np.exp(-((y - row) ** 2 + x**2) / 8) for row in (-20, 20))
    return (noise + lobes).astype(np.float32)


def header(dimensions: int = 2) -> fits.Header:
    """Header of a map of 1.8 arcsec a pixel with a beam of 5.4 arcsec."""
    middle = (_SIZE + 1) / 2
    cards = {
        "CTYPE1": "RA---SIN", "CRVAL1": _RA, "CRPIX1": middle, "CDELT1": -5e-4, "CUNIT1": "deg",
        "CTYPE2": "DEC--SIN", "CRVAL2": _DEC, "CRPIX2": middle, "CDELT2": 5e-4, "CUNIT2": "deg",
    }  # fmt: skip
    if dimensions == 4:
        cards |= {"CTYPE3": "FREQ", "CRVAL3": 1.4e9, "CRPIX3": 1.0, "CDELT3": 1e7, "CUNIT3": "Hz"}
        cards |= {"CTYPE4": "STOKES", "CRVAL4": 1.0, "CRPIX4": 1.0, "CDELT4": 1.0}
    cards |= {"BUNIT": "Jy/beam", "BMAJ": 1.5e-3, "BMIN": 1.5e-3, "BPA": 0.0}
    return fits.Header(cards | {"RADESYS": "FK5", "EQUINOX": 2000.0, "SURVEY": "FIRST"})


@cache
def fits_maps() -> tuple[bytes, ...]:
    """Plain, scaled, four-dimensional, and tile-compressed maps."""
    image = sky()
    scaled = np.round(image / 1e-5).astype(np.int16)
    integer = fits.PrimaryHDU(scaled, header())
    integer.header["BSCALE"], integer.header["BLANK"] = 1e-5, -32768
    lists = [
        fits.HDUList([fits.PrimaryHDU(image, header())]),
        fits.HDUList([integer]),
        fits.HDUList([fits.PrimaryHDU(image[np.newaxis, np.newaxis], header(4))]),
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(image, header(), name="SCI"), _table()]),
    ]
    for method in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"):
        compressed = fits.CompImageHDU(image, header(), compression_type=method)
        lists.append(fits.HDUList([fits.PrimaryHDU(), compressed]))
    compressed = fits.CompImageHDU(scaled, header(), compression_type="PLIO_1")
    lists.append(fits.HDUList([fits.PrimaryHDU(), compressed]))
    return tuple(_written(hdus) for hdus in lists[:8])


def _table() -> fits.BinTableHDU:
    names = np.array(["J1200+3500", "J1200+3501", "J1159+3500"])
    return fits.BinTableHDU.from_columns(
        [
            fits.Column("NAME", "12A", array=names),
            fits.Column("RA", "D", unit="deg", array=np.array([180.0, 180.001, 179.999])),
            fits.Column("DEC", "D", unit="deg", array=np.array([35.0, 35.01, 35.0])),
            fits.Column("N", "J", null=-1, array=np.array([1, -1, 3])),
            fits.Column("FLUX", "2E", array=np.ones((3, 2), np.float32), unit="mJy"),
            fits.Column("NOTE", "PA()", array=np.array(["a", "bc", ""], dtype=object)),
        ],
        name="SOURCES",
    )


def _written(hdus: fits.HDUList) -> bytes:
    file = io.BytesIO()
    hdus.writeto(file)
    return file.getvalue()


CSV = (
    b"name,ra,dec,flux\nJ1200+3500,180.0,35.0,1.5\nJ1200+3501,180.001,35.01,\n"
    b'"a,b",12:00:00,+35:00:00,3\n'
)
ECSV = (
    b"# %ECSV 1.0\n# ---\n# datatype:\n# - {name: name, datatype: string}\n"
    b"# - {name: ra, unit: deg, datatype: float64}\n# - {name: dec, unit: deg, datatype: float64}\n"
    b"# delimiter: ','\n# schema: astropy-2.0\nname,ra,dec\na,180.0,35.0\nb,180.01,35.0\n"
)


@cache
def catalogues() -> tuple[tuple[str, bytes], ...]:
    """(ending, content) of CSV, ECSV, FITS, VOTable and Parquet catalogues."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from astropy.table import Table

    table = Table({"name": ["a", "b"], "ra": [180.0, 180.01], "dec": [35.0, 35.0], "n": [1, 2]})
    table["ra"].unit = table["dec"].unit = "deg"
    votables = []
    for kind in ("tabledata", "binary", "binary2"):
        file = io.BytesIO()
        table.write(file, format="votable", tabledata_format=kind)
        votables.append((".vot", file.getvalue()))
    remote = votables[1][1].replace(b'encoding="base64"', b'href="http://127.0.0.1:9/x"')
    local = votables[1][1].replace(b'encoding="base64"', b'href="file:///etc/passwd"')
    entity = (
        votables[0][1]
        .replace(
            b"<VOTABLE", b'<!DOCTYPE v [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<VOTABLE', 1
        )
        .replace(b"<TD>a</TD>", b"<TD>&x;</TD>")
    )
    parquet = io.BytesIO()
    arrow = pa.table({"name": ["a", "b"], "ra": [180.0, 180.01], "dec": [35.0, 35.0]})
    pq.write_table(arrow, parquet)
    binary = _written(fits.HDUList([fits.PrimaryHDU(), _table()]))
    return (
        (".csv", CSV), (".ecsv", ECSV), (".fits", binary),
        (".fits.gz", gzip.compress(binary, mtime=0)),
        *votables, (".vot", remote), (".vot", local), (".vot", entity),
        (".parquet", parquet.getvalue()),
    )  # fmt: skip


@cache
def results() -> tuple[tuple[str, bytes], ...]:
    """(ending, content) of tables of `astroattn classify` with one source and one error."""
    from keras_astroattn.cli.result_files import write_results
    from keras_astroattn.edge import Classifier, failed_row, scored_row
    from keras_astroattn.images import read_fits

    contents = []
    with tempfile.TemporaryDirectory() as folder:
        tile = Path(folder, "tile.fits")
        tile.write_bytes(fits_maps()[0])
        classifier, cutout = Classifier(), read_fits(tile)
        rows = [
            scored_row(tile.name, cutout, classifier.classify(cutout), classifier.name),
            failed_row("lost.fits", "is empty", classifier.name),
        ]
        for ending in (".csv", ".json", ".vot", ".fits", ".parquet"):
            path = Path(folder, f"results{ending}")
            write_results(path, rows)
            contents.append((ending, path.read_bytes()))
    (votable,) = (content for ending, content in contents if ending == ".vot")
    rows = re.compile(rb"<TABLEDATA>.*</TABLEDATA>", re.DOTALL)
    for address in (b"http://127.0.0.1:9/x", b"file:///etc/passwd"):
        elsewhere = b'<BINARY><STREAM href="%s"/></BINARY>' % address
        contents.append((".vot", rows.sub(elsewhere, votable)))
    return tuple(contents)


class _Reaches:
    """A pickle that runs a command when it is read."""

    def __reduce__(self):
        return os.system, ("true",)


@cache
def tarballs() -> tuple[bytes, ...]:
    """Tarballs, not compressed, of batches in MiraBest's form: sound, hostile, and a bomb."""
    names = ["100_001.500-002.250_0.1000_0010.00.png", "300_2.0+3.0_0.2_5.png"]
    image = (np.arange(22500) % 251).astype(np.uint8).reshape(150, 150)
    batch = {"batch_label": "x", "labels": [0, 8], "data": [image, image], "filenames": names}
    sound = pickle.dumps(batch, protocol=2)
    hostile = pickle.dumps(batch | {"labels": _Reaches()}, protocol=2)
    return (
        _tarball([sound] * 3),
        _tarball([sound, hostile, sound]),
        _tarball([sound, sound, sound], outside=True),
        _tarball([sound, bytes(300_000_000), sound]),
    )


def _tarball(batches: list[bytes], outside: bool = False) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tarball:
        for name, content in zip(
            ("data_batch_1", "data_batch_2", "test_batch"), batches, strict=True
        ):
            member = tarfile.TarInfo(f"batches/{name}")
            member.size = len(content)
            tarball.addfile(member, io.BytesIO(content))
        if outside:
            tarball.addfile(tarfile.TarInfo("../../outside"))
    return file.getvalue()


@cache
def model_file() -> bytes:
    """The .tflite file of the default preset."""
    return preset_file(DEFAULT_PRESET, ".tflite").read_bytes()


@cache
def network() -> tuple[bytes, np.ndarray]:
    """The network of that file without its metadata, and the places of all but the weights."""
    from ai_edge_litert.schema_py_generated import Model

    content = model_file()
    content = content[: content.rindex(b"PK\x03\x04")]
    model = Model.GetRootAs(content, 0)
    is_structure = np.ones(len(content), bool)
    data_field = 4  # of a `Buffer`, in its table of offsets
    for number in range(model.BuffersLength()):
        buffer = model.Buffers(number)
        if length := buffer.DataLength():
            table = buffer._tab
            begin = table.Vector(table.Offset(data_field))
            is_structure[begin : begin + length] = False
    return content, np.flatnonzero(is_structure)


@cache
def keras_files() -> tuple[bytes, ...]:
    """A preset's .keras file, and one whose layer carries code."""
    preset = preset_file(DEFAULT_PRESET, ".keras").read_bytes()
    return preset, _with_config(preset, _lambda_layer)


def _lambda_layer(config: dict) -> dict:
    code = {"class_name": "__lambda__", "config": {"code": "4wAAAAAA", "defaults": None}}
    layer = {
        "module": "keras.layers", "class_name": "Lambda", "registered_name": None,
        "config": {"name": "code", "function": code},
    }  # fmt: skip
    return {
        "module": "keras", "class_name": "Sequential", "registered_name": None,
        "config": {"name": "s", "layers": [layer]},
    }  # fmt: skip


def _with_config(content: bytes, change) -> bytes:
    members = zip_members(content)
    members["config.json"] = json.dumps(change(json.loads(members["config.json"]))).encode()
    return zipped(members)


def zip_members(content: bytes) -> dict[str, bytes]:
    """Contents of a zip file by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(members: dict[str, bytes], before: bytes = b"") -> bytes:
    """A zip file of contents by name, behind other bytes."""
    file = io.BytesIO(before)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def write_companions(folder: Path) -> None:
    """Write the sound files that a command needs besides the damaged one."""
    (folder / "catalogue.csv").write_bytes(CSV)
    (folder / "tile.fits").write_bytes(fits_maps()[0])
    y, x = np.mgrid[:150, :150]
    lobes = sum(np.exp(-((y - row) ** 2 + (x - 75) ** 2) / 18.0) for row in (50, 100))
    np.save(folder / "image.npy", (lobes * 250).astype(np.uint8))
