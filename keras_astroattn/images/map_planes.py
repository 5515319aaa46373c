"""Selection of the HDU and the plane of a file that hold the map."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_astroattn.errors import InputError

from .celestial_keywords import celestial_axes, wcs_keywords
from .cutout import SMALLEST_FIELD
from .fits_file import HduHeader

_STOKES = {
    "I": 1, "Q": 2, "U": 3, "V": 4,
    "RR": -1, "LL": -2, "RL": -3, "LR": -4,
    "XX": -5, "YY": -6, "XY": -7, "YX": -8,
}  # fmt: skip
_POLARISED = {5: "polarised intensity", 6: "fractional polarisation", 7: "polarisation angle"}
_OTHER_QUANTITY = re.compile(
    r"polari[sz]|stokes[ _]?[quv]\b|spectral.?index|faraday|rotation.?measure|velocity"
    r"|optical.?depth",
    re.IGNORECASE,
)
_PREVIEW_PIXELS, _PREVIEW_SCALE, _SAME_EXTENT = 4.0, 1.9, 0.1


@dataclass(frozen=True)
class Planes:
    """Position of the map in the axes of its HDU.

    Attributes:
        index: plane along each axis, slowest first (NumPy's order); 0 along the map's own.
        row_axis: axis of the map's rows, in NumPy's order.
        column_axis: axis of the map's columns, in NumPy's order.
        shape: (height, width) of the map, pixels.
        channel: channel of the plane, from 0.
        polarisation: Stokes plane, from 0.
    """

    index: tuple[int, ...]
    row_axis: int
    column_axis: int
    shape: tuple[int, int]
    channel: int
    polarisation: int


def image_values(header: HduHeader) -> dict:
    """Return the keywords of an image; of a compressed image, with its own axes."""
    values = dict(header.values)
    if header.is_compressed_image:
        values["NAXIS"], values["BITPIX"] = len(header.shape), values.get("ZBITPIX")
        values |= {f"NAXIS{axis}": extent for axis, extent in enumerate(header.shape, 1)}
    return values


def holds_image(header: HduHeader) -> bool:
    """Return whether an HDU is an image of two axes or more."""
    kind = header.values.get("XTENSION", "IMAGE")
    if header.values.get("GROUPS") is True and header.shape[:1] == (0,):
        return False
    is_image = header.is_compressed_image or kind in ("IMAGE", "IUEIMAGE")
    return is_image and len(header.shape) >= 2 and all(header.shape)


def find_hdu(headers: Sequence[HduHeader], name: int | str | None) -> int:
    """Return the number of the HDU with the map.

    Args:
        headers: headers of all HDUs.
        name: number (negative ones count from the end) or name of the HDU; None: see `find_map`.

    Returns:
        Number of the HDU, from 0.

    Raises:
        InputError: There is no such HDU, or it holds no image.
    """
    if name is None:
        return find_map(headers)
    if isinstance(name, str) and re.fullmatch(r"\d+", name.strip()):
        name = int(name)
    count = len(headers)
    if isinstance(name, str):
        names = [
            str(header.values.get("EXTNAME") or ("" if number else "PRIMARY")).upper()
            for number, header in enumerate(headers)
        ]
        number = names.index(name.strip().upper()) if name.strip().upper() in names else None
    else:
        number = name + count * (name < 0) if -count <= name < count else None
    if number is None:
        raise InputError(f"there is no HDU {name!r}: it has {count}")
    if not holds_image(headers[number]):
        raise InputError(f"HDU {name!r} holds no image")
    return number


def find_map(headers: Sequence[HduHeader]) -> int:
    """Return the number of the HDU with the map: the first image that is not a preview.

    If any image has celestial coordinates, images without them are excluded. If any image holds
    real numbers, images of 8 bits are excluded. An image that covers the same sky as a later one
    in coarser pixels is its preview.

    Args:
        headers: headers of all HDUs.

    Returns:
        Number of the HDU, from 0.

    Raises:
        InputError: There is no image.
    """
    found = [number for number, header in enumerate(headers) if holds_image(header)]
    if not found:
        raise InputError("the file holds no image")
    if len(found) == 1:
        return found[0]
    values = {number: image_values(headers[number]) for number in found}
    for is_map in (
        lambda number: celestial_axes(values[number]) is not None,
        lambda number: values[number].get("BITPIX") != 8 or "BSCALE" in values[number],
        lambda number: min(_plane(values[number])) >= SMALLEST_FIELD,
    ):
        found = [number for number in found if is_map(number)] or found
    first = found[0]
    return next((n for n in found[1:] if _is_preview(values[first], values[n])), first)


def _plane(values: dict) -> tuple[int, int]:
    """Return (width, height) of an image, pixels."""
    longitude, latitude = celestial_axes(values) or (1, 2)
    return values.get(f"NAXIS{longitude}", 1), values.get(f"NAXIS{latitude}", 1)


def _is_preview(small: dict, large: dict) -> bool:
    if math.prod(_plane(large)) < _PREVIEW_PIXELS * math.prod(_plane(small)):
        return False
    try:
        keywords = [wcs_keywords(values) for values in (small, large)]
    except InputError:
        return False
    if None in keywords:
        return False
    scales = [
        math.sqrt(abs(np.linalg.det([[k[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])))
        for k in keywords
    ]
    extents = [s * max(_plane(v)) for s, v in zip(scales, (small, large), strict=True)]
    return scales[0] >= _PREVIEW_SCALE * scales[1] and (
        abs(extents[0] / extents[1] - 1) <= _SAME_EXTENT
    )


def choose_planes(header: HduHeader, stokes: str | None, channel: int | None) -> Planes:
    """Return the plane of a map in the axes of its HDU.

    Args:
        header: header of the HDU.
        stokes: I, Q, ...; None: I, which the file must hold.
        channel: channel, from 0; None: allowed only if there is one.

    Returns:
        The position of the plane.

    Raises:
        InputError: There is no such plane, or several to choose from.
    """
    values = image_values(header)
    shape = header.shape[::-1]
    axes = celestial_axes(values) or (1, 2)
    column_axis, row_axis = (len(shape) - axis for axis in axes)
    index = [0] * len(shape)
    wants_stokes, wants_channel, polarisation = stokes, channel, 0
    for axis in (a for a in range(1, len(shape) + 1) if a not in axes):
        extent = shape[len(shape) - axis]
        kind = str(values.get(f"CTYPE{axis}") or "").upper().strip()
        if kind == "STOKES":
            plane = polarisation = _stokes_plane(values, axis, extent, wants_stokes)
            wants_stokes = None
        elif wants_channel is not None and (extent > 1 or wants_channel == 0):
            if not 0 <= wants_channel < extent:
                raise InputError(f"there is no channel {channel}: there are 0 to {extent - 1}")
            plane, wants_channel = wants_channel, None
        elif extent == 1 or kind == "SPECLNMF":
            plane = 0  # the first plane of Obit's cubes is the broad-band map
        else:
            name = kind or f"axis {axis}"
            raise InputError(f"{extent} planes along {name}: name one (channel 0 to {extent - 1})")
        index[len(shape) - axis] = plane
    if wants_channel not in (None, 0):
        raise InputError(f"there is no channel {channel}: the map has one plane")
    if not _is_stated_plane(values, len(shape), wants_stokes):
        raise InputError(f"there is no Stokes axis, so no Stokes {stokes}")
    map_shape = (shape[row_axis], shape[column_axis])
    return Planes(tuple(index), row_axis, column_axis, map_shape, channel or 0, polarisation)


def _is_stated_plane(values: dict, axes: int, wanted: str | None) -> bool:
    """Return whether a map without a Stokes axis states the wanted plane, or states none.

    Raises:
        InputError: The map states another quantity than total intensity.
    """
    stated = values.get("STOKES")
    for axis in range(axes + 1, axes + 4):  # dropped axes of one plane
        if str(values.get(f"CTYPE{axis}") or "").upper().strip() == "STOKES":
            stated = _stokes_names(values, axis, 1)[0]
    stated = stated.upper().strip() if isinstance(stated, str) else ""
    is_stokes = stated in _STOKES or stated.startswith(("code", "POLARI", "FRACTIONAL"))
    if is_stokes and stated != (wanted or "I").upper():
        raise InputError(f"there is no Stokes {(wanted or 'I').upper()}: the file holds {stated}")
    quantity = str(values.get("BTYPE") or "")
    if wanted is None and _OTHER_QUANTITY.search(quantity):
        raise InputError(f"the map is not of total intensity: its BTYPE is {quantity!r}")
    return wanted is None or wanted.upper() == (stated or "I")


def _stokes_names(values: dict, axis: int, extent: int) -> list[str]:
    """Return the names of the planes along a Stokes axis (FITS standard 4.0, table 29).

    Raises:
        InputError: A keyword of the axis is not a number.
    """
    numbers = []
    for key in ("CRVAL", "CDELT", "CRPIX"):
        value = values.get(f"{key}{axis}")
        try:
            numbers.append(1.0 if value is None else float(value))
        except ValueError:
            raise InputError(f"the Stokes axis is invalid: {key}{axis} = {value!r}") from None
    start, pace, reference = numbers
    names = []
    for plane in range(extent):
        code = start + (plane + 1 - reference) * pace
        whole = round(code) if math.isfinite(code) and abs(code - round(code)) < 1e-3 else None
        name = next((n for n, c in _STOKES.items() if c == whole), None)
        names.append(name or _POLARISED.get(whole, f"code {code:g}"))
    return names


def _stokes_plane(values: dict, axis: int, extent: int, wanted: str | None) -> int:
    names = _stokes_names(values, axis, extent)
    name = (wanted or "I").upper()
    if name not in _STOKES:
        raise InputError(f"{wanted!r} is not a Stokes parameter: give one of {', '.join(_STOKES)}")
    if name in names:
        return names.index(name)
    raise InputError(f"there is no Stokes {name}: the file holds {', '.join(names)}")
