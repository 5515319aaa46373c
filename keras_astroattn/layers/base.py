"""Common parts of the layers: registration with Keras, float32, and checks of options."""

import re
from collections.abc import Callable, Iterable

import keras

PACKAGE = "keras_astroattn"


def register(cls: type | None = None, *, former: str | None = None) -> type | Callable:
    """Register a layer or model with Keras, so that files load without `custom_objects`.

    Args:
        cls: the class; None if the decorator is used with an option.
        former: class name in files of earlier releases, which then load as this class.

    Returns:
        The class, or a decorator of it.
    """
    if cls is None:
        return lambda cls: register(cls, former=former)
    if issubclass(cls, keras.Model):
        # HDF5 files of whole models hold only the name of the class.
        keras.saving.get_custom_objects()[cls.__name__] = cls
    if former is not None:
        keras.saving.get_custom_objects()[f"{PACKAGE}>{former}"] = cls
        cls.load_own_variables = _load_former(cls.load_own_variables, cls.__name__, former)
    return keras.saving.register_keras_serializable(package=PACKAGE)(cls)


def _load_former(load: Callable, present: str, former: str) -> Callable:
    """Let `load_own_variables` find weights that were saved under a former class name.

    In a .keras file the weights of a layer stand at a path whose last part is the name of its
    class, for example `layers/folded_batch_normalization_3`.
    """
    present, former = (
        re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in (present, former)
    )

    def load_own_variables(self, store):
        path = getattr(store, "_h5_entry_path", None) or ""
        parent, _, last = path.rpartition("/")
        if len(store.keys()) == 0 and last.startswith(present):
            store = store.get(f"{parent}/{former}{last.removeprefix(present)}")
        load(self, store)

    return load_own_variables


class Float32Layer(keras.layers.Layer):
    """A layer that computes in float32 under every global dtype policy.

    Sums over thousands of pixels and differences of close values lose too much in half
    precision. Inputs of another dtype are cast to float32, as Keras does for every layer.

    Args:
        dtype: none or float32.
        **kwargs: options of `keras.layers.Layer`.

    Raises:
        ValueError: `dtype` is another dtype.
    """

    def __init__(self, *, dtype=None, **kwargs):
        policy = keras.dtype_policies.get("float32" if dtype is None else dtype)
        if (policy.compute_dtype, policy.variable_dtype) != ("float32", "float32"):
            raise ValueError(
                f"{type(self).__name__} computes in float32 under every policy: leave dtype out; "
                f"got {policy.name}"
            )
        super().__init__(dtype="float32", **kwargs)


def require_choice(option: str, value: object, choices: Iterable[object]) -> None:
    """Check that an option has one of its allowed values.

    Args:
        option: name of the option, for the message.
        value: given value.
        choices: allowed values.

    Raises:
        ValueError: `value` is not one of the choices.
    """
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{option} must be one of {', '.join(map(str, choices))}; got {value!r}")
