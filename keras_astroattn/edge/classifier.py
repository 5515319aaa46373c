"""`Classifier`: classify cutouts with a network in LiteRT."""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from keras_astroattn.deprecation import former_argument
from keras_astroattn.errors import InputError
from keras_astroattn.images import (
    Cutout,
    FitsMap,
    read_source,
    rotate_image,
    tta_angles,
)
from keras_astroattn.images.objects import is_batch
from keras_astroattn.images.quantities import is_sky_coordinate
from keras_astroattn.outputs import gate_maps, signed_evidence, softmax

from .calibration import Calibration
from .classification import Attention, Classification
from .classifications import Classifications
from .explanation import Explanation, explain_cutout
from .labels import LabelRules, entropy
from .metadata import SOURCE_ALONE_KEY
from .model_file import DEFAULT_PRESET, ModelFile, open_model
from .network import Network
from .prior import prior_calibration, require_one


class Classifier:
    """Classify radio galaxies as FRI or FRII with a .tflite file, without Keras.

    Use it from any number of threads: each call has its own interpreter, and the interpreters
    are kept for later calls.

    Args:
        model: name of a preset, path of a .tflite file that `export.run` wrote, or an open
            `ModelFile`.
        threads: number of threads of one call.
        tta: number of rotated views of the image, 90 degrees / tta apart, over which the
            logits are averaged, as `models.tta_model` does (tta times slower). The attention
            is that of the image itself.
        calibration: calibration for one survey, from `edge.read_calibration`.
        prior: expected share of FRI among the resolved radio galaxies; the probabilities are
            moved to it (`edge.prior.prior_calibration`). None: the share of the training images.
            It excludes `calibration`.

    Attributes:
        model: the `ModelFile`.
        tta: number of rotated views.
        calibration: the calibration, or None.
        rules: thresholds of the labels, from the model's metadata or the calibration.

    Raises:
        InputError: The model does not exist, is damaged or is another network, or the
            calibration or prior does not fit it.

    Example:
        >>> from keras_astroattn.edge import Classifier
        >>> from keras_astroattn.samples import sample_paths
        >>> classifier = Classifier()
        >>> classifier
        Classifier('agcnn_survey')
        >>> classifier.classify(sample_paths()[0])
        Classification('fri.fits', FRI, P(FRI) > 0.9999, P(FRII) < 0.0001, flags: none)
        >>> [found.label for found in classifier.classify(sample_paths())]
        ['FRI', 'FRII', 'compact']
    """

    @former_argument("turns", "tta")
    def __init__(
        self,
        model: str | os.PathLike | ModelFile = DEFAULT_PRESET,
        threads: int = 1,
        tta: int = 1,
        calibration: Calibration | None = None,
        prior: float | None = None,
    ):
        for name, value in (("threads", threads), ("tta", tta)):
            if value < 1:
                raise InputError(f"{name} must be at least 1; got {value}")
        self.tta = tta
        self.model = model if isinstance(model, ModelFile) else open_model(model)
        require_one(calibration, prior)
        if prior is not None:
            calibration = prior_calibration(self.model, name_of(self.model, tta), prior)
        self.calibration = calibration
        self.rules = LabelRules.from_metadata(self.model.metadata.get("labels"))
        if calibration is not None:
            uncalibrated = name_of(self.model, tta)
            if calibration.model != uncalibrated:
                raise InputError(
                    f"the calibration was fitted for {calibration.model}, not for {uncalibrated}"
                )
            if calibration.prior is None:
                self.rules = self.rules.calibrated(calibration.uncertain_below)
        self._temperature = _temperature_of(self.model) if tta > 1 else None
        self._threads = threads
        self._idle: list[Network] = []
        self._lock = threading.Lock()
        with self._network() as network:
            self._outputs = network.outputs

    def __repr__(self) -> str:
        views = "" if self.tta == 1 else f", tta={self.tta}"
        return f"Classifier({self.model.name!r}{views})"

    @property
    def name(self) -> str:
        """Name of the model in tables; see `name_of`."""
        return name_of(self.model, self.tta, self.calibration)

    @property
    def has_attention(self) -> bool:
        """Whether the file has attention maps (not with `--no-attention`)."""
        return "attention_mean" in self._outputs

    @property
    def has_evidence(self) -> bool:
        """Whether the file has the evidence of each pixel (networks with the aggregation votes)."""
        return "evidence" in self._outputs

    @property
    def sees_source_alone(self) -> bool:
        """Whether the network sees the source alone, on a black sky (see `as_seen`)."""
        return bool(self.model.metadata.get(SOURCE_ALONE_KEY, False))

    def require_evidence(self) -> None:
        """Refuse a file that does not give the evidence of each pixel.

        Raises:
            InputError: The model gives no evidence.
        """
        if not self.has_evidence:
            raise InputError(
                f"model {self.model.name} gives no evidence: "
                "use agcnn_survey, agcnn_evidence, or a network trained with --aggregation votes"
            )

    def classify(self, image: Any, **options) -> Classification | Classifications:
        """Classify one image, or each of a batch.

        Args:
            image: a path, an open `FitsMap`, an HDU or `HDUList`, an `NDData` or `CCDData` with a
                WCS, a `Cutout`, a finished image of (150, 150) pixels, or a map as an array or
                `Quantity` with `pixel_scale` and `beam` (see `images.read_source`). A batch is a
                sequence of these, or an array (n, 150, 150).
            **options: how to read it, as for `images.read_source`: `position` (two numbers, a
                text, or a `SkyCoord`), `beam`, `noise`, `pixel_scale`, `hdu`, `stokes`,
                `channel`, `rms_map`, `colormap`. Angles and brightness may be `Quantity`. A
                `SkyCoord` of several positions makes a batch of one map.

        Returns:
            A `Classification`, or `Classifications`, a list of them, for a batch.

        Raises:
            InputError: The image is none of these or cannot be read.

        Example:
            >>> from astropy import units as u
            >>> from astropy.coordinates import SkyCoord
            >>> from keras_astroattn.samples import sample_paths
            >>> classifier = Classifier()
            >>> position = SkyCoord("10h40m00s +30d00m00s")
            >>> classifier.classify(sample_paths()[1], position=position, beam=5.4 * u.arcsec)
            Classification('frii.fits', FRII, P(FRI) 0.001, P(FRII) 0.999, flags: recentred)
        """
        sources, several = _sources(image, options)
        found = Classifications(
            replace(self._classify(read_source(one, **own)), path=_path_of(one))
            for one, own in sources
        )
        return found if several else found[0]

    def attention(self, image: Any, **options) -> Attention | list[Attention]:
        """Return the attention maps of one image, or of each of a batch.

        Args:
            image: image or batch, as in `classify`.
            **options: how to read it, as in `classify`.

        Returns:
            An `Attention`, or a list of them for a batch.

        Raises:
            InputError: The image cannot be read, or the model has no attention.
        """
        if not self.has_attention:
            raise InputError(f"model {self.model.name} was exported without attention")
        sources, several = _sources(image, options)
        cutouts = (read_source(one, **own) for one, own in sources)
        found = [attention_of(self.predict(self.network_input(cutout))) for cutout in cutouts]
        return found if several else found[0]

    def explain(self, image: Any, **options) -> Explanation:
        """Explain the classification of one image by the parts of the source.

        The network runs about ten times. The explanation is that of the image itself, without
        test-time augmentation.

        Args:
            image: one image, as in `classify`.
            **options: how to read it, as in `classify`.

        Returns:
            An `Explanation`; its `repr` is one sentence.

        Raises:
            InputError: The model gives no evidence, or the image cannot be read.

        Example:
            >>> from keras_astroattn.samples import sample_paths
            >>> found = Classifier("agcnn_evidence").explain(sample_paths()[1])
            >>> found.classification.label
            'FRII'
        """
        self.require_evidence()
        cutout = read_source(image, **options)
        label = self.rules.before_network(cutout)
        if label is not None:
            return Explanation(self._without_class(label, cutout))
        outputs = self._run(self.network_input(cutout))
        return explain_cutout(
            self.as_seen(cutout),
            outputs,
            self.describe(cutout, outputs),
            lambda images: np.concatenate(
                [self._run(image[np.newaxis])["probabilities"] for image in images]
            ),
            lambda probabilities: self.rules.after_network(probabilities, cutout),
        )

    def as_seen(self, cutout: Cutout) -> Cutout:
        """Return a cutout as the network sees it.

        Args:
            cutout: the source in its frame.

        Returns:
            `Cutout.source_alone` if the network was trained on such images (`sees_source_alone`);
            else the cutout itself.
        """
        return cutout.source_alone() if self.sees_source_alone else cutout

    def network_input(self, cutout: Cutout) -> np.ndarray:
        """Return the input of the network for a cutout, (1, 150, 150, 1) float32 in [-1, 1].

        Args:
            cutout: the source in its frame; see `as_seen`.
        """
        return self.as_seen(cutout).network_input[np.newaxis]

    def predict(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs of the network by name.

        Args:
            images: (n, 150, 150, 1) float32 in [-1, 1]; those of cutouts come from
                `network_input`.

        Returns:
            `logits` and `probabilities` (n, 2); of a file with attention maps `attention_1` to
            `attention_N` (n, h, w) and `attention_mean` (n, 150, 150); of one with evidence
            `evidence` (n, 150, 150, 2), whose sum over the pixels is `logits`. All float32.
            With `tta`, `logits` and `probabilities` are those of the mean, all maps those of
            the images themselves.
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
        probabilities = self._calibrated(softmax(mean / self._temperature))
        return outputs | {"logits": mean, "probabilities": probabilities}

    def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        with self._network() as network:
            found = network.run(images)
        return found | {"probabilities": self._calibrated(found["probabilities"])}

    def _calibrated(self, probabilities: np.ndarray) -> np.ndarray:
        return self.calibration.apply(probabilities) if self.calibration else probabilities

    def describe(self, cutout: Cutout, outputs: dict[str, np.ndarray]) -> Classification:
        """Return the classification of a cutout from the result of `predict`.

        Args:
            cutout: the source in its frame.
            outputs: result of `predict` for `network_input(cutout)`.

        Raises:
            InputError: The probabilities are not finite.
        """
        label = self.rules.before_network(cutout)
        if label is not None:
            return self._without_class(label, cutout)
        probabilities = outputs["probabilities"][0]
        if not np.isfinite(probabilities).all():
            raise InputError(f"model {self.model.name} gives no probability for this image")
        return Classification(
            self.rules.after_network(probabilities, cutout),
            *(float(p) for p in probabilities),
            entropy(probabilities),
            cutout.flags,
            cutout,
            attention_of(outputs) if self.has_attention else None,
            model=self.name,
        )

    def _without_class(self, label: str, cutout: Cutout) -> Classification:
        return Classification(label, flags=cutout.flags, cutout=cutout, model=self.name)

    def _classify(self, cutout: Cutout) -> Classification:
        label = self.rules.before_network(cutout)
        if label is not None:
            return self._without_class(label, cutout)
        return self.describe(cutout, self.predict(self.network_input(cutout)))

    @contextlib.contextmanager
    def _network(self) -> Iterator[Network]:
        with self._lock:
            network = self._idle.pop() if self._idle else None
        if network is None:
            network = Network(self.model, self._threads)
        yield network
        # After an exception the network is dropped, because its state is unknown.
        with self._lock:
            self._idle.append(network)


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


def name_of(model: ModelFile, tta: int, calibration: Calibration | None = None) -> str:
    """Return the model's name, with the number of views if there are several, and calibrated."""
    if calibration is not None:
        return calibration.name
    return model.name if tta == 1 else f"{model.name} (tta {tta})"


def attention_of(outputs: dict[str, np.ndarray]) -> Attention:
    """Return the maps of the first image in the result of `Classifier.predict`."""
    gates = tuple(maps[0] for maps in gate_maps(outputs))
    evidence = signed_evidence(outputs)
    signed = None if evidence is None else evidence[0]
    return Attention(gates, outputs["attention_mean"][0], signed)


def _sources(image: Any, options: dict) -> tuple[list[tuple[Any, dict]], bool]:
    """Return each source with its options for `read_source`, and whether there is a batch."""
    position = options.get("position")
    if is_sky_coordinate(position) and position.size > 1:
        if is_batch(image):
            raise InputError("several images at several positions: classify one image at a time")
        return [(image, options | {"position": one}) for one in position.ravel()], True
    if not is_batch(image):
        return [(image, options)], False
    return [(one, options) for one in image], True


def _path_of(source: Any) -> str:
    if isinstance(source, FitsMap):
        return str(source.path)
    return str(source) if isinstance(source, str | os.PathLike) else ""
