"""Flag or blank other catalogued sources in the frame of a source."""

import dataclasses
import math

import numpy as np

from keras_astroattn.images import IMAGE_SIZE, Cutout, FitsMap, flags
from keras_astroattn.images.beam import PIXELS_PER_BEAM
from keras_astroattn.images.cutout import finish
from keras_astroattn.images.frame import plan
from keras_astroattn.images.islands import label_islands

from .neighbours import Zones


class Surroundings:
    """The neighbours of sources on one tile.

    Args:
        zones: positions of the whole catalogue.
        ra: (n,) right ascension of the sources, ICRS degrees.
        dec: (n,) declination of the sources, ICRS degrees.
        source: (n,) their numbers; entries with the same number are the source itself.
    """

    def __init__(self, zones: Zones, ra: np.ndarray, dec: np.ndarray, source: np.ndarray):
        self._zones, self._ra, self._dec, self._source = zones, ra, dec, source
        self._found: dict[str, _OnTile] = {}

    def pixel(self, sky: FitsMap, place: int) -> np.ndarray | None:
        """Return the (2,) pixel x and y of a source, from 0; None if the map has no coordinates.

        Args:
            sky: the map.
            place: index of the source.
        """
        return None if sky.keywords is None else self._on(sky).sources[place]

    def _on(self, sky: FitsMap) -> "_OnTile":
        key = str(sky.path)
        if key not in self._found:
            self._found[key] = self._near(sky, slice(None), _frame_scale(sky))
        return self._found[key]

    def _near(self, sky: FitsMap, which: slice, scale: float) -> "_OnTile":
        of = (values[which] for values in (self._ra, self._dec, self._source))
        return _OnTile(sky, self._zones, *of, scale)

    def _in_frame(self, cutout: Cutout, sky: FitsMap, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (k, 2) x and y in the frame of the source's own entries, and of others."""
        if flags.WIDER_BEAM not in cutout.flags:
            return self._on(sky).in_frame(place, sky, cutout)
        alone = self._near(sky, slice(place, place + 1), cutout.pixel_scale)
        return alone.in_frame(0, sky, cutout)

    def treated(self, cutout: Cutout, sky: FitsMap, place: int, mask: bool) -> Cutout:
        """Return a cutout with flags, and optionally blanking, for its neighbours.

        It is flagged `bright_neighbour` if the brightest pixel, which sets the scale of the
        image, is nearer to another entry of the catalogue than to one of the source itself, and
        more than a beam away from the latter. With `mask`, islands of emission that contain
        another entry and none of the source are made black, and the cutout is flagged
        `neighbours_masked`. The islands that are linked to one with an entry of the source
        (`Cutout.source_mask`) stay: another entry on them is a component of the source.

        Args:
            cutout: cutout of the source.
            sky: the map from which it was cut.
            place: index of the source.
            mask: whether to blank other emission.
        """
        if sky.keywords is None or cutout.wcs_header is None:
            return cutout
        own, other = self._in_frame(cutout, sky, place)
        if not len(other):
            return cutout
        beam = cutout.beam.mean / cutout.pixel_scale if cutout.beam else PIXELS_PER_BEAM
        bright = _neighbour_is_brightest(cutout, own, other, beam)
        found = set(cutout.flags) | ({flags.BRIGHT_NEIGHBOUR} if bright else set())
        if mask:
            blank = _foreign_islands(cutout, own, other, beam)
            if blank.any():
                return _without(cutout, blank, found)
        return dataclasses.replace(cutout, flags=tuple(sorted(found)))


class _OnTile:
    """Sources and the entries in a frame about each, in pixels of a tile.

    `scale` is the pixel scale of the frame, arcsec.
    """

    def __init__(self, sky: FitsMap, zones: Zones, ra, dec, source, scale: float):
        self.sources = sky.locate(ra % 360.0 % 360.0, dec)
        radius = scale * IMAGE_SIZE / 2 * math.sqrt(2) * 1.05 / 3600
        self._of, near_ra, near_dec, near_source = zones.around(ra, dec, radius)
        order = np.argsort(self._of, kind="stable")
        self._of = self._of[order]
        self._own = near_source[order] == source[self._of]
        self._pixels = sky.locate(near_ra[order], near_dec[order])

    def in_frame(self, place: int, sky: FitsMap, cutout: Cutout) -> tuple[np.ndarray, np.ndarray]:
        """Return (k, 2) x and y in the frame of the source's own entries, and of others."""
        low, high = np.searchsorted(self._of, [place, place + 1])
        pixels = to_frame(self._pixels[low:high], sky.keywords, cutout.wcs_header)
        own = self._own[low:high]
        inside = (np.abs(pixels - (IMAGE_SIZE - 1) / 2) <= IMAGE_SIZE / 2).all(axis=1)
        return pixels[inside & own], pixels[inside & ~own]


def to_frame(pixels: np.ndarray, of_map: dict, of_frame: dict) -> np.ndarray:
    """Convert pixels of a map to pixels of a frame that was cut from it.

    Args:
        pixels: (n, 2) x and y on the map, from 0.
        of_map: WCS keywords of the map.
        of_frame: WCS keywords of the frame, from `images.celestial_keywords.move_keywords`.

    Returns:
        (n, 2) x and y on the frame, from 0.
    """
    moved = np.empty_like(pixels)
    for axis in (0, 1):
        one, other = (
            math.hypot(*(float(k[f"CD{row}_{axis + 1}"]) for row in (1, 2)))
            for k in (of_map, of_frame)
        )
        from_reference = pixels[:, axis] + 1 - float(of_map[f"CRPIX{axis + 1}"])
        moved[:, axis] = from_reference * one / other + float(of_frame[f"CRPIX{axis + 1}"]) - 1
    return moved


def _frame_scale(sky: FitsMap) -> float:
    """Return the pixel scale of the frames that are cut from a map, arcsec."""
    matrix = [[float(sky.keywords[f"CD{i}_{j}"]) for j in (1, 2)] for i in (1, 2)]
    scale = math.sqrt(abs(float(np.linalg.det(matrix)))) * 3600
    return plan(np.diag([-scale, scale]), sky.beam, sky.is_first).pixel_scale


def _neighbour_is_brightest(cutout: Cutout, own, other, beam: float) -> bool:
    if not cutout.pixels.any():
        return False
    brightness = np.where(np.isfinite(cutout.brightness), cutout.brightness, -np.inf)
    row, column = np.unravel_index(int(np.argmax(brightness)), brightness.shape)
    to_other = float(np.hypot(*(other - [column, row]).T).min())
    to_own = float(np.hypot(*(own - [column, row]).T).min()) if len(own) else math.inf
    return to_own > beam and to_other < to_own


def _foreign_islands(cutout: Cutout, own, other, beam: float) -> np.ndarray:
    """Return the (150, 150) mask of islands within a beam of other entries and not of ours."""
    blank = np.zeros(cutout.pixels.shape, bool)
    bright = cutout.pixels > 0
    points, labels = label_islands(bright)
    if not len(points):
        return blank

    def touched(entries: np.ndarray) -> set[int]:
        found: set[int] = set()
        for x, y in entries:
            distance = np.hypot(points[:, 1] - x, points[:, 0] - y)
            nearest = int(np.argmin(distance))
            if distance[nearest] <= beam:
                found.add(int(labels[nearest]))
        return found

    ours = touched(own)
    if cutout.source_mask is not None:
        linked = set(labels[cutout.source_mask[points[:, 0], points[:, 1]]].tolist())
        ours |= linked if linked & ours else set()
    chosen = np.isin(labels, sorted(touched(other) - ours))
    blank[points[chosen, 0], points[chosen, 1]] = True
    return blank


def _without(cutout: Cutout, blank: np.ndarray, found: set[str]) -> Cutout:
    brightness = np.where(blank, np.float32(np.nan), cutout.brightness)
    # The flags of the source are determined again; those of the map are kept.
    finished = finish(
        brightness,
        cutout.noise,
        beam=cutout.beam,
        pixel_scale=cutout.pixel_scale,
        flags=(found - flags.OF_SOURCE) | {flags.NEIGHBOURS_MASKED},
        wcs_header=cutout.wcs_header,
        masked=blank,
        stated=cutout.stated,
    )
    # The blanked islands are neighbours still.
    return dataclasses.replace(
        finished,
        position=cutout.position,
        offset=cutout.offset,
        neighbours=max(finished.neighbours, cutout.neighbours),
    )
