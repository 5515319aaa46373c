"""Measure the time that attention snapshots add to an epoch on MiraBest.

`python -m benchmarks.snapshots` trains the default network on as many images as a run on
MiraBest has, and times each epoch and the snapshot at its end.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app

from .training import training_images

MIRABEST_TRAINING_SOURCES = 855
"""Training images of a run on MiraBest: 1069, of which 20 % are held out."""

app = new_app(
    name="python -m benchmarks.snapshots",
    help=__doc__.splitlines()[0],
)


@app.default
def benchmark(*, epochs: int = 4, images: int = MIRABEST_TRAINING_SOURCES) -> int:
    """Print the seconds of an epoch and of a snapshot, and their ratio.

    Args:
        epochs: Number of timed epochs; a further first epoch compiles the graph.
        images: Number of training images.
    """
    from keras import callbacks

    from keras_astroattn.callbacks import AttentionSnapshots
    from train.batches import steps_per_epoch, training_batches
    from train.configuration import TrainConfig
    from train.loop import build

    config = TrainConfig(epochs=epochs + 1)
    drawn, labels = training_images(images)
    pixels = ((drawn[..., 0] + 1) * 127.5).astype("uint8")
    steps = steps_per_epoch(len(pixels), 1, config.batch_size)
    model = build(config, len(pixels))
    probes = [int(np.argmax(labels == label)) for label in (0, 1)]
    seconds: dict[str, list[float]] = {"epoch": [], "snapshot": []}

    class Timed(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            ended = time.perf_counter()
            snapshots.on_epoch_end(epoch, logs)
            seconds["epoch"].append(ended - self.started)
            seconds["snapshot"].append(time.perf_counter() - ended)

    with tempfile.TemporaryDirectory() as folder:
        snapshots = AttentionSnapshots(
            model.get_layer("network"),
            pixels[probes],
            labels[probes],
            Path(folder) / "attention",
            tensorboard=Path(folder) / "tensorboard",
        )
        batches = training_batches(
            pixels,
            np.eye(2, dtype="float32")[labels],
            passes=1,
            batch_size=config.batch_size,
            seed=0,
            epochs=range(epochs + 1),
        )
        model.fit(
            batches,
            steps_per_epoch=steps,
            epochs=epochs + 1,
            verbose=0,
            shuffle=False,
            callbacks=[Timed()],
        )
    epoch, snapshot = (statistics.median(seconds[name][1:]) for name in ("epoch", "snapshot"))
    table = Table(title=f"{len(pixels)} images an epoch, median of {epochs}")
    for column in ("epoch s", "snapshot s", "added %"):
        table.add_column(column, justify="right")
    table.add_row(f"{epoch:.2f}", f"{snapshot:.2f}", f"{100 * snapshot / epoch:.1f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(run_app(app))
