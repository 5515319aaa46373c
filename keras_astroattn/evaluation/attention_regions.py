"""How much more attention than its part each region of the frame gets."""

import numpy as np
from scipy import ndimage

from .attention_statistics import resize_maps

REGIONS = ("source", "around", "far", "border")
"""What `frame_regions` tells apart."""

AROUND = 9
"""Sky up to so many pixels from the source is around it: three beams."""

BORDER = 9
"""So many pixels along each edge are the frame's border, wherever the source is."""


def frame_regions(images: np.ndarray) -> dict[str, np.ndarray]:
    """Masks by the names of `REGIONS`, (n, h, w) bool each; they cover a frame once.

    The source is what is above 0 in the image (the specks of noise that MiraBest's images
    hold with it); around it is the sky up to `AROUND` pixels away, the border the rest of
    the sky up to `BORDER` pixels from an edge, and far all that is left.
    """
    source = images > 0
    distance = np.stack([ndimage.distance_transform_edt(~one) for one in source])
    inner = np.zeros(images.shape[1:], bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    around = (distance <= AROUND) & ~source
    rest = ~source & ~around
    return {"source": source, "around": around, "far": rest & inner, "border": rest & ~inner}


def region_enrichment(maps: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Share of a map's attention in a region over the region's share of the frame, (n,).

    1 is attention spread evenly. Attention is counted above the map's minimum, as by
    `attention_statistics`. NaN where an image has no such region.

    Args:
        maps: (n, h', w') of any resolution, resized to the region's.
        region: (n, h, w) bool.
    """
    maps = resize_maps(maps, region.shape[1:])
    weight = maps - maps.min(axis=(1, 2), keepdims=True)
    weight = np.where(weight.max(axis=(1, 2), keepdims=True) > 0, weight, 1.0)
    share = (weight * region).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
    area = region.mean(axis=(1, 2))
    return np.where(area > 0, share / np.where(area > 0, area, 1), np.nan)
