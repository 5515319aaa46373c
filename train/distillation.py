"""A network that learns from another one, which was trained before it."""

from pathlib import Path

import keras
from keras import ops

from keras_astroattn.callbacks import Checkpoints
from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE
from keras_astroattn.layers.registration import register
from keras_astroattn.models import from_preset, list_presets


@register
class Distillation(keras.layers.Layer):
    """Logits, unchanged; in training, with the loss that draws them to a teacher's.

        loss = weight * mean over the images of -sum_class P_teacher ln P

    The teacher sees the same image as the network, augmented as it is. Called on (image,
    logits): (batch, 150, 150, 1) and (batch, classes).

    Args:
        teacher: network from such images to logits; its weights stay as they are.
        weight: of the loss, from 0 to 1.
        **kwargs: of `keras.layers.Layer`.

    Source: Hinton et al. 2015 (arXiv 1503.02531); Beyer et al. 2022 (arXiv 2106.05237), for
    a teacher that sees what its pupil sees.
    """

    def __init__(self, teacher: keras.Model, weight: float, **kwargs):
        super().__init__(**kwargs)
        self.teacher = teacher
        self.weight = weight
        teacher.trainable = False

    @property
    def trainable(self) -> bool:
        """False: the layer has no weights but the teacher's."""
        return False

    @trainable.setter
    def trainable(self, value: bool) -> None:
        """Nothing: a model that is loaded makes all of its layers trainable."""

    def call(self, inputs, training=None):
        """Give the logits."""
        image, logits = inputs
        if training:
            taught = ops.stop_gradient(ops.softmax(self.teacher(image, training=False)))
            loss = ops.categorical_crossentropy(taught, logits, from_logits=True)
            self.add_loss(self.weight * ops.mean(loss))
        return logits

    def compute_output_shape(self, input_shape):
        """The logits'."""
        return input_shape[1]

    def get_config(self):
        """What `__init__` took."""
        teacher = keras.saving.serialize_keras_object(self.teacher)
        return {**super().get_config(), "teacher": teacher, "weight": self.weight}

    @classmethod
    def from_config(cls, config):
        """Build the layer that `get_config` describes."""
        return cls(keras.saving.deserialize_keras_object(config.pop("teacher")), **config)


def load_teacher(name: str) -> keras.Model:
    """The network of a preset, of a `.keras` file, or of the folder of a training run.

    Raises:
        InputError: there is none, it cannot be loaded, or it is no classifier of the images.
    """
    path = Path(name)
    if name in list_presets():
        return from_preset(name)
    if path.is_dir():
        path /= Checkpoints.BEST
    if not path.is_file():
        raise InputError(
            f"--teacher {name}: no preset ({', '.join(list_presets())}), .keras file or folder "
            "of a finished training run"
        )
    try:
        teacher = keras.models.load_model(path, compile=False)
    except Exception as error:  # zipfile, h5py, json and Keras raise whatever they please
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        raise InputError(f"--teacher {name} cannot be loaded: {reason}") from None
    shapes = [tuple(tensor.shape[1:]) for tensor in (*teacher.inputs, *teacher.outputs)]
    if shapes != [(IMAGE_SIZE, IMAGE_SIZE, 1), (len(CLASS_NAMES),)]:
        raise InputError(
            f"--teacher {name} is another network: give one from an image of {IMAGE_SIZE} x "
            f"{IMAGE_SIZE} x 1 to {len(CLASS_NAMES)} logits"
        )
    return teacher
