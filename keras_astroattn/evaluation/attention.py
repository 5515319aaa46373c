"""Statistics of attention maps: where attention lies, and how well maps agree.

Zero point and scale of an attention map depend on its normalization: `std_mean_norm` gives
negative values, `softmax` very small ones, `sigmoid` values near 1. Shares, enrichment and
radii therefore weight each pixel by the attention above the minimum of its map,
w = a - min(a).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.stats import rankdata

from keras_astroattn.errors import InputError
from keras_astroattn.images import PIXEL_SCALE
from keras_astroattn.outputs import gate_maps, resize_matrix, signed_evidence

ZERO_SPACE_THRESHOLD = 1.0
"""Enrichment below which attention prefers the empty sky."""

REGIONS = ("source", "around", "far", "border")
"""Regions of a frame, in the order of `frame_regions`."""

AROUND = 9
"""Largest distance from the source of the sky around it, pixels (3 beams)."""

BORDER = 9
"""Width of the border of the frame, pixels."""


@dataclass(frozen=True)
class AttentionStatistics:
    """Statistics of the attention maps of n images; each array is (n,) float64.

    Attributes:
        share: relevance mass, the share of the attention on the pixels of the source.
        area: share of the pixels that belong to the source. Evenly spread attention has this
            share.
        preference: probability that a random pixel of the source has more attention than a
            random pixel of the empty sky; ties count half (the AUC of saliency research,
            e.g. Bylinskii et al. 2019). 1 means that every pixel of the source is above the
            sky, 1/2 that the map does not separate them. It counts pixels, not amounts: a
            softmax with all attention on a few pixels of the source may leave its other
            pixels below the sky.
        radius: root-mean-square distance of the attention from the flux-weighted centre of
            the source, arcsec.
        source_radius: the same distance for the flux of the source, arcsec.
    """

    share: np.ndarray
    area: np.ndarray
    preference: np.ndarray
    radius: np.ndarray
    source_radius: np.ndarray

    @property
    def enrichment(self) -> np.ndarray:
        """(n,) share over area: mean attention on the source over mean attention on the image.

        It is 1 for evenly spread attention.
        """
        return self.share / self.area

    @property
    def on_empty_sky(self) -> np.ndarray:
        """(n,) bool: images whose enrichment is below 1, so that the sky is preferred."""
        return self.enrichment < ZERO_SPACE_THRESHOLD

    @property
    def attends_zero_space(self) -> bool:
        """Whether the median enrichment is below 1 ("attending the zero-space" in the paper).

        In more than half of the images, a pixel of empty sky then has on average more attention
        than a pixel of the source. The share of attention on the sky is no criterion: sources
        cover about 2 % of a MiraBest image, and even a good map leaves nine tenths of its
        attention outside them.
        """
        return bool(np.median(self.enrichment) < ZERO_SPACE_THRESHOLD)

    def summary(self) -> dict[str, float | bool]:
        """Return means over images, median enrichment, and whether the empty sky is preferred."""
        return {
            "share": float(self.share.mean()),
            "area": float(self.area.mean()),
            "enrichment": float(np.median(self.enrichment)),
            "preference": float(self.preference.mean()),
            "radius": float(self.radius.mean()),
            "source_radius": float(self.source_radius.mean()),
            "images_on_empty_sky": float(self.on_empty_sky.mean()),
            "attends_zero_space": self.attends_zero_space,
        }


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize maps bilinearly with half-pixel centres, without smoothing before.

    Pixels outside the map have the value of its edge.

    Args:
        maps: (n, h, w), any floating dtype.
        size: new height and width, pixels.

    Returns:
        (n, *size) float64.
    """
    if maps.shape[1:] == tuple(size):
        return maps.astype(np.float64)
    rows, columns = (resize_matrix(old, new) for old, new in zip(maps.shape[1:], size, strict=True))
    return rows @ maps.astype(np.float64) @ columns.T


def mean_map(gates: Mapping[str, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Return the mean over gates of their (n, h, w) attention maps, resized to `size`.

    Args:
        gates: maps of each gate by name, (n, h, w) each.
        size: height and width of the result, pixels.

    Returns:
        (n, *size) float64; the maps are not rescaled.
    """
    return np.mean([resize_maps(maps, size) for maps in gates.values()], axis=0)


def named_maps(outputs: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Return attention maps by name, `gate 1`, `gate 2`, ..., `mean`, and `evidence`.

    The evidence is the absolute value of the signed evidence, since shares and radii weight each
    pixel by how much lies on it. Only networks with the aggregation `votes` give it.

    Args:
        outputs: outputs of `full_model`: `attention_1`, ..., `attention_mean`, and others.

    Returns:
        Arrays (n, h, w) by name.
    """
    maps = {f"gate {number}": a for number, a in enumerate(gate_maps(outputs), start=1)}
    if maps:
        maps["mean"] = np.asarray(outputs["attention_mean"])
    evidence = signed_evidence(outputs)
    if evidence is not None:
        maps["evidence"] = np.abs(np.asarray(evidence))
    return maps


def above_minimum(maps: np.ndarray) -> np.ndarray:
    """Return the attention above the minimum of each map; 1 everywhere in a constant map.

    Args:
        maps: (n, ...), any floating dtype.

    Returns:
        Array of the same shape, float64.
    """
    pixels = tuple(range(1, maps.ndim))
    weight = maps - maps.min(axis=pixels, keepdims=True)
    return np.where(weight.max(axis=pixels, keepdims=True) > 0, weight, 1.0)


def attention_statistics(
    images: np.ndarray, maps: np.ndarray, source: np.ndarray | None = None
) -> AttentionStatistics:
    """Measure share, preference and radius of attention against those of the source.

    Args:
        images: (n, h, w) non-negative brightness, zero on empty sky, such as MiraBest's 8-bit
            images, in which pixels below 3 sigma are 0.
        maps: (n, h', w') maps of one gate, or mean attention maps; resized to the images.
        source: (n, h, w) bool, the pixels of the source; by default those above 0.

    Returns:
        The statistics.

    Raises:
        InputError: The shapes disagree, or an image has no source or no sky.
    """
    if images.ndim != 3 or maps.ndim != 3 or len(images) != len(maps):
        raise InputError(
            f"images {images.shape} and maps {maps.shape} do not go together: "
            "give (n, height, width) of each"
        )
    flux = images.astype(np.float64)
    source = images > 0 if source is None else source
    inside = source.reshape(len(images), -1)
    area = inside.mean(axis=1)
    bad = np.flatnonzero((area == 0) | (area == 1))
    if len(bad):
        raise InputError(
            f"image {bad[0]} is {'blank' if area[bad[0]] == 0 else 'all source'}: "
            "statistics of attention need sky and source in each image"
        )
    flux = np.where(source, flux, 0.0)
    attention = resize_maps(maps, images.shape[1:])
    weight = above_minimum(attention)
    squared = _squared_distance(flux)
    return AttentionStatistics(
        share=(weight * source).sum(axis=(1, 2)) / weight.sum(axis=(1, 2)),
        area=area,
        preference=_preference(attention.reshape(len(maps), -1), inside),
        radius=_rms_radius(weight, squared),
        source_radius=_rms_radius(flux, squared),
    )


def _squared_distance(flux: np.ndarray) -> np.ndarray:
    """Return the (n, h, w) squared distance from each image's flux-weighted centre, pixels^2."""
    total = flux.sum(axis=(1, 2))
    y, x = np.indices(flux.shape[1:])
    centre_y = np.einsum("nij,ij->n", flux, y) / total
    centre_x = np.einsum("nij,ij->n", flux, x) / total
    return (y - centre_y[:, None, None]) ** 2 + (x - centre_x[:, None, None]) ** 2


def _rms_radius(weight: np.ndarray, squared_distance: np.ndarray) -> np.ndarray:
    moment = (weight * squared_distance).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
    return PIXEL_SCALE * np.sqrt(moment)


def _preference(maps: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the (n,) Mann-Whitney U of source over sky pixels, over the number of pairs.

    Args:
        maps: (n, pixels).
        inside: (n, pixels) bool, the pixels of the source.
    """
    on = inside.sum(axis=1)
    off = inside.shape[1] - on
    ranks = np.where(inside, rankdata(maps, axis=1), 0).sum(axis=1)
    return (ranks - on * (on + 1) / 2) / (on * off)


def frame_regions(images: np.ndarray) -> dict[str, np.ndarray]:
    """Divide frames into source, sky around it, distant sky, and border.

    The source is every pixel above 0, which includes specks of noise in MiraBest's images.
    Around it is the sky up to `AROUND` pixels away. The border is the other sky up to `BORDER`
    pixels from an edge, and `far` is the rest.

    Args:
        images: (n, h, w) non-negative brightness, zero on empty sky.

    Returns:
        (n, h, w) bool by the names of `REGIONS`. Each pixel belongs to one region.
    """
    source = images > 0
    distance = np.stack([ndimage.distance_transform_edt(~one) for one in source])
    inner = np.zeros(images.shape[1:], bool)
    inner[BORDER:-BORDER, BORDER:-BORDER] = True
    around = (distance <= AROUND) & ~source
    rest = ~source & ~around
    return {"source": source, "around": around, "far": rest & inner, "border": rest & ~inner}


def region_enrichment(maps: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Return the share of the attention in a region over the region's share of the frame.

    It is 1 for evenly spread attention. Attention counts above the minimum of its map.

    Args:
        maps: (n, h', w') maps of any resolution, resized to that of the regions.
        region: (n, h, w) bool.

    Returns:
        (n,) float64; NaN if an image has no such region.
    """
    weight = above_minimum(resize_maps(maps, region.shape[1:]))
    share = (weight * region).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
    area = region.mean(axis=(1, 2))
    return np.where(area > 0, share / np.where(area > 0, area, 1), np.nan)


def pairwise_agreement(
    maps: Mapping[str, np.ndarray], size: tuple[int, int] = (150, 150)
) -> np.ndarray:
    """Return the Pearson correlation, over pixels, of every pair among k sets of maps.

    Args:
        maps: k sets of maps by name, (n, h, w) each, of any resolution.
        size: height and width to which all are resized.

    Returns:
        (k, k, n) float64, symmetric; NaN if either map is constant.
    """
    standard = np.stack([_standardized(one, size) for one in maps.values()])
    return np.einsum("anp,bnp->abn", standard, standard, optimize=True)


def _standardized(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return (n, pixels) of mean 0 and length 1: products are correlations; NaN if constant."""
    flat = resize_maps(maps, size).reshape(len(maps), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt((flat**2).sum(axis=1))
    # A resized constant map has rounding noise, whose correlations are meaningless.
    length = np.where(np.ptp(maps, axis=(1, 2)) == 0, np.nan, length)
    return flat / length[:, np.newaxis]
