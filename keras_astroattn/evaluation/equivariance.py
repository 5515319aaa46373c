"""Equivariance tests: does attention follow a source that is rotated, mirrored or shifted?

A test transforms an image, computes the attention map of the result, undoes the transform on that
map, and compares it with the map of the original image. A map that ignores the source can agree
equally well if it has the symmetry of the frame. Therefore compare with the agreement of the map
on which the transform was not undone.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .attention import above_minimum, resize_maps
from .protocol import transform_images


@dataclass(frozen=True)
class EquivarianceTest:
    """One transform of an equivariance test: mirror, then rotate, then shift.

    Attributes:
        name: name in tables.
        group: group of tests that tables summarize together.
        mirrored: whether left and right are exchanged.
        angle: rotation angle, degrees, from the x axis towards the y axis (clockwise on an
            image whose rows run down).
        shift: shift along x and y, pixels.
    """

    name: str
    group: str
    mirrored: bool = False
    angle: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def rows(self, size: int) -> np.ndarray:
        """Return the transform as a row (6,) of `transform_images`, for images of size x size."""
        return _affine(self._matrix().T, -self._matrix().T @ np.array(self.shift), size)

    def rows_back(self, size: int) -> np.ndarray:
        """Return the inverse transform as a row (6,)."""
        return _affine(self._matrix(), np.array(self.shift), size)

    def _matrix(self) -> np.ndarray:
        cosine, sine = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        # Rounded, so that rotations by 90 degrees read exactly the centres of pixels.
        return np.round(rotation @ np.diag([-1.0 if self.mirrored else 1.0, 1.0]), 15)


def _affine(matrix: np.ndarray, offset: np.ndarray, size: int) -> np.ndarray:
    """Return rows (a, b, c, d, e, f) of x -> matrix (x - centre) + offset + centre."""
    centre = np.full(2, size / 2)
    column = centre - matrix @ centre + offset
    return np.concatenate([np.column_stack([matrix, column])[axis] for axis in (0, 1)])


SYMMETRIES = tuple(
    EquivarianceTest(
        f"{'mirrored, ' if mirrored else ''}{90 * quarters}°",
        "8 symmetries",
        mirrored,
        90.0 * quarters,
    )
    for mirrored in (False, True)
    for quarters in range(4)
    if mirrored or quarters
)
"""The seven symmetries of a square other than the identity."""

ROTATIONS = tuple(
    EquivarianceTest(f"{angle}°", f"rotation {angle}°", angle=float(angle)) for angle in (30, 45)
)

SHIFTS = tuple(
    EquivarianceTest(
        f"{x:+d}, {y:+d} px", f"shift {max(abs(x), abs(y))} px", shift=(float(x), float(y))
    )
    for pixels in (5, 10, 20)
    for x, y in ((pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
)

EQUIVARIANCE_TESTS = (*SYMMETRIES, *ROTATIONS, *SHIFTS)
"""All transforms of the equivariance tests."""


def apply_transform(images: np.ndarray, test: EquivarianceTest) -> np.ndarray:
    """Apply the transform of a test to images.

    Args:
        images: (n, h, h) uint8.
        test: the test.

    Returns:
        (n, h, h) uint8, black outside of the original image. Shifts by whole pixels and
        rotations by 90 degrees are exact.
    """
    rows = np.tile(test.rows(images.shape[1]), (len(images), 1))
    return transform_images(images, rows)


def undo_transform(maps: np.ndarray, test: EquivarianceTest, size: int) -> np.ndarray:
    """Undo the transform of a test on attention maps, by bilinear interpolation.

    Args:
        maps: (n, h, w) maps of the transformed images, of any resolution.
        test: the test.
        size: height and width of the image, pixels.

    Returns:
        (n, size, size) float64, NaN where the transformed image does not reach. Shifts by
        whole pixels and rotations by 90 degrees are exact.
    """
    a, b, c, d, e, f = test.rows_back(size)
    # Rows of Pillow count from corners, x first; those of SciPy from centres, y first.
    matrix = np.array([[e, d], [b, a]])
    corner = np.array([f, c])
    offset = corner + matrix @ np.full(2, 0.5) - 0.5
    return np.stack(
        [
            ndimage.affine_transform(one, matrix, np.round(offset, 9), order=1, cval=np.nan)
            for one in resize_maps(maps, (size, size))
        ]
    )


def correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of pairs of maps.

    Args:
        first: (n, h, w) maps.
        second: (n, h, w) maps. Pixels that are NaN in any map are ignored in all.

    Returns:
        (n,) float64; NaN for a constant map.
    """
    first, second = _common(first, second)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    length = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    product = (first * second).sum(axis=1)
    return np.where(length > 0, product / np.where(length > 0, length, 1), np.nan)


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the overlap of pairs of maps, 1 - sum |p - q| / 2.

    p and q are the attention above the minimum of each map, divided by its sum.

    Args:
        first: (n, h, w) maps.
        second: (n, h, w) maps. Pixels that are NaN in any map are ignored in all.

    Returns:
        (n,) float64 from 0, no overlap, to 1, the same distribution.
    """
    shares = []
    for maps in _common(first, second):
        weight = above_minimum(maps)
        shares.append(weight / weight.sum(axis=1, keepdims=True))
    return 1 - np.abs(shares[0] - shares[1]).sum(axis=1) / 2


def _common(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, pixels) of both, without the pixels that are NaN anywhere."""
    first, second = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (first, second))
    known = ~(np.isnan(first).any(axis=0) | np.isnan(second).any(axis=0))
    return first[:, known], second[:, known]
