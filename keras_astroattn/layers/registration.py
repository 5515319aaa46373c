"""How this package's classes are known to Keras, and how their options are checked."""

from collections.abc import Iterable

import keras

register = keras.saving.register_keras_serializable(package="keras_astroattn")


def require_choice(option: str, value: object, choices: Iterable[object]) -> None:
    """Raise ValueError, naming the option and its choices, if `value` is not one of them."""
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{option} must be one of {', '.join(map(str, choices))}; got {value!r}")
