"""Numbers that say where attention lies.

The zero point and scale of a map mean nothing by themselves: the normalizations choose
them freely (`std_mean_norm` is negative in places, `softmax` tiny, `sigmoid` rarely far
from 1). Shares, enrichment and radii therefore weigh each pixel by the attention above
its map's own minimum, w = a - min(a).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rich.table import Table
from scipy.stats import rankdata

from keras_astroattn.errors import InputError
from keras_astroattn.images import PIXEL_SCALE

ZERO_SPACE_THRESHOLD = 1.0
"""An enrichment below this is attention to the empty sky."""


@dataclass(frozen=True)
class AttentionStatistics:
    """Where one set of maps lies on its images. Arrays hold one value an image, (n,) float64.

    Attributes:
        share: Share of the attention that is on the source's pixels.
        area: Share of the image's pixels that are the source's: what `share` would be for
            attention spread evenly.
        preference: Chance that a random pixel of the source has more attention than a
            random pixel of the empty sky, ties half (the AUC of saliency research, e.g.
            Bylinskii et al. 2019): 1 is all on the source, 1/2 is blind to it. It counts
            pixels, not amounts: a softmax that puts all on a few pixels of the source may
            leave the rest of it below the sky.
        radius: Root-mean-square distance of the attention from the source's flux-weighted
            centre, arcsec.
        source_radius: The same of the source's own flux, arcsec.
    """

    share: np.ndarray
    area: np.ndarray
    preference: np.ndarray
    radius: np.ndarray
    source_radius: np.ndarray

    @property
    def enrichment(self) -> np.ndarray:
        """Share over area, (n,): attention per pixel on the source over that on the image.

        1 is attention spread evenly, below 1 the source gets less than its part.
        """
        return self.share / self.area

    @property
    def on_empty_sky(self) -> np.ndarray:
        """(n,) bool: images whose enrichment is below 1, the sky getting more than its part."""
        return self.enrichment < ZERO_SPACE_THRESHOLD

    @property
    def attends_zero_space(self) -> bool:
        """The verdict "attending the zero-space" of the paper: median enrichment below 1.

        In more than half of the images, that is, a pixel of empty sky has on average more
        attention than one of the source. (The share of attention on the sky is no
        criterion: sources cover some 2 % of a MiraBest image, and even a good map leaves
        nine tenths of its attention outside them.)
        """
        return bool(np.median(self.enrichment) < ZERO_SPACE_THRESHOLD)

    def summary(self) -> dict[str, float | bool]:
        """Means over the images (median enrichment), share of them on the sky, the verdict."""
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
    """Resize maps bilinearly with half-pixel centres, edges held, without smoothing first.

    Args:
        maps: (n, h, w), any float.
        size: New height and width.

    Returns:
        (n, *size) float64.
    """
    if maps.shape[1:] == tuple(size):
        return maps.astype(np.float64)
    rows, columns = (
        _interpolation(old, new) for old, new in zip(maps.shape[1:], size, strict=True)
    )
    return rows @ maps.astype(np.float64) @ columns.T


def _interpolation(old: int, new: int) -> np.ndarray:
    """(new, old) weights of linear interpolation between the centres of `old` pixels."""
    position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    below = np.minimum(position.astype(int), max(old - 2, 0))
    weights = np.zeros((new, old))
    weights[np.arange(new), below] = 1 - (position - below)
    weights[np.arange(new), np.minimum(below + 1, old - 1)] += position - below
    return weights


def mean_map(gates: Mapping[str, np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """Mean over gates of their (n, h, w) maps resized to `size`, not rescaled; float64."""
    return np.mean([resize_maps(maps, size) for maps in gates.values()], axis=0)


def attention_statistics(
    images: np.ndarray, maps: np.ndarray, source: np.ndarray | None = None
) -> AttentionStatistics:
    """Share, preference and radius of attention, against the source's own.

    Args:
        images: (n, h, w) of non-negative brightness, zero on empty sky, such as MiraBest's
            8-bit images (what is below 3 sigma is 0 in them).
        maps: (n, h', w') attention of one gate, or a mean map; resized to the images.
        source: (n, h, w) bool, the source's pixels; by default those above 0.

    Raises:
        InputError: Shapes disagree, or an image is all source or holds none.
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
    weight = _above_minimum(attention)
    squared = _squared_distance(flux)
    return AttentionStatistics(
        share=(weight * source).sum(axis=(1, 2)) / weight.sum(axis=(1, 2)),
        area=area,
        preference=_preference(attention.reshape(len(maps), -1), inside),
        radius=_rms_radius(weight, squared),
        source_radius=_rms_radius(flux, squared),
    )


def _above_minimum(maps: np.ndarray) -> np.ndarray:
    """Attention above the map's own minimum; evenly 1 where the map is constant."""
    weight = maps - maps.min(axis=(1, 2), keepdims=True)
    return np.where(weight.max(axis=(1, 2), keepdims=True) > 0, weight, 1.0)


def _squared_distance(flux: np.ndarray) -> np.ndarray:
    """(n, h, w) squared distance from each image's flux-weighted centre, pixels^2."""
    total = flux.sum(axis=(1, 2))
    y, x = np.indices(flux.shape[1:])
    centre_y = np.einsum("nij,ij->n", flux, y) / total
    centre_x = np.einsum("nij,ij->n", flux, x) / total
    return (y - centre_y[:, None, None]) ** 2 + (x - centre_x[:, None, None]) ** 2


def _rms_radius(weight: np.ndarray, squared_distance: np.ndarray) -> np.ndarray:
    moment = (weight * squared_distance).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))
    return PIXEL_SCALE * np.sqrt(moment)


def _preference(maps: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Mann-Whitney U of source over sky pixels, over the number of pairs; (n, pixels) in."""
    on = inside.sum(axis=1)
    off = inside.shape[1] - on
    ranks = np.where(inside, rankdata(maps, axis=1), 0).sum(axis=1)
    return (ranks - on * (on + 1) / 2) / (on * off)


def map_agreement(
    first: np.ndarray, second: np.ndarray, size: tuple[int, int] = (150, 150)
) -> np.ndarray:
    """Pearson correlation, over pixels, of two maps of each image.

    Args:
        first: (n, h, w), e.g. a gate's maps.
        second: (n, h', w'), e.g. another gate's, or Grad-CAM's.
        size: Height and width that both are resized to.

    Returns:
        (n,) float64 from -1 to 1; NaN where a map is constant and correlation undefined.
    """
    return pairwise_agreement({"first": first, "second": second}, size)[0, 1]


def pairwise_agreement(
    maps: Mapping[str, np.ndarray], size: tuple[int, int] = (150, 150)
) -> np.ndarray:
    """`map_agreement` of every pair among k named sets of maps (gates, Grad-CAM, ...).

    Args:
        maps: (n, h, w) each, of any resolution.
        size: Height and width that all are resized to.

    Returns:
        (k, k, n) float64, symmetric; NaN where either map is constant.
    """
    standard = np.stack([_standardized(one, size) for one in maps.values()])
    return np.einsum("anp,bnp->abn", standard, standard, optimize=True)


def _standardized(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(n, pixels) of mean 0 and length 1, so that products are correlations; NaN if constant."""
    flat = resize_maps(maps, size).reshape(len(maps), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt((flat**2).sum(axis=1))
    # Resizing a constant map leaves rounding noise, which would correlate with anything.
    length = np.where(np.ptp(maps, axis=(1, 2)) == 0, np.nan, length)
    return flat / length[:, np.newaxis]


def gate_agreement(
    maps: Mapping[str, np.ndarray], size: tuple[int, int] = (150, 150)
) -> tuple[tuple[str, ...], np.ndarray]:
    """Mean of `pairwise_agreement` over the images.

    Returns:
        The names, and the symmetric (k, k) float64 matrix of mean correlations over the
        images in which both maps vary (NaN if there is none), 1 on its diagonal.
    """
    pairs = pairwise_agreement(maps, size)
    known = ~np.isnan(pairs)
    count = known.sum(axis=-1)
    total = np.where(known, pairs, 0.0).sum(axis=-1)
    matrix = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    np.fill_diagonal(matrix, 1.0)
    return tuple(maps), matrix


def attention_table(statistics: Mapping[str, AttentionStatistics]) -> Table:
    """A table for the terminal, one row a gate or map, from its `summary`."""
    table = Table(title="where attention lies, over the images", title_justify="left")
    table.add_column("map")
    for name in ("share on source", "enrichment", "preference", "radius", "source's radius"):
        table.add_column(name, justify="right")
    table.add_column("attends empty sky")
    for name, one in statistics.items():
        row = one.summary()
        table.add_row(
            name,
            f"{row['share']:.3f}",
            f"{row['enrichment']:.2f}",
            f"{row['preference']:.2f}",
            f'{row["radius"]:.0f}"',
            f'{row["source_radius"]:.0f}"',
            f"{'YES' if row['attends_zero_space'] else 'no'} "
            f"({100 * row['images_on_empty_sky']:.0f} % of images)",
        )
    return table
