"""Initial weights of a training from a trained network."""

import keras

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE
from keras_astroattn.models import loading

# Options in which a network with the same weights may differ.
_FREE = ("name", "dtype", "trainable", "dropout", "psi_bias", "source_alone")
_OPTION = "--initial-weights"


def load_network(name: str, option: str = _OPTION) -> keras.Model:
    """Load a network to start a training from.

    Args:
        name: name of a preset, .keras file, folder of a training run, or checkpoint of the
            paper; see `keras_astroattn.models.loading.find_network`.
        option: option that names it, for messages.

    Raises:
        InputError: The network does not exist, cannot be loaded, or does not classify the images.
    """
    try:
        network = loading.load_network(name)
    except InputError as error:
        raise InputError(f"{option} {error}") from None
    shapes = [tuple(tensor.shape[1:]) for tensor in (*network.inputs, *network.outputs)]
    if shapes != [(IMAGE_SIZE, IMAGE_SIZE, 1), (len(CLASS_NAMES),)]:
        raise InputError(
            f"{option} {name} is another network: give one from an image of {IMAGE_SIZE} x "
            f"{IMAGE_SIZE} x 1 to {len(CLASS_NAMES)} logits"
        )
    return network


def start_from(network: keras.Model, name: str) -> None:
    """Give a network the weights of another one of its kind and options.

    Args:
        network: the network to be trained.
        name: name of the other network, as in `load_network`.

    Raises:
        InputError: As in `load_network`, or the other network has another class or other options.
    """
    other = load_network(name)
    if type(other) is not type(network):
        raise InputError(
            f"{_OPTION} {name} is a {type(other).__name__}, not a {type(network).__name__}: "
            "give the same --symmetry"
        )
    theirs, ours = other.get_config(), network.get_config()
    for key in ours:
        if key not in _FREE and theirs[key] != ours[key]:
            raise InputError(
                f"{_OPTION} {name} has {key} {theirs[key]}, not {ours[key]}: give the same options"
            )
    network.set_weights(other.get_weights())
