"""What is compared: training options by name, on top of the recipe `fast`."""

from typing import Any

from keras_astroattn.errors import InputError
from train.configuration import TrainConfig

SIMULATED_RUN = "runs/simulated-40000"
"""The folder of a network that has learned from simulated sources; see docs/accuracy.md."""

SHIFTED_RUN = "runs/simulated-shifted"
"""The same, where they were shifted by up to 12 pixels."""

PLAIN_SHIFTED_RUN = "runs/plain-shifted"
"""The same of a network without group convolutions."""

_AFTER_SIMULATED = {
    "data": "mirabest",
    "uncertain_confidence": 0.75,
    "learning_rate": 1.5e-3,
    "epochs": 20,
}

CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "plain-linear": {"stretch": "linear"},
    "plain-shifted-uncertain": {
        **_AFTER_SIMULATED,
        "initial_weights": PLAIN_SHIFTED_RUN,
        "shift": 8.0,
    },
    "p4m": {"symmetry": "p4m"},
    "p4m-linear": {"symmetry": "p4m", "stretch": "linear"},
    "p4m-uncertain": {"symmetry": "p4m", "data": "mirabest", "uncertain_confidence": 0.75},
    "p4m-linear-uncertain": {
        "symmetry": "p4m",
        "stretch": "linear",
        "data": "mirabest",
        "uncertain_confidence": 0.75,
    },
    "p4m-simulated-uncertain": {
        **_AFTER_SIMULATED,
        "symmetry": "p4m",
        "initial_weights": SIMULATED_RUN,
    },
    "p4m-shifted-uncertain": {
        **_AFTER_SIMULATED,
        "symmetry": "p4m",
        "initial_weights": SHIFTED_RUN,
        "shift": 8.0,
    },
}


def training_options(name: str, epochs: int | None, seed: int) -> TrainConfig:
    """The options of a run of a named configuration, for `epochs` passes or its own number.

    Raises:
        InputError: there is no such configuration.
    """
    if name not in CONFIGURATIONS:
        raise InputError(f"no configuration {name!r}: take {', '.join(CONFIGURATIONS)}")
    passes = {} if epochs is None else {"epochs": epochs}
    return TrainConfig(**{**CONFIGURATIONS[name], **passes}, seed=seed, validation_fraction=0.0)


def epochs_of(name: str, epochs: int | None) -> int:
    """The passes of a run of a named configuration, as `training_options` has them."""
    return training_options(name, epochs, 0).epochs
