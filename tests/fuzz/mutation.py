"""Changes to files that a damaged disk, an odd program, or somebody with a purpose makes."""

import re
from collections.abc import Callable, Sequence

import numpy as np

_SIZES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
_NUMBERS = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORDS = re.compile(rb"[A-Za-z_]{2,}")
_ODD_VALUES = (
    b"0", b"-1", b"1", b"2147483647", b"-2147483648", b"9223372036854775807", b"1e308", b"1e-320",
    b"1E300", b"NaN", b"inf", b"-inf", b"", b"''", b"T", b"None", b"'text'", b"1,2", b"0x10",
    b"99999999999999999999999999", b"12:30:00", b"12d30m00s", b"\xff\xfe", b"\x00", b"1" * 400,
    "\N{MICRO SIGN}Jy".encode(),
)  # fmt: skip
_FITS_BLOCK, _FITS_CARD = 2880, 80
_FITS_VALUES = (
    "0", "-1", "1", "3", "32", "-32", "-64", "64", "999", "2147483647", "-2147483648", "1E300",
    "1E-320", "NAN", "INF", "T", "F", "''", "'text'", "'deg     '", "'Jy/beam '", "'RA---TAN'",
    "'DEC--SIN'", "'GLON-CAR'", "'FREQ'", "'RICE_1  '", "'(1,2)'", "'1PB(999999999)'", "(1.0, 2.0)",
    "'\xb5Jy'", "1.0D400", "90", "-90", "360.0", "", "=", "'unclosed",
)  # fmt: skip
_FITS_KEYWORDS = (
    "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "BITPIX", "BSCALE", "BZERO", "BLANK", "CRVAL1", "CRVAL2",
    "CDELT1", "CDELT2", "CRPIX1", "CRPIX2", "CTYPE1", "CTYPE2", "CUNIT1", "CROTA2", "PC1_1",
    "CD1_1", "BMAJ", "BMIN", "BPA", "BUNIT", "EQUINOX", "RADESYS", "PCOUNT", "GCOUNT", "EXTEND",
    "XTENSION",
    "TFIELDS", "THEAP", "TFORM1", "TTYPE1", "TUNIT1", "TDIM1", "TNULL1", "TSCAL1", "TZERO1",
    "TDISP1", "ZNAXIS", "ZNAXIS1", "ZTILE1", "ZVAL1", "ZVAL2", "ZCMPTYPE", "ZBITPIX",
    "ZQUANTIZ", "ZBLANK",
    "WCSAXES", "LONPOLE", "LATPOLE", "PV2_1", "SIMPLE", "END", "CASAMBM", "EXTNAME",
)  # fmt: skip

Rng = np.random.Generator


def mutate_bytes(content: bytes, rng: Rng, times: int | None = None) -> bytes:
    """Apply one to four changes that know nothing of the format."""
    data = bytearray(content)
    for _ in range(times or int(rng.integers(1, 5))):
        _CHANGES[int(rng.integers(len(_CHANGES)))](data, rng)
    return bytes(data)


def mutate_text(content: bytes, rng: Rng) -> bytes:
    """Replace numbers and words of a text by odd ones, and drop or repeat lines."""
    for _ in range(int(rng.integers(1, 5))):
        choice = int(rng.integers(4))
        if choice == 0:
            content = _replace_match(_NUMBERS, content, _pick(_ODD_VALUES, rng), rng)
        elif choice == 1:
            words = _WORDS.findall(content) or [b"x"]
            content = _replace_match(_WORDS, content, _pick(words, rng), rng)
        else:
            separator = b"<" if content.lstrip().startswith(b"<") else b"\n"
            lines = content.split(separator)
            place = int(rng.integers(len(lines)))
            lines[place : place + 1] = [] if choice == 2 else [lines[place]] * 2
            content = separator.join(lines)
    return content


def mutate_fits(content: bytes, rng: Rng) -> bytes:
    """Change cards of a FITS file's headers: values, keywords, order, presence."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        cards = _header_cards(data)
        if not cards:
            return bytes(data)
        place = _pick(cards, rng)
        keyword = bytes(data[place : place + 8]).decode("latin-1").strip()
        choice = int(rng.integers(5))
        if choice == 0:
            keyword = _pick(_FITS_KEYWORDS, rng)
        if choice <= 2:
            card = f"{keyword:<8}= {_pick(_FITS_VALUES, rng):>20}"
        elif choice == 3:
            card = " " * _FITS_CARD
        else:
            other = _pick(cards, rng)
            card = bytes(data[other : other + _FITS_CARD]).decode("latin-1")
        data[place : place + _FITS_CARD] = card.ljust(_FITS_CARD)[:_FITS_CARD].encode("latin-1")
    return bytes(data)


def mutate_values(content: bytes, places: np.ndarray, rng: Rng) -> bytes:
    """Change one or two values at some of the places: a bit, a byte, or a number of 4 bytes."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 3))):
        place = int(_pick(places, rng))
        if rng.random() < 0.4:
            data[place] ^= 1 << int(rng.integers(8))
        else:
            width = _pick((1, 4), rng)
            place -= place % width
            value = _pick((*_SIZES, 2, 3), rng) % 2 ** (8 * width)
            data[place : place + width] = value.to_bytes(width, "little")
    return bytes(data)


def _header_cards(data: bytearray) -> list[int]:
    """Places of all cards in blocks that look like a header."""
    found = []
    for block in range(0, len(data) - _FITS_BLOCK + 1, _FITS_BLOCK):
        part = data[block : block + _FITS_BLOCK]
        if all(32 <= value < 127 for value in part[:160]):
            found += [
                block + card
                for card in range(0, _FITS_BLOCK, _FITS_CARD)
                if part[card : card + _FITS_CARD].strip()
            ]
    return found


def _replace_match(pattern: re.Pattern, content: bytes, by: bytes, rng: Rng) -> bytes:
    matches = list(pattern.finditer(content))
    if not matches:
        return content
    match = _pick(matches, rng)
    return content[: match.start()] + by + content[match.end() :]


def _pick(values: Sequence, rng: Rng):
    return values[int(rng.integers(len(values)))]


def _place(data: bytearray, rng: Rng) -> int:
    # Half of the changes in the first kilobyte, where formats keep what they state of themselves.
    end = len(data) if rng.random() < 0.5 else min(len(data), 1024)
    return int(rng.integers(max(end, 1)))


def _flip(data: bytearray, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 9))):
        if data:
            data[_place(data, rng)] ^= 1 << int(rng.integers(8))


def _overwrite(data: bytearray, rng: Rng) -> None:
    place, length = _place(data, rng), int(rng.integers(1, 33))
    data[place : place + length] = rng.bytes(min(length, len(data) - place))


def _write_size(data: bytearray, rng: Rng) -> None:
    width = _pick((1, 2, 4, 8), rng)
    place = _place(data, rng) // width * width
    value = _pick(_SIZES, rng) % 2 ** (8 * width)
    data[place : place + width] = value.to_bytes(width, _pick(("little", "big"), rng))


def _delete(data: bytearray, rng: Rng) -> None:
    place = _place(data, rng)
    del data[place : place + int(rng.integers(1, 4096))]


def _repeat(data: bytearray, rng: Rng) -> None:
    place = _place(data, rng)
    data[place:place] = data[place : place + int(rng.integers(1, 4096))]


def _zero(data: bytearray, rng: Rng) -> None:
    place = _place(data, rng)
    length = min(int(rng.integers(1, 4096)), len(data) - place)
    data[place : place + length] = bytes(length)


def _truncate(data: bytearray, rng: Rng) -> None:
    del data[int(rng.integers(len(data) + 1)) :]


def _append(data: bytearray, rng: Rng) -> None:
    data += rng.bytes(int(rng.integers(1, 4096)))


_CHANGES: tuple[Callable[[bytearray, Rng], None], ...] = (
    _flip, _flip, _overwrite, _write_size, _write_size, _delete, _repeat, _zero, _truncate, _append,
)  # fmt: skip
