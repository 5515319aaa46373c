"""Islands beyond the frame that may be lobes of its source.

A radio galaxy of two frames can show its core alone in the frame, as a point source. Its lobes are
islands of their own beyond the frame, on pixels that are read anyway to measure the noise: 300 x
300 about the source. The islands of these pixels are linked as those of a frame are.
"""

import math

import numpy as np

from .conventions import FIELD_SIZE, IMAGE_SIZE
from .extent import find_source, size_of
from .frame import Frame, window
from .map_pixels import in_blocks
from .preprocessing import MASK_SIGMA

LEAST_SHARE = 0.35
"""Least share of pixels above 3 sigma in a square of 20 x 20 pixels beyond the frame for which its
islands are found. A point source of 1000 sigma covers 0.14."""

LEAST_LOBE = 3.0
"""Least size of a lobe beyond the frame, beams: smaller islands are other sources."""

_MARGIN = (FIELD_SIZE - IMAGE_SIZE) // 2
_SQUARE = 10  # blocks of 2 x 2 pixels


def has_outer_lobes(frame: Frame, beam: float) -> bool:
    """Return whether islands beyond a frame may be lobes of the source in its middle.

    They may if they are linked to it (`linking.link`) on the 300 x 300 pixels about the middle,
    averaged in blocks of 2 x 2, and one of them is larger than `LEAST_LOBE`. On a map with other
    pixels than the frame's, blocks of whole pixels of the map are about as large.

    Args:
        frame: the frame, with a noise above 0.
        beam: full width at half maximum of the beam, pixels of the frame.
    """
    pace = math.sqrt(math.prod(frame.step or (1.0, 1.0)))  # pixels of the map in one of the frame
    block = max(_nearest(pace * FIELD_SIZE / IMAGE_SIZE), 1)
    field, noise = _around(frame, frame.field, block), frame.field_noise
    if isinstance(noise, np.ndarray):
        noise = _around(frame, np.where(noise > 0, noise, np.float32(np.nan)), block)
    reach = IMAGE_SIZE / 2 * pace / block  # of the frame, in blocks
    if not _has_extended_emission((field > MASK_SIGMA * noise)[::block, ::block], reach):
        return False
    shape = (field.shape[0] // block, field.shape[1] // block)
    snr = np.nan_to_num(in_blocks(field / noise, shape, block))
    beam *= pace / block  # in blocks
    source = find_source(snr, beam)
    if source is None:
        return False
    middle = (np.array(shape) - 1) / 2
    beyond = [one for one in source.islands if np.abs(one.points - middle).max() > reach]
    return any(size_of([one], beam) > LEAST_LOBE * beam for one in beyond)


def _around(frame: Frame, field: np.ndarray, block: int) -> np.ndarray:
    """Return the 300 x 300 pixels about a frame as whole blocks of pixels of a map."""
    steps = frame.step or (1.0, 1.0)
    left, top = (_nearest(f - _MARGIN * step) for f, step in zip(frame.first, steps, strict=True))
    width, height = (_nearest(FIELD_SIZE * step / block) * block for step in steps)
    return window(field, left, top, width, height)


def _nearest(number: float) -> int:
    """Return the nearest integer, of two the larger."""
    return math.floor(number + 0.5)


def _has_extended_emission(bright: np.ndarray, reach: float) -> bool:
    """Return whether emission beyond the frame covers `LEAST_SHARE` of a square.

    Args:
        bright: (height, width) bool, one pixel above 3 sigma or not of each block.
        reach: half the width of the frame, blocks.
    """
    middle = (np.array(bright.shape) - 1) / 2
    first, last = np.ceil(middle - reach).astype(int), np.floor(middle + reach).astype(int)
    rows, columns = (extent // _SQUARE for extent in bright.shape)
    seen = bright[: rows * _SQUARE, : columns * _SQUARE].astype(np.float32)
    seen[first[0] : last[0] + 1, first[1] : last[1] + 1] = 0
    down = seen.reshape(rows, _SQUARE, -1).sum(axis=1)  # two sums take a quarter of one's time
    counts = down.reshape(rows, columns, _SQUARE).sum(axis=2)
    return float(counts.max()) >= LEAST_SHARE * _SQUARE**2
