"""Predictions and sums of attention maps of a network over randomly transformed images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from keras_astroattn.evaluation import augmented_views, mean_map
from keras_astroattn.images import CLASS_NAMES, to_network_units
from keras_astroattn.outputs import gate_maps, softmax

from ..predictions import read_arrays, save_arrays
from .both_scopes import BothScopes

FORMAT = 2
"""Format of the saved passes; after a change, passes are computed again."""


@dataclass(frozen=True)
class ScopePass:
    """Results of a network on n sources under one scope of normalization.

    Attributes:
        views: (repeats, n, 2) float32 class probabilities of the augmented views.
        clean: (n, 2) float32 class probabilities of the original images.
        counts: (2, 2) int64 number of views by [true class][predicted class].
        images: (2, 2, h, w) float64 sum of these views (brightness 0 to 255).
        attention: for each gate (2, 2, h', w') float64, the sum of its maps of these views.
        examples: (m, h', w') float32 maps of the example images, for each gate.
    """

    views: np.ndarray
    clean: np.ndarray
    counts: np.ndarray
    images: np.ndarray
    attention: tuple[np.ndarray, ...]
    examples: tuple[np.ndarray, ...]

    def mean_image(self, true: int, predicted: int | None = None) -> np.ndarray | None:
        """Return the mean view (h, w) of a true class, or of its views with a predicted class."""
        return self._mean(self.images, true, predicted)

    def mean_attention(
        self, true: int, predicted: int | None = None
    ) -> tuple[np.ndarray, ...] | None:
        """Return the mean map (h', w') of each gate over such views; None if there is none."""
        if not self._count(true, predicted):
            return None
        return tuple(self._mean(sums, true, predicted) for sums in self.attention)

    def mean_over_gates(self, true: int, predicted: int | None = None) -> np.ndarray | None:
        """Return their mean attention map at the size of the image; None if there is none."""
        gates = self.mean_attention(true, predicted)
        if not gates:
            return None
        return over_gates([gate[np.newaxis] for gate in gates], self.images.shape[-2:])[0]

    def example_mean(self) -> np.ndarray:
        """Return (m, h, w) mean attention maps of the examples."""
        return over_gates(self.examples, self.images.shape[-2:])

    def _count(self, true: int, predicted: int | None) -> int:
        return int(self.counts[true].sum() if predicted is None else self.counts[true, predicted])

    def _mean(self, sums: np.ndarray, true: int, predicted: int | None) -> np.ndarray | None:
        count = self._count(true, predicted)
        if not count:
            return None
        chosen = sums[true].sum(axis=0) if predicted is None else sums[true, predicted]
        return chosen / count


def over_gates(gates: list[np.ndarray] | tuple[np.ndarray, ...], size: tuple) -> np.ndarray:
    """Return the mean over gates of their (n, h', w') maps at `size`, (n, *size) float64."""
    return mean_map({str(number): maps for number, maps in enumerate(gates)}, size)


def walk(
    network: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    examples: np.ndarray,
    *,
    scopes: tuple[str, ...],
    repeats: int,
    seed: int,
    batch_size: int,
    on_views: Callable[[int], object] = lambda views: None,
    known: dict[str, ScopePass] | None = None,
) -> dict[str, ScopePass]:
    """Predict images and their augmented views, and sum the attention maps.

    The transforms and batches are those of `keras_astroattn.evaluation.predict_pooled`.

    Args:
        network: an `AGCNN`.
        images: (n, h, w) uint8.
        labels: (n,) 0 or 1.
        examples: (m, h, w) uint8, images whose maps are kept; each is alone in its batch.
        scopes: `"sample"`, `"batch"` or both.
        repeats: number of random transforms of each image.
        seed: seed of the transforms.
        batch_size: number of consecutive images in a batch.
        on_views: called with the number of predicted views.
        known: the result of the same call for fewer repeats, which is extended.

    Returns:
        The results by scope.
    """
    known = known or {}
    first = max((len(one.views) for one in known.values()), default=0)
    forward = BothScopes(network, scopes).predict_on_batch
    tallies = {scope: _Tally(labels, repeats, images.shape[1:]) for scope in scopes}
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        outputs = forward(to_network_units(images[rows, ..., np.newaxis]))
        for scope, tally in tallies.items():
            tally.clean[rows] = softmax(np.asarray(outputs[f"{scope}/logits"], np.float32))
    for scope, one in known.items():
        tallies[scope].go_on_from(one)
    further = augmented_views(images, repeats - first, seed, first)
    for repeat, views in enumerate(further, start=first):
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            outputs = forward(to_network_units(views[rows, ..., np.newaxis]))
            for scope, tally in tallies.items():
                tally.add(repeat, rows, views[rows], _of_scope(outputs, scope))
            on_views(len(views[rows]))
    maps = [forward(to_network_units(one[np.newaxis, ..., np.newaxis])) for one in examples]
    return {
        scope: tally.result([_of_scope(outputs, scope) for outputs in maps])
        for scope, tally in tallies.items()
    }


def _of_scope(outputs: dict, scope: str) -> dict[str, np.ndarray]:
    prefix = f"{scope}/"
    return {
        name.removeprefix(prefix): np.asarray(value)
        for name, value in outputs.items()
        if name.startswith(prefix)
    }


class _Tally:
    """Sums of `walk` under one scope."""

    def __init__(self, labels: np.ndarray, repeats: int, size: tuple[int, int]):
        classes = len(CLASS_NAMES)
        self.labels = labels
        self.views = np.empty((repeats, len(labels), classes), np.float32)
        self.clean = np.empty((len(labels), classes), np.float32)
        self.counts = np.zeros((classes, classes), np.int64)
        self.images = np.zeros((classes, classes, *size))
        self.attention: list[np.ndarray] = []

    def go_on_from(self, known: ScopePass) -> None:
        self.views[: len(known.views)] = known.views
        self.counts += known.counts
        self.images += known.images
        self.attention = [sums.copy() for sums in known.attention]

    def add(
        self, repeat: int, rows: slice, images: np.ndarray, outputs: dict[str, np.ndarray]
    ) -> None:
        probabilities = softmax(outputs["logits"].astype(np.float32))
        self.views[repeat, rows] = probabilities
        gates = gate_maps(outputs)
        if not self.attention:
            self.attention = [np.zeros((*self.counts.shape, *maps.shape[1:])) for maps in gates]
        predicted = probabilities.argmax(axis=-1)
        for pair in np.ndindex(self.counts.shape):
            chosen = (self.labels[rows] == pair[0]) & (predicted == pair[1])
            if not chosen.any():
                continue
            self.counts[pair] += chosen.sum()
            # A matrix product takes several times as long as plain sums.
            self.images[pair] += images[chosen].sum(axis=0, dtype=np.float64)
            for sums, maps in zip(self.attention, gates, strict=True):
                sums[pair] += maps[chosen].sum(axis=0)

    def result(self, examples: list[dict[str, np.ndarray]]) -> ScopePass:
        by_gate = zip(*map(gate_maps, examples), strict=True)
        return ScopePass(
            views=self.views,
            clean=self.clean,
            counts=self.counts,
            images=self.images,
            attention=tuple(self.attention),
            examples=tuple(np.concatenate(maps) for maps in by_gate),
        )


def save_passes(path: Path, passes: dict[str, ScopePass]) -> None:
    """Write the result of `walk` as one compressed file; sums are kept in float32."""
    arrays = {}
    for scope, one in passes.items():
        for name in ("views", "clean", "counts"):
            arrays[f"{scope}/{name}"] = getattr(one, name)
        arrays[f"{scope}/images"] = one.images.astype(np.float32)
        for number, (sums, maps) in enumerate(zip(one.attention, one.examples, strict=True)):
            arrays[f"{scope}/attention_{number}"] = sums.astype(np.float32)
            arrays[f"{scope}/examples_{number}"] = maps
    save_arrays(path, arrays)


def read_passes(path: Path, scopes: tuple[str, ...]) -> dict[str, ScopePass] | None:
    """Read results that `save_passes` wrote; None if the file is missing or damaged."""
    arrays = read_arrays(path)
    return None if arrays is None else {scope: _of_arrays(arrays, scope) for scope in scopes}


def _of_arrays(arrays: dict[str, np.ndarray], scope: str) -> ScopePass:
    gates = sum(name.startswith(f"{scope}/attention_") for name in arrays)
    return ScopePass(
        **{name: arrays[f"{scope}/{name}"] for name in ("views", "clean", "counts")},
        images=arrays[f"{scope}/images"].astype(np.float64),
        attention=tuple(arrays[f"{scope}/attention_{k}"].astype(np.float64) for k in range(gates)),
        examples=tuple(arrays[f"{scope}/examples_{k}"] for k in range(gates)),
    )
