"""A network that learns from another one, which was trained before it."""

import keras
from keras import ops

from keras_astroattn.layers.registration import register


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
