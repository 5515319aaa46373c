"""Time the paper's pooled evaluation with Keras, and with PyTorch and PIL.

`python -m benchmarks.pooled` predicts as many images as MiraBest's test set has (153) under
random transforms, with the proposed network. PyTorch follows the notebooks of the paper: PIL
transforms each image, which becomes a tensor in a batch of 16. The rounds alternate in one
process. The full protocol has 360 transforms of each image.
"""

import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from keras_astroattn.command import new_app, run_app

from .training import training_images

MIRABEST_TEST_SOURCES = 153
PAPER_REPEATS = 360
BATCH_SIZE = 16

app = new_app(
    name="python -m benchmarks.pooled",
    help=__doc__.splitlines()[0],
)


@app.default
def benchmark(*, repeats: int = 3, rounds: int = 3, count: int = MIRABEST_TEST_SOURCES) -> int:
    """Print the seconds of a round with each library, and their ratio.

    Args:
        repeats: Number of transforms of each image in a round.
        rounds: Number of timed rounds, whose median counts; a further first round warms up.
        count: Number of images.
    """
    images, _ = training_images(count)
    images = np.uint8(np.rint((images[..., 0] + 1) * 127.5))
    contenders = {"Keras (TensorFlow)": keras_round(), "PyTorch, PIL": pytorch_round()}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, predict in contenders.items():
            started = time.perf_counter()
            predict(images, repeats)
            if number:
                times[name].append(time.perf_counter() - started)
    table = Table(title=f"{count} images, {repeats} transforms of each")
    for column in ("with", "seconds", f"minutes for {PAPER_REPEATS}", "times PyTorch"):
        table.add_column(column, justify="left" if column == "with" else "right")
    slow = statistics.median(times["PyTorch, PIL"])
    for name, seconds in times.items():
        median = statistics.median(seconds)
        minutes = median * PAPER_REPEATS / repeats / 60
        table.add_row(name, f"{median:.2f}", f"{minutes:.1f}", f"{slow / median:.2f}")
    Console().print(table)
    return 0


def keras_round() -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a round with `predict_pooled` of the library."""
    from keras_astroattn.evaluation import predict_pooled
    from keras_astroattn.models import AGCNN

    model = AGCNN(gates=3)

    def predict(images: np.ndarray, repeats: int) -> np.ndarray:
        return predict_pooled(model, images, repeats, batch_size=BATCH_SIZE)

    return predict


def pytorch_round() -> Callable[[np.ndarray, int], np.ndarray]:
    """Return a round in PyTorch, with PIL transforming each image."""
    import torch

    from keras_astroattn.evaluation import draw_transforms

    from .reference_implementations import ReferenceAGCNN

    network = ReferenceAGCNN().eval()

    def transformed(image: np.ndarray, row: np.ndarray) -> torch.Tensor:
        picture = Image.fromarray(image)
        affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
        view = picture.transform(picture.size, affine, tuple(row), bilinear, fillcolor=0)
        pixels = torch.from_numpy(np.asarray(view, np.float32) / 255)
        return (pixels[None] - 0.5) / 0.5

    def predict(images: np.ndarray, repeats: int) -> np.ndarray:
        predictions = []
        with torch.no_grad():
            for repeat in range(repeats):
                rows = draw_transforms(len(images), seed=0, repeat=repeat)
                for start in range(0, len(images), BATCH_SIZE):
                    part = slice(start, start + BATCH_SIZE)
                    pairs = zip(images[part], rows[part], strict=True)
                    batch = torch.stack([transformed(*pair) for pair in pairs])
                    predictions.append(torch.softmax(network(batch), dim=1).numpy())
        return np.concatenate(predictions)

    return predict


if __name__ == "__main__":
    sys.exit(run_app(app))
