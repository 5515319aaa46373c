"""Convert a Keras model to SavedModel and LiteRT, with outputs that keep their names."""

import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_astroattn.edge.frames import frame_signature
from keras_astroattn.edge.model_file import SIGNATURE
from keras_astroattn.errors import InputError
from keras_astroattn.images import IMAGE_SIZE
from keras_astroattn.models.wrappers import full_model, votes_head
from keras_astroattn.process import quiet_native_logs

from .compaction import compacted
from .eight_bits import eight_bits
from .export_source import ExportSource
from .fixed_batch import fix_batch
from .frame_graph import frames_of
from .half_precision import store_halved
from .inference_graph import inference_outputs
from .operator_order import run_when_needed
from .sparse_matrices import store_sparse

Precision = Literal["float32", "float16", "dynamic", "int8"]

CALIBRATION_IMAGES = 128
"""Number of training images on which the ranges of int8 are measured."""

RANGE_DRAWS = 4
"""Number of draws of these images; the best draw is used."""


_LOWEST = -128 / 127
"""Brightness of the lowest 8-bit step of an image, in network units.

Zero must be a step too. With steps from -1 to 1 the black sky, -1, would lie between two steps, and
a square root would enlarge the difference. With steps of 1/127 the black sky is a step."""


Outputs = Callable[[tf.Tensor], dict[str, tf.Tensor]]


class _Server(tf.Module):
    """Module with functions from `image` to named outputs, and the variables they read.

    Args:
        outputs: function by the size of its image.
        temperature: temperature of the probabilities.
        variables: variables that the functions read.
    """

    def __init__(self, outputs: Mapping[int, Outputs], temperature: float, variables=()):
        super().__init__()
        self.weights = list(variables)
        self.functions = {
            SIGNATURE if size == IMAGE_SIZE else frame_signature(size): _served(
                function, size, temperature
            )
            for size, function in outputs.items()
        }

    def save(self, folder: Path) -> list[str]:
        """Write a SavedModel, and return the names of its signatures."""
        concrete = {name: serve.get_concrete_function() for name, serve in self.functions.items()}
        tf.saved_model.save(self, str(folder), signatures=concrete)
        return list(concrete)


def _served(outputs: Outputs, size: int, temperature: float) -> Callable:
    """Return a function from a batch of square images to logits, probabilities and maps."""

    @tf.function(
        input_signature=[tf.TensorSpec((None, size, size, 1), tf.float32, name="image")],
        autograph=False,
    )
    def serve(image):
        named = dict(outputs(image))
        logits = named["logits"]
        scaled = logits if temperature == 1 else logits * np.float32(1 / temperature)
        return named | {"logits": logits, "probabilities": tf.nn.softmax(scaled)}

    return serve


def write_saved_model(source: ExportSource, folder: Path, attention: bool = True) -> None:
    """Write a SavedModel that serves in a process without this package.

    Args:
        source: the model.
        folder: path of the new folder, which must not exist.
        attention: whether to include the attention maps, and the evidence, in the outputs.
    """
    model = full_model(source.model)

    def outputs(image: tf.Tensor) -> dict[str, tf.Tensor]:
        given = model(image, training=False)
        return given if attention else {"logits": given["logits"]}

    outputs_by_size = {IMAGE_SIZE: outputs}
    _Server(outputs_by_size, source.calibration.temperature, model.variables).save(folder)


def convert(
    source: ExportSource,
    precision: Precision,
    training_images: np.ndarray | None = None,
    attention: bool = True,
    integer_borders: bool = False,
    frames: Sequence[int] | None = None,
) -> bytes:
    """Return the .tflite file of a model, without metadata.

    Beside the signature for whole images, it has one for each frame; they share the weights.

    Args:
        source: the model.
        precision: `float32`; `float16`, large kernels of half the size; `dynamic`, 8-bit
            weights and floating-point activations; `int8`, both in 8 bits, with votes only
            those of the large convolutions (see `export.eight_bits`).
        training_images: (n, 150, 150, 1) float32 in [-1, 1] for `int8`.
        attention: whether to include the attention maps, and the evidence, in the outputs.
        integer_borders: with `int8`: input and outputs have 8 bits too.
        frames: sizes of the frames, pixels; by default `frames_of` the model; none with `int8`.

    Returns:
        Bytes of the file. Its shape signatures state a batch of 1 (see `fixed_batch`).

    Raises:
        InputError: The precision is `int8`, and the model has `softmax` attention without votes,
            or votes with 8-bit borders.
    """
    if precision == "int8":
        require_quantizable(source, integer_borders)
        if votes_head(source.model) is not None:
            return _partly_integer(source, training_images, attention)
        return _integer(source, training_images, attention, integer_borders)
    half = precision == "float16"
    sizes = frames_of(source.model, precision) if frames is None else frames
    outputs = {
        size: inference_outputs(
            source.model, attention, half=half, frame=None if size == IMAGE_SIZE else size
        )
        for size in (IMAGE_SIZE, *sizes)
    }
    return _converted(source, outputs, precision)


def _integer(
    source: ExportSource, training_images: np.ndarray, attention: bool, integer_borders: bool
) -> bytes:
    """Return the .tflite file of a network whose operators all have 8 bits."""
    outputs = inference_outputs(source.model, attention, integer=True)
    images, offset = _ranges(
        source,
        training_images,
        lambda images: _converted(source, {IMAGE_SIZE: outputs}, "int8", images),
    )

    def without_offset(image: tf.Tensor) -> dict[str, tf.Tensor]:
        named = outputs(image)
        return named | {"logits": named["logits"] - offset}

    return _converted(source, {IMAGE_SIZE: without_offset}, "int8", images, integer_borders)


def _partly_integer(source: ExportSource, training_images: np.ndarray, attention: bool) -> bytes:
    """Return the .tflite file of a network with votes, whose large convolutions have 8 bits.

    What the rounding adds to the logits on average is subtracted from their bias, as in `_ranges`.
    """
    eight = eight_bits(source.model, training_images)

    def converted(attention: bool) -> bytes:
        outputs = inference_outputs(source.model, attention, half=True, eight=eight)
        return _converted(source, {IMAGE_SIZE: outputs}, "int8")

    seen = _drawn(training_images, 0)
    logits = keras.ops.convert_to_numpy(source.model.predict(seen, batch_size=8, verbose=0))
    errors = _logits_of(converted(attention=False), seen) - logits
    eight = replace(eight, offset=errors.mean(axis=0))
    return converted(attention)


def _converted(
    source: ExportSource,
    outputs: Mapping[int, Outputs],
    precision: Precision,
    images: np.ndarray | None = None,
    integer_borders: bool = False,
) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        signatures = _Server(outputs, source.calibration.temperature).save(Path(folder))
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=signatures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        # Not TensorFlow's float16, which also rounds constants, biases and the dense layers.
        if precision in ("dynamic", "int8"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if images is not None:
            converter.representative_dataset = _representative(images)
            if integer_borders:
                converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
                converter.inference_input_type = converter.inference_output_type = tf.int8
        with quiet_native_logs(), warnings.catch_warnings():
            # The calibrator of int8 warns that its own interpreter is deprecated.
            warnings.filterwarnings("ignore", "(?s).*tf.lite.Interpreter is deprecated")
            content = converter.convert()
    content = store_sparse(content)
    if precision in ("float16", "int8"):
        content = store_halved(content)
    return compacted(fix_batch(run_when_needed(content)))


def _ranges(
    source: ExportSource, training_images: np.ndarray, converted: Callable[[np.ndarray], bytes]
) -> tuple[np.ndarray, np.ndarray]:
    """Return calibration images for the activation ranges, and the (classes,) error with them.

    The largest value of an activation sets its range, so a single image can make the steps of a
    whole tensor coarse, and this image is not known in advance. So the ranges are measured on
    several draws, and those with the least scatter of the logits about Keras's are kept.

    A feature of the empty sky is rounded equally at every pixel, so its mean over the pixels has
    the same error in all images. This shifts the logits by constants, which can be subtracted
    (the bias correction of Nagel et al. 2019, arXiv 1906.04721).
    """
    seen = _drawn(training_images, 0)
    logits = keras.ops.convert_to_numpy(source.model.predict(seen, batch_size=8, verbose=0))
    draws = RANGE_DRAWS if len(training_images) > CALIBRATION_IMAGES else 1
    found = []
    for draw in range(draws):
        images = _drawn(training_images, draw)
        errors = _logits_of(converted(images), seen) - logits
        found.append((float(errors.std(axis=0).max()), draw, images, errors.mean(axis=0)))
    _, _, images, offset = min(found, key=lambda each: each[:2])
    return images, offset


def _logits_of(content: bytes, images: np.ndarray) -> np.ndarray:
    with quiet_native_logs():
        serve = Interpreter(model_content=content).get_signature_runner(SIGNATURE)
        return np.concatenate([serve(image=image[np.newaxis])["logits"] for image in images])


def require_quantizable(source: ExportSource, integer_borders: bool = False) -> None:
    """Refuse int8 for models that it cannot represent.

    Args:
        source: the model.
        integer_borders: whether input and outputs shall have 8 bits too.

    Raises:
        InputError: The gates normalize by softmax and their maps would have 8 bits, or the
            evidence would.
    """
    if votes_head(source.model) is not None:
        if integer_borders:
            raise InputError(
                "int8 cannot hold the evidence of the aggregation votes, which must sum to the "
                "logits: leave out --int8-io"
            )
    elif "softmax" in source.normalizations:
        raise InputError(
            "int8 cannot hold softmax attention: its steps are 1/256 and the map vanishes; "
            "use another precision"
        )


def _drawn(images: np.ndarray, draw: int) -> np.ndarray:
    """Return images spread evenly over the data, which are partly ordered by class."""
    count = min(CALIBRATION_IMAGES, len(images))
    return images[
        np.linspace(draw if count < len(images) else 0, len(images) - 1, count).astype(int)
    ]


def _representative(images: np.ndarray) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    lowest = images[:1].copy()
    lowest[0, 0, 0, 0] = _LOWEST

    def dataset() -> Iterator[dict[str, np.ndarray]]:
        for image in (*lowest, *images):
            yield {"image": image[np.newaxis]}

    return dataset
