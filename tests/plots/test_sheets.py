import numpy as np
import pytest
from matplotlib.colors import to_hex

from keras_astroattn.errors import InputError
from keras_astroattn.plots.sheets import contact_sheet
from keras_astroattn.plots.style import BLUE, ORANGE

IMAGES = np.arange(5 * 6 * 6).reshape(5, 6, 6)


def test_every_image_has_a_panel_with_its_caption_and_class_colour() -> None:
    figure = contact_sheet(IMAGES, [f"s{i}" for i in range(5)], [0, 1, 0, 1, 2], columns=3)
    assert len(figure.axes) == 6
    for axes, image, caption in zip(figure.axes, IMAGES, "01234", strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), image)
        assert axes.get_title() == f"s{caption}"
    colours = [to_hex(axes.spines["left"].get_edgecolor()) for axes in figure.axes[:5]]
    assert colours == [c.lower() for c in (BLUE, ORANGE, BLUE, ORANGE, "#808080")]
    assert not figure.axes[5].images


def test_images_keep_to_their_rows_and_inside_the_figure() -> None:
    figure = contact_sheet(IMAGES, columns=3, title="Five")
    boxes = [axes.get_position() for axes in figure.axes]
    assert boxes[0].y0 == pytest.approx(boxes[2].y0)
    assert boxes[3].y1 < boxes[0].y0
    assert min(b.x0 for b in boxes) >= 0
    assert max(b.x1 for b in boxes) <= 1
    assert max(b.y1 for b in boxes) < 1


def test_fewer_images_than_columns_fill_the_width() -> None:
    assert len(contact_sheet(IMAGES[:2], columns=8).axes) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": IMAGES[0]}, r"shape \(6, 6\)"),
        ({"images": IMAGES[:0]}, "at least 1"),
        ({"images": IMAGES, "columns": 0}, "0 columns"),
        ({"images": IMAGES, "captions": ["one"]}, "1 captions for 5"),
        ({"images": IMAGES, "labels": [0]}, "1 labels for 5"),
    ],
)
def test_bad_input_is_named(arguments: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        contact_sheet(**arguments)
