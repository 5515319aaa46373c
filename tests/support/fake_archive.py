"""What a small archive holds: two training batches and a test batch in MiraBest's form."""

import numpy as np

from keras_astroattn.datasets.archives import Archive

FAKE = Archive(
    title="Tiny",
    url="http://127.0.0.1:9/data/tiny.tar.gz",  # nothing listens on the discard port
    md5="",
    subfolder="tiny",
    member_folder="batches",
    training_batches=2,
    classes=10,
)

NAMES = {
    "data_batch_1": ["./folder/100_001.500-002.250_0.1000_0010.00.png", "300_2.0+3.0_0.2_5.png"],
    "data_batch_2": ["./folder/210_003.000+004.000_0.3000_0030.00.png"],
    "test_batch": ["./folder/201_005.000+006.000_0.5000_0050.00.png"],
}
LABELS = {"data_batch_1": [0, 8], "data_batch_2": [7], "test_batch": [6]}


def fake_batch(name: str) -> dict:
    """A batch whose images count their pixels, so that a flip or a swap shows."""
    rows = len(LABELS[name])
    first = np.arange(22500, dtype=np.int64)
    images = [((first + 7 * row + len(name)) % 251).astype(np.uint8) for row in range(rows)]
    return {
        "batch_label": "made by a test",
        "labels": LABELS[name],
        "data": [image.reshape(150, 150) for image in images],
        "filenames": [np.str_(text) for text in NAMES[name]],
    }


def fake_batches() -> dict[str, object]:
    return {name: fake_batch(name) for name in NAMES}
