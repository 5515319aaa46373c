"""An open FITS map of any survey; of a mosaic, only the pixels around a source are read."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam, beam_text
from .brightness_unit import to_jansky_per_beam
from .celestial import build_wcs, local_jacobian, pixels_to_sky, sky_to_pixels
from .celestial_keywords import move_keywords, wcs_keywords
from .conventions import FIELD_SIZE
from .cutout import SMALLEST_FIELD, Cutout
from .field_cutout import cutout_from_field
from .fits_file import HduHeader, check_compression, open_fits, read_headers
from .frame import plan
from .known_surveys import frequencies
from .map_beam import find_beam
from .map_pixels import MapPixels, block_size, in_blocks
from .map_planes import choose_planes, find_hdu, image_values
from .narrowing import narrowed
from .noise_beam import estimate_beam
from .noise_map import pixel_offset
from .pixel_position import pixel_position
from .position import parse_position
from .quantities import BRIGHTNESS, in_unit
from .quiet import quiet
from .recentring import FARTHEST, Centre, require_centre

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

LARGEST_FIELD = 4 * FIELD_SIZE
"""A map wider than this many pixels of the network (36' at 1.8") needs a position."""


class FitsMap:
    """An open FITS map from which any number of cutouts can be read.

    Use it as a context manager, in one thread. Opening reads only the headers.

    Args:
        path: FITS file, plain or packed with gzip, bzip2 or xz; or one in memory.
        hdu: number or name of the HDU, as in `read_fits`.
        stokes: Stokes parameter, as in `read_fits`.
        channel: plane of a cube, as in `read_fits`.
        beam: beam of the map, as in `read_fits`.
        centre: middle of the cutouts, "source" or "position", as in `read_fits`.

    Attributes:
        path: path of the file.
        shape: (height, width) of the map, pixels.
        beam: its beam, or None.
        centre: middle of its cutouts.
        is_first: whether the header names FIRST, and beam and pixel scale agree with it.
        keywords: its celestial WCS keywords, or None.
        overlay: function from the first pixel and the one behind the last, as (x, y), to
            brightness in Jy/beam that is added to the pixels read; None: nothing is added.

    Raises:
        InputError: The file cannot be read, or holds no such map.

    Example:
        >>> from keras_astroattn.samples import sample_paths
        >>> with FitsMap(sample_paths()[1]) as mosaic:
        ...     cutouts = [mosaic.cutout((160.0, dec)) for dec in (30.0, 30.0002)]
        >>> cutouts[0].flags
        ('recentred',)
    """

    def __init__(
        self,
        path: str | os.PathLike | BinaryIO,
        *,
        hdu: int | str | None = None,
        stokes: str | None = None,
        channel: int | None = None,
        beam: Beam | float | tuple[float, ...] | None = None,
        centre: Centre = "source",
    ):
        self.path = Path(path.name if hasattr(path, "read") else path)
        self.centre = require_centre(centre)
        self.overlay: Callable[[list[int], list[int]], np.ndarray] | None = None
        self._wcs = None
        self._hdus = self._pixels = None
        self._noise_offset: tuple[FitsMap, tuple[int, int]] | None = None
        given = None if beam is None else Beam.of(beam)
        # Opened here, because astropy leaves a broken file open.
        self._file, packed = (path, True) if hasattr(path, "read") else open_fits(self.path)
        try:
            with self._reading():
                self._headers = read_headers(self._file)
                for header in self._headers:
                    if header.is_compressed_image:
                        check_compression(header)
                self._number = find_hdu(self._headers, hdu)
                header = self._headers[self._number]
                if not header.is_complete:
                    raise InputError("the file is truncated: fetch it again")
                planes = choose_planes(header, stokes, channel)
                self.shape = planes.shape
                self.keywords = wcs_keywords(image_values(header))
                found = find_beam(
                    self._headers, self._number, planes, self.keywords, given, self._open_hdu
                )
                self.beam, self.is_first = found.beam, found.is_first
                self._flags = {flag.ASSUMED_BEAM} if found.is_assumed else set()
                self.unit = str(header.values.get("BUNIT") or "").strip()
                self._factor = self._brightness_factor(header)
                self._pixels = MapPixels(self._file, header, planes, self._open_hdu, packed)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "FitsMap":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        height, width = self.shape
        return f"FitsMap({str(self.path)!r}, {width} x {height} pixels, {beam_text(self.beam)})"

    def close(self) -> None:
        """Close the file, and free the pixels that were read from it."""
        if self._pixels is not None:
            self._pixels.close()
        self._noise_offset = None
        if self._hdus is not None:
            with quiet():
                self._hdus.close()
        self._file.close()

    def locate(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Return the pixels of positions on the sky.

        Args:
            ra: (n,) ICRS right ascension, degrees.
            dec: (n,) ICRS declination, degrees.

        Returns:
            (n, 2) pixels x and y, counted from 0; NaN where a position cannot be projected.

        Raises:
            InputError: The map has no celestial coordinates, or their frame is unknown.
        """
        return np.stack(sky_to_pixels(self.keywords, self._projection(), ra, dec), axis=1)

    def positions(self, pixels: np.ndarray) -> np.ndarray:
        """Return the positions of pixels on the sky.

        Args:
            pixels: (n, 2) x and y, counted from 0.

        Returns:
            (n, 2) ICRS right ascension and declination, degrees; NaN off the sky.

        Raises:
            InputError: The map has no celestial coordinates, or their frame is unknown.
        """
        return np.stack(pixels_to_sky(self.keywords, self._projection(), *pixels.T), axis=1)

    def _projection(self):
        if self.keywords is None:
            raise InputError("a position cannot be found on it: it has no celestial coordinates")
        if self._wcs is None:
            self._wcs = build_wcs(self.keywords)
        return self._wcs

    def cutout(
        self,
        position: "str | tuple[float, float] | SkyCoord | None" = None,
        *,
        noise: "float | Quantity | FitsMap | None" = None,
        pixel: np.ndarray | None = None,
        widening: float | None = None,
    ) -> Cutout:
        """Return the source at a position or in the middle of the map.

        Args:
            position: position of the source, as in `read_fits`.
            noise: noise, Jy/beam or a `Quantity`, or an open map of it on the same pixels;
                None: it is measured.
            pixel: (2,) pixel of the position, if `locate` has computed it.
            widening: factor by which the beam is widened or narrowed (`frame.plan`); None: the
                size of the source decides (`narrowing.narrowed`).

        Returns:
            The source as a `Cutout`.

        Raises:
            InputError: The position is not on the map, or no known pixel is around it.
        """
        try:
            return self._cutout(position, noise, pixel, widening)
        except InputError as error:
            if str(self.path) in str(error):
                raise
            raise InputError(f"{self.path}: {error}") from error

    def _cutout(self, position, noise, pixel, widening) -> Cutout:
        if min(self.shape) < SMALLEST_FIELD:
            raise InputError(
                f"the map has {self.shape[1]} x {self.shape[0]} pixels: "
                f"{SMALLEST_FIELD} x {SMALLEST_FIELD} is the minimum"
            )
        x, y = self._centre(position, pixel)
        jacobian = local_jacobian(self.keywords, (x, y), self._wcs) if self.keywords else None
        todo = plan(jacobian, self.beam, self.is_first)
        step = todo.step or (1.0, 1.0)
        if position is None:
            for extent, pace in zip(self.shape[::-1], step, strict=True):
                if extent > LARGEST_FIELD * max(pace, 1e-9):
                    raise InputError(
                        f"the map is {self.shape[1]} x {self.shape[0]} pixels: "
                        "name the position of a source on it (--position RA,DEC), give a "
                        "catalogue (--positions FILE, or astroattn survey), or add --detect"
                    )

        def cut(factor: float) -> Cutout:
            return self._cut((x, y), jacobian, noise, factor)

        if widening is None:
            cutout = narrowed(cut, None if self.is_first else self.beam, self.centre)
        else:
            cutout = cut(widening)
        if position is not None:
            position = parse_position(position)
        elif self.keywords:
            position = pixel_position(self.keywords, (x, y), self._wcs)
        return replace(cutout, position=position)

    def _cut(self, centre, jacobian, noise, widening: float) -> Cutout:
        """Return the source at a pixel, its beam widened or narrowed by a factor."""
        x, y = centre
        todo = plan(jacobian, self.beam, self.is_first, widening)
        step = todo.step or (1.0, 1.0)
        recentre = self.centre == "source"
        farthest = FARTHEST if recentre else 0.0
        reach = [(FIELD_SIZE / 2 + farthest) * pace + todo.margin + 2 for pace in step]
        low = [max(math.floor(c - r), 0) for c, r in zip((x, y), reach, strict=True)]
        high = [
            min(math.ceil(c + r) + 1, extent)
            for c, r, extent in zip((x, y), reach, self.shape[::-1], strict=True)
        ]
        block = block_size(todo.step)
        field = self.read(low, high, block)
        if self.overlay is not None:
            field = field + in_blocks(self.overlay(low, high), field.shape, block)
        if min(field.shape) < SMALLEST_FIELD:
            raise InputError("almost all of the frame is outside the map here")
        if isinstance(noise, FitsMap):
            noise = self.noise_on(noise, low, high, block)
        else:
            noise = in_unit(noise, BRIGHTNESS, "noise")
        middle = (block - 1) / 2
        origin = (low[0] + middle, low[1] + middle)
        keywords = self.keywords and move_keywords(self.keywords, origin, (block, block))
        return cutout_from_field(
            field,
            beam=self.beam,
            centre=((x - origin[0]) / block, (y - origin[1]) / block),
            recentre=recentre,
            noise=noise,
            jacobian=None if jacobian is None else jacobian * block,
            as_is=self.is_first,
            widening=widening,
            flags=self._flags,
            wcs_header=keywords,
        )

    def noise_beam(self) -> Beam | None:
        """Return the beam that the noise in the middle of the map implies (`estimate_beam`).

        Returns:
            The beam; None if the map has no coordinates, or too little sky there.
        """
        if self.keywords is None:
            return None
        middle = [(extent - 1) / 2 for extent in self.shape[::-1]]
        low = [max(math.floor(m - FIELD_SIZE / 2), 0) for m in middle]
        high = [min(a + FIELD_SIZE, n) for a, n in zip(low, self.shape[::-1], strict=True)]
        jacobian = local_jacobian(self.keywords, tuple(middle), self._wcs)
        return estimate_beam(self.read(low, high, 1), jacobian)

    def _centre(self, position, pixel) -> tuple[float, float]:
        """Return (x, y) of the source in pixels counted from 0."""
        height, width = self.shape
        if position is None:
            return (width - 1) / 2, (height - 1) / 2
        position = parse_position(position)
        if pixel is None:
            (pixel,) = self.locate([position[0]], [position[1]])
        x, y = map(float, pixel)
        if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
            raise InputError(f"position {position[0]:.5f},{position[1]:+.5f} is not on the map")
        return x, y

    def read(self, low: list[int], high: list[int], block: int = 1) -> np.ndarray:
        """Return a part of the map, Jy/beam.

        Args:
            low: first pixel as (x, y).
            high: pixel as (x, y) behind the last one.
            block: number of pixels that are averaged along each axis.

        Returns:
            (height, width) float32.

        Raises:
            InputError: The file is damaged.
        """
        with self._reading():
            values = self._pixels.blocks(low, high, block)
        return values if self._factor == 1 else values * np.float32(self._factor)

    def noise_on(self, rms: "FitsMap", low: list[int], high: list[int], block: int) -> np.ndarray:
        """Return the noise on a part of this map, from a map of the noise.

        Args:
            rms: the open map of the noise.
            low: first pixel of this map as (x, y).
            high: pixel as (x, y) behind the last one.
            block: number of pixels that are averaged along each axis.

        Returns:
            (height, width) float32, Jy/beam.

        Raises:
            InputError: The map of the noise is on other pixels, in another unit or damaged.
        """
        try:
            if self._noise_offset is None or self._noise_offset[0] is not rms:
                if (flag.UNKNOWN_UNIT in rms._flags or flag.UNKNOWN_UNIT in self._flags) and (
                    rms.unit != self.unit
                ):
                    raise InputError(
                        f"is in {rms.unit or 'no unit'!r} and the map in {self.unit or 'none'!r}: "
                        "state BUNIT, as Jy/beam, in both"
                    )
                offset = pixel_offset(self.keywords, self.shape, rms.keywords, rms.shape)
                self._noise_offset = rms, offset
            offset = self._noise_offset[1]
            first = [a + o for a, o in zip(low, offset, strict=True)]
            behind = [b + o for b, o in zip(high, offset, strict=True)]
            if min(first) < 0 or behind[0] > rms.shape[1] or behind[1] > rms.shape[0]:
                raise InputError(
                    f"of shape {rms.shape} does not cover the source: give one on the same pixels"
                )
        except InputError as error:
            raise InputError(f"the noise map {rms.path} {error}") from error
        return rms.read(first, behind, block)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Raise one clear line for any error of a broken file, and show no warning."""
        try:
            with quiet(), np.errstate(all="ignore"):
                yield
        except InputError as error:
            if str(self.path) in str(error):
                raise
            raise InputError(f"{self.path}: {error}") from error
        except Exception as error:  # astropy raises many types for broken files
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{self.path} cannot be read as FITS: {reason}") from error

    def _open_hdu(self, number: int | None = None):
        """Return an HDU as astropy opens it; None: the HDU of the map."""
        from astropy.io import fits

        if self._hdus is None:
            # Not memory-mapped: the pages of a mosaic would count as this process's
            # memory, and mapping a scaled HDU is not possible at all.
            self._file.seek(0)
            self._hdus = fits.open(self._file, memmap=False, lazy_load_hdus=True)
        return self._hdus[self._number if number is None else number]

    def _brightness_factor(self, header: HduHeader) -> float:
        """Return the factor to Jy/beam; 1 and a flag if it is unknown."""
        area = None
        if self.keywords is not None and self.beam is not None:
            middle = ((self.shape[1] - 1) / 2, (self.shape[0] - 1) / 2)
            area = abs(float(np.linalg.det(local_jacobian(self.keywords, middle))))
        stated = frequencies(header)
        factor = to_jansky_per_beam(self.unit, self.beam, area, stated[0] if stated else None)
        if factor is None:
            self._flags.add(flag.UNKNOWN_UNIT)
            return 1.0
        return factor
