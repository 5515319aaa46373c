"""What the contenders of `python -m benchmarks.peers` do: train a network, or classify images."""

import itertools
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from .contenders import Task
from .training import keras_epoch, pytorch_epoch, training_images

Race = Literal["training", "frames", "preset", "sources", "published"]

TRAININGS: tuple[Race, ...] = ("training", "frames")

Call = Callable[[], object]
"""Runs a network on one image and returns its outputs."""


@dataclass(frozen=True)
class Settings:
    """Settings of a worker.

    Attributes:
        model: name or path of a preset's network.
        checkpoint: published checkpoint, or None for random weights.
        images: images of an epoch.
        batch_size: images of a training step.
        calls: timed calls in a round of inference.
        data: data set of the races "sources" and "frames".
        data_dir: folder with the archives of the data sets, or None.
        outputs: file to which the outputs of a compared contender are written, or None.
    """

    model: str
    checkpoint: str | None
    images: int
    batch_size: int
    calls: int
    data: str
    data_dir: str | None
    outputs: str | None = None


def task_of(kind: Race, name: str, settings: Settings) -> Task:
    """Return the task of a contender.

    Args:
        kind: the race.
        name: name of the contender in `peers.PEERS`.
        settings: settings of the worker.
    """
    if kind == "frames" and name != "e2cnn":
        return _source_training(settings, in_frames=name == "frames")
    return _training(name, settings) if kind in TRAININGS else _inference(kind, name, settings)


def _source_training(settings: Settings, in_frames: bool) -> Task:
    """Return a task that trains an epoch on sources of many sizes, as `train.run` does."""
    from train.batches import steps_per_epoch, training_batches
    from train.configuration import TrainConfig
    from train.loop import augmentation, build

    from .frames import pixels_alone

    config = TrainConfig(
        symmetry="p4m",
        aggregation="votes",
        padding="sky",
        source_alone=True,
        fit_frames=in_frames,
        batch_size=settings.batch_size,
    )
    data_dir = None if settings.data_dir is None else Path(settings.data_dir)
    images = pixels_alone(settings.data, data_dir, settings.images)
    targets = np.eye(2, dtype=np.float32)[np.arange(len(images)) % 2]
    size = min(settings.batch_size, len(images))
    model = build(config, len(images))
    epochs = itertools.count()

    def epoch() -> None:
        number = next(epochs)
        batches = training_batches(
            images,
            targets,
            passes=1,
            batch_size=size,
            seed=config.seed,
            epochs=range(number, number + 1),
            augment=augmentation(config) if in_frames else None,
        )
        steps = steps_per_epoch(len(images), 1, size)
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0)

    return epoch


def _training(name: str, settings: Settings) -> Task:
    images, labels = training_images(settings.images)
    if name == "keras":
        return keras_epoch(images, labels, settings.batch_size, equivariant=True)
    from . import peer_networks

    network = peer_networks.SteerableCNN if name == "e2cnn" else peer_networks.Encoder
    return pytorch_epoch(images, labels, settings.batch_size, threads=1, network=network)


def _inference(kind: Race, name: str, settings: Settings) -> Task:
    if kind == "sources":
        return _over_sources(name, settings)
    call = _published(name, settings) if kind == "published" else _preset(name, settings)
    if settings.outputs is not None:
        np.savez(settings.outputs, *map(np.asarray, call()))

    def task() -> dict:
        walls, processors = [], []
        for _ in range(settings.calls):
            wall, processor = time.perf_counter(), time.process_time()
            call()
            walls.append(time.perf_counter() - wall)
            processors.append(time.process_time() - processor)
        return {"wall": median(walls), "processor": median(processors)}

    return task


def _over_sources(name: str, settings: Settings) -> Task:
    """Return a task that classifies sources of many sizes."""
    from . import frames

    if name in ("frames", "litert"):
        run = frames.classify(settings.model, in_frames=name == "frames")
    else:
        call = _preset(name, settings)

        def run(image: np.ndarray) -> object:
            return call()  # the time does not depend on the image

    data_dir = None if settings.data_dir is None else Path(settings.data_dir)
    return frames.mean_times(run, frames.images_alone(settings.data, data_dir, settings.calls))


def _preset(name: str, settings: Settings) -> Call:
    """Return a call that runs a preset, or a network of other software, on one image."""
    image = training_images(1)[0]
    if name == "litert":
        from keras_astroattn.edge import Classifier

        classifier = Classifier(settings.model)
        return lambda: _in_order(classifier.predict(image))
    import torch

    torch.set_num_threads(1)
    if name in ("onnx", "pytorch"):
        from keras_astroattn.models import attention_model
        from keras_astroattn.models.loading import load_network

        network = attention_model(load_network(settings.model))
        inputs = torch.from_numpy(image)
        if name == "onnx":
            return _onnx(network, inputs)

        def keras_on_pytorch() -> list[np.ndarray]:
            with torch.inference_mode():
                return [value.numpy() for value in _in_order(network(inputs, training=False))]

        return keras_on_pytorch
    from . import peer_networks

    torch.manual_seed(0)
    other = peer_networks.Encoder() if name == "zoobot" else peer_networks.SteerableCNN()
    other = other.plain() if name == "e2cnn-plain" else other.eval()
    pixels = torch.from_numpy(image.transpose(0, 3, 1, 2).copy())

    def pytorch() -> np.ndarray:
        with torch.inference_mode():
            return other(pixels).numpy()

    return pytorch


def _in_order(outputs: dict) -> list:
    """Return logits and attention maps, in this order."""
    return [outputs[name] for name in ("logits", *sorted(n for n in outputs if "attention" in n))]


def _onnx(network, inputs) -> Call:
    """Return ONNX Runtime's call of the graph that `torch.onnx` exports from Keras on PyTorch."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "preset.onnx"))
        torch.onnx.export(network, (inputs,), path, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: inputs.numpy()}

    def call() -> list[np.ndarray]:
        # The exporter sorts a dict of outputs by name: the maps, then the logits.
        *maps, logits = session.run(None, feed)
        return [logits, *maps]

    return call


def _published(name: str, settings: Settings) -> Call:
    """Return a call that runs a network of the paper on one image."""
    import keras

    from export.inference_graph import inference_outputs
    from export.operator_order import run_when_needed
    from keras_astroattn.models import AGCNN, load_published

    from . import inference

    keras.utils.set_random_seed(0)
    if settings.checkpoint is None:
        model = AGCNN(gates=inference.GATES)
    else:
        model = load_published(settings.checkpoint)
    image = inference.example_image()
    if name == "litert":
        content = run_when_needed(inference.litert_file(inference_outputs(model)))
        return inference.litert(content, image, 1)
    runtime = inference.onnx_runtime if name == "onnx" else inference.pytorch
    return runtime(inference.reference_of(model), image, 1)
