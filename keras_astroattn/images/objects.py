"""Cutouts from the objects of a Python session: paths, HDUs, `NDData`, arrays."""

import io
import math
import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_astroattn.errors import InputError

from .beam import Beam
from .brightness_unit import to_jansky_per_beam
from .conventions import IMAGE_SIZE
from .cutout import Cutout
from .field_cutout import cutout_from_field
from .fits_map import FitsMap
from .flags import UNKNOWN_UNIT
from .narrowing import narrowed
from .picture import cutout_from_array, read_image
from .quantities import ANGLE, has_unit, in_unit
from .quiet import quiet
from .recentring import require_centre

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

ACCEPTED = (
    "a path, a FitsMap, an HDU or HDUList, an NDData or CCDData with an astropy.wcs.WCS, a "
    "Cutout, an image of 150 x 150 pixels, or a map with pixel_scale= and beam="
)
"""Kinds of input of `read_source`, for messages and help texts."""

_OPENING = ("hdu", "stokes", "channel", "beam", "centre")  # options with which a FITS map is opened
_WCS_KEYWORD = re.compile(
    r"(CRVAL|CRPIX|CDELT|CROTA|CTYPE|CUNIT)\d+|(PC|CD|PV)\d+(_\d+)?"
    r"|WCSAXES|LONPOLE|LATPOLE|RADESYS|EQUINOX"
)


def read_source(source: Any, **options) -> Cutout:
    """Return one source of a file, HDU, `NDData` or array, prepared for the network.

    Args:
        source: one of

            - a path: a FITS file, picture or array (`read_image`);
            - an open `FitsMap`, for several sources on one map;
            - an HDU or `HDUList` of `astropy.io.fits`;
            - an `NDData` or `CCDData` of `astropy.nddata`: its `wcs` and `unit` are used, its
              `mask` marks unknown pixels, and its `meta` states the beam (BMAJ, BMIN, BPA). Its
              uncertainty is not used: give `noise`, or it is measured;
            - a `Cutout`, which is returned;
            - an array or `Quantity`: with `pixel_scale` a map (`cutout_from_field`), in Jy/beam
              if it has no unit; otherwise a finished image (`cutout_from_array`).

            An HDU is copied in memory. Give the path of a mosaic: then only the pixels around
            the source are read.
        **options: those of `read_image` for a path; those of `read_fits` without `rms_map` for
            an HDU and `NDData`; `position` and `noise` for a `FitsMap`; `pixel_scale`,
            `beam`, `noise` and `centre` for an array.

    Returns:
        The source as a `Cutout`.

    Raises:
        InputError: The source is none of these or cannot be read, or an option does not apply
            to it.

    Example:
        >>> import numpy as np
        >>> from astropy import units as u
        >>> sky = np.random.default_rng(0).normal(0, 0.1, (300, 300))
        >>> sky[140:160, 150] += 10
        >>> read_source(sky * u.mJy / u.beam, pixel_scale=1.8 * u.arcsec, beam=5.4 * u.arcsec)
        Cutout(peak / noise 104, size 22 arcsec, beam 5.4 arcsec, flags: none)
    """
    options = {name: value for name, value in options.items() if value is not None}
    if isinstance(source, Cutout):
        _refuse(options, (), "a Cutout")
        return source
    if isinstance(source, str | os.PathLike):
        return read_image(source, **options)
    if isinstance(source, FitsMap):
        _refuse(options, ("position", "noise"), "an open FitsMap")
        return source.cutout(**options)
    if isinstance(source, np.ndarray):
        return _from_array(source, options)
    if not (_is_hdu(source) or _is_nddata(source)):
        raise InputError(f"a source cannot be a {type(source).__name__}: give {ACCEPTED}")
    _refuse(options, ("position", "noise", *_OPENING), "an HDU or NDData")
    opening = {key: options.pop(key) for key in _OPENING if key in options}
    with FitsMap(_in_memory(source), **opening) as sky:
        return sky.cutout(**options)


def is_batch(value: Any) -> bool:
    """Return whether a value is a batch of sources: an iterable that is no source itself.

    Args:
        value: any object; an array is a batch if it has a third axis of more than one image.
    """
    if isinstance(value, np.ndarray):
        return value.ndim == 4 or (value.ndim == 3 and value.shape[1:] == (IMAGE_SIZE,) * 2)
    if isinstance(value, str | bytes | Mapping) or _is_hdu(value) or _is_nddata(value):
        return False
    return isinstance(value, Iterable)


def _refuse(options: Mapping, known: tuple[str, ...], what: str) -> None:
    others = sorted(set(options) - set(known))
    if others:
        raise InputError(f"{', '.join(others)}: not an option of {what}; leave it out")


def _from_array(values: np.ndarray, options: dict) -> Cutout:
    _refuse(options, ("pixel_scale", "beam", "noise", "centre"), "an array")
    centre = require_centre(options.pop("centre", "source"))
    if "pixel_scale" not in options:
        if options or has_unit(values):
            raise InputError("a map needs pixel_scale= and beam=, in arcsec or with a unit")
        return cutout_from_array(values)
    flags = set()
    if isinstance(values, np.ma.MaskedArray):
        values = values.astype(np.float64).filled(np.nan)
    if has_unit(values):
        beam = Beam.of(options["beam"]) if "beam" in options else None
        scales = np.atleast_1d(in_unit(options["pixel_scale"], ANGLE, "pixel scale"))
        area = float(scales[0] * scales[-1])
        factor = to_jansky_per_beam(values.unit.to_string(), beam, area, None)
        flags = {UNKNOWN_UNIT} if factor is None else flags
        values = values.value * (factor or 1.0)
    values = values.reshape([n for n in values.shape if n != 1])

    def cut(widening: float) -> Cutout:
        recentre = centre == "source"
        return cutout_from_field(
            values, recentre=recentre, flags=flags, widening=widening, **options
        )

    beam = options.get("beam")
    return narrowed(cut, None if beam is None else Beam.of(beam), centre)


def _is_hdu(value: Any) -> bool:
    """Return whether a value is an HDU or an `HDUList`; astropy made it, if it is."""
    names = {cls.__name__ for cls in type(value).__mro__}
    return "HDUList" in names or ("_BaseHDU" in names and hasattr(value, "header"))


def _is_nddata(value: Any) -> bool:
    return all(hasattr(value, name) for name in ("data", "wcs", "mask", "unit", "meta"))


def _as_hdus(source: Any) -> "HDUList":
    """Return an HDU, `HDUList` or `NDData` as a new `HDUList` that shares its pixels."""
    from astropy.io import fits

    if isinstance(source, fits.HDUList):
        return fits.HDUList([one.copy() for one in source])
    if _is_nddata(source):
        return fits.HDUList([fits.PrimaryHDU(_masked(source), _header_of(source))])
    if not source.is_image:
        raise InputError(f"HDU {source.name or 'PRIMARY'!r} holds no image")
    return fits.HDUList([fits.PrimaryHDU(source.data, source.header)])


def _masked(source: Any) -> np.ndarray:
    """Return the pixels of an `NDData`, with NaN where its mask says unknown."""
    data = np.asarray(source.data)
    if data.dtype.kind not in "fiu":
        raise InputError(f"a map has real numbers, this {type(source).__name__} has {data.dtype}")
    if data.dtype.kind != "f" or data.dtype.itemsize not in (4, 8):
        data = data.astype(np.float64 if data.dtype.itemsize > 4 else np.float32)
    return data if source.mask is None else np.where(source.mask, data.dtype.type(np.nan), data)


def _header_of(source: Any) -> Any:
    """Return the FITS header of an `NDData`: its meta, WCS and unit."""
    from astropy.io import fits

    header = fits.Header()
    wcs = getattr(source.wcs, "low_level_wcs", source.wcs)
    has_wcs = wcs is not None
    if has_wcs and not hasattr(wcs, "to_header"):
        raise InputError(f"its WCS is a {type(wcs).__name__}: give an astropy.wcs.WCS")
    meta = source.meta if isinstance(source.meta, fits.Header) else fits.Header(_cards(source.meta))
    for card in meta.cards:
        if not (has_wcs and _WCS_KEYWORD.fullmatch(card.keyword)):
            header.append(card)
    if has_wcs:
        header.update(wcs.to_header(relax=True))
    if source.unit is not None:
        header["BUNIT"] = source.unit.to_string()
    return header


def _cards(meta: Mapping) -> dict[str, str | float]:
    """Return the entries of a dictionary that a FITS header can hold."""
    return {
        key: value
        for key, value in meta.items()
        if isinstance(key, str)
        and len(key) <= 8
        and (isinstance(value, str) or (isinstance(value, int | float) and math.isfinite(value)))
    }


class _FitsInMemory(io.BytesIO):
    """A FITS file in memory; its name stands in messages."""

    name = ""


def _in_memory(source: Any) -> _FitsInMemory:
    file = _FitsInMemory()
    file.name = type(source).__name__
    try:
        with quiet():
            _as_hdus(source).writeto(file, output_verify="silentfix+ignore")
    except InputError:
        raise
    except Exception as error:  # astropy raises many types for what FITS cannot hold
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"the {file.name} cannot be read: {reason}") from error
    file.seek(0)
    return file
