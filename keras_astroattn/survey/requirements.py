"""What only surveys need beside the base install."""

import importlib.util

from keras_astroattn.errors import InputError


def need(*modules: str) -> None:
    """Refuse to go on without some modules.

    Raises:
        InputError: One of them is not installed.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise InputError(f"surveys need {module}: pip install 'keras-astroattn[survey]'")
