"""Division of a source into connected patches of equal flux, for deletion tests.

A deletion test removes parts of a source and measures how the prediction changes. Single pixels are
unsuitable, because a radio image is smooth over its beam. Patches with equal numbers of pixels
favour a map that marks bright patches, because more flux is deleted with them. The patches here
are connected, and all have the same flux.
"""

import numpy as np

from keras_astroattn.errors import InputError

from .islands import label_islands

REST = -1
"""Label of islands that are too faint for a patch, such as noise and faint neighbours."""

PATCHES = 10
"""Default number of patches of an image."""

# The neighbours of a pixel, clockwise.
_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))


def _touches(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= 1


def _is_connected(pixels: list[tuple[int, int]]) -> bool:
    """Return whether pixels touch each other, corners included; true for none and one."""
    reached, waiting = pixels[:1], pixels[1:]
    for pixel in reached:
        near = [other for other in waiting if _touches(pixel, other)]
        waiting = [other for other in waiting if other not in near]
        reached += near
    return not waiting


# For each set of present neighbours (as bits): whether they are connected without the pixel.
_RING_IS_CONNECTED = tuple(
    _is_connected([pixel for bit, pixel in enumerate(_RING) if pattern >> bit & 1])
    for pattern in range(256)
)


def flux_patches(image: np.ndarray, count: int = PATCHES) -> np.ndarray:
    """Divide the source of an image into connected patches of equal flux.

    An island is a group of pixels above 0 that touch at sides or corners. An island of flux F out
    of the total flux T is divided into round(F / (T / count)) patches, at least one. Islands with
    less than half of the flux of a patch are labelled `REST`, except the brightest one.

    A patch grows from the far end of an island, nearest pixels first, and leaves a connected rest
    if possible. If a pixel cuts off a piece of the island, the piece joins the patch. The fluxes of
    the patches of an island differ by about one pixel, and by more at necks and branches.

    Args:
        image: (height, width) non-negative brightness, 0 on the empty sky.
        count: number of patches of an image with one island, at least 1.

    Returns:
        (height, width) int64: 0 on the sky, 1 to k the patches, `REST`.

    Raises:
        InputError: The image is not two-dimensional, is empty, or has negative or infinite
            pixels; or `count` is not positive.
    """
    if image.ndim != 2 or count < 1:
        raise InputError(
            f"an image {image.shape} cannot be cut into {count} patches: "
            "give (height, width) and at least 1"
        )
    flux = image.astype(np.float64)
    if not (np.isfinite(flux).all() and flux.min() >= 0 and flux.max() > 0):
        raise InputError(
            "the image is empty or has negative or infinite pixels: give a source on a sky of 0"
        )
    islands, fluxes = _pieces(flux > 0, flux)
    labels = np.zeros(image.shape, np.int64)
    patches = 0
    for island, share in enumerate(fluxes / (fluxes.sum() / count), start=1):
        inside = islands == island
        if share < 0.5 and share < (fluxes.max() * count / fluxes.sum()):
            labels[inside] = REST
            continue
        for patch in _cut(flux, inside, min(max(1, round(share)), int(inside.sum()))):
            patches += 1
            labels[patch] = patches
    return labels


def _cut(flux: np.ndarray, inside: np.ndarray, parts: int) -> list[np.ndarray]:
    """Return the masks of `parts` patches of a connected mask of at least as many pixels."""
    if parts == 1:
        return [inside]
    # The island alone is faster than the whole image; a black frame gives every pixel all
    # neighbours.
    (top, left_edge), (bottom, right) = (
        edge(np.argwhere(inside), axis=0) for edge in (np.min, np.max)
    )
    box = (slice(top, bottom + 1), slice(left_edge, right + 1))
    flux, left = np.pad(flux[box], 1), np.pad(inside[box], 1)
    patches = []
    for missing in range(parts, 1, -1):
        target = flux[left].sum() / missing
        patch = _grow(flux, left, target, missing - 1)
        left = left & ~patch
        patches.append(patch)
    found = np.zeros((parts, *inside.shape), bool)
    found[:, *box] = [patch[1:-1, 1:-1] for patch in (*patches, left)]
    return list(found)


def _grow(flux: np.ndarray, inside: np.ndarray, target: float, keep: int) -> np.ndarray:
    """Return a connected part of a connected mask of about `target` flux; leave `keep` pixels.

    The pixels that it leaves are connected too, if possible.
    """
    left, patch = inside.copy(), np.zeros_like(inside)
    seed = _far_end(inside)
    frontier, taken, got = {seed}, [], 0.0
    while True:
        near = sorted(frontier, key=lambda pixel: (_squared(pixel, seed), pixel))
        pieces = ([pixel] for pixel in near if _leaves_connected(left, pixel))
        piece = next(pieces, None)
        if piece is None:
            piece = min(
                (_with_cut_off(flux, left, pixel) for pixel in near),
                key=lambda pixels: sum(flux[pixel] for pixel in pixels),
            )
        gain = sum(flux[pixel] for pixel in piece)
        # The pixel would move the flux away from the target; but a patch is never empty.
        if taken and got + gain / 2 > target:
            return patch
        if left.sum() - len(piece) < keep:
            if taken:
                return patch
            piece, gain = [seed], flux[seed]
        for pixel in piece:
            patch[pixel], left[pixel] = True, False
        taken += piece
        got += gain
        frontier |= {
            (row + down, column + across) for row, column in piece for down, across in _RING
        }
        frontier = {pixel for pixel in frontier if left[pixel]}
        if left.sum() <= keep:
            return patch


def _squared(one: tuple[int, int], other: tuple[int, int]) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _far_end(inside: np.ndarray) -> tuple[int, int]:
    """Return the pixel that takes most steps to reach from the pixel that takes most steps.

    No path from that start to another pixel needs it, so the mask stays connected without it.
    """
    row, column = np.argwhere(inside)[0]
    for _ in range(2):
        reached = np.zeros_like(inside)
        edge = [(int(row), int(column))]
        while edge:
            row, column = edge[0]
            for pixel in edge:
                reached[pixel] = True
            edge = sorted(
                {
                    (r + down, c + across)
                    for r, c in edge
                    for down, across in _RING
                    if inside[r + down, c + across] and not reached[r + down, c + across]
                }
            )
    return row, column


def _leaves_connected(left: np.ndarray, pixel: tuple[int, int]) -> bool:
    """Return whether a connected mask without one of its pixels is connected."""
    row, column = pixel
    pattern = sum(
        1 << bit for bit, (down, across) in enumerate(_RING) if left[row + down, column + across]
    )
    if _RING_IS_CONNECTED[pattern]:
        return True
    without = left.copy()
    without[pixel] = False
    return _is_one_piece(without)


def _is_one_piece(mask: np.ndarray) -> bool:
    """Return whether a mask within a black frame is connected; true for an empty one.

    The mask becomes one integer, a bit for each pixel, that a single pixel floods by shifts.
    """
    width = mask.shape[1]
    inside = int.from_bytes(np.packbits(mask), "big")
    piece = inside & -inside
    while True:
        wide = piece | piece << 1 | piece >> 1
        grown = (wide | wide << width | wide >> width) & inside
        if grown == piece:
            return piece == inside
        piece = grown


def _with_cut_off(
    flux: np.ndarray, left: np.ndarray, pixel: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return a pixel and all pieces that it separates from the brightest piece."""
    without = left.copy()
    without[pixel] = False
    pieces, fluxes = _pieces(without, flux)
    cut_off = np.argwhere((pieces > 0) & (pieces != 1 + np.argmax(fluxes)))
    return [pixel, *((int(row), int(column)) for row, column in cut_off)]


def _pieces(mask: np.ndarray, flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the connected pieces of a mask, and the flux of each.

    Returns:
        (height, width) int, 0 off the mask and 1 to n the pieces, in the order of their first
        pixels; (n,) fluxes.
    """
    points, labels = label_islands(mask)
    _, numbers = np.unique(labels, return_inverse=True)
    pieces = np.zeros(mask.shape, np.int64)
    pieces[tuple(points.T)] = numbers + 1
    return pieces, np.bincount(numbers, weights=flux[tuple(points.T)])
