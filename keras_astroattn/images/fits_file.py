"""Open FITS files safely: unpack them, and check the sizes that their headers state.

astropy trusts a header: it loops over a NAXIS of two thousand million, and its decoders write
out of bounds with a wrong compression parameter. So the sizes are checked before astropy reads.
"""

import bz2
import gzip
import lzma
import math
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from keras_astroattn.errors import InputError

BLOCK = 2880
"""Bytes of a FITS block."""

MOST_AXES = 999
"""Limit of NAXIS and TFIELDS in the FITS standard."""

Value = str | int | float | bool | None

_CARD = 80
_MOST_BLOCKS = 20_000  # of one header: 58 MB
_READ_AT_ONCE = 8 * BLOCK
_UNPACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_IN_MEMORY = 64 * 2**20
_MOST_UNPACKED, _MOST_RATIO = 2 * 2**30, 200  # a larger file that shrinks more is not a map
_STRING = re.compile(r"\s*'((?:[^']|'')*)")
_INTEGER = re.compile(r"[+-]?\d+")
_CODECS = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS")
_BITS = (8, 16, 32, 64, -32, -64)
_LARGEST_TILE = 2**31 - 1  # bytes: the decoders count in C's int
_PIXELS_PER_BYTE = 20_000  # no codec packs more pixels into one byte


def open_fits(path: str | os.PathLike) -> tuple[BinaryIO, bool]:
    """Open a FITS file, and unpack it (gzip, bzip2, xz) into a temporary file.

    The whole packed file is read, so that its checksum is verified.

    Args:
        path: the file.

    Returns:
        The open file at its beginning, and whether it was packed.

    Raises:
        InputError: The file cannot be read, is empty or cut short, or its checksum is wrong.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a file")
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        start = file.read(6)
        file.seek(0)
        if not start:
            raise InputError(f"{path} is empty")
        unpacker = next((u for magic, u in _UNPACKERS.items() if start.startswith(magic)), None)
        if unpacker is None:
            return file, False
        with file:
            return _unpacked(file, unpacker), True
    except (OSError, EOFError, lzma.LZMAError) as error:  # zlib.error is not an OSError: see below
        file.close()
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise InputError(f"{path} cannot be read: {reason}: fetch it again") from error
    except BaseException as error:
        file.close()
        if type(error).__name__ == "error":  # zlib's
            raise InputError(f"{path} cannot be read: {error}: fetch it again") from error
        raise


def _unpacked(file: BinaryIO, unpacker) -> BinaryIO:
    most = max(_MOST_UNPACKED, _MOST_RATIO * os.fstat(file.fileno()).st_size)
    target = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
    try:
        with unpacker(file) as source:
            while chunk := source.read(2**20):
                target.write(chunk)
                if target.tell() > most:
                    raise InputError(
                        f"{file.name} unpacks to over {most / 2**30:.0f} GiB, too much for its "
                        "size: unpack it first if it is a map"
                    )
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


@dataclass(frozen=True)
class HduHeader:
    """The header of one HDU, read without astropy.

    Attributes:
        cards: cards of 80 bytes each, without END.
        data_start: offset of the data in the file, bytes.
        file_size: size of the whole file, bytes.
    """

    cards: tuple[bytes, ...]
    data_start: int
    file_size: int

    @cached_property
    def values(self) -> Mapping[str, Value]:
        """Values of the keywords; the first value of a repeated keyword."""
        found: dict[str, Value] = {}
        for card in self.cards:
            if card[8:10] == b"= ":
                found.setdefault(card[:8].decode("latin-1").strip(), _value(card))
        return found

    def lines(self, keyword: str) -> list[str]:
        """Return the texts of COMMENT or HISTORY cards."""
        return self._texts[keyword.ljust(8)]

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        """Texts of the COMMENT and HISTORY cards, by keyword of eight characters."""
        found: dict[str, list[str]] = {}
        for keyword in ("COMMENT ", "HISTORY "):
            start = keyword.encode()
            cards = b"".join([card for card in self.cards if card.startswith(start)])
            text = cards.decode("latin-1")
            found[keyword] = [
                text[first + 8 : first + _CARD].rstrip() for first in range(0, len(text), _CARD)
            ]
        return found

    def whole(self, keyword: str, default: int | None = None) -> int:
        """Return the value of a keyword that must be a whole number, not negative.

        Args:
            keyword: the keyword.
            default: value if it is missing; None: it must exist.

        Raises:
            InputError: The value is not such a number, or is missing without a default.
        """
        value = self.values.get(keyword, default)
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            stated = "is missing" if keyword not in self.values else f"= {value!r}"
            raise InputError(f"the header is invalid: {keyword} {stated}")
        return value

    @property
    def is_compressed_image(self) -> bool:
        """Whether a table holds an image in compressed tiles."""
        return self.values.get("ZIMAGE") is True

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes, NAXIS1 first; ZNAXIS1 first for a compressed image."""
        return self._axes("ZNAXIS" if self.is_compressed_image else "NAXIS")

    @cached_property
    def tile_shape(self) -> tuple[int, ...]:
        """Shape of a tile of a compressed image, ZTILE1 first; by default one row."""
        return tuple(
            self.whole(f"ZTILE{axis}", extent if axis == 1 else 1)
            for axis, extent in enumerate(self.shape, 1)
        )

    @cached_property
    def data_size(self) -> int:
        """Size of the data without padding, bytes (FITS standard 4.0, equations 2 and 4)."""
        axes = self._axes("NAXIS")
        bits = self.values.get("BITPIX")
        if bits not in _BITS:
            raise InputError(f"the header is invalid: BITPIX = {bits!r}")
        if not axes:
            return 0
        parameters, groups = self.whole("PCOUNT", 0), self.whole("GCOUNT", 1)
        if axes[0] == 0 and self.values.get("GROUPS") is True:
            axes = axes[1:]
        return abs(bits) // 8 * groups * (parameters + math.prod(axes))

    @property
    def is_complete(self) -> bool:
        """Whether the file holds all of its data."""
        return self.data_start + self.data_size <= self.file_size

    def _axes(self, keyword: str) -> tuple[int, ...]:
        count = self.whole(keyword)
        if count > MOST_AXES:
            raise InputError(f"the header is invalid: {keyword} = {count}")
        return tuple(self.whole(f"{keyword}{axis}") for axis in range(1, count + 1))


def read_headers(file: BinaryIO) -> list[HduHeader]:
    """Return the headers of all HDUs of a file, after a check of their sizes.

    Reading ends at the first HDU that is cut short (`is_complete`), and at bytes that are not an
    HDU.

    Args:
        file: open, seekable file; it is left at its beginning.

    Returns:
        The headers in the order of the file.

    Raises:
        InputError: The file is not FITS, or a header states impossible sizes: NAXIS or TFIELDS
            above 999, a negative or missing NAXISn, no END.
    """
    size = file.seek(0, os.SEEK_END)
    headers: list[HduHeader] = []
    place = 0
    while place < size:
        header = _header_at(file, place, size)
        if header is None:
            break
        if header.whole("TFIELDS", 0) > MOST_AXES:
            raise InputError(f"the header is invalid: TFIELDS = {header.values['TFIELDS']}")
        _ = header.shape  # refuses a bad ZNAXIS, which astropy reads too
        headers.append(header)
        place = header.data_start + -(-header.data_size // BLOCK) * BLOCK
    file.seek(0)
    return headers


def _header_at(file: BinaryIO, place: int, size: int) -> HduHeader | None:
    """Return the header at an offset; None if a later HDU does not begin or end there."""
    file.seek(place)
    text = file.read(_READ_AT_ONCE)
    if not text.startswith(b"XTENSION" if place else b"SIMPLE"):
        if place:
            return None
        raise InputError("it cannot be read as FITS: it does not begin with SIMPLE")
    checked = 0
    while True:
        start = _end_of(text, checked)
        if start is not None:
            cards = tuple(text[i : i + _CARD] for i in range(0, start, _CARD))
            return HduHeader(cards, place + (start // BLOCK + 1) * BLOCK, size)
        checked = len(text) - len(text) % _CARD
        more = file.read(_READ_AT_ONCE)
        if not more or len(text) > _MOST_BLOCKS * BLOCK:
            if place:
                return None
            raise InputError("the header does not end: the file is truncated")
        text += more


def _end_of(text: bytes, start: int) -> int | None:
    """Return the offset of the END card from an offset on; None if there is none."""
    while (found := text.find(b"END     ", start)) >= 0:
        if found % _CARD == 0:
            return found
        start = found + 1
    return None


def _value(card: bytes) -> Value:
    text = card[10:].decode("latin-1")
    string = _STRING.match(text)
    if string:
        return string[1].replace("''", "'").rstrip()
    text = text.split("/", 1)[0].strip()
    if text in ("T", "F"):
        return text == "T"
    if _INTEGER.fullmatch(text):
        return int(text)
    try:
        return float(text.upper().replace("D", "E")) if text else None
    except ValueError:
        return text


def check_compression(header: HduHeader) -> None:
    """Refuse compression parameters that crash astropy's decoders.

    Args:
        header: header of a table with a compressed image.

    Raises:
        InputError: A parameter is invalid, or the tiles hold more pixels than the bytes of the
            table can encode.
    """
    values = header.values
    codec, bits = values.get("ZCMPTYPE"), values.get("ZBITPIX")
    if codec not in _CODECS:
        raise InputError(f"the compression ZCMPTYPE = {codec!r} is unknown")
    if bits not in _BITS:
        raise InputError(f"the header is invalid: ZBITPIX = {bits!r}")
    shape = header.shape
    tile = [header.whole(f"ZTILE{i}", extent if i == 1 else 1) for i, extent in enumerate(shape, 1)]
    if not shape or not all(tile):
        raise InputError(f"the header is invalid: tiles of {list(tile)} pixels, of {list(shape)}")
    tiles = math.prod(-(-extent // of) for extent, of in zip(shape, tile, strict=True))
    rows = header.whole("NAXIS2")
    if tiles != rows:
        raise InputError(f"the header is invalid: {tiles} compressed tiles in {rows} rows")
    # A tile at the border is as small as the image there.
    size = math.prod(min(pair) for pair in zip(shape, tile, strict=True)) * abs(bits) // 8
    if size > _LARGEST_TILE or size > _PIXELS_PER_BYTE * max(header.data_size, 1):
        raise InputError(
            f"the header is invalid: tiles of {size} bytes in {header.data_size} bytes"
        )
    _check_parameters(header, codec, bits)


def _check_parameters(header: HduHeader, codec: str, bits: int) -> None:
    """Check ZNAMEi and ZVALi: BLOCKSIZE and BYTEPIX of RICE_1, SCALE and SMOOTH of HCOMPRESS_1."""
    values = header.values
    stated = {}
    for number in range(1, MOST_AXES + 1):
        name = values.get(f"ZNAME{number}")
        if name is None:
            break
        if not isinstance(name, str):
            raise InputError(f"the header is invalid: ZNAME{number} = {name!r}")
        stated[name.upper()] = number, values.get(f"ZVAL{number}")
    allowed = {}
    if codec.startswith("RICE"):
        allowed = {"BLOCKSIZE": (32, 16), "BYTEPIX": (4, 1, 2)}
    elif codec.startswith("HCOMPRESS"):
        allowed = {"SMOOTH": (0, 1)}
    for name, choices in allowed.items():
        number, value = stated.get(name, (0, choices[0]))
        if isinstance(value, bool) or not isinstance(value, int) or value not in choices:
            raise InputError(f"the header is invalid: {name} is ZVAL{number} = {value!r}")
    if codec.startswith("HCOMPRESS"):
        number, value = stated.get("SCALE", (0, 0))
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
            raise InputError(f"the header is invalid: SCALE is ZVAL{number} = {value!r}")
