"""Sources seen by beams of any width, at any signal-to-noise ratio, as `read_fits` shows them.

`read_fits` shows a map with three pixels a beam. So a coarser beam is a source that is smaller in
beams, at another signal-to-noise ratio, among more neighbours; beam and pixels stay FIRST's.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from keras_astroattn.images import BEAM, FIELD_SIZE, PIXEL_SCALE, Cutout, cutout_from_field
from keras_astroattn.images.extent import measure_extent

from .radio_galaxies import draw_neighbours, draw_source, generator, log_uniform
from .source import SourceModel, scaled_flux, scaled_size
from .telescope import NOISE, observe, render

SIZES = (1.0, 40.0)
"""Smallest and largest measured size, beams; uniform in the logarithm."""

RATIOS = (6.0, 1000.0)
"""Least and largest peak over noise, uniform in the logarithm."""

FARTHEST = 20.0
"""Largest error of the position, pixels; that of half of the sources is below 5 pixels."""

NEIGHBOURS = (3.0, 200.0)
"""Least and largest mean number of neighbours in a field, uniform in the logarithm."""

SOFT_BELOW = 4.0
"""Measured size below which a label counts as uncertain, beams."""

_LARGEST = 60.0  # beams: the longest source that is drawn, whatever is measured
_ROUNDS = 5
_CLOSE_ENOUGH = 0.15  # relative difference between the wanted and the measured size
_ATTEMPTS = 8
_SPARE = 2**40  # other sources of a seed, drawn where the first cannot have the wanted size
_PURPOSE = 7  # of `generator`; 0 to 6 have other uses


@dataclass(frozen=True, eq=False)
class Observed:
    """A simulated source in the frame that the network sees.

    Attributes:
        model: the source as it was observed; its flux density is in units of the noise.
        cutout: the frame, recentred on the source.
    """

    model: SourceModel
    cutout: Cutout

    @property
    def confident(self) -> bool:
        """Whether the source was drawn to show its class, and looks large enough to show it."""
        size = self.cutout.size_in_beams  # NaN without a source
        return self.model.confident and size >= SOFT_BELOW


def observe_with_any_beam(seed: int, index: int, label: int | None = None) -> Observed:
    """Draw source `index` of `seed`, and observe it with a random beam.

    Sizes are drawn as they will be measured, before the noise: a fading source whose ends are
    lost in the noise is larger on the sky than one with bright ends. So both classes are equally
    common at every measured size, and size alone says nothing of the class.

    Args:
        seed: seed of the set, 0 or more.
        index: index of the source in the set, 0 or more.
        label: 0 FRI, 1 FRII, 2 hybrid; None draws FRI or FRII.

    Returns:
        The source and its frame.

    Raises:
        InputError: The seed or index is negative, or the label is not one of these.
    """
    rng = generator(seed, index, _PURPOSE)
    size, ratio = log_uniform(rng, *SIZES), log_uniform(rng, *RATIOS)
    model = draw_source(seed, index, label)
    for attempt in range(1, _ATTEMPTS):
        found, is_close = _with_size_and_ratio(model, size, ratio)
        if is_close:
            break
        model = draw_source(seed, index + attempt * _SPARE, model.label)
    model = found
    neighbours = draw_neighbours(rng, log_uniform(rng, *NEIGHBOURS))
    neighbours = replace(neighbours, flux=neighbours.flux / NOISE)
    model = replace(model, neighbours=neighbours)
    field = observe(model, rng, noise=1.0, centre=_place(rng))
    return Observed(model, cutout_from_field(field, PIXEL_SCALE, BEAM, as_is=True, recentre=True))


def _with_size_and_ratio(model: SourceModel, size: float, ratio: float) -> tuple[SourceModel, bool]:
    """Scale a source to a measured size in beams and to a peak in units of the noise.

    Returns:
        The source, and whether its measured size is close to `size`. A source whose ends vanish
        in the noise all at once can be much smaller or larger only.
    """
    wanted, longest = size * BEAM, _LARGEST * BEAM  # arcsec
    for _ in range(_ROUNDS):
        found = scaled_size(model, min(wanted, longest))
        field = render(found, neighbours=False)
        gain = np.float32(ratio / field.max())
        measured = max(measure_extent(field * gain).size * PIXEL_SCALE / BEAM, 0.2)
        found = scaled_flux(found, float(gain))
        if abs(measured / size - 1) < _CLOSE_ENOUGH:
            return found, True
        wanted = found.angular_size * min(max(size / measured, 0.3), 3.0)
    return found, False


def _place(rng: np.random.Generator) -> tuple[float, float]:
    """Return (row, column) of the host galaxy: the middle of the field, with an error."""
    reach = FARTHEST * rng.random() ** 2
    angle = rng.uniform(0, 2 * math.pi)
    middle = (FIELD_SIZE - 1) / 2
    return middle + reach * math.sin(angle), middle + reach * math.cos(angle)
