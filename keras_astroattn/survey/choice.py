"""Choose the tile from which a source is cut, among all tiles that contain its position."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import IMAGE_SIZE, Cutout, FitsMap, flags
from keras_astroattn.images.beam import PIXELS_PER_BEAM

from .tiles import MapOptions

_OPEN_TILES = 4
_OFFSETS = np.arange(IMAGE_SIZE) - (IMAGE_SIZE - 1) / 2
_RADIUS = np.hypot(*np.meshgrid(_OFFSETS, _OFFSETS))  # pixels from the middle of the frame
_WEIGHT = np.exp(-0.5 * (_RADIUS / (IMAGE_SIZE / 8)) ** 2)
_WEIGHT /= _WEIGHT.sum()


class OpenTiles:
    """Opens tiles, and keeps the last used ones open.

    Use it as a context manager, in one thread.

    Args:
        options: options to open tiles with.
        refused: tiles that are not opened, with the reason.
    """

    def __init__(self, options: MapOptions, refused: Mapping[str, str] | None = None):
        self._options, self._refused = options, refused or {}
        self._open: OrderedDict[str, FitsMap | InputError] = OrderedDict()

    def __enter__(self) -> "OpenTiles":
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._close(self._open.popitem()[1])

    def get(self, path: str) -> FitsMap:
        """Return an open tile.

        Args:
            path: path of the tile.

        Raises:
            InputError: The tile cannot be read.
        """
        if path in self._refused:
            raise InputError(f"{path}: {self._refused[path]}")
        if path not in self._open:
            try:
                self._open[path] = self._options.open(path)
            except InputError as error:
                self._open[path] = error
            while len(self._open) > _OPEN_TILES:
                self._close(self._open.popitem(last=False)[1])
        self._open.move_to_end(path)
        found = self._open[path]
        if isinstance(found, InputError):
            raise found
        return found

    def cutout(
        self,
        path: str,
        position: tuple[float, float],
        locate: Callable[[FitsMap], np.ndarray | None] = lambda sky: None,
        noise: Callable[[FitsMap], float | FitsMap | None] = lambda sky: None,
    ) -> Cutout:
        """Cut a source from a tile.

        Args:
            path: path of the tile.
            position: (RA, Dec), ICRS degrees.
            locate: function that returns the (2,) pixel of the position if it is known.
            noise: function that returns the noise of a map, as for `FitsMap.cutout`.

        Raises:
            InputError: The source cannot be cut from this tile.
        """
        try:
            sky = self.get(path)
            return sky.cutout(position, noise=noise(sky), pixel=locate(sky))
        except InputError:
            raise
        except MemoryError:
            raise InputError(f"{path}: not enough memory for this source") from None
        except Exception as error:  # one broken tile must not end a survey
            raise InputError(f"{path}: {type(error).__name__}: {error}") from None

    @staticmethod
    def _close(opened: FitsMap | InputError) -> None:
        if isinstance(opened, FitsMap):
            opened.close()


def choose_tile(paths: Sequence[str], cut: Callable[[str], Cutout]) -> tuple[str, Cutout]:
    """Cut a source from the tile that knows most of the sky around it.

    A header states where a tile ends, but not where its pixels are unknown. So the tiles are tried
    in order: the first one with all pixels of the frame is chosen, unless the source is
    `beyond_frame` on it. If there is none, a tile on which the source is not `incomplete` is
    preferred; among several such tiles, one that shows a source larger than the frame as a whole
    (`wider_beam`); then the one with the largest `known_share`; among equal ones, the first.

    Args:
        paths: tiles that contain the position, at least one, the most distant edge first.
        cut: function that cuts the source from a tile.

    Returns:
        The path of the chosen tile, and the cutout.

    Raises:
        InputError: The source is blank on every tile, or can be cut from none of them. The
            message is that of the first tile.
    """
    best, best_rank, first_error = None, (False, False, 0.0), None
    for path in paths:
        try:
            cutout = cut(path)
            share = known_share(cutout)
            if share == 0:
                raise InputError(f"{path}: the map is blank at this position")
        except InputError as error:
            first_error = first_error or error
            continue
        is_complete = flags.INCOMPLETE not in cutout.flags
        rank = (is_complete, flags.WIDER_BEAM in cutout.flags, share)
        if rank > best_rank:
            best, best_rank = (path, cutout), rank
        if share == 1 and flags.BEYOND_FRAME not in cutout.flags:
            break
    if best is None:
        raise first_error
    return best


def known_share(cutout: Cutout) -> float:
    """Return the known share of the sky around a source on a cutout, from 0 to 1.

    This is the share of the known pixels, weighted by a Gaussian around the source with a
    standard deviation of an eighth of the frame. It is 0 if nothing within a beam of the source
    is known.

    Args:
        cutout: the cutout.
    """
    known = np.isfinite(cutout.brightness)
    if known.all():
        return 1.0
    beam = cutout.beam.mean / cutout.pixel_scale if cutout.beam else PIXELS_PER_BEAM
    if not known[max(beam, 1.0) >= _RADIUS].any():
        return 0.0
    # Never 1, which means a frame without unknown pixels.
    return min(float(_WEIGHT[known].sum()), 1 - 1e-9)
