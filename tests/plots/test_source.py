"""The figure of a source for a paper: its axes, contours, marks and key, by arithmetic."""

import numpy as np
import pytest
from astropy.io import fits
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from PIL import Image
from support.synthetic_maps import celestial_header, gaussian

from keras_astroattn.images import cutout_from_array
from keras_astroattn.images.objects import read_source
from keras_astroattn.plots import draw_source, flux_levels, save_figure, source_figure
from keras_astroattn.plots.sky_marks import Sky, draw_compass, upper_left_is_emptier
from keras_astroattn.plots.style import ORANGE

SHAPE = (300, 300)


def cutout(peak=2e-3, beam=(5.4, 5.4, 0.0), blank=False, hole=0.0, **cards):
    """A Gaussian of 9 arcsec in the middle of a frame of 150 x 150 pixels, noise 0.1 mJy/beam.

    The first pixel of the map, far outside the frame, is not 0: a map of one value is blank.
    """
    header = celestial_header(SHAPE, beam=beam, **cards)
    data = gaussian(SHAPE, 150, 150, 9, peak=peak, scale=1.8).astype(np.float32)
    data[160, 160], data[0, 0] = hole, 1e-6
    if blank:
        data[160:170, 130:140] = np.nan
    return read_source(fits.PrimaryHDU(data, header), noise=1e-4, centre="position")


def contours(axes):
    return [one for one in axes.get_children() if isinstance(one, ContourSet) and not one.filled]


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def key(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def beam_of(axes):
    (ellipse,) = (one for one in axes.patches if isinstance(one, Ellipse))
    return ellipse.get_width(), ellipse.get_height(), ellipse.get_angle()


@pytest.mark.parametrize(
    ("noise", "peak", "levels"),
    [
        (0.2, 5, [0.6, 1.2, 2.4, 4.8]),
        (1, 3.1, [3]),
        (1, 3, []),  # nothing above 3 sigma
        (0, 5, []),
        (float("nan"), 5, []),
    ],
)
def test_contours_begin_at_3_sigma_and_double_up_to_the_peak(noise, peak, levels):
    assert flux_levels(noise, peak) == pytest.approx(levels)


def test_the_flux_is_contoured_in_mjy_and_the_key_says_how():
    figure = source_figure(cutout())
    (axes,) = panels(figure)
    (drawn,) = contours(axes)
    # sigma is 0.1 mJy/beam and the peak 2: 0.3, 0.6, 1.2; 2.4 is above the peak.
    assert drawn.levels == pytest.approx([0.3, 0.6, 1.2])
    assert key(figure) == ["flux: 3σ × 2ⁿ, σ = 0.1 mJy/beam", "beam 5.4″ × 5.4″"]
    bar = next(one for one in figure.axes if one not in panels(figure))
    assert bar.get_xlabel() == "brightness (mJy/beam), square-root scale"
    # From the noise to the peak.
    assert axes.images[0].get_clim() == pytest.approx((0.1, 2.0))
    assert axes.images[0].norm.gamma == 0.5


def test_negative_flux_is_dashed_where_there_is_some():
    figure = source_figure(cutout(hole=-5e-4))
    negative = contours(panels(figure)[0])[1]
    assert negative.levels == pytest.approx([-0.3])
    assert negative.linestyles == "dashed"
    assert "flux: −3σ" in key(figure)
    assert "flux: −3σ" not in key(source_figure(cutout(hole=-2e-4)))


@pytest.mark.parametrize(
    ("cards", "names"),
    [
        ({}, ("RA (J2000)", "Dec (J2000)")),
        ({"RADESYS": "ICRS"}, ("RA (ICRS)", "Dec (ICRS)")),
        (
            {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"},
            ("Galactic longitude", "Galactic latitude"),
        ),
    ],
)
def test_the_axes_are_those_of_the_sky(cards, names):
    source = cutout(**cards)
    (axes,) = panels(source_figure(source))
    assert tuple(one.get_axislabel() for one in axes.coords) == names
    np.testing.assert_allclose(
        axes.wcs.wcs_pix2world([[3, 4]], 0), source.wcs.wcs_pix2world([[3, 4]], 0)
    )


@pytest.mark.parametrize(("cdelt", "angle"), [(-1, 30.0), (1, -30.0)])
def test_the_beam_has_its_size_and_angle_in_pixels(cdelt, angle):
    # 6.8 x 5.4 arcsec on pixels of 1.8 arcsec; on a mirrored map east is to the right.
    source = cutout(beam=(6.8, 5.4, 30.0), CDELT1=cdelt * 1.8 / 3600)
    (axes,) = panels(source_figure(source))
    assert beam_of(axes) == pytest.approx((3.0, 6.8 / 1.8, angle), abs=1e-6)


def test_the_beam_turns_with_the_map():
    # North is to the left and east down: a position angle of 30 degrees is 90 + 30 from the top.
    turned = {"CD1_1": 0, "CD1_2": -5e-4, "CD2_1": -5e-4, "CD2_2": 0}
    header = celestial_header(SHAPE, beam=(6.8, 5.4, 30.0))
    del header["CDELT1"], header["CDELT2"]
    header.update(turned)
    data = gaussian(SHAPE, 150, 150, 9, peak=2e-3, scale=1.8).astype(np.float32)
    source = read_source(fits.PrimaryHDU(data, header), noise=1e-4, centre="position")
    (axes,) = panels(source_figure(source))
    assert beam_of(axes)[2] == pytest.approx(120, abs=1e-6)


def test_a_scale_bar_has_the_length_that_it_says():
    (axes,) = panels(source_figure(cutout()))
    # The source is small, so the window has 48 pixels or 86 arcsec; 0.4 of it are 35.
    assert np.ptp(axes.get_xlim()) == 48
    (bar,) = axes.lines
    assert np.ptp(bar.get_xdata()) == pytest.approx(30 / 1.8)
    assert {"30″", "N", "E"} <= {text.get_text() for text in axes.texts}
    (axes,) = panels(source_figure(cutout(), whole_frame=True))
    assert axes.get_xlim() == (-0.5, 149.5)


def test_attention_is_contoured_at_quarters_of_its_range():
    attention = np.tile(np.linspace(0, 8, 150), (150, 1))
    figure = source_figure(cutout(), attention=attention)
    drawn = contours(panels(figure)[0])[1]
    assert list(drawn.levels) == [2, 4, 6]
    assert to_rgb(drawn.colors) == to_rgb(ORANGE)
    assert "attention: ¼, ½, ¾ of its range, thin to thick" in key(figure)
    flat = source_figure(cutout(), attention=np.ones((150, 150)))
    assert "attention: the same everywhere" in key(flat)


def test_evidence_takes_the_place_of_the_image_in_a_column():
    evidence = np.zeros((150, 150))
    evidence[70:80, 70:80] = -3
    figure = source_figure(cutout(), attention=np.eye(150), evidence=evidence)
    (axes,) = panels(figure)
    np.testing.assert_array_equal(axes.images[0].get_array(), evidence)
    assert axes.images[0].get_clim() == (-3, 3)
    assert len(contours(axes)) == 1  # of the flux
    assert "FRI ◂ evidence ▸ FRII" in {axes.get_xlabel() for axes in figure.axes}


def test_a_page_has_a_panel_for_the_image_and_one_for_the_evidence():
    evidence = np.eye(150)
    figure = source_figure(cutout(), evidence=evidence, width=180)
    left, right = panels(figure)
    assert left.images[0].get_array().max() == pytest.approx(2.0)
    np.testing.assert_array_equal(right.images[0].get_array(), evidence)
    assert left.get_xlim() == right.get_xlim()
    assert len(key(figure)) == 2  # each once
    assert figure.get_figwidth() == pytest.approx(180 / 25.4)


def test_unknown_pixels_are_hatched_and_in_the_key():
    figure = source_figure(cutout(blank=True))
    (axes,) = panels(figure)
    hatched = [one for one in axes.get_children() if isinstance(one, ContourSet) and one.filled]
    assert hatched[0].hatches == ["//////"]
    assert np.ma.getmaskarray(axes.images[0].get_array()).sum() == 100
    assert "no data" in key(figure)
    assert "no data" not in key(source_figure(cutout()))


def test_a_map_without_a_source_is_blank():
    figure = source_figure(cutout(peak=0.0))
    (axes,) = panels(figure)
    assert not contours(axes)
    assert axes.images[0].to_rgba(0.0)[:3] == (1, 1, 1)
    assert "no emission above 3σ, σ = 0.1 mJy/beam" in key(figure)


def test_a_picture_has_offsets_and_its_first_row_on_top():
    pixels = np.zeros((150, 150), np.uint8)
    pixels[10:20, 70:80] = 255
    figure = source_figure(cutout_from_array(pixels), whole_frame=True)
    (axes,) = panels(figure)
    assert axes.get_ylim() == (149.5, -0.5)
    assert axes.get_xlabel() == axes.get_ylabel() == "offset (arcsec)"
    ticks = dict(
        zip([t.get_text() for t in axes.get_yticklabels()], axes.get_yticks(), strict=True)
    )
    # 80 arcsec above the middle, row 74.5: 44.4 rows.
    assert ticks["80"] == pytest.approx(74.5 - 80 / 1.8)
    # The noise of a picture is not known.
    assert list(contours(axes)[0].levels) == [2.0**-n for n in range(5, 0, -1)]
    assert "brightness: peak ÷ 2ⁿ, n = 1 to 5" in key(figure)


def test_a_source_is_drawn_into_given_axes():
    source = cutout()
    figure = Figure()
    axes = figure.add_subplot(121, projection=source.wcs)
    handles = draw_source(axes, source, "FRII")
    assert figure.axes == [axes]
    assert axes.get_title() == "FRII"
    assert [one.get_label() for one in handles] == key(source_figure(source))


@pytest.mark.parametrize("width", [80, 88, 180])
def test_a_long_title_is_broken_and_nothing_is_cut_off(width):
    title = "a_long_name_of_a_file.fits\nFRII, P(FRI) 0.02, P(FRII) 0.98\n" + "off_centre, " * 9
    figure = source_figure(
        cutout(hole=-1e-3, blank=True), title, attention=np.eye(150), width=width
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.get_tightbbox(canvas.get_renderer())
    assert min(box.x0, box.y0) > -0.01
    assert box.x1 < figure.get_figwidth() + 0.01
    assert box.y1 < figure.get_figheight() + 0.01


def test_a_file_has_the_size_that_was_asked_for(tmp_path):
    formats = ("png", "pdf", "svg")
    paths = save_figure(source_figure(cutout()), tmp_path / "a", formats, resolution=100)
    with Image.open(paths[0]) as picture:
        assert picture.size[0] == 346  # 88 mm are 3.465 inches
    assert paths[1].read_bytes().startswith(b"%PDF")
    assert b"<svg" in paths[2].read_bytes()


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("angle", [0, 30, 90, 135, 180, 250])
def test_the_compass_keeps_to_its_corner_on_a_map_of_any_rotation(angle, left):
    turn = np.radians(angle)
    sky = Sky(1.8, None, (-np.sin(turn), np.cos(turn)), (-np.cos(turn), -np.sin(turn)))
    figure = Figure(figsize=(1.7, 1.7), dpi=150)  # the panel of a source is no smaller
    axes = figure.add_axes((0, 0, 1, 1), xlim=(-0.5, 149.5), ylim=(-0.5, 149.5))
    draw_compass(axes, sky, (-0.5, 149.5, -0.5, 149.5), "white", left=left)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() in ("N", "E")]
    assert len(boxes) == 2
    places = np.array([axes.transAxes.inverted().transform(box) for box in boxes])
    x, y = places[..., 0], places[..., 1]
    if left:
        x = 1 - x
    assert max(x.max(), y.max()) < 1
    # A window of 55 % of the frame, in its middle, reaches from 0.225 to 0.775.
    assert np.maximum(x.min(axis=1), y.min(axis=1)).min() > 0.775


@pytest.mark.parametrize(("column", "left"), [(-6, True), (5, False)], ids=["right", "left"])
def test_the_compass_lies_in_the_upper_corner_without_emission(column, left):
    emission = np.zeros((20, 20), bool)
    emission[-3, column] = True
    assert upper_left_is_emptier(emission, (-0.5, 19.5, -0.5, 19.5)) is left


def test_emission_below_or_outside_the_window_does_not_move_the_compass():
    emission = np.zeros((40, 40), bool)
    emission[2, 18] = emission[35, 35] = True
    assert not upper_left_is_emptier(emission, (-0.5, 19.5, -0.5, 19.5))
