"""Images without a header: PNG, JPEG, NPY and NPZ."""

import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam
from .conventions import BEAM, IMAGE_SIZE, PIXEL_SCALE, to_network_units
from .cutout import Cutout, source_flags
from .fits_map import read_fits
from .islands import measure_extent
from .preprocessing import MASK_SIGMA

FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz", ".fz", ".fits.bz2")
"""File names that `read_fits` reads."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".npy", ".npz")
"""File names that `read_image` reads beside."""

_MOST_BACKGROUND = 0.5
_GREY_TOLERANCE = 8  # of 255: what JPEG makes of a grey picture stored in colour
_MOST_BYTES = 64 * 2**20
_WANTED = f"{IMAGE_SIZE} x {IMAGE_SIZE} pixels"


def read_image(path: str | os.PathLike, **options) -> Cutout:
    """Read an image file of any kind: PNG, JPEG, NPY or NPZ here, FITS through `read_fits`.

    Pictures and arrays have no header, so they must be what the network takes: 150 x 150
    pixels of 1.8 arcsec with the noise blanked, made as MiraBest's images are
    (`cutout_from_array` says which numbers). For any other map give the FITS file.

    Args:
        path: The file; its name's ending says what it is.
        **options: For FITS files, those of `read_fits`.

    Returns:
        The source as a `Cutout`; of a picture `noise` and `peak_snr` are NaN.

    Raises:
        InputError: The file cannot be read, or is no such image.
    """
    path = Path(path)
    name = path.name.lower()
    if name.endswith(FITS_SUFFIXES):
        return read_fits(path, **options)
    if not name.endswith(PICTURE_SUFFIXES):
        known = ", ".join((*FITS_SUFFIXES[:3], *PICTURE_SUFFIXES))
        raise InputError(f"{path}: no image by its name (one of {known})")
    try:
        values = _read_array(path) if name.endswith((".npy", ".npz")) else _read_picture(path)
        return cutout_from_array(values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read: {reason}") from error


def cutout_from_array(values: np.ndarray) -> Cutout:
    """A `Cutout` from an image that is already as MiraBest's images are.

    Args:
        values: (150, 150), also with axes of length 1 before or after. Integers (any
            type) from 0 to 255; or real numbers from 0 to 1; or, where one is negative,
            in network units from -1 (black) to 1. Real numbers go to the network as they
            are, and are truncated to 8 bits for `pixels` alone.

    Raises:
        InputError: Another shape, other numbers, or NaN.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise InputError(f"an image holds real numbers, not {values.dtype}")
    squeezed = values.reshape([n for n in values.shape if n != 1])
    if squeezed.shape != (IMAGE_SIZE, IMAGE_SIZE):
        raise InputError(
            f"the image has shape {values.shape}: give {IMAGE_SIZE} x {IMAGE_SIZE} pixels of "
            f"{PIXEL_SCALE} arcsec, one image a file, or the FITS map"
        )
    if not np.isfinite(squeezed).all():
        raise InputError("the image has blank pixels (NaN or infinite): fill them with black")
    low, high = float(squeezed.min()), float(squeezed.max())
    if values.dtype.kind in "iu":
        if low < 0 or high > 255:
            raise InputError(f"integers from 0 to 255 are an image, not {low:g} to {high:g}")
        pixels = squeezed.astype(np.uint8)
        network = to_network_units(pixels)
        brightness = pixels.astype(np.float32) / np.float32(255)
    else:
        if low < -1 or high > 1:
            raise InputError(
                f"real numbers from 0 to 1, or -1 to 1, are an image, not {low:g} to {high:g}"
            )
        values = squeezed.astype(np.float32)
        network = values if low < 0 else values * 2 - 1
        brightness = (network + 1) / 2
        pixels = (brightness * np.float32(255)).astype(np.uint8)
    # The darkest pixel that is not black was just above 3 sigma before it was stretched.
    lit = brightness[brightness > 0]
    darkest = float(lit.min()) if lit.size else 1.0
    extent = measure_extent(brightness * np.float32(MASK_SIGMA * (1 + 1e-6) / darkest))
    found = {flag.PICTURE} | source_flags(extent)
    if lit.size > _MOST_BACKGROUND * brightness.size:
        found.add(flag.BACKGROUND)
    return Cutout(
        pixels=pixels,
        network_input=network[..., np.newaxis],
        brightness=brightness,
        noise=float("nan"),
        peak_snr=float("nan"),
        source_fraction=lit.size / brightness.size,
        largest_angular_size=extent.size * PIXEL_SCALE if extent.found else float("nan"),
        beam=Beam(BEAM, BEAM),
        pixel_scale=PIXEL_SCALE,
        flags=tuple(sorted(found)),
        main_share=extent.main_share,
        main_size=extent.main_size * PIXEL_SCALE if extent.found else float("nan"),
    )


def _read_array(path: Path) -> np.ndarray:
    try:
        # Opened here, because numpy leaves a broken file open.
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                raise InputError(f"the file is too large for one image of {_WANTED}")
            if path.suffix.lower() == ".npz":
                return _read_archive(file)
            return np.load(file, allow_pickle=False)
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror or error}") from error
    except Exception as error:  # numpy and zipfile raise a dozen kinds for broken files
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"no array can be read: {reason}") from error


def _read_archive(file: BinaryIO) -> np.ndarray:
    with zipfile.ZipFile(file) as archive:
        sizes = {
            info.filename.removesuffix(".npy"): info.file_size
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
        if len(sizes) != 1 and "image" not in sizes:
            raise InputError(f"it holds {len(sizes)} arrays: give one, or call one `image`")
        name = "image" if "image" in sizes else next(iter(sizes))
        if sizes[name] > _MOST_BYTES:
            raise InputError(f"the array is too large for one image of {_WANTED}")
        with archive.open(f"{name}.npy") as member:
            return np.lib.format.read_array(member, allow_pickle=False)


def _read_picture(path: Path) -> np.ndarray:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            # Before decoding: a small file can hold an enormous picture.
            if picture.size != (IMAGE_SIZE, IMAGE_SIZE):
                raise InputError(
                    f"the picture has {picture.size[0]} x {picture.size[1]} pixels: give "
                    f"{IMAGE_SIZE} x {IMAGE_SIZE} of {PIXEL_SCALE} arcsec, or the FITS map"
                )
            if picture.mode.startswith("I"):
                return np.asarray(picture).astype(np.float32) / np.float32(65535)
            if picture.mode in ("L", "1", "LA"):
                return np.asarray(picture.convert("L"))
            colours = np.asarray(picture.convert("RGB")).astype(np.int16)
    except UnidentifiedImageError as error:
        raise InputError("it is neither a PNG nor a JPEG picture") from error
    except Image.DecompressionBombError as error:
        raise InputError("the picture is too large: give 150 x 150 pixels") from error
    except (SyntaxError, ValueError, EOFError) as error:  # pillow's for broken files
        if isinstance(error, InputError):
            raise
        raise InputError(f"the picture is broken: {error}") from error
    if np.ptp(colours, axis=-1).max() > _GREY_TOLERANCE:
        raise InputError("the picture is in colour: give it in grey")
    return colours[..., 1].astype(np.uint8)
