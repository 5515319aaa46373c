"""Load the published weights of the paper, which are PyTorch checkpoints.

A checkpoint is a PyTorch state dict `<epoch>.pt`. The name of its folder states the experiment,
the normalization and the aggregation. It holds convolution kernels as (out, in, height, width)
and dense kernels as (out, in); Keras uses (height, width, in, out) and (in, out). Source: Bowles
et al. 2020, arXiv 2012.01248.
"""

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.layers.normalization import NORMALIZATIONS, SCOPES

from .ag_cnn import AGCNN, STAGES

PUBLISHED_AGGREGATIONS = ("mean", "concat", "deep_sup", "ft")
"""The aggregations of the paper: those that a published checkpoint can have."""

UNUSED_TENSORS = {
    "fc1.weight": (256, 400),
    "fc1.bias": (256,),
    "fc2.weight": (256, 256),
    "fc2.bias": (256,),
    "fc3.weight": (2, 256),
    "fc3.bias": (2,),
}
"""Shapes of the three dense layers (168,962 weights) that the paper's networks never used."""

_GATES_BY_EXPERIMENT = {"30": 0, "31": 1, "32": 2}
_PAPER_GATES = 3

# Order of the axes of a PyTorch tensor in Keras, by the kind of layer.
_CONVOLUTION = (2, 3, 1, 0)
_DENSE = (1, 0)
_VECTOR = (0,)


@dataclass(frozen=True)
class PublishedConfiguration:
    """Options of a network that the weights of a checkpoint do not state.

    Attributes:
        gates: number of gates, 0 to 3; None if unknown.
        normalization: one of `NORMALIZATIONS`; None if unknown.
        aggregation: one of `PUBLISHED_AGGREGATIONS`; None if unknown.
    """

    gates: int | None = None
    normalization: str | None = None
    aggregation: str | None = None


def configuration_from_name(name: str) -> PublishedConfiguration:
    """Read the options that the name of a published folder states; the others are None.

    `0724Exp32-range_norm-MiraBestNOHYBRIDAdam-AGRadGalNetft-5e-05` has 2 gates (experiments 30,
    31 and 32 have 0, 1 and 2; all others 3), `range_norm` and `ft`.

    Args:
        name: name of a folder or file.

    Returns:
        The stated options.
    """
    match = re.search(r"Exp(\d+)-([a-z_]+)-.*AGRadGalNet([a-z_]+)-", name)
    if match is None:
        return PublishedConfiguration()
    experiment, normalization, aggregation = match.groups()
    gates = _GATES_BY_EXPERIMENT.get(experiment, _PAPER_GATES)
    return PublishedConfiguration(gates, normalization, aggregation)


def checkpoint_epochs(folder: str | os.PathLike) -> dict[int, Path]:
    """Return the checkpoints `<epoch>.pt` of a folder by epoch, in the order of the epochs.

    Args:
        folder: folder of the checkpoints.

    Returns:
        Paths by epoch.

    Raises:
        InputError: The folder cannot be read, or holds no checkpoint.
    """
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise InputError(f"cannot list {folder}: {error.strerror}") from error
    epochs = {
        int(name[:-3]): Path(folder, name) for name in names if re.fullmatch(r"\d+\.pt", name)
    }
    if not epochs:
        raise InputError(f"{folder} holds no checkpoint <epoch>.pt; give a folder that does")
    return dict(sorted(epochs.items()))


def load_published(
    path: str | os.PathLike,
    scope: str = "sample",
    *,
    gates: int | None = None,
    normalization: str | None = None,
    aggregation: str | None = None,
) -> AGCNN:
    """Build the network of a published checkpoint, with its weights.

    Args:
        path: a checkpoint `<epoch>.pt`, or a folder of them, which means its last epoch.
        scope: pixels of the normalization's minimum and maximum: `"sample"`, those of each
            image, or `"batch"`, those of the whole batch, as the paper evaluated; see
            `AttentionNormalization`.
        gates: number of gates, 0 to 3; None: as the name of the checkpoint or its folder states.
        normalization: one of `NORMALIZATIONS`, or None as for `gates`; no effect without gates.
        aggregation: one of `PUBLISHED_AGGREGATIONS`, or None; no effect without gates.

    Returns:
        An `AGCNN` (with the paper's dropout) whose output is logits.

    Raises:
        InputError: The file is missing or unreadable; PyTorch is not installed; an option is
            unknown, or is given neither by the name nor by the caller; or the weights are those
            of another network: each tensor must be used or be one of `UNUSED_TENSORS`.
    """
    path = Path(path)
    if path.is_dir():
        path = list(checkpoint_epochs(path).values())[-1]
    asked = PublishedConfiguration(gates, normalization, aggregation)
    configuration = _complete(asked, path)
    if scope not in SCOPES:
        raise InputError(f"scope must be one of {', '.join(SCOPES)}; got {scope!r}")

    tensors = _read_state_dict(path)
    _require_gates(tensors, configuration.gates, path)
    model = AGCNN(
        gates=configuration.gates,
        normalization=configuration.normalization,
        aggregation=configuration.aggregation,
        scope=scope,
        dropout=0.5 if configuration.gates == _PAPER_GATES else 0.0,
        dtype="float32",
    )
    _assign(model, tensors, path)
    return model


def _complete(asked: PublishedConfiguration, path: Path) -> PublishedConfiguration:
    """Return `asked`, completed from the name of the file or its folder, and checked."""
    named = configuration_from_name(path.name)
    if named.gates is None:
        named = configuration_from_name(path.absolute().parent.name)
    given = {option: value for option, value in vars(asked).items() if value is not None}
    configuration = replace(named, **given)
    if configuration.gates == 0:
        # Without gates the two others have no effect, and a name need not state them.
        configuration = replace(
            configuration,
            normalization=configuration.normalization or "range_norm",
            aggregation=configuration.aggregation or "concat",
        )
    choices = {
        "gates": range(len(STAGES)),
        "normalization": NORMALIZATIONS,
        "aggregation": PUBLISHED_AGGREGATIONS,
    }
    for option, value in vars(configuration).items():
        listed = ", ".join(map(str, choices[option]))
        if value is None:
            raise InputError(
                f"the name of {path} or of its folder does not state its {option}; "
                f"give {option}: one of {listed}"
            )
        if value not in choices[option]:
            raise InputError(f"{path}: {option} must be one of {listed}; got {value!r}")
    return configuration


def _read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a PyTorch state dict; no code in the file is run."""
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "reading PyTorch checkpoints needs PyTorch: pip install 'keras-astroattn[convert]'"
        ) from error
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a checkpoint <epoch>.pt or its folder")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    # Bytes that are not a checkpoint can make the reader raise any exception.
    except Exception as error:
        raise InputError(
            f"{path} is damaged or not a PyTorch state dict (nothing else is read): "
            "fetch the checkpoint again"
        ) from error
    if not isinstance(content, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, torch.Tensor)
        for name, tensor in content.items()
    ):
        raise InputError(f"{path} is not a state dict: it must hold tensors by name, alone")
    return {name: tensor.numpy() for name, tensor in content.items()}


def _require_gates(tensors: Mapping[str, np.ndarray], gates: int, path: Path) -> None:
    """Check that the number of gates in the weights is that of the configuration."""
    held = sum(name.endswith(".theta.weight") for name in tensors)
    # Without any gate it may be another network, which `_assign` reports better.
    if held != gates and (held or "conv1a.weight" in tensors):
        raise InputError(
            f"{path} holds the weights of {held} gates, not of {gates} as its name or the "
            "option says; give gates as the weights have them"
        )


def _assign(model: AGCNN, tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Assign every tensor to its variable; refuse missing, unknown and misshapen ones."""
    configuration = f"gates={model.gates}, aggregation={model.aggregation!r}"
    slots = {name: (variable, axes) for name, variable, axes in _slots(model)}
    for name in slots:
        if name not in tensors:
            raise InputError(
                f"{path} is of another network: it lacks the tensor {name} of {configuration}"
            )
    for name, tensor in tensors.items():
        if name in slots:
            variable, axes = slots[name]
            expected = tuple(variable.shape[axes.index(axis)] for axis in range(len(axes)))
        elif name in UNUSED_TENSORS:
            expected = UNUSED_TENSORS[name]
        elif re.fullmatch(r"bnorm\d[a-c]\.num_batches_tracked", name):
            # PyTorch's count of training steps belongs to the state of every batch
            # normalization. Only one without a fixed momentum uses it.
            expected = ()
        else:
            raise InputError(
                f"{path} is of another network: its tensor {name} has no place in {configuration}"
            )
        if tensor.shape != expected:
            raise InputError(
                f"{path} is of another network: its tensor {name} has shape {tensor.shape}, "
                f"not {expected}"
            )
        if not np.isfinite(tensor).all():
            raise InputError(f"{path} is damaged: its tensor {name} holds NaN or infinity")

    for name, (variable, axes) in slots.items():
        tensor = tensors[name]
        if name == "classifier.weight" and not model.gates:
            tensor = _flattened_channels_last(tensor, model.get_layer("flatten").input.shape[1:])
        variable.assign(tensor.transpose(axes))


def _flattened_channels_last(weight: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Reorder (out, channels x height x width) to (out, height x width x channels).

    PyTorch flattens feature maps channels first, Keras channels last.
    """
    height, width, channels = shape
    weight = weight.reshape(-1, channels, height, width)
    return weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)


def _slots(model: AGCNN) -> Iterator[tuple[str, keras.Variable, tuple[int, ...]]]:
    """Yield (PyTorch name, Keras variable, order of axes) of all weights of a checkpoint."""
    for stage, (_, blocks) in enumerate(STAGES, start=1):
        for block in range(1, blocks + 1):
            tag = f"{stage}{'abc'[block - 1]}"
            convolution = model.get_layer(f"stage_{stage}_block_{block}_conv")
            yield f"conv{tag}.weight", convolution.kernel, _CONVOLUTION
            yield f"conv{tag}.bias", convolution.bias, _VECTOR
            norm = model.get_layer(f"stage_{stage}_block_{block}_norm")
            yield f"bnorm{tag}.weight", norm.gamma, _VECTOR
            yield f"bnorm{tag}.bias", norm.beta, _VECTOR
            yield f"bnorm{tag}.running_mean", norm.moving_mean, _VECTOR
            yield f"bnorm{tag}.running_var", norm.moving_variance, _VECTOR
    for number in range(1, model.gates + 1):
        gate = model.get_layer(f"gate_{number}")
        yield f"attention{number}.theta.weight", gate.theta.kernel, _CONVOLUTION
        yield f"attention{number}.phi.weight", gate.phi.kernel, _CONVOLUTION
        yield f"attention{number}.psi.weight", gate.psi.kernel, _CONVOLUTION
        yield f"attention{number}.psi.bias", gate.psi.bias, _VECTOR
    head = model.get_layer("logits")
    for number, dense in enumerate(getattr(head, "dense_per_gate", [])):
        yield f"classifiers.{number}.weight", dense.kernel, _DENSE
        yield f"classifiers.{number}.bias", dense.bias, _VECTOR
    if hasattr(head, "dense"):
        yield "classifier.weight", head.dense.kernel, _DENSE
        yield "classifier.bias", head.dense.bias, _VECTOR


if __name__ == "__main__":
    sys.exit("This command is now: python -m export.published (in the project's repository)")
