"""Images as a network needs them."""

import keras
import numpy as np

from keras_astroattn.images import source_alone


def sees_source_alone(network: keras.Model) -> bool:
    """Return whether a network needs images that show only the source (`GatedNetwork`).

    Args:
        network: a network, or a model of `keras_astroattn.models` that adds outputs to one or
            averages its logits.
    """
    return bool(getattr(network, "source_alone", False))


def images_seen_by(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images of a data set as a network needs them.

    Args:
        network: the network, as in `sees_source_alone`.
        images: (n, 150, 150) uint8, whole frames.

    Returns:
        (n, 150, 150) uint8: the images of `keras_astroattn.images.source_alone` for a network with
        `source_alone=True`, otherwise the images themselves. An image without a source is
        unchanged.

    Example:
        >>> import numpy as np
        >>> from keras_astroattn.models import AGCNN, images_seen_by
        >>> frame = np.zeros((150, 150), np.uint8)
        >>> frame[74, 72:78] = 100
        >>> frame[75, 72:78] = 20  # the faintest grey level counts as 3 sigma
        >>> frame[10, 10] = 255
        >>> int(images_seen_by(AGCNN(source_alone=True), frame[np.newaxis])[0, 10, 10])
        0
    """
    return source_alone(images) if sees_source_alone(network) else images
