"""Signed evidence as it is drawn: values, colours, contours and the window around a source."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.text import Text

from keras_astroattn.images import CLASS_NAMES
from keras_astroattn.plots import (
    Sky,
    attention_figure,
    attention_progress,
    classified_source_figure,
)
from keras_astroattn.plots.evidence import (
    EVIDENCE_COLOURS,
    Part,
    evidence_limit,
    show_evidence,
    source_window,
    zoom,
)
from keras_astroattn.plots.style import CLASS_COLOURS
from keras_astroattn.plots.survey import attention_sheet


def source(rows=slice(60, 70), columns=slice(40, 50), size=150):
    image = np.zeros((size, size))
    image[rows, columns] = 128
    return image


def new_axes():
    return Figure().add_axes((0, 0, 1, 1))


def drawn_contours(axes):
    return [one for one in axes.get_children() if isinstance(one, ContourSet)]


def texts(figure):
    return {text.get_text() for text in figure.findobj(Text)}


def test_the_drawn_values_are_the_evidence_on_a_symmetric_scale():
    evidence = np.zeros((150, 150))
    evidence[60, 40:45] = [-3, 1, 1, 1, 1]
    drawn = show_evidence(new_axes(), evidence, source())
    np.testing.assert_array_equal(drawn.get_array(), evidence)
    # |E| is 1, 1, 1, 1, 3: the 99th percentile lies 0.96 of the way from 1 to 3.
    assert drawn.get_clim() == pytest.approx((-2.92, 2.92))


def test_white_is_nothing_and_each_side_has_the_colour_of_its_class():
    drawn = show_evidence(new_axes(), np.zeros((150, 150)), source())
    rgba = drawn.to_rgba(np.array([-0.5, 0.0, 0.5]))
    assert rgba[1] == pytest.approx((1, 1, 1, 1), abs=0.01)
    assert CLASS_NAMES == ("FRI", "FRII")
    for colour, expected in zip(rgba[::2, :3], CLASS_COLOURS, strict=True):
        assert colour == pytest.approx(to_rgb(expected), abs=0.01)


def test_colour_blind_readers_see_the_two_sides_apart():
    """Who does not tell red from green sees the blue, which must differ."""
    low, high = (np.array(EVIDENCE_COLOURS(place)[:3]) for place in (0.2, 0.8))
    assert abs(low[2] - high[2]) > 0.4
    luminance = [0.2126, 0.7152, 0.0722]
    assert abs(low @ luminance - high @ luminance) < 0.1  # no side looks stronger


def test_contours_are_at_fractions_of_the_peak_above_the_outline():
    image = source()
    image[60:70, 40:45] = 1
    axes = new_axes()
    show_evidence(axes, np.zeros((150, 150)), image)
    outline, contours = drawn_contours(axes)
    assert list(outline.levels) == [0.5]
    # Peak 128; 128 / 64 = 2, 128 / 16 = 8, 128 / 4 = 32, all above the faintest pixel, 1.
    assert list(contours.levels) == [2, 8, 32]


def test_a_blank_image_without_evidence_is_white_and_has_no_contours():
    axes = new_axes()
    drawn = show_evidence(axes, np.zeros((150, 150)), np.zeros((150, 150)))
    assert drawn.get_clim() == (-1, 1)
    assert not drawn_contours(axes)
    assert evidence_limit(np.zeros((3, 3))) == 1


def test_unknown_pixels_are_no_source():
    image = source()
    image[0, 0] = np.nan
    axes = new_axes()
    show_evidence(axes, np.zeros((150, 150)), image)
    assert drawn_contours(axes)


def test_the_window_is_a_square_around_the_source():
    # 30 columns, from 40 to 69, and 6 pixels on each side are less than 48 pixels.
    assert source_window(source(slice(60, 70), slice(40, 70))) == (30.5, 78.5, 40.5, 88.5)
    # 60 columns and the margins are 72 pixels, centred on column 69.5 and row 64.5.
    assert source_window(source(columns=slice(40, 100))) == (33.5, 105.5, 28.5, 100.5)


def test_a_window_stays_in_the_frame_and_leaves_specks_out():
    image = source(slice(0, 10), slice(0, 10))
    image[140, 140] = 128  # 1 % of the flux
    assert source_window(image) == (-0.5, 47.5, -0.5, 47.5)


def test_a_neighbour_without_evidence_does_not_widen_the_window():
    image = source(slice(60, 70), slice(40, 70))
    image[140:150, 130:150] = 128
    evidence = np.zeros((150, 150))
    assert source_window(image, evidence) == source_window(image)  # all is the source
    evidence[60:70, 40:70] = -1.0
    assert source_window(image, evidence) == (30.5, 78.5, 40.5, 88.5)


@pytest.mark.parametrize("image", [np.zeros((150, 150)), np.ones((150, 150))])
def test_without_a_small_source_the_window_is_the_frame(image):
    assert source_window(image) == (-0.5, 149.5, -0.5, 149.5)
    axes = new_axes()
    axes.imshow(image)
    zoom(axes, source_window(image), 1.8)
    assert not axes.texts


@pytest.mark.parametrize("first_row_at", ["top", "bottom"])
def test_a_zoomed_panel_keeps_its_direction_and_has_a_scale_bar(first_row_at):
    axes = new_axes()
    axes.imshow(source(), origin="upper" if first_row_at == "top" else "lower")
    zoom(axes, (30.5, 78.5, 40.5, 88.5), 1.8)
    assert axes.get_xlim() == (30.5, 78.5)
    expected = (88.5, 40.5) if first_row_at == "top" else (40.5, 88.5)
    assert axes.get_ylim() == expected
    (text,), (line,) = axes.texts, axes.lines
    assert text.get_text() == "30″"
    assert np.ptp(line.get_xdata()) == pytest.approx(30 / 1.8)


def test_the_last_panel_of_a_row_shows_relative_evidence_of_the_enlarged_source():
    evidence = np.where(source() > 0, 4.0, 0)
    figure = attention_figure(
        source()[None], [np.eye(37)[None]], np.eye(150)[None], [0], evidence=evidence[None]
    )
    panels = [axes for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(panels[3].images[0].get_array(), evidence / 4)
    assert panels[3].images[0].get_clim() == (-1, 1)
    assert panels[3].get_xlim() == (20.5, 68.5)
    assert panels[0].get_xlim() == (-0.5, 149.5)
    assert (20.5, 48) in [(one.get_x(), one.get_width()) for one in panels[0].patches]
    assert "evidence" in texts(figure)


def test_progress_shows_each_epoch_relative_to_its_largest():
    evidence = np.where(source() > 0, 4.0, 0)
    figure = attention_progress(source(), {1: evidence, 2: -evidence / 8}, 0, signed=True)
    panels = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(panels[1], evidence / 4)
    np.testing.assert_array_equal(panels[2], -evidence / 4)
    assert "FRI ◂ evidence ▸ FRII" in texts(figure)


def test_a_sheet_shows_the_evidence_of_enlarged_sources_with_the_first_row_at_the_bottom():
    images = np.stack([source(), source(columns=slice(20, 140))])
    evidence = np.where(images > 0, -2.0, 0)
    figure = attention_sheet(images, np.ones_like(images), ["a", "b"], evidence=evidence)
    first, second = (axes for axes in figure.axes if axes.images)
    np.testing.assert_array_equal(first.images[0].get_array(), evidence[0])
    assert (first.get_xlim(), first.get_ylim()) == ((20.5, 68.5), (40.5, 88.5))
    assert (second.get_xlim(), second.get_ylim()) == ((-0.5, 149.5), (-0.5, 149.5))


def test_parts_are_outlined_lettered_and_listed():
    image = source()
    upper = np.zeros((150, 150), bool)
    upper[60:65, 40:50] = True
    parts = [
        Part("upper component", upper, 0.67, "FRII", 0.38),
        Part("lower component", (image > 0) & ~upper, -0.33, "FRI", 0.98),
    ]
    figure = classified_source_figure(
        image, [np.eye(37)], np.eye(150), "title", "brightness", 0.0, Sky(1.8),
        evidence=np.where(upper, 2.0, -1.0) * (image > 0), parts=parts, explanation="A sentence.",
    )  # fmt: skip
    listed = {"A", "upper component", "67 %", "FRII", "0.38"}
    listed |= {"B", "lower component", "33 %", "FRI", "0.98", "A sentence."}
    assert listed <= texts(figure)
    last = figure.axes[-1]
    assert len(drawn_contours(last)) == 3  # the source and the two parts; it has one brightness
    letters = {text.get_text(): text.get_position() for text in last.texts}
    assert upper[letters["A"][1], letters["A"][0]]
    assert not upper[letters["B"][1], letters["B"][0]]
