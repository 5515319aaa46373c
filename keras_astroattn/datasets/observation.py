"""Former name of `keras_astroattn.datasets.simulation.telescope`, for one release."""

import warnings

from .simulation.telescope import *  # noqa: F403

warnings.warn(
    "keras_astroattn.datasets.observation is now keras_astroattn.datasets.simulation.telescope",
    DeprecationWarning,
    stacklevel=2,
)
