"""Training options by name, on top of the recipe `fast`, for cross-validation.

A configuration with `after` continues the network of another configuration.
"""

from typing import Any

from keras_astroattn.errors import InputError

from .configuration import TrainConfig

SIMULATED_RUN = "runs/simulated-40000-seed{seed}"
"""Folder of a network that was trained on simulated sources (docs/accuracy.md), for each seed."""

VOTES_RUN = "runs/votes-40000-seed{seed}"
"""The same, of a network with `--aggregation votes` and `--padding sky`."""

CONSISTENT_RUN = "runs/consistent-40000-seed{seed}"
"""The same, with a last pass of consistency training."""

SHIFTED_RUN = "runs/simulated-shifted"
"""As `SIMULATED_RUN`, with sources shifted by up to 12 pixels; one network for all seeds."""

PLAIN_SHIFTED_RUN = "runs/plain-shifted"
"""The same, without group convolutions; one network for all seeds."""

_AFTER_SIMULATED = {
    "data": "mirabest",
    "uncertain_confidence": 0.75,
    "learning_rate": 1.5e-3,
    "epochs": 20,
}

_ALONE = {
    "data": "mirabest",
    "uncertain_confidence": 0.75,
    "symmetry": "p4m",
    "aggregation": "votes",
    "padding": "sky",
    "source_alone": True,
}

_SURVEY = {
    **_ALONE,
    "after": "alone-mixed",
    "epochs": 5,
    "learning_rate": 7e-4,
    "degraded_copies": 2,
    "balance_sizes": True,
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
    "p4m-votes-uncertain": {
        **_AFTER_SIMULATED,
        "symmetry": "p4m",
        "aggregation": "votes",
        "padding": "sky",
        "consistency": 0.1,
        "initial_weights": VOTES_RUN,
    },
    "p4m-votes-alone-uncertain": {
        **_AFTER_SIMULATED,
        **_ALONE,
        "initial_weights": VOTES_RUN,
    },
    "alone-mixed": {
        **_ALONE,
        "after": "p4m-votes-alone-uncertain",
        "epochs": 4,
        "learning_rate": 1e-3,
        "observation": "many-beams",
        "mixed_simulated": 5400,
        "degraded_copies": 2,
        "balance_sizes": True,
    },
    "alone-survey": _SURVEY,
    "alone-survey-frames": {**_SURVEY, "fit_frames": True},
    "alone-evidence": {
        **_ALONE,
        "after": "alone-survey",
        "epochs": 1,
        "learning_rate": 1e-4,
        "degraded_copies": 1,
        "balance_sizes": True,
        "consistency": 0.1,
        "consistency_passes": 5,
    },
    "p4m-votes-consistent-start": {
        **_AFTER_SIMULATED,
        "symmetry": "p4m",
        "aggregation": "votes",
        "padding": "sky",
        "initial_weights": CONSISTENT_RUN,
    },
    "p4m-shifted-uncertain": {
        **_AFTER_SIMULATED,
        "symmetry": "p4m",
        "initial_weights": SHIFTED_RUN,
        "shift": 8.0,
    },
}


def training_options(name: str, epochs: int | None, seed: int) -> TrainConfig:
    """Return the options of a run of a named configuration.

    The run of a configuration that continues another one starts from the folder `runs/OTHER`.

    Args:
        name: name of the configuration.
        epochs: passes over the training images; None for the configuration's own number.
        seed: seed of the run; it replaces `{seed}` in the folder of the initial weights.

    Raises:
        InputError: The configuration does not exist.
    """
    options = dict(_options_of(name))
    before = options.pop("after", None)
    if before is not None:
        options["initial_weights"] = f"runs/{before}"
    if epochs is not None:
        options["epochs"] = epochs
    if "initial_weights" in options:
        options["initial_weights"] = options["initial_weights"].format(seed=seed)
    return TrainConfig(**options, seed=seed, validation_fraction=0.0)


def epochs_of(name: str, epochs: int | None) -> int:
    """Return the passes of a run of a named configuration; see `training_options`."""
    return training_options(name, epochs, 0).epochs


def configuration_before(name: str) -> str | None:
    """Return the configuration whose network a configuration continues, or None.

    Raises:
        InputError: The configuration does not exist.
    """
    return _options_of(name).get("after")


def with_those_before(names: list[str]) -> list[str]:
    """Return configurations and all that they continue, each once and after that one."""
    ordered: dict[str, None] = {}
    for name in names:
        before = configuration_before(name)
        if before is not None:
            ordered.update(dict.fromkeys(with_those_before([before])))
        ordered[name] = None
    return list(ordered)


def _options_of(name: str) -> dict[str, Any]:
    if name not in CONFIGURATIONS:
        raise InputError(f"no configuration {name!r}: choose from {', '.join(CONFIGURATIONS)}")
    return CONFIGURATIONS[name]
