"""Former name of `keras_astroattn.datasets.simulation.survey`, for one release."""

import warnings

from .simulation.survey import *  # noqa: F403

warnings.warn(
    "keras_astroattn.datasets.simulated_survey is now keras_astroattn.datasets.simulation.survey",
    DeprecationWarning,
    stacklevel=2,
)
