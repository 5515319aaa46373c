"""Whether attention goes along when the source is turned, mirrored or shifted.

An image is moved, its map is made and moved back, and laid on the map of the image as it
was. A map that knows nothing of the source may agree with itself as well, if it is as
symmetrical as the frame: beside each agreement stands that of the map which was not moved
back.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .attention_statistics import resize_maps
from .protocol import transform_images


@dataclass(frozen=True)
class Move:
    """A turn, a mirror image or a shift of a picture.

    Attributes:
        name: What it is called in tables.
        group: What it is counted with.
        mirrored: Whether left and right are exchanged, before all else.
        angle: Of the turn, degrees, from the x axis towards the y axis (clockwise on a
            picture whose rows run down).
        shift: Of the turned picture along x and y, pixels.
    """

    name: str
    group: str
    mirrored: bool = False
    angle: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def rows(self, size: int) -> np.ndarray:
        """(6,) as `transform_images` takes it, for pictures of size x size pixels."""
        return _affine(self._matrix().T, -self._matrix().T @ np.array(self.shift), size)

    def rows_back(self, size: int) -> np.ndarray:
        """The same of the move that undoes it."""
        return _affine(self._matrix(), np.array(self.shift), size)

    def _matrix(self) -> np.ndarray:
        cosine, sine = np.cos(np.deg2rad(self.angle)), np.sin(np.deg2rad(self.angle))
        turn = np.array([[cosine, -sine], [sine, cosine]])
        # Quarter turns to the digit: what falls on a pixel's centre is read there alone.
        return np.round(turn @ np.diag([-1.0 if self.mirrored else 1.0, 1.0]), 15)


def _affine(matrix: np.ndarray, offset: np.ndarray, size: int) -> np.ndarray:
    """Rows (a, b, c, d, e, f) of x -> matrix (x - centre) + offset + centre."""
    centre = np.full(2, size / 2)
    column = centre - matrix @ centre + offset
    return np.concatenate([np.column_stack([matrix, column])[axis] for axis in (0, 1)])


SYMMETRIES = tuple(
    Move(
        f"{'mirrored, ' if mirrored else ''}{90 * turns}°",
        "8 symmetries",
        mirrored,
        90.0 * turns,
    )
    for mirrored in (False, True)
    for turns in range(4)
    if mirrored or turns
)
"""The symmetries of a square but the identity."""

TURNS = tuple(Move(f"{angle}°", f"turn {angle}°", angle=float(angle)) for angle in (30, 45))

SHIFTS = tuple(
    Move(f"{x:+d}, {y:+d} px", f"shift {max(abs(x), abs(y))} px", shift=(float(x), float(y)))
    for pixels in (5, 10, 20)
    for x, y in ((pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels))
)

MOVES = (*SYMMETRIES, *TURNS, *SHIFTS)
"""All that attention is asked to follow."""


def move_images(images: np.ndarray, move: Move) -> np.ndarray:
    """(n, h, h) uint8 images moved, black where they have nothing; exact for whole pixels."""
    rows = np.tile(move.rows(images.shape[1]), (len(images), 1))
    return transform_images(images, rows)


def move_back(maps: np.ndarray, move: Move, size: int) -> np.ndarray:
    """Undo a move on maps: (n, h, w) of any resolution to (n, size, size) float64.

    NaN where the moved frame does not reach; bilinear, exact for quarter turns and shifts by
    whole pixels.
    """
    a, b, c, d, e, f = move.rows_back(size)
    # Pillow's rows run from corner to corner, x first; SciPy's between centres, y first.
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
    """Pearson correlation of (n, h, w) maps over the pixels that both know, (n,).

    NaN where a map is constant. Pixels that are NaN in any map are left out of all.
    """
    first, second = _common(first, second)
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    length = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    product = (first * second).sum(axis=1)
    return np.where(length > 0, product / np.where(length > 0, length, 1), np.nan)


def overlap(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What two maps (n, h, w) have in common, 1 - sum |p - q| / 2, from 0 to 1; (n,).

    p and q are the attention above each map's minimum, of sum 1 over the pixels that both
    know. It is the share that would stay where it is, if one were made into the other.
    """
    shares = []
    for maps in _common(first, second):
        weight = maps - maps.min(axis=1, keepdims=True)
        weight = np.where(weight.max(axis=1, keepdims=True) > 0, weight, 1.0)
        shares.append(weight / weight.sum(axis=1, keepdims=True))
    return 1 - np.abs(shares[0] - shares[1]).sum(axis=1) / 2


def _common(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, pixels) of both, without the pixels that are NaN anywhere."""
    first, second = (maps.reshape(len(maps), -1).astype(np.float64) for maps in (first, second))
    known = ~(np.isnan(first).any(axis=0) | np.isnan(second).any(axis=0))
    return first[:, known], second[:, known]
