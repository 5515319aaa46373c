"""Verify that an exported file gives the outputs of the Keras model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from keras_astroattn.edge import Classifier, open_model
from keras_astroattn.edge.model_file import SIGNATURE
from keras_astroattn.edge.network import Network
from keras_astroattn.images import BLACK
from keras_astroattn.models.wrappers import full_model
from keras_astroattn.outputs import softmax
from keras_astroattn.process import quiet_native_logs

from .export_source import ExportSource

FLOAT32_TOLERANCE = 5e-4
"""Largest difference of float32 probabilities and attention from Keras's."""

EVIDENCE_TOLERANCE = {"float32": 1e-4, "float16": 1e-2, "dynamic": 5e-2, "int8": 1e-2}
"""Largest difference of the evidence, summed over pixels, from the logits, in parts of the
largest logit, by precision."""

SMALLEST_AGREEMENT = 0.98
"""Least share of images with the class of Keras, for precisions below float32."""

LARGEST_ACCURACY_CHANGE = 0.01
"""Largest change of the accuracy, for precisions below float32."""

FRAME_TOLERANCE = 1e-3
"""Largest difference of a frame's outputs from those of the whole image, in parts of the largest
logit, or of the largest value of a map: both round in float32, in another order."""

_SHOWN = ("attention", "evidence")

_SMALLEST_SCALE = 1e-3  # of a map that is nearly 0, for example of a black image

_BATCH = 32

Predict = Callable[[np.ndarray], Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class Verification:
    """Comparison of a file with Keras on real images.

    Attributes:
        images: number of images.
        probability_difference: largest difference of a probability.
        attention_difference: largest difference over all maps; 0 without attention.
        evidence_difference: largest difference of the evidence, relative to the largest logit; 0
            without evidence.
        evidence_sum_difference: largest difference of the file's evidence, summed over pixels,
            from its own logits, relative to the largest logit; 0 without evidence.
        class_agreement: share of images with the same predicted class.
        accuracy_change: accuracy of the file minus that of Keras.
        unknown_operators: names of Flex and custom operators.
        failures: reasons why the file fails; empty if it passes.
    """

    images: int
    probability_difference: float
    attention_difference: float
    class_agreement: float
    accuracy_change: float
    unknown_operators: tuple[str, ...]
    failures: tuple[str, ...]
    evidence_difference: float = 0.0
    evidence_sum_difference: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the file passes."""
        return not self.failures


@dataclass(frozen=True, eq=False)
class Reference:
    """Real images, their labels, and the outputs of Keras."""

    images: np.ndarray
    labels: np.ndarray
    outputs: Mapping[str, np.ndarray]


def reference_of(source: ExportSource, images: np.ndarray, labels: np.ndarray) -> Reference:
    """Return the outputs of Keras for (n, 150, 150, 1) float32 images with (n,) labels."""
    model = full_model(source.model)
    parts = [
        keras.tree.map_structure(np.asarray, model(batch, training=False))
        for batch in _batches(images)
    ]
    outputs = _joined(parts)
    scaled = outputs["logits"].astype(np.float64) / source.calibration.temperature
    outputs["probabilities"] = softmax(scaled)
    return Reference(images, labels, outputs)


def verify(
    predict: Predict,
    reference: Reference,
    precision: str,
    attention: bool = True,
    unknown_operators: tuple[str, ...] = (),
) -> Verification:
    """Compare the outputs of a file with those of Keras.

    Args:
        predict: function from (n, 150, 150, 1) images to the file's outputs, by name.
        reference: images and outputs of Keras.
        precision: precision of the file; `float32` must meet `FLOAT32_TOLERANCE`, others must
            agree in classes and accuracy.
        attention: whether the file must have the attention maps.
        unknown_operators: result of `operators_beyond_litert`.

    Returns:
        The comparison.
    """
    given = _joined([predict(batch) for batch in _batches(reference.images)])
    expected = reference.outputs
    wanted = {name for name in expected if attention or not name.startswith(_SHOWN)}
    failures = []
    if set(given) != wanted:
        failures.append(f"outputs are {', '.join(sorted(given))}")
    if unknown_operators:
        failures.append(f"operators that LiteRT lacks: {', '.join(unknown_operators)}")
    maps = [name for name in wanted & set(given) if name.startswith("attention")]
    probability = _difference(given["probabilities"], expected["probabilities"])
    attended = max((_difference(given[name], expected[name]) for name in maps), default=0.0)
    theirs = given["probabilities"].argmax(axis=-1)
    ours = expected["probabilities"].argmax(axis=-1)
    agreement = float((theirs == ours).mean())
    change = float((theirs == reference.labels).mean() - (ours == reference.labels).mean())
    evidence, added = 0.0, 0.0
    if "evidence" in wanted & set(given):
        largest = float(np.abs(expected["logits"]).max())
        evidence = _difference(given["evidence"], expected["evidence"]) / largest
        sums = given["evidence"].sum(axis=(1, 2), dtype=np.float64)
        added = _difference(sums, given["logits"]) / largest
        tolerance = EVIDENCE_TOLERANCE[precision]
        if not added <= tolerance:
            failures.append(f"evidence adds up to the logits within {added:.1e} (> {tolerance})")
        if not evidence <= tolerance:
            failures.append(f"evidence differs by {evidence:.1e} (> {tolerance})")
    if not all(np.isfinite(values).all() for values in given.values()):
        failures.append("values that are not finite")
    if precision == "float32":
        for what, difference in (("probabilities", probability), ("attention", attended)):
            if not difference <= FLOAT32_TOLERANCE:
                failures.append(f"{what} differ by {difference:.1e} (> {FLOAT32_TOLERANCE})")
    else:
        if agreement < SMALLEST_AGREEMENT - 1e-9:
            failures.append(f"class agreement {agreement:.1%} (< {SMALLEST_AGREEMENT:.0%})")
        if abs(change) > LARGEST_ACCURACY_CHANGE + 1e-9:
            failures.append(f"accuracy changes by {100 * change:+.1f} points")
    return Verification(
        len(reference.images),
        probability,
        attended,
        agreement,
        change,
        unknown_operators,
        tuple(failures),
        evidence,
        added,
    )


def verify_saved_model(folder: Path, reference: Reference, attention: bool) -> Verification:
    """Verify a SavedModel by its signature."""
    serve = tf.saved_model.load(str(folder)).signatures[SIGNATURE]

    def predict(images: np.ndarray) -> Mapping[str, np.ndarray]:
        return {name: value.numpy() for name, value in serve(image=tf.constant(images)).items()}

    return verify(predict, reference, "float32", attention)


def verify_litert(
    path: Path, reference: Reference, precision: str, attention: bool
) -> Verification:
    """Verify a .tflite file as `keras_astroattn.edge` runs it, one image at a time."""
    with quiet_native_logs():
        classifier = Classifier(open_model(path))
        network = Network(classifier.model, threads=1)

    def predict(images: np.ndarray) -> Mapping[str, np.ndarray]:
        return _joined([classifier.predict(image[np.newaxis]) for image in images])

    unknown = operators_beyond_litert(classifier.model.content)
    found = verify(predict, reference, precision, attention, unknown)
    return replace(found, failures=found.failures + differing_frames(network, reference.images))


def differing_frames(network: Network, images: np.ndarray) -> tuple[str, ...]:
    """Compare each frame of a file with the whole image, on images made black outside the frame.

    Args:
        network: the file.
        images: (n, 150, 150, 1) in [-1, 1].

    Returns:
        A reason for each frame whose outputs differ by more than `FRAME_TOLERANCE`.
    """
    failures = []
    for size in network.sizes[:-1]:
        first = (images.shape[1] - size) // 2
        inside = slice(first, first + size)
        largest = 0.0
        for image in images:
            seen = np.full((1, *image.shape), BLACK, np.float32)
            seen[0, inside, inside] = image[inside, inside]
            given = network.run_in_frame(seen, size)
            for name, values in network.run_in_frame(seen, images.shape[1]).items():
                scale = max(float(np.abs(values).max()), _SMALLEST_SCALE)
                largest = max(largest, _difference(given[name], values) / scale)
        if not largest <= FRAME_TOLERANCE:
            failures.append(
                f"the frame of {size} pixels differs from the whole image by {largest:.1e} "
                f"(> {FRAME_TOLERANCE})"
            )
    return tuple(failures)


def operators_beyond_litert(content: bytes) -> tuple[str, ...]:
    """Return the names of the Flex and custom operators in a .tflite file."""
    interpreter = Interpreter(
        model_content=content, num_threads=1, experimental_preserve_all_tensors=False
    )
    names = {op["op_name"] for op in interpreter._get_ops_details()}
    known = {"DELEGATE"}
    return tuple(sorted(n for n in names - known if n.startswith("Flex") or not n.isupper()))


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return (
        float(np.abs(one.astype(np.float64) - other).max()) if one.shape == other.shape else np.inf
    )


def _batches(images: np.ndarray):
    return (images[first : first + _BATCH] for first in range(0, len(images), _BATCH))


def _joined(parts) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
