"""`Classifier`: classify cutouts with a network in LiteRT."""

import contextlib
import os
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from keras_astroattn.deprecation import former_argument
from keras_astroattn.errors import InputError
from keras_astroattn.images import (
    CLASS_NAMES,
    IMAGE_SIZE,
    Cutout,
    cutout_from_array,
    rotate_image,
    tta_angles,
)
from keras_astroattn.outputs import gate_maps, signed_evidence, softmax

from .classification import Attention, Classification
from .explanation import Explanation, explain_cutout
from .labels import LabelRules, entropy
from .model_file import DEFAULT_PRESET, SIGNATURE, ModelFile, open_model
from .structure import require_sound

Image = np.ndarray | Cutout


class Classifier:
    """Classify radio galaxies with a .tflite file.

    Use it from any number of threads: each call has its own interpreter, and the interpreters
    are kept for later calls.

    Args:
        model: name of a preset, path of a .tflite file that `export.run` wrote, or an open
            `ModelFile`.
        threads: number of threads of one call.
        tta: number of rotated views of the image, 90 degrees / tta apart, over which the
            logits are averaged, as `models.tta_model` does (tta times slower). The attention
            is that of the image itself.

    Attributes:
        model: the `ModelFile`.
        tta: number of rotated views.
        rules: thresholds of the labels, from the model's metadata.

    Raises:
        InputError: The model does not exist, is damaged or is another network.

    Example:
        >>> from keras_astroattn.edge import Classifier
        >>> from keras_astroattn.images import read_fits
        >>> from keras_astroattn.samples import sample_paths
        >>> classifier = Classifier()
        >>> [classifier.classify(read_fits(path)).label for path in sample_paths()]
        ['FRI', 'FRII', 'compact']
    """

    @former_argument("turns", "tta")
    def __init__(
        self,
        model: str | os.PathLike | ModelFile = DEFAULT_PRESET,
        threads: int = 1,
        tta: int = 1,
    ):
        for name, value in (("threads", threads), ("tta", tta)):
            if value < 1:
                raise InputError(f"{name} must be at least 1; got {value}")
        self.tta = tta
        self.model = model if isinstance(model, ModelFile) else open_model(model)
        self.rules = LabelRules.from_metadata(self.model.metadata.get("labels"))
        self._temperature = _temperature_of(self.model) if tta > 1 else None
        self._threads = threads
        self._idle: list = []
        self._lock = threading.Lock()
        with self._runner() as runner, self._one_error():
            self._check(runner)

    @property
    def name(self) -> str:
        """Name of the model in tables; see `name_of`."""
        return name_of(self.model, self.tta)

    @property
    def has_attention(self) -> bool:
        """Whether the file has attention maps (not with `--no-attention`)."""
        return "attention_mean" in self._outputs

    @property
    def has_evidence(self) -> bool:
        """Whether the file has the evidence of each pixel (networks with the aggregation votes)."""
        return "evidence" in self._outputs

    def require_evidence(self) -> None:
        """Refuse a file that does not give the evidence of each pixel.

        Raises:
            InputError: The model gives no evidence.
        """
        if not self.has_evidence:
            raise InputError(
                f"model {self.model.name} gives no evidence: "
                "use the preset agcnn_evidence, or a network trained with --aggregation votes"
            )

    def classify(self, image: Image | Sequence[Image]) -> Classification | list[Classification]:
        """Classify one image, or each of a batch.

        Args:
            image: a `Cutout`, or an array (150, 150) as for `images.cutout_from_array`; a batch
                is a sequence of these, or an array (n, 150, 150).

        Returns:
            A `Classification`, or a list of them for a batch.

        Raises:
            InputError: An array is not such an image.
        """
        cutouts, is_batch = _as_cutouts(image)
        found = [self._classify(cutout) for cutout in cutouts]
        return found if is_batch else found[0]

    def attention(self, image: Image | Sequence[Image]) -> Attention | list[Attention]:
        """Return the attention maps of one image, or of each of a batch.

        Args:
            image: image or batch, as in `classify`.

        Returns:
            An `Attention`, or a list of them for a batch.

        Raises:
            InputError: An array is not such an image, or the model has no attention.
        """
        if not self.has_attention:
            raise InputError(f"model {self.model.name} was exported without attention")
        cutouts, is_batch = _as_cutouts(image)
        found = [attention_of(self.predict(c.network_input[np.newaxis])) for c in cutouts]
        return found if is_batch else found[0]

    def explain(self, cutout: Cutout) -> Explanation:
        """Explain the classification of one image by the parts of the source.

        The network runs about ten times. The explanation is that of the image itself, without
        test-time augmentation.

        Args:
            cutout: the source.

        Returns:
            An `Explanation`; its `repr` is one sentence.

        Raises:
            InputError: The model gives no evidence.

        Example:
            >>> classifier = Classifier("votes.tflite")  # doctest: +SKIP
            >>> classifier.explain(read_fits("source.fits"))  # doctest: +SKIP
            FRII with P = 0.98: the northern component gives 61 % of the evidence, ...
        """
        self.require_evidence()
        label = self.rules.unresolved(cutout)
        if label is not None:
            return Explanation(Classification(label, flags=cutout.flags))
        outputs = self._run(cutout.network_input[np.newaxis])
        return explain_cutout(
            cutout,
            outputs,
            self.describe(cutout, outputs),
            lambda images: np.concatenate(
                [self._run(image[np.newaxis])["probabilities"] for image in images]
            ),
            self.rules.resolved,
        )

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs of the network by name.

        Args:
            images: (n, 150, 150, 1) float32 in [-1, 1].

        Returns:
            `logits` and `probabilities` (n, 2), `attention_1` .. (n, h, w) and
            `attention_mean` (n, 150, 150), float32.
        """
        images = np.asarray(images, np.float32)
        outputs = self._run(images)
        if self.tta == 1:
            return outputs
        logits = [outputs["logits"]]
        for angle in tta_angles(self.tta)[1:]:
            at_angle = np.stack([rotate_image(image[..., 0], angle) for image in images])
            logits.append(self._run(at_angle[..., np.newaxis])["logits"])
        mean = np.mean(logits, axis=0, dtype=np.float32)
        return outputs | {"logits": mean, "probabilities": softmax(mean / self._temperature)}

    def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        with self._runner() as runner, self._one_error():
            given = runner(image=self._quantized(images))
        return {name: self._dequantized(name, values) for name, values in given.items()}

    def describe(self, cutout: Cutout, outputs: dict[str, np.ndarray]) -> Classification:
        """Return the classification of a cutout from the result of `predict`."""
        label = self.rules.unresolved(cutout)
        if label is not None:
            return Classification(label, flags=cutout.flags)
        probabilities = outputs["probabilities"][0]
        if not np.isfinite(probabilities).all():
            raise InputError(f"model {self.model.name} gives no probability for this image")
        return Classification(
            self.rules.resolved(probabilities, flags=cutout.flags),
            *(float(p) for p in probabilities),
            entropy(probabilities),
            cutout.flags,
        )

    def _classify(self, cutout: Cutout) -> Classification:
        label = self.rules.unresolved(cutout)
        if label is not None:
            return Classification(label, flags=cutout.flags)
        return self.describe(cutout, self.predict(cutout.network_input[np.newaxis]))

    @contextlib.contextmanager
    def _runner(self) -> Iterator:
        with self._lock:
            runner = self._idle.pop() if self._idle else None
        if runner is None:
            runner = self._new_runner()
        yield runner
        # After an exception the runner is dropped, because its state is unknown.
        with self._lock:
            self._idle.append(runner)

    def _new_runner(self):
        from ai_edge_litert.interpreter import Interpreter

        with self._one_error():
            interpreter = Interpreter(model_content=self.model.content, num_threads=self._threads)
            require_sound(self.model.content, interpreter)
            # Allocated here, so that LiteRT prints its messages only while a classifier is made.
            interpreter.allocate_tensors()
            return interpreter.get_signature_runner(SIGNATURE)

    @contextlib.contextmanager
    def _one_error(self) -> Iterator[None]:
        """Raise what LiteRT says of an altered network as an `InputError`."""
        try:
            yield
        except InputError:
            raise
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.model.path} cannot be run: {' '.join(str(error).split())[:200]}"
            ) from None

    def _check(self, runner) -> None:
        inputs, self._outputs = runner.get_input_details(), runner.get_output_details()
        shape = tuple(inputs["image"]["shape_signature"][1:]) if "image" in inputs else ()
        if (
            set(inputs) != {"image"}
            or shape != (IMAGE_SIZE, IMAGE_SIZE, 1)
            or not {"logits", "probabilities"} <= set(self._outputs)
            or self._outputs["probabilities"]["shape"][-1] != len(CLASS_NAMES)
        ):
            raise InputError(f"{self.model.path} is another network: export it again")
        self._input = inputs["image"]

    def _quantized(self, images: np.ndarray) -> np.ndarray:
        if self._input["dtype"] is np.float32:
            return images
        scale, zero = self._input["quantization"]
        limits = np.iinfo(self._input["dtype"])
        steps = np.rint(images / np.float32(scale)) + zero
        return np.clip(steps, limits.min, limits.max).astype(self._input["dtype"])

    def _dequantized(self, name: str, values: np.ndarray) -> np.ndarray:
        if values.dtype == np.float32:
            return values
        scale, zero = self._outputs[name]["quantization"]
        return (values.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def _temperature_of(model: ModelFile) -> np.float32:
    """Return the temperature of the file's probabilities, softmax(logits / temperature)."""
    calibration = model.metadata.get("calibration")
    found = calibration.get("temperature") if isinstance(calibration, dict) else None
    if not isinstance(found, int | float) or not 0 < found < np.inf:
        raise InputError(
            f"{model.path} does not state the temperature that test-time augmentation needs: "
            "export it again, or leave tta out"
        )
    return np.float32(found)


def name_of(model: ModelFile, tta: int) -> str:
    """Return the model's name, with the number of views if there are several."""
    return model.name if tta == 1 else f"{model.name} (tta {tta})"


def attention_of(outputs: dict[str, np.ndarray]) -> Attention:
    """Return the maps of the first image in the result of `Classifier.predict`."""
    gates = tuple(maps[0] for maps in gate_maps(outputs))
    evidence = signed_evidence(outputs)
    signed = None if evidence is None else evidence[0]
    return Attention(gates, outputs["attention_mean"][0], signed)


def _as_cutouts(image: Image | Sequence[Image]) -> tuple[list[Cutout], bool]:
    if isinstance(image, Cutout):
        return [image], False
    if isinstance(image, np.ndarray):
        batch = image[..., 0] if image.ndim == 4 and image.shape[-1] == 1 else image
        if batch.ndim == 3 and batch.shape[1:] == (IMAGE_SIZE, IMAGE_SIZE):
            return [cutout_from_array(one) for one in batch], True
        return [cutout_from_array(image)], False
    return [one if isinstance(one, Cutout) else cutout_from_array(one) for one in image], True
