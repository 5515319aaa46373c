"""Attention maps at each epoch of a training."""

import os
import tempfile
from pathlib import Path

import keras
import numpy as np

from keras_astroattn.files import atomic_path
from keras_astroattn.images import to_network_units
from keras_astroattn.models.wrappers import attention_model, evidence_model, votes_head
from keras_astroattn.outputs import gate_maps, signed_evidence
from keras_astroattn.plots import attention_figure, attention_progress, save_figure

SNAPSHOT = "epoch_{:04d}"


class AttentionSnapshots(keras.callbacks.Callback):
    """Draw the attention maps of fixed probe images at the end of each epoch.

    The callback writes `epoch_NNNN.npz` (`image` uint8 (n, h, w), `label` (n,), `attention_1` ..
    `attention_N` and `attention_mean` (n, h, w) float32, `logits` (n, classes), and `evidence`
    (n, h, w, classes) if the network has it) and `epoch_NNNN.png`. With a TensorBoard folder, it
    also writes the picture there as an image summary (which needs TensorFlow). It writes nothing
    for a network without gates.

    Args:
        network: the trained network.
        images: probe images, uint8 (n, h, w), as the network sees them (`models.images_seen_by`).
        labels: (n,) classes.
        folder: folder for the snapshots.
        tensorboard: folder of the TensorBoard log, or None.
        every: number of epochs between two snapshots; the first epoch always has one.
    """

    def __init__(
        self,
        network: keras.Model,
        images: np.ndarray,
        labels: np.ndarray,
        folder: str | os.PathLike,
        tensorboard: str | os.PathLike | None = None,
        every: int = 1,
    ):
        super().__init__()
        self.images = np.asarray(images)
        self.labels = np.asarray(labels)
        self.folder = Path(folder)
        self.tensorboard = tensorboard
        self.every = every
        gives_evidence = votes_head(network) is not None
        self.attention = (evidence_model if gives_evidence else attention_model)(network)
        self.gates = sum(
            name.removeprefix("attention_").isdecimal() for name in self.attention.output
        )
        self._inputs = to_network_units(self.images)[..., None]
        self._writer = None

    def __repr__(self) -> str:
        return f"AttentionSnapshots({len(self.images)} images, every={self.every}, {self.folder})"

    def on_epoch_end(self, epoch, logs=None):
        """Write the maps of the epoch and their picture."""
        if self.gates < 1 or ((epoch + 1) % self.every and epoch > 0):
            return
        outputs = self.attention.predict_on_batch(self._inputs)
        outputs = {name: np.asarray(value) for name, value in outputs.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        name = SNAPSHOT.format(epoch + 1)
        with atomic_path(self.folder / f"{name}.npz") as temporary:
            np.savez_compressed(temporary, image=self.images, label=self.labels, **outputs)
        figure = attention_figure(
            self.images,
            gate_maps(outputs),
            outputs["attention_mean"],
            self.labels,
            evidence=signed_evidence(outputs),
        )
        (picture,) = save_figure(figure, self.folder / name, formats=("png",), resolution=120)
        if self.tensorboard is not None:
            self._log_picture(picture, epoch)

    def _log_picture(self, picture: Path, epoch: int) -> None:
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(os.fspath(self.tensorboard))
        with self._writer.as_default(step=epoch):
            tf.summary.image("attention", tf.io.decode_png(picture.read_bytes())[None])
        self._writer.flush()

    def on_train_end(self, logs=None):
        """Close the TensorBoard log."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None  # a further `fit` opens it again


def draw_progress(folder: str | os.PathLike, most: int = 11) -> Path | None:
    """Draw `progress.png`: a source of each class, and its evidence or mean attention by epoch.

    Networks with evidence are shown by their signed evidence, others by their attention.

    Args:
        folder: folder of the snapshots.
        most: largest number of epochs to draw, evenly spread.

    Returns:
        Path of the picture, or None if there is no snapshot.
    """
    from PIL import Image

    folder = Path(folder)
    snapshots = sorted(folder.glob("epoch_*.npz"))
    if not snapshots:
        return None
    chosen = np.unique(np.linspace(0, len(snapshots) - 1, most).round().astype(int))
    epochs, maps = [], []
    for path in (snapshots[k] for k in chosen):
        with np.load(path) as snapshot:
            images, labels = snapshot["image"], snapshot["label"]
            epochs.append(int(path.stem.removeprefix("epoch_")))
            signed = signed_evidence(snapshot)
            maps.append(snapshot["attention_mean"] if signed is None else signed)
    strips = []
    for label in np.unique(labels):
        row = int(np.flatnonzero(labels == label)[0])
        by_epoch = {epoch: one[row] for epoch, one in zip(epochs, maps, strict=True)}
        figure = attention_progress(images[row], by_epoch, int(label), signed=signed is not None)
        with tempfile.TemporaryDirectory() as scratch:
            (strip,) = save_figure(figure, Path(scratch) / "strip", ("png",), resolution=150)
            strips.append(Image.open(strip).convert("RGB"))
    picture = Image.new(
        "RGB", (max(s.width for s in strips), sum(s.height for s in strips)), "white"
    )
    top = 0
    for strip in strips:
        picture.paste(strip, (0, top))
        top += strip.height
    with atomic_path(folder / "progress.png") as temporary:
        picture.save(temporary)
    return folder / "progress.png"
