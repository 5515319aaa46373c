"""The command `python -m benchmarks.inference`: LiteRT compared with ONNX Runtime and PyTorch.

It runs a published network of three gates on one image at a time, with logits and three attention
maps as outputs. It compares the outputs before it measures times. The rounds alternate between
the contenders within one process, so that other load affects all equally.
"""

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import torch
from ai_edge_litert.interpreter import Interpreter
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from benchmarks.contenders import Outputs, largest_difference
from benchmarks.reference_implementations import ReferenceAGCNN
from export.inference_graph import inference_outputs
from export.operator_order import run_when_needed
from keras_astroattn.command import new_app, run_app
from keras_astroattn.errors import InputError
from keras_astroattn.layers import AttentionGate
from keras_astroattn.models import AGCNN, attention_model, load_published

GATES = 3
TOLERANCE = 5e-4
"""Largest accepted difference of probabilities and attention maps from those of Keras."""

Contender = Callable[[], Outputs]


class _WithAttention(torch.nn.Module):
    """The reference implementation with attention maps among its outputs."""

    def __init__(self, network: ReferenceAGCNN):
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return logits and maps."""
        logits, maps = self.network.forward_with_attention(image)
        return logits, *maps


def reference_of(model: AGCNN) -> torch.nn.Module:
    """Return a PyTorch network with the weights of a Keras network of the paper's proposal."""
    reference = ReferenceAGCNN()
    layers = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    modules = [module for stage in reference.stages for module in stage]
    convolutions = [module for module in modules if isinstance(module, torch.nn.Conv2d)]
    normalizations = [module for module in modules if isinstance(module, torch.nn.BatchNorm2d)]
    for layer, module in zip(layers, convolutions, strict=True):
        _copy(module.weight, layer.kernel, (3, 2, 0, 1))
        _copy(module.bias, layer.bias)
    for layer, module in zip(norms, normalizations, strict=True):
        _copy(module.weight, layer.gamma)
        _copy(module.bias, layer.beta)
        _copy(module.running_mean, layer.moving_mean)
        _copy(module.running_var, layer.moving_variance)
    gates = [layer for layer in model.layers if isinstance(layer, AttentionGate)]
    for layer, module in zip(gates, reference.gates, strict=True):
        for name in ("theta", "phi", "psi"):
            _copy(getattr(module, name).weight, getattr(layer, name).kernel, (3, 2, 0, 1))
        _copy(module.psi.bias, layer.psi.bias)
    head = model.get_layer("logits")
    for dense, module in zip(
        [*head.dense_per_gate, head.dense],
        [*reference.dense_per_gate, reference.dense],
        strict=True,
    ):
        _copy(module.weight, dense.kernel, (1, 0))
        _copy(module.bias, dense.bias)
    return _WithAttention(reference).eval()


def _copy(target: torch.Tensor, source: keras.Variable, axes: tuple[int, ...] = (0,)) -> None:
    with torch.no_grad():
        target.copy_(torch.from_numpy(source.numpy().transpose(axes).copy()))


def litert_file(outputs: Callable) -> bytes:
    """Return a .tflite file of a function from images to named outputs."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec((None, 150, 150, 1), tf.float32, name="image")])
    def serve(image):
        return {name: value for name, value in outputs(image).items() if name != "attention_mean"}

    module.serve = serve
    with tempfile.TemporaryDirectory() as folder:
        concrete = serve.get_concrete_function()
        tf.saved_model.save(module, folder, signatures={"serving_default": concrete})
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def litert(content: bytes, image: np.ndarray, threads: int) -> Contender:
    """Return LiteRT's runner: set the input, run, read all outputs."""
    runner = Interpreter(model_content=content, num_threads=threads).get_signature_runner()

    def run() -> Outputs:
        given = runner(image=image)
        return [given["logits"], *(given[f"attention_{k}"] for k in range(1, GATES + 1))]

    return run


def onnx_runtime(reference: torch.nn.Module, image: np.ndarray, threads: int) -> Contender:
    """Return ONNX Runtime's runner of the graph that PyTorch exports."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        path = str(Path(folder, "reference.onnx"))
        example = torch.from_numpy(image.transpose(0, 3, 1, 2).copy())
        torch.onnx.export(reference, (example,), path, dynamo=False, opset_version=18)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image.transpose(0, 3, 1, 2).copy()}
    return lambda: session.run(None, feed)


def pytorch(reference: torch.nn.Module, image: np.ndarray, threads: int) -> Contender:
    """Return PyTorch's runner in eager mode."""
    torch.set_num_threads(threads)
    tensor = torch.from_numpy(image.transpose(0, 3, 1, 2).copy())

    def run() -> Outputs:
        with torch.inference_mode():
            return [value.numpy() for value in reference(tensor)]

    return run


def race(
    contenders: dict[str, Contender], rounds: int, calls: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Measure wall and processor milliseconds of each call, in alternating rounds."""
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            run()
            for _ in range(calls):
                wall, processor = time.perf_counter(), time.process_time()
                run()
                times[name][0].append((time.perf_counter() - wall) * 1e3)
                times[name][1].append((time.process_time() - processor) * 1e3)
    return times


def results_table(times: dict[str, tuple[list[float], list[float]]], title: str) -> Table:
    """Return a row for each contender, with the ratios of the first contender to it."""
    table = Table(title=title)
    table.add_column("with", no_wrap=True)
    for name in ("median\nms", "fastest\nms", "CPU time\nmedian ms", "LiteRT's\nmedian",
                 "LiteRT's\nfastest", "LiteRT's\nCPU time"):  # fmt: skip
        table.add_column(name, justify="right")
    wall, processor = next(iter(times.values()))
    ours = statistics.median(wall), min(wall), statistics.median(processor)
    for name, (wall, processor) in times.items():
        theirs = statistics.median(wall), min(wall), statistics.median(processor)
        ratios = (f"{own / other:.2f}" for own, other in zip(ours, theirs, strict=True))
        table.add_row(name, *(f"{value:.2f}" for value in theirs), *ratios)
    return table


app = new_app(name="python -m benchmarks.inference")


@app.default
def benchmark(
    checkpoint: Path,
    /,
    *,
    threads: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    rounds: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    calls: Annotated[int, Parameter(validator=Number(gte=1))] = 5,
    untuned: bool = False,
) -> None:
    """Time a published network in LiteRT, ONNX Runtime and PyTorch, and print a table.

    Args:
        checkpoint: A published checkpoint of three gates, or its folder.
        threads: Number of threads of each contender.
        rounds: Number of rounds in which the contenders alternate.
        calls: Number of timed calls of each contender in a round.
        untuned: Also time LiteRT on the graph that Keras makes, without our changes.
    """
    model = load_published(checkpoint)
    image = example_image()
    expected = attention_model(model)(image, training=False)
    expected = [
        np.asarray(expected[name])
        for name in ("logits", *(f"attention_{k}" for k in range(1, GATES + 1)))
    ]
    reference = reference_of(model)
    exported = run_when_needed(litert_file(inference_outputs(model)))
    contenders = {"LiteRT": litert(exported, image, threads)}
    if untuned:
        content = _untuned(attention_model(model))
        contenders["LiteRT, untuned graph"] = litert(content, image, threads)
    contenders["ONNX Runtime"] = onnx_runtime(reference, image, threads)
    contenders["PyTorch"] = pytorch(reference, image, threads)
    for name, run in contenders.items():
        difference = largest_difference(run(), expected)
        if not difference <= TOLERANCE:
            raise InputError(f"the outputs of {name} differ from Keras by {difference:.1e}")
    title = f"One image, {threads} thread{'s' * (threads > 1)}, three attention maps"
    Console().print(results_table(race(contenders, rounds, calls), title))


def _untuned(model: keras.Model) -> bytes:
    weights = [(variable, tf.constant(variable.numpy())) for variable in model.variables]

    def outputs(image):
        with keras.StatelessScope(state_mapping=weights):
            return model(image, training=False)

    return litert_file(outputs)


def example_image() -> np.ndarray:
    """Return a (1, 150, 150, 1) float32 image of two lobes and a core."""
    y, x = np.mgrid[:150, :150].astype(np.float32)
    image = np.full((150, 150), -1, np.float32)
    for row, column, peak in ((60, 70, 1.0), (75, 76, 0.4), (92, 81, 1.6)):
        image += peak * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 20)
    return np.clip(image, -1, 1)[np.newaxis, ..., np.newaxis]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
