"""`Network`: the interpreter of a .tflite file, with one runner for each frame."""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import CLASS_NAMES, IMAGE_SIZE

from .frames import cut, frame_signature, frame_sizes, placed, smallest_frame
from .model_file import SIGNATURE, ModelFile
from .single_graph import with_one_graph
from .structure import require_sound

_MOST_ALONE = 2
"""Graphs of a preset that are opened one by one. All of them in one interpreter take less memory
than each in its own."""


class Network:
    """A network in an interpreter of its own, which one thread uses at a time.

    Args:
        model: the .tflite file.
        threads: number of threads of one call.

    Attributes:
        outputs: names of the outputs.
        sizes: sizes of the frames in ascending order, pixels; the last is the whole image.

    Raises:
        InputError: The file is damaged or is another network.
    """

    def __init__(self, model: ModelFile, threads: int):
        self._model, self._threads = model, threads
        with self._one_error():
            interpreter = self._interpreter(model.content)
            if not model.is_preset:  # as safe as the code; the check takes 0.1 s and 4 MiB
                require_sound(model.content)
            self.sizes = [*frame_sizes(interpreter.get_signature_list()), IMAGE_SIZE]
            alone = model.is_preset and len(self.sizes) > _MOST_ALONE
            if not alone:
                interpreter.allocate_tensors()
            self._runners = _runners(interpreter, self.sizes)
            self._check()
            if alone:
                self._runners = {}
                # Opened here, so that LiteRT prints its messages only while a network is opened.
                self._runner(self.sizes[0])

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Return the outputs by name. Each image runs in the smallest frame that holds its source.

        Args:
            images: (n, 150, 150, 1) float32 in [-1, 1].
        """
        if len(self.sizes) == 1 or not len(images):
            return self.run_in_frame(images, IMAGE_SIZE)
        sizes = np.array([smallest_frame(image, self.sizes) for image in images])
        different = np.unique(sizes).tolist()
        if len(different) == 1:
            return self.run_in_frame(images, different[0])
        joined: dict[str, np.ndarray] = {}
        for size in different:
            rows = sizes == size
            for name, values in self.run_in_frame(images[rows], size).items():
                if name not in joined:
                    joined[name] = np.empty((len(images), *values.shape[1:]), values.dtype)
                joined[name][rows] = values
        return joined

    def run_in_frame(self, images: np.ndarray, size: int) -> dict[str, np.ndarray]:
        """Return the outputs by name, computed from one frame.

        Args:
            images: (n, 150, 150, 1) float32 in [-1, 1], black outside the frame.
            size: one of `sizes`.
        """
        seen = images if size == IMAGE_SIZE else cut(images, size)
        with self._one_error():
            given = self._runner(size)(image=self._quantized(seen))
        found = {name: self._dequantized(name, values) for name, values in given.items()}
        if size == IMAGE_SIZE:
            return found
        return {name: placed(values, self._shapes[name]) for name, values in found.items()}

    def _runner(self, size: int):
        """Return the runner of a frame, whose graph is opened when an image first needs it."""
        if size not in self._runners:
            if len(self._runners) < _MOST_ALONE:
                content, opened = with_one_graph(self._model.content, _signature(size)), [size]
            else:
                content, opened = self._model.content, self.sizes
                self._runners = {}  # frees the memory of the graphs before it is needed again
            interpreter = self._interpreter(content)
            interpreter.allocate_tensors()
            self._runners |= _runners(interpreter, opened)
        return self._runners[size]

    def _interpreter(self, content: bytes):
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter(model_content=content, num_threads=self._threads)

    @contextlib.contextmanager
    def _one_error(self) -> Iterator[None]:
        """Raise the errors of LiteRT about an altered network as an `InputError`."""
        try:
            yield
        except InputError:
            raise
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"{self._model.path} cannot be run: {' '.join(str(error).split())[:200]}"
            ) from None

    def _check(self) -> None:
        inputs, self._details = (
            self._runners[IMAGE_SIZE].get_input_details(),
            self._runners[IMAGE_SIZE].get_output_details(),
        )
        self.outputs = frozenset(self._details)
        self._shapes = {name: one["shape"][1:].tolist() for name, one in self._details.items()}
        sound = (
            _takes(inputs, IMAGE_SIZE)
            and {"logits", "probabilities"} <= self.outputs
            and self._shapes["probabilities"][-1] == len(CLASS_NAMES)
            and all(
                _takes(self._runners[size].get_input_details(), size)
                and self._fits(self._runners[size].get_output_details())
                for size in self.sizes[:-1]
            )
        )
        if not sound:
            raise InputError(f"{self._model.path} is another network: export it again")
        self._input = inputs["image"]

    def _fits(self, details: dict) -> bool:
        """Whether the outputs of a frame are parts of those of the whole image."""
        return set(details) == self.outputs and all(
            len(one["shape"]) == len(self._shapes[name]) + 1
            and (one["shape"][1:] <= self._shapes[name]).all()
            and one["shape"][3:].tolist() == self._shapes[name][2:]
            for name, one in details.items()
        )

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
        scale, zero = self._details[name]["quantization"]
        return (values.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def _runners(interpreter, sizes: Sequence[int]) -> dict:
    return {size: interpreter.get_signature_runner(_signature(size)) for size in sizes}


def _signature(size: int) -> str:
    return SIGNATURE if size == IMAGE_SIZE else frame_signature(size)


def _takes(inputs: dict, size: int) -> bool:
    """Whether the inputs of a signature are square images of a size."""
    return set(inputs) == {"image"} and inputs["image"]["shape_signature"][1:].tolist() == [
        size,
        size,
        1,
    ]
