"""The convolutional network with which the paper compares its own."""

import keras

from keras_astroattn.images.conventions import IMAGE_SIZE
from keras_astroattn.layers.base import register

from .image_classifier import ImageClassifier, require_classifier

# (channels, kernel size, max-pool after it or 1) of the five convolutions.
CONVOLUTIONS = ((6, 11, 2), (16, 5, 3), (24, 3, 1), (24, 3, 1), (16, 3, 5))
DENSE_UNITS = (256, 256, 256)


@register
class ClassicCNN(ImageClassifier):
    """The plain CNN of Tang et al. 2019: five convolutions and three dense layers.

    Each convolution is followed by ReLU and batch normalization. Max-pools of 2, 3 and 5 follow
    the first, second and fifth convolution. Dropout follows each hidden dense layer. The input is
    (batch, 150, 150, 1), float32 in [-1, 1]; the output is logits (batch, num_classes), float32.
    The network has 250,234 trainable parameters.

    Args:
        dropout: dropout rate after each hidden dense layer.
        num_classes: number of logits.
        input_shape: (height, width, channels), at least 30 pixels high and wide.
        dtype: Keras dtype policy or its name; by default the global one.
        **kwargs: `name` and `trainable` of `keras.Model`.

    Raises:
        ValueError: The input is too small, the dropout is outside [0, 1), or there is no class.

    Source: Tang, Scaife & Leahy 2019, MNRAS 488, 3358 (arXiv 1903.11921).
    """

    def __init__(
        self,
        dropout: float = 0.5,
        num_classes: int = 2,
        input_shape: tuple[int, int, int] = (IMAGE_SIZE, IMAGE_SIZE, 1),
        dtype=None,
        **kwargs,
    ):
        require_classifier(input_shape, smallest=30, num_classes=num_classes, dropout=dropout)
        dtype = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

        # Functional Model
        image = keras.Input(input_shape, name="image")
        x = image
        for number, (channels, kernel, pool) in enumerate(CONVOLUTIONS, start=1):
            x = keras.layers.Conv2D(
                channels,
                kernel,
                padding="same",
                activation="relu",
                data_format="channels_last",
                dtype=dtype,
                name=f"conv_{number}",
            )(x)
            x = keras.layers.BatchNormalization(dtype=dtype, name=f"norm_{number}")(x)
            if pool > 1:
                x = keras.layers.MaxPooling2D(
                    pool, data_format="channels_last", dtype=dtype, name=f"pool_{number}"
                )(x)
        x = keras.layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten")(x)
        for number, units in enumerate(DENSE_UNITS, start=1):
            x = keras.layers.Dense(units, activation="relu", dtype=dtype, name=f"dense_{number}")(x)
            x = keras.layers.Dropout(dropout, dtype=dtype, name=f"dropout_{number}")(x)
        logits = keras.layers.Dense(num_classes, dtype="float32", name="logits")(x)
        super().__init__(inputs=image, outputs=logits, **kwargs)

        # Config
        options = {
            "dropout": dropout,
            "num_classes": num_classes,
            "input_shape": tuple(input_shape),
        }
        self._set_options(options, dtype)
