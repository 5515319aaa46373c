"""FITS maps of any survey, read by section: of a mosaic only what a cutout needs."""

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_astroattn.errors import InputError

from . import flags as flag
from .beam import Beam
from .celestial import (
    ARCSEC,
    build_wcs,
    celestial_axes,
    local_jacobian,
    move_keywords,
    sky_to_pixels,
    wcs_keywords,
)
from .conventions import BEAM, FIELD_SIZE
from .cutout import SMALLEST_FIELD, Cutout, cutout_from_field, plan
from .fits_file import HduHeader, check_compression, open_fits, read_headers
from .position import parse_position
from .quiet import quiet
from .tile_cache import TileCache

if TYPE_CHECKING:
    from astropy.io.fits import Header

LARGEST_FIELD = 4 * FIELD_SIZE
"""A map wider than this many pixels of the network (36' at 1.8") needs a position."""

_STOKES = {
    "I": 1, "Q": 2, "U": 3, "V": 4,
    "RR": -1, "LL": -2, "RL": -3, "LR": -4,
    "XX": -5, "YY": -6, "XY": -7, "YX": -8,
}  # fmt: skip
_FIRST_TITLES = ("The VLA FIRST Survey", "The FIRST VLA Survey", "The FIRST project team")
_AIPS_BEAM = re.compile(
    r"BMAJ\s*=\s*([-+.\dEeDd]+)\s+BMIN\s*=\s*([-+.\dEeDd]+)(?:\s+BPA\s*=\s*([-+.\dEeDd]+))?"
)
_UNITS = {"": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "n": 1e-9, "k": 1e3}
_FINEST = 9  # pixels a beam: more are averaged in blocks while reading
_BLOCK_ROWS = 1024
_LONG_ROW = 2**14  # bytes: shorter rows are read whole, for whatever lies beside a source
_FLOATS = {-32: ">f4", -64: ">f8"}


def read_fits(
    path: str | os.PathLike,
    position: str | tuple[float, float] | None = None,
    *,
    hdu: int | str | None = None,
    stokes: str | None = None,
    channel: int | None = None,
    rms_map: str | os.PathLike | None = None,
    noise: float | None = None,
    beam: Beam | float | tuple[float, ...] | None = None,
) -> Cutout:
    """Read one source from a FITS file, as the network knows sources.

    MiraBest's recipe bit for bit where the map is FIRST's; other surveys are smoothed and
    regridded as `cutout_from_field` says. Two to four axes, compressed and scaled HDUs;
    only the pixels that are needed are read. Nothing is printed.

    Args:
        path: FITS file, also gzipped.
        position: (RA, Dec) in degrees or "RA,DEC" (ICRS); None: the middle of the map,
            which must then be at most 36 arcminutes wide (at 1.8 arcsec a pixel).
        hdu: Number or name of the HDU; None: the first with an image.
        stokes: I, Q, U, V, ...; None: I.
        channel: Plane of a cube, from 0; None: only where there is no choice.
        rms_map: FITS map of the noise on the same pixels, Jy/beam; None: measured.
        noise: Or its figure, Jy/beam.
        beam: `Beam`, width, or (major, minor, angle), arcsec and degrees; None: from
            BMAJ, BMIN and BPA, from AIPS's history, or FIRST's where the map says that
            it is FIRST. Otherwise the cutout is flagged `no_beam` and left on its pixels.

    Returns:
        The source as a `Cutout`.

    Raises:
        InputError: The file cannot be read or is no such map, or the position is not on it.
    """
    with FitsMap(path, hdu=hdu, stokes=stokes, channel=channel, beam=beam) as sky:
        if rms_map is None:
            return sky.cutout(position, noise=noise)
        if noise is not None:
            raise InputError("give either a noise or a map of it")
        with FitsMap(rms_map, beam=beam) as rms:
            return sky.cutout(position, noise=rms)


class FitsMap:
    """An open FITS map, for any number of cutouts.

    Use it as a context manager, from one thread. Reading the header is all that opening does.

    Args:
        path: As in `read_fits`; so are `hdu`, `stokes`, `channel` and `beam`.
        hdu: As there.
        stokes: As there.
        channel: As there.
        beam: As there.

    Attributes:
        path: Of the file.
        shape: (height, width) of the map, pixels.
        beam: Its beam, or None.
        is_first: Whether the header says that this is FIRST, in its SURVEY card or, where
            it states no beam, in its comments and history.
        keywords: Its celestial WCS keywords, or None.

    Raises:
        InputError: The file cannot be read, or holds no such map.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        hdu: int | str | None = None,
        stokes: str | None = None,
        channel: int | None = None,
        beam: Beam | float | tuple[float, ...] | None = None,
    ):
        self.path = Path(path)
        self._wcs = None
        self._hdus = None
        given = None if beam is None else Beam.of(beam)
        # Opened here, because astropy leaves a broken file open.
        self._file, self._packed = open_fits(self.path)
        try:
            with self._reading():
                from astropy.io import fits

                headers = read_headers(self._file)
                for header in headers:
                    if header.is_compressed_image:
                        check_compression(header)
                # Not memory-mapped: the pages of a mosaic would count as this process's
                # memory, and mapping a scaled HDU is not possible at all.
                self._hdus = fits.open(self._file, memmap=False, lazy_load_hdus=True)
                self._hdu = self._find(hdu)
                self._check(headers)
                header = self._hdu.header
                self._select_planes(header, stokes, channel)
                self.keywords = wcs_keywords(header)
                self.is_first = _says_first(header)
                self.beam = given or beam_from_header(header, self.is_first)
                if self.beam is None and (self.is_first or _tells_first(header)):
                    self.is_first, self.beam = True, Beam(BEAM, BEAM)
                self._factor, self._flags = self._brightness_unit(header)
                self._plain = self._as_stored(header)
                self._pixels = self._reader()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "FitsMap":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and let go of what was read of it."""
        self._pixels = None  # which refers to this map: a circle is not freed at once
        if self._hdus is not None:
            with quiet():
                self._hdus.close()
        self._file.close()

    def locate(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """(n, 2) pixels x and y, counted from 0, of (n,) ICRS degrees; NaN where not mapped.

        Raises:
            InputError: The map has no celestial coordinates, or none that are known.
        """
        if self.keywords is None:
            raise InputError("no position can be found on it: no celestial coordinates")
        if self._wcs is None:
            self._wcs = build_wcs(self.keywords)
        return np.stack(sky_to_pixels(self.keywords, self._wcs, ra, dec), axis=1)

    def cutout(
        self,
        position: str | tuple[float, float] | None = None,
        *,
        noise: "float | FitsMap | None" = None,
        pixel: np.ndarray | None = None,
    ) -> Cutout:
        """The source at a position (ICRS degrees) or in the middle of the map.

        Args:
            position: As in `read_fits`.
            noise: Jy/beam, or an open map of it on the same pixels; None: measured.
            pixel: (2,) of the position, where `locate` found many at once.

        Raises:
            InputError: There is no such position on the map, or no known pixel around it.
        """
        try:
            return self._cutout(position, noise, pixel)
        except InputError as error:
            if str(self.path) in str(error):
                raise
            raise InputError(f"{self.path}: {error}") from error

    def _cutout(self, position, noise, pixel) -> Cutout:
        if min(self.shape) < SMALLEST_FIELD:
            raise InputError(
                f"the map has {self.shape[1]} x {self.shape[0]} pixels: "
                f"{SMALLEST_FIELD} x {SMALLEST_FIELD} are the least"
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
                        "name the position of a source on it (--position RA,DEC)"
                    )
        reach = [FIELD_SIZE / 2 * pace + todo.margin + 2 for pace in step]
        low = [max(math.floor(c - r), 0) for c, r in zip((x, y), reach, strict=True)]
        high = [
            min(math.ceil(c + r) + 1, extent)
            for c, r, extent in zip((x, y), reach, self.shape[::-1], strict=True)
        ]
        block = self._block(todo.step)
        field = self._read(low, high, block)
        if min(field.shape) < SMALLEST_FIELD:
            raise InputError("the map hardly reaches into the frame here")
        if isinstance(noise, FitsMap):
            if noise.shape != self.shape:
                raise InputError(
                    f"the noise map {noise.path} has shape {noise.shape} and the map "
                    f"{self.shape}: give one on the same pixels"
                )
            noise = noise._read(low, high, block)
        middle = (block - 1) / 2
        origin = (low[0] + middle, low[1] + middle)
        keywords = self.keywords and move_keywords(self.keywords, origin, (block, block))
        return cutout_from_field(
            field,
            beam=self.beam,
            centre=((x - origin[0]) / block, (y - origin[1]) / block),
            noise=noise,
            jacobian=None if jacobian is None else jacobian * block,
            as_is=self.is_first,
            flags=self._flags,
            wcs_header=keywords,
        )

    def _centre(self, position, pixel) -> tuple[float, float]:
        """(x, y) of the source in pixels counted from 0."""
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

    @staticmethod
    def _block(step: tuple[float, float] | None) -> int:
        """How many pixels to average along each axis while reading.

        A map with a hundred pixels a beam would need gigabytes around one source. Blocks
        of a ninth of the beam to come widen it by 0.3 %.
        """
        return 1 if step is None else max(int(min(step) * 3 / _FINEST), 1)

    def _read(self, low: list[int], high: list[int], block: int) -> np.ndarray:
        """(height, width) float32 of pixels [low, high) as (x, y), averaged in blocks."""
        width, height = ((b - a) // block * block for a, b in zip(low, high, strict=True))
        if width <= 0 or height <= 0:
            raise InputError("the map hardly reaches into the frame here")
        rows = max(_BLOCK_ROWS // block, 1) * block
        parts = []
        for top in range(low[1], low[1] + height, rows):
            bottom = min(top + rows, low[1] + height)
            part = self._section(slice(top, bottom), slice(low[0], low[0] + width))
            if block > 1:
                blocks = part.reshape((bottom - top) // block, block, width // block, block)
                part = blocks.mean(axis=(1, 3))
            parts.append(part)
        return np.concatenate(parts) if parts[1:] else parts[0]

    def _section(self, rows: slice, columns: slice) -> np.ndarray:
        with self._reading():
            values = self._pixels(rows, columns).astype(np.float32, copy=False)
        return values if self._factor == 1 else values * np.float32(self._factor)

    def _converted(self, rows: slice, columns: slice) -> np.ndarray:
        """Pixels as astropy reads them: unpacked, scaled, off any plane."""
        index = list(self._planes)
        index[self._row_axis], index[self._column_axis] = rows, columns
        values = np.asarray(self._hdu.section[tuple(index)])
        if self._row_axis > self._column_axis:
            values = values.T
        if values.shape != (rows.stop - rows.start, columns.stop - columns.start):
            raise InputError(f"{self.path} is cut short: fetch it again")
        return values

    def _reader(self) -> Callable[[slice, slice], np.ndarray]:
        """What gives the pixels of rows and columns in the way that suits the file."""
        if _is_compressed(self._hdu):
            block = [self._hdu.tile_shape[axis] for axis in (self._row_axis, self._column_axis)]
            return TileCache(self._converted, self.shape, block).section
        if self._plain is None:
            return self._converted
        if math.prod(self.shape) <= FIELD_SIZE**2:  # there is but one source on it
            return self._stored
        if self.shape[1] * self._plain[0].itemsize > _LONG_ROW:
            return self._stored
        return TileCache(self._stored, self.shape, (1, self.shape[1])).section

    def _as_stored(self, header: "Header") -> tuple[np.dtype, int] | None:
        """Type and place of the plane's first pixel where the file holds it as it is."""
        place, axes = self._hdu.fileinfo(), len(self._hdu.shape)
        scaled = any(key in header for key in ("BSCALE", "BZERO", "ZBITPIX"))
        if (
            place is None
            or self._packed
            or scaled
            or header["BITPIX"] not in _FLOATS
            or _is_compressed(self._hdu)
            or (self._row_axis, self._column_axis) != (axes - 2, axes - 1)
        ):
            return None
        kind = np.dtype(_FLOATS[header["BITPIX"]])
        plane = 0
        for number, extent in zip(self._planes[:-2], self._hdu.shape[:-2], strict=True):
            plane = plane * extent + number
        return kind, place["datLoc"] + plane * math.prod(self.shape) * kind.itemsize

    def _stored(self, rows: slice, columns: slice) -> np.ndarray:
        """Pixels of a file that holds them as they are, without a detour a row.

        astropy makes an array of every row, 5 ms for a cutout. Not by mapping the file into
        memory: a file that is cut short meanwhile would end the process.
        """
        kind, start = self._plain
        width, height = columns.stop - columns.start, rows.stop - rows.start
        pace, length = self.shape[1] * kind.itemsize, width * kind.itemsize
        first = start + rows.start * pace + columns.start * kind.itemsize
        descriptor = self._file.fileno()
        if length == pace:
            content = os.pread(descriptor, height * length, first)
        else:
            parts = [os.pread(descriptor, length, first + row * pace) for row in range(height)]
            content = b"".join(parts)
        if len(content) != height * length:
            raise InputError("the file is cut short: fetch it again")
        return np.frombuffer(content, kind).reshape(height, width)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Turn whatever a broken file raises into one line, and show no warning."""
        try:
            with quiet(), np.errstate(all="ignore"):
                yield
        except InputError as error:
            if str(self.path) in str(error):
                raise
            raise InputError(f"{self.path}: {error}") from error
        except Exception as error:  # astropy raises a dozen kinds for broken files
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{self.path} cannot be read as FITS: {reason}") from error

    def _find(self, name: int | str | None):
        from astropy.io import fits

        images = (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)

        def holds_image(hdu) -> bool:
            if not isinstance(hdu, images) or isinstance(hdu, fits.GroupsHDU):
                return False
            return len(hdu.shape) >= 2 and all(hdu.shape)

        if name is None:
            for hdu in self._hdus:
                if holds_image(hdu):
                    return hdu
            raise InputError("the file holds no image")
        if isinstance(name, str) and re.fullmatch(r"\d+", name.strip()):
            name = int(name)
        try:
            hdu = self._hdus[name]
        except (KeyError, IndexError) as error:
            raise InputError(f"there is no HDU {name!r}: it has {len(self._hdus)}") from error
        if not holds_image(hdu):
            raise InputError(f"HDU {name!r} holds no image")
        return hdu

    def _check(self, headers: list[HduHeader]) -> None:
        """Refuse an HDU that the file does not hold as a whole."""
        number = next(i for i, hdu in enumerate(self._hdus) if hdu is self._hdu)
        if number >= len(headers) or not headers[number].is_complete:
            raise InputError("the file is cut short: fetch it again")

    def _select_planes(self, header: "Header", stokes: str | None, channel: int | None) -> None:
        shape = self._hdu.shape
        axes = celestial_axes(header) or (1, 2)
        self._column_axis, self._row_axis = (len(shape) - axis for axis in axes)
        self._planes = [0] * len(shape)
        self.shape = (shape[self._row_axis], shape[self._column_axis])
        wants_stokes, wants_channel = stokes, channel
        for axis in (a for a in range(1, len(shape) + 1) if a not in axes):
            extent = shape[len(shape) - axis]
            kind = str(header.get(f"CTYPE{axis}", "")).upper().strip()
            if kind == "STOKES":
                plane = _stokes_plane(header, axis, extent, wants_stokes)
                wants_stokes = None
            elif wants_channel is not None and (extent > 1 or wants_channel == 0):
                if not 0 <= wants_channel < extent:
                    raise InputError(f"there is no channel {channel}: there are 0 to {extent - 1}")
                plane, wants_channel = wants_channel, None
            elif extent == 1 or kind == "SPECLNMF":
                plane = 0  # of Obit's cubes the first plane is the broad-band map
            else:
                name = kind or f"axis {axis}"
                raise InputError(
                    f"{extent} planes along {name}: name one (channel 0 to {extent - 1})"
                )
            self._planes[len(shape) - axis] = plane
        if wants_stokes not in (None, "I", "i"):
            raise InputError(f"there is no Stokes axis, so no Stokes {stokes}")
        if wants_channel not in (None, 0):
            raise InputError(f"there is no channel {channel}: the map has one plane")

    def _brightness_unit(self, header: "Header") -> tuple[float, tuple[str, ...]]:
        """What to multiply with to get Jy/beam, and flags."""
        unit = re.sub(r"[\s.*()]+", "", str(header.get("BUNIT", "")).strip())
        found = re.fullmatch(r"([munkµ]?)jy(/|beam\^?-1|bm-1|pixel-1)(.*)", unit, re.IGNORECASE)
        unknown = 1.0, (flag.UNKNOWN_UNIT,)
        if not found:
            return unknown
        # MJy is a million Jy and mJy a thousandth, but AIPS writes all in capitals.
        prefix = found[1] if unit.upper() != unit else found[1].lower()
        if prefix not in _UNITS:
            return unknown
        per = (found[2].lower() + found[3].lower()).strip("/")
        factor = _UNITS[prefix]
        if per.startswith(("beam", "bm")):
            return factor, ()
        if per.startswith(("pix", "px")) and self.beam and self.keywords:
            middle = ((self.shape[1] - 1) / 2, (self.shape[0] - 1) / 2)
            jacobian = local_jacobian(self.keywords, middle)
            return factor * self.beam.area(abs(float(np.linalg.det(jacobian)))), ()
        return unknown


def beam_from_header(header: Mapping, keywords_only: bool = False) -> Beam | None:
    """The beam that a header states: BMAJ, BMIN, BPA, or AIPS's last CLEAN in its history.

    Beams that differ by plane (CASA's table of beams) are not one beam: None.

    Args:
        header: Of the HDU.
        keywords_only: Leave the history unread (astropy takes 10 ms for 100 lines).
    """
    try:
        major = float(header["BMAJ"])
        return Beam(*_ordered(major, float(header.get("BMIN", major))), _angle(header.get("BPA")))
    except (KeyError, TypeError, ValueError):  # InputError is a ValueError: no beam either
        if keywords_only:
            return None
    for line in reversed([str(line) for line in header.get("HISTORY", [])]):
        found = _AIPS_BEAM.search(line)
        if found:
            try:
                major, minor = (float(v.upper().replace("D", "E")) for v in found.group(1, 2))
                return Beam(*_ordered(major, minor), _angle(found[3]))
            except ValueError:
                continue
    return None


def _ordered(major: float, minor: float) -> tuple[float, float]:
    return max(major, minor) * ARCSEC, min(major, minor) * ARCSEC


def _angle(value: object) -> float:
    return float(value) if value is not None and math.isfinite(float(value)) else 0.0


def _says_first(header: Mapping) -> bool:
    return str(header.get("SURVEY", "")).strip().upper() in ("FIRST", "VLA FIRST")


def _tells_first(header: Mapping) -> bool:
    lines = [str(line) for key in ("COMMENT", "HISTORY") for line in header.get(key, [])]
    return any(title in line for line in lines for title in _FIRST_TITLES)


def _is_compressed(hdu) -> bool:
    from astropy.io import fits

    return isinstance(hdu, fits.CompImageHDU)


def _stokes_plane(header: Mapping, axis: int, extent: int, wanted: str | None) -> int:
    start, pace = float(header.get(f"CRVAL{axis}", 1)), float(header.get(f"CDELT{axis}", 1))
    reference = float(header.get(f"CRPIX{axis}", 1))
    codes = [round(start + (i + 1 - reference) * pace) for i in range(extent)]
    names = [next((n for n, c in _STOKES.items() if c == code), f"code {code}") for code in codes]
    name = (wanted or "I").upper()
    if name not in _STOKES:
        raise InputError(f"{wanted!r} is no Stokes parameter: give one of {', '.join(_STOKES)}")
    if name in names:
        return names.index(name)
    # Many writers leave a lone axis without a meaning; a lone Q, U or V does mean it.
    if wanted is None and extent == 1 and names[0] not in _STOKES:
        return 0
    raise InputError(f"there is no Stokes {name}: the file holds {', '.join(names)}")
