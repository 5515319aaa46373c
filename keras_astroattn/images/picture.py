"""Images without a header: PNG, JPEG, NPY and NPZ."""

import os
import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam
from .colormap import invert_colormap
from .conventions import BEAM, IMAGE_SIZE, PIXEL_SCALE, to_network_units
from .cutout import Cutout, blanked_threshold, source_flags, stretched_alone
from .extent import measure_extent
from .field_cutout import cutout_from_field
from .fits_map import LARGEST_FIELD
from .fits_source import read_fits
from .grey_levels import normalise, sky_at_zero
from .narrowing import narrowed
from .recentring import require_centre

FITS_SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fits.fz", ".fz", ".fits.bz2")
"""Suffixes of the files that `read_fits` reads."""

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".npy", ".npz")
"""Suffixes of the other files that `read_image` reads."""

_GREY_TOLERANCE = 8  # of 255: colour difference in a grey picture that JPEG stores in colour
_MOST_BYTES = 64 * 2**20
_MOST_PIXELS = 2**24
_WANTED = f"{IMAGE_SIZE} x {IMAGE_SIZE} pixels"
_OF_MAPS = ("beam", "noise", "centre")  # options of FITS maps, for pictures with a pixel scale


def read_image(
    path: str | os.PathLike,
    *,
    pixel_scale: float | None = None,
    colormap: str | None = None,
    **options,
) -> Cutout:
    """Read an image file: PNG, JPEG, NPY or NPZ here, FITS through `read_fits`.

    Pictures and arrays have no header. Without `pixel_scale` they must be finished images of 150
    x 150 pixels of 1.8 arcsec (`cutout_from_array`). With it they are maps of any size, linear in
    brightness: arrays in Jy/beam, pictures in grey levels above their median
    (`cutout_from_field`).

    Args:
        path: the file; its suffix decides the format.
        pixel_scale: pixel scale of a picture or array, arcsec; None: a finished image.
        colormap: name of the matplotlib colormap with which a picture was drawn.
        **options: for FITS files, those of `read_fits`; with `pixel_scale`, `beam`, `noise` and
            `centre`. A finished image is never moved.

    Returns:
        The source as a `Cutout`; `noise` and `peak_snr` of a finished image are NaN.

    Raises:
        InputError: The file cannot be read or is not such an image, or an option does not apply
            to it.

    Example:
        >>> import numpy as np
        >>> from PIL import Image
        >>> levels = np.zeros((200, 200), np.uint8)
        >>> levels[98:103, 90:111] = 200
        >>> Image.fromarray(levels).save("source.png")
        >>> read_image("source.png", pixel_scale=1.8, beam=5.4)
        Cutout(...)
    """
    path = Path(path)
    name = path.name.lower()
    options = {key: value for key, value in options.items() if value is not None}
    if name.endswith(FITS_SUFFIXES):
        for option, value in (("pixel_scale", pixel_scale), ("colormap", colormap)):
            if value is not None:
                raise InputError(f"{path}: {option} is for pictures and arrays; leave it out")
        return read_fits(path, **options)
    if not name.endswith(PICTURE_SUFFIXES):
        if path.is_dir():
            raise InputError(f"{path} is a folder, not a file")
        known = ", ".join((*FITS_SUFFIXES[:3], *PICTURE_SUFFIXES))
        raise InputError(f"{path}: its name must end in one of {known}")
    try:
        is_array = name.endswith((".npy", ".npz"))
        _check_options(options, pixel_scale, colormap, is_array)
        if is_array:
            values, found = _read_array(path), set()
        else:
            values, found = _read_picture(path, pixel_scale is None, colormap), {flag.UNKNOWN_UNIT}
        if pixel_scale is None:
            return cutout_from_array(values)
        if not is_array:
            values, inverted = sky_at_zero(values)
            found |= inverted
        return _cutout_from_map(values, pixel_scale, found, options)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split())[:200]
        raise InputError(f"{path} cannot be read: {reason}") from error


def _check_options(options: dict, pixel_scale: float | None, colormap: str | None, is_array: bool):
    if is_array and colormap is not None:
        raise InputError("colormap is for pictures; leave it out")
    others = sorted(set(options) - set(_OF_MAPS))
    if others:
        raise InputError(f"{', '.join(others)}: for FITS maps only; leave it out")
    needing_scale = sorted(set(options) - {"centre"})
    if needing_scale and pixel_scale is None:
        raise InputError(f"{', '.join(needing_scale)}: give pixel_scale too, or leave it out")


def _cutout_from_map(
    values: np.ndarray, pixel_scale: float, found: set[str], options: dict
) -> Cutout:
    values = values.reshape([n for n in values.shape if n != 1])
    beam = Beam.of(options["beam"]) if "beam" in options else None
    widest = LARGEST_FIELD * PIXEL_SCALE * max(beam.mean / BEAM if beam else 1.0, 1.0)
    if values.ndim == 2 and max(values.shape) * pixel_scale > widest:
        raise InputError(
            f"{values.shape[1]} x {values.shape[0]} pixels of {pixel_scale:g} arcsec are more than "
            f"one source: cut it out, at most {widest / 60:.0f} arcmin"
        )
    centre = require_centre(options.get("centre", "source"))

    def cut(widening: float) -> Cutout:
        return cutout_from_field(
            values,
            pixel_scale,
            beam,
            recentre=centre == "source",
            noise=options.get("noise"),
            widening=widening,
            flags=found,
        )

    return narrowed(cut, beam, centre)


def cutout_from_array(values: np.ndarray) -> Cutout:
    """Return the `Cutout` of a finished image: 150 x 150 pixels of 1.8 arcsec, beam 5.4 arcsec.

    An image like MiraBest's, with a black sky and a white peak, is passed to the network
    unchanged. Other images are converted (`grey_levels.normalise`) and flagged `inverted`,
    `background` or `stretched`. Use `cutout_from_field` for a map in Jy/beam.

    Args:
        values: (150, 150), optionally with axes of length 1 before or after. Integers of any type
            from 0 to 255 (uint16: to 65535); or real numbers from 0 to 1; or, if one is negative,
            in network units from -1 (black) to 1.

    Returns:
        The image as a `Cutout`; `noise` and `peak_snr` are NaN.

    Raises:
        InputError: The shape or range is another one, or there are NaN or infinite values.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise InputError(f"an image holds real numbers, not {values.dtype}")
    squeezed = values.reshape([n for n in values.shape if n != 1])
    if squeezed.shape != (IMAGE_SIZE, IMAGE_SIZE):
        raise InputError(
            f"the image has shape {values.shape}: give {IMAGE_SIZE} x {IMAGE_SIZE} pixels of "
            f"{PIXEL_SCALE} arcsec, one image a file; or its pixel scale (--pixel-scale)"
        )
    if not np.isfinite(squeezed).all():
        raise InputError(
            "the image has blank pixels (NaN or infinite): fill them with black, or give a map "
            "with its pixel scale and beam (cutout_from_field, --pixel-scale and --beam)"
        )
    image = normalise(squeezed)
    brightness = (image.network + 1) / 2
    lit = np.count_nonzero(image.pixels)
    snr = _implied_snr(brightness, image.pixels)
    extent = measure_extent(snr)
    return Cutout(
        pixels=image.pixels,
        network_input=image.network[..., np.newaxis],
        brightness=brightness,
        noise=float("nan"),
        peak_snr=float("nan"),
        source_fraction=lit / brightness.size,
        largest_angular_size=extent.size * PIXEL_SCALE if extent.found else float("nan"),
        beam=Beam(BEAM, BEAM),
        pixel_scale=PIXEL_SCALE,
        flags=tuple(sorted({flag.PICTURE} | image.flags | source_flags(extent))),
        main_share=extent.main_share,
        point_share=extent.point_share,
        main_size=extent.main_size * PIXEL_SCALE if extent.found else float("nan"),
        certain_size=extent.certain_size * PIXEL_SCALE if extent.found else float("nan"),
        neighbours=extent.neighbours,
        centroid=extent.centroid,
        source_mask=extent.mask,
        contrast=extent.peak if extent.found else max(float(snr.max()), 0.0),
        covariance=extent.covariance,
    )


def source_alone(image: np.ndarray) -> np.ndarray:
    """Return finished images with everything outside the source black, and the source stretched.

    Apply it once: an island that is faint in the result may not be found again.

    Args:
        image: (150, 150) or (n, 150, 150) uint8, images of a data set.

    Returns:
        uint8 of the same shape: `Cutout.source_alone` of `cutout_from_array`. An image without a
        source is unchanged.
    """
    if image.ndim == 3:
        return np.stack([source_alone(one) for one in image]) if len(image) else image
    extent = measure_extent(_implied_snr((to_network_units(image) + 1) / 2, image))
    return image if extent.mask is None else stretched_alone(image, extent.mask)


def _implied_snr(brightness: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return a finished image in units of the noise that its faintest lit pixel implies."""
    snr = brightness / blanked_threshold(brightness, pixels)
    return snr if pixels.any() else np.zeros_like(snr)


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
    except Exception as error:  # numpy and zipfile raise many types for broken files
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


def _read_picture(path: Path, is_finished: bool, colormap: str | None) -> np.ndarray:
    """Return the (height, width) grey levels of a picture, uint8 or uint16."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG", "JPEG")) as picture:
            # Checked before decoding: a small file can hold an enormous picture.
            if is_finished and picture.size != (IMAGE_SIZE, IMAGE_SIZE):
                raise InputError(
                    f"the picture has {picture.size[0]} x {picture.size[1]} pixels: give "
                    f"{IMAGE_SIZE} x {IMAGE_SIZE} of {PIXEL_SCALE} arcsec, or its pixel scale "
                    "(--pixel-scale), or the FITS map"
                )
            if picture.size[0] * picture.size[1] > _MOST_PIXELS:
                raise InputError("the picture is too large for one source: cut it out")
            if picture.mode.startswith("I") and colormap is None:
                return np.asarray(picture).astype(np.uint16)
            if "A" in picture.mode or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                if np.asarray(picture)[..., 3].min() < 255:
                    raise InputError("parts of the picture are transparent: save it on a black sky")
            if picture.mode in ("L", "1") and colormap is None:
                return np.asarray(picture.convert("L"))
            colours = np.asarray(picture.convert("RGB"))
    except UnidentifiedImageError as error:
        raise InputError("it is neither a PNG nor a JPEG picture") from error
    except Image.DecompressionBombError as error:
        raise InputError("the picture is too large: give 150 x 150 pixels") from error
    except (SyntaxError, ValueError, EOFError) as error:  # Pillow's errors for broken files
        if isinstance(error, InputError):
            raise
        raise InputError(f"the picture is damaged: {error}") from error
    if colormap is not None:
        return invert_colormap(colours, colormap)
    if np.ptp(colours.astype(np.int16), axis=-1).max() > _GREY_TOLERANCE:
        raise InputError(
            "the picture is in colour: name its colormap (--colormap viridis), or give it in grey"
        )
    return colours[..., 1]
