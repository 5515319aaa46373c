"""Check a downloaded image, and write to its header how it was obtained."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

from keras_astroattn.errors import InputError
from keras_astroattn.images import FitsMap
from keras_astroattn.images.fits_file import BLOCK, HduHeader, open_fits, read_headers
from keras_astroattn.images.header_beam import stated_beam
from keras_astroattn.images.known_surveys import recognised
from keras_astroattn.images.map_planes import find_map
from keras_astroattn.images.quiet import quiet

from .download import FetchError, NoCoverage, Passing, page_text
from .surveys import ImageSurvey

_CARD = 80
_NOTHING_THERE = ("No suitable mosaic",)  # lofar-surveys.org


def check_image(path: Path) -> None:
    """Check that a file is a complete FITS map with pixels.

    Args:
        path: the downloaded file.

    Raises:
        Passing: It is cut off.
        NoCoverage: It holds no known pixel, or the service says that it has no image.
        FetchError: It is a page, or not a map.
    """
    with path.open("rb") as file:
        start = file.read(4096)
    if not start:
        raise Passing("the answer is empty")
    if not start.startswith((b"SIMPLE  =", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        text = page_text(start)
        if any(words in text for words in _NOTHING_THERE):
            raise NoCoverage(text)
        raise FetchError(f"the answer is not a FITS file: {text}")
    try:
        headers = _headers(path)
    except InputError as error:
        raise Passing(_without_path(error, path)) from None
    if not all(header.is_complete for header in headers):
        raise Passing(f"the file is cut off after {path.stat().st_size} bytes")
    try:
        with FitsMap(path):  # what `astroattn classify` opens
            pass
        with quiet(), fits.open(path, memmap=False) as hdus:
            pixels = np.asarray(hdus[find_map(headers)].data, np.float32)
    except InputError as error:
        raise FetchError(f"the answer is not a map: {_without_path(error, path)}") from None
    except Exception as error:  # astropy raises many types for broken files
        reason = " ".join(str(error).split())[:150]
        raise FetchError(f"the answer cannot be read as FITS: {reason}") from None
    known = pixels[np.isfinite(pixels)]
    if known.size == 0 or known.min() == known.max():
        raise NoCoverage("the image is blank: the survey has no data there")


def _headers(path: Path) -> list[HduHeader]:
    file, _ = open_fits(path)
    with file:
        return read_headers(file)


def _without_path(error: InputError, path: Path) -> str:
    return str(error).removeprefix(str(path)).lstrip(": ")


def describe_image(path: Path, survey: ImageSurvey, dec: float, lines: Sequence[str]) -> None:
    """Write to the header of a map how it was obtained, and the beam that its survey defines.

    The pixels and the present cards stay as they are. BMAJ, BMIN and BPA are written only if the
    header states no beam, `known_surveys` recognises the survey in it, and all images of the
    survey at this declination have its beam. A packed file is unpacked.

    Args:
        path: the file.
        survey: the survey.
        dec: declination, degrees.
        lines: texts for HISTORY.
    """
    file, _ = open_fits(path)
    with file:
        headers = read_headers(file)
        content = file.read()
    header = headers[find_map(headers)]
    added = fits.Header()
    for line in lines:
        added.add_history(f"astroattn fetch: {line}")
    low, high = survey.one_beam or (1.0, -1.0)
    if low <= dec <= high and stated_beam(header) is None:
        found = recognised(header, survey.pixel_scale or 0.0, dec)
        if found is not None and found[0].name == survey.known:
            beam = found[1]
            added["BMAJ"], added["BMIN"] = beam.major / 3600, beam.minor / 3600
            added["BPA"] = beam.angle
            added.add_history(f"astroattn fetch: beam as defined by {survey.paper}")
    path.write_bytes(_with_cards(content, header, added))


def _with_cards(content: bytes, header: HduHeader, added: fits.Header) -> bytes:
    """Return a file with further cards at the end of one header.

    astropy would refuse headers that hold tabs, as SkyView's do.
    """
    end = len(header.cards) * _CARD
    begin = header.data_start - (end // BLOCK + 1) * BLOCK
    cards = content[begin : begin + end] + added.tostring(endcard=False, padding=False).encode()
    cards += b"END".ljust(_CARD)
    cards = cards.ljust(-(-len(cards) // BLOCK) * BLOCK)
    return content[:begin] + cards + content[header.data_start :]


def is_complete_file(path: str | os.PathLike) -> bool:
    """Return whether a file is FITS, and as long as its headers say."""
    try:
        headers = _headers(Path(path))
    except InputError:
        return False
    return bool(headers) and all(header.is_complete for header in headers)
