"""Real sources of MiraBest to inject into tiles, seen by a wider beam as from a larger distance."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_astroattn.datasets import is_at_hand, load_sources
from keras_astroattn.datasets.archives import DATA_VARIABLE
from keras_astroattn.errors import InputError
from keras_astroattn.images import BEAM, CLASS_NAMES, PIXEL_SCALE, Beam, FitsMap
from keras_astroattn.images.celestial import local_jacobian
from keras_astroattn.images.preprocessing import MASK_SIGMA
from keras_astroattn.images.resampling import smooth, smoothing_margin

_DATA = "mirabest-confident"


@dataclass(frozen=True, eq=False)
class RealSource:
    """An image of a real source.

    Attributes:
        image: (n, n) float32 brightness, 0 where the sky was clipped; the host is in the middle.
        size: size, beams.
        ratio: peak over noise.
        beam_pixels: full width at half maximum of the beam, pixels of `image`.
    """

    image: np.ndarray
    size: float
    ratio: float
    beam_pixels: float = BEAM / PIXEL_SCALE

    def seen(self, size: float, beam: Beam, turn: float) -> "SeenSource":
        """Return the source as from a larger distance, at which it measures fewer beams.

        The image shrinks to `size` beams of the map, and is smoothed to that beam.

        Args:
            size: size in beams, at most `largest_size(beam)`.
            beam: beam of the map.
            turn: angle of the rotation, radians.
        """
        width = beam.mean * size / self.size  # of the shrunken image's own beam
        pixel = width / self.beam_pixels
        cosine, sine = math.cos(turn), math.sin(turn)
        to_image = np.array([[cosine, -sine], [sine, cosine]]) / pixel
        wider = beam.covariance - Beam.of(width).covariance
        covariance = to_image @ wider @ to_image.T
        padded = np.pad(self.image, smoothing_margin(covariance))
        smoothed = smooth(padded, covariance)
        return SeenSource(smoothed / np.float32(smoothed.max()), to_image)

    def largest_size(self, beam: Beam) -> float:
        """Return the largest size in beams at which the map's beam is not narrower than its own."""
        return self.size * beam.minor / beam.mean


@dataclass(frozen=True, eq=False)
class SeenSource:
    """A smoothed image of a source, of which parts of a map are interpolated.

    Attributes:
        image: (n, n) float32.
        to_image: (2, 2) matrix from (east, north), arcsec, to pixels (column, row) of `image`.
    """

    image: np.ndarray
    to_image: np.ndarray

    def scaled(self, peak: float) -> "SeenSource":
        """Return the source with a peak, Jy/beam."""
        return dataclasses.replace(self, image=self.image * np.float32(peak / self.image.max()))

    def drawn_on(
        self, sky: FitsMap, pixel: np.ndarray, low: Sequence[int], high: Sequence[int]
    ) -> np.ndarray:
        """Draw the source on pixels of a map; arguments and result as of `injection.drawn_on`."""
        from scipy.ndimage import map_coordinates  # a dependency of the training extra

        rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]]
        offsets = np.stack([columns - pixel[0], rows - pixel[1]]).astype(np.float32)
        matrix = self.to_image @ local_jacobian(sky.keywords, tuple(pixel))
        column, row = np.tensordot(matrix, offsets, 1) + (len(self.image) - 1) / 2
        return map_coordinates(self.image, [row, column], order=3, output=np.float32)


class RealSources:
    """Real sources of both classes.

    Args:
        sources: sources by class.
    """

    def __init__(self, sources: dict[str, list[RealSource]]):
        self.sources = sources

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(some)} {name}" for name, some in self.sources.items())
        return f"RealSources({counts})"

    def draw(self, kind: str, rng: np.random.Generator) -> RealSource:
        """Draw a source of a class."""
        some = self.sources[kind]
        return some[int(rng.integers(len(some)))]


def load_real_sources(least_size: float, least_ratio: float) -> RealSources:
    """Load the sources with certain labels of MiraBest's test set, without a download.

    The presets were not trained on these sources.

    Args:
        least_size: sources that are not larger, in beams, are left out.
        least_ratio: sources whose peak over noise is not larger are left out.

    Raises:
        InputError: MiraBest or TensorFlow Datasets is missing.
    """
    if not is_at_hand(_DATA):
        raise InputError(
            f"--inject-from mirabest needs MiraBest: set {DATA_VARIABLE} to a folder with its "
            "tarball, or load it once by load_sources('mirabest')"
        )
    found = load_sources(_DATA, "test")
    sources: dict[str, list[RealSource]] = {name: [] for name in CLASS_NAMES}
    for image, label, size in zip(found.image, found.label, found.angular_size, strict=True):
        if image.any():
            # The faintest pixel of an image is at 3 sigma, where the noise was clipped.
            ratio = MASK_SIGMA * float(image.max()) / float(image[image > 0].min())
            one = RealSource(image.astype(np.float32), float(size) / BEAM, ratio)
            if one.size > least_size and one.ratio > least_ratio:
                sources[CLASS_NAMES[label]].append(one)
    return RealSources(sources)
