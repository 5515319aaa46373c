"""Other surveys' beams and grids: fluxes, widths and noise that are known beforehand."""

import numpy as np
import pytest
from astropy.convolution import Gaussian2DKernel, convolve_fft
from scipy.ndimage import gaussian_filter
from scipy.optimize import least_squares
from support.synthetic_maps import SIGMA_PER_FWHM, gaussian, noise

from keras_astroattn.errors import InputError
from keras_astroattn.images import Beam, cutout_from_field, flags, target_beam, target_scale
from keras_astroattn.images.resampling import regrid, smooth


def fit(image, scale):
    """Peak, major and minor width (arcsec) of an elliptical Gaussian, by least squares."""
    rows, columns = np.indices(image.shape)

    def residual(parameters):
        peak, x, y, a, b, c = parameters
        dx, dy = columns - x, rows - y
        return (peak * np.exp(-(a * dx**2 + 2 * b * dx * dy + c * dy**2)) - image).ravel()

    middle = (image.shape[0] - 1) / 2
    start = (image.max(), middle, middle, 0.3, 0.0, 0.3)
    peak, x, y, a, b, c = least_squares(residual, start).x
    widths = np.sqrt(4 * np.log(2) / np.linalg.eigvalsh([[a, b], [b, c]])) * scale
    return peak, widths.max(), widths.min(), (x, y)


def middle_of(cutout, size=40):
    start = (150 - size) // 2
    return cutout.brightness[start : start + size, start : start + size].astype(float)


@pytest.mark.parametrize(
    ("beam", "scale"),
    [
        (Beam(2.5, 2.5), 0.6),
        (Beam(2.5, 2.5), 1.0),
        (Beam(4.0, 2.5, 30.0), 1.0),
        (Beam(5.0, 3.0, -60.0), (1.0, 1.3)),
        (Beam(0.3, 0.2, 20.0), 0.07),
    ],
)
def test_point_source_of_a_finer_beam_gets_firsts_beam_and_keeps_its_flux(beam, scale):
    fine = np.min(scale) < 0.1
    extent = 1200 if fine else 400
    peak = 0.02
    field = gaussian((extent, extent), (extent - 1) / 2, (extent - 1) / 2,
                     beam.major, beam.minor, beam.angle, peak, scale)  # fmt: skip
    cutout = cutout_from_field(field + noise(field.shape, 1e-6), scale, beam)
    size = 20 if fine else 40
    fitted, major, minor, position = fit(middle_of(cutout, size), 1.8)
    # An unresolved source of S Jy peaks at S Jy/beam whatever the beam is.
    assert fitted == pytest.approx(peak, rel=0.005)
    assert major == pytest.approx(5.4, rel=0.006)
    assert minor == pytest.approx(5.4, rel=0.006)
    assert position == pytest.approx(((size - 1) / 2,) * 2, abs=0.02)
    flux = middle_of(cutout, size).sum() * 1.8**2 / (np.pi * 5.4**2 / (4 * np.log(2)))
    assert flux == pytest.approx(peak, rel=0.01)
    assert cutout.pixel_scale == pytest.approx(1.8)
    assert {flags.SMOOTHED, flags.RESAMPLED} <= set(cutout.flags)
    assert cutout.size_in_beams < 0.7


def test_source_is_put_in_the_very_middle_of_the_frame():
    field = gaussian((420, 400), 210.3, 190.8, 2.5, scale=0.9)
    cutout = cutout_from_field(field, 0.9, 2.5, centre=(210.3, 190.8), noise=1e-4)
    _, _, _, (x, y) = fit(middle_of(cutout, 40), 1.8)
    assert (x, y) == pytest.approx((19.5, 19.5), abs=0.01)


@pytest.mark.parametrize("width", [9.0, 15.0, 45.0])
def test_coarser_beam_is_put_on_three_pixels_a_beam(width):
    scale = width / 4.5
    field = gaussian((500, 500), 249.5, 249.5, width, peak=0.3, scale=scale)
    cutout = cutout_from_field(field, scale, width, noise=1e-3)
    assert cutout.pixel_scale == pytest.approx(width / 3)
    peak, major, minor, _ = fit(middle_of(cutout, 40), width / 3)
    assert (peak, major, minor) == pytest.approx((0.3, width, width), rel=0.01)
    assert flags.RESAMPLED in cutout.flags
    assert flags.SMOOTHED not in cutout.flags


def test_elongated_coarser_beam_is_made_round():
    field = gaussian((500, 500), 249.5, 249.5, 20.0, 8.0, 40.0, peak=0.3, scale=2.5)
    cutout = cutout_from_field(field, 2.5, (20.0, 8.0, 40.0), noise=1e-3)
    peak, major, minor, _ = fit(middle_of(cutout, 40), 20 / 3)
    assert (peak, major, minor) == pytest.approx((0.3, 20.0, 20.0), rel=0.01)
    assert cutout.beam == Beam(20.0, 20.0)


def test_rotated_grid_smooths_an_elliptical_beam_along_the_sky():
    turn = np.radians(25)
    scale = 0.9
    east, north = np.array([-np.cos(turn), np.sin(turn)]), np.array([np.sin(turn), np.cos(turn)])
    jacobian = scale * np.stack([east, north])
    rows, columns = np.indices((400, 400)) - 199.5
    sky = np.einsum("ij,jhw->ihw", jacobian, np.stack([columns, rows]))
    angle = np.radians(70)
    along = sky[0] * np.sin(angle) + sky[1] * np.cos(angle)
    across = sky[0] * np.cos(angle) - sky[1] * np.sin(angle)
    field = np.exp(-4 * np.log(2) * ((along / 5.0) ** 2 + (across / 2.5) ** 2))
    cutout = cutout_from_field(field, beam=(5.0, 2.5, 70.0), jacobian=jacobian, noise=1e-4)
    peak, major, minor, _ = fit(middle_of(cutout), 1.8)
    assert (peak, major, minor) == pytest.approx((1.0, 5.4, 5.4), rel=0.006)


def test_skewed_axes_are_refused():
    jacobian = np.array([[-1.0, 0.3], [0.0, 1.0]])
    with pytest.raises(InputError, match="right angles"):
        cutout_from_field(noise((400, 400)), beam=2.5, jacobian=jacobian)


def test_smoothing_is_astropys_away_from_the_border():
    field = noise((128, 100), 1.0)
    sigma = 3.0
    ours = smooth(field, np.eye(2) * sigma**2)
    theirs = convolve_fft(field, Gaussian2DKernel(sigma, x_size=41, y_size=41), boundary="wrap")
    np.testing.assert_allclose(ours[25:-25, 25:-25], theirs[25:-25, 25:-25], atol=1e-5)


def test_smoothing_keeps_a_flat_map_flat_up_to_borders_and_blanks():
    field = np.full((60, 60), 2.0, np.float32)
    field[20:30, 20:30] = np.nan
    smoothed = smooth(field, np.array([[4.0, 1.0], [1.0, 9.0]]))
    np.testing.assert_allclose(smoothed[np.isfinite(field)], 2.0, rtol=1e-5)
    np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(field))


def test_regridding_is_exact_for_a_parabola():
    # Keys' cubic convolution reproduces polynomials up to the second degree.
    rows, columns = np.indices((40, 50)).astype(float)
    field = 1 + 2 * columns - rows + 0.1 * columns**2 - 0.2 * rows * columns + 0.05 * rows**2
    x, y = 10.3 + 1.7 * np.arange(12), 5.6 + 1.1 * np.arange(12)
    expected = 1 + 2 * x - y[:, None] + 0.1 * x**2 - 0.2 * y[:, None] * x + 0.05 * y[:, None] ** 2
    np.testing.assert_allclose(regrid(field, (10.3, 5.6), (1.7, 1.1), 12), expected, rtol=1e-5)


def test_regridding_leaves_unknown_what_lies_beyond_the_map():
    regridded = regrid(np.ones((20, 20), np.float32), (-10.0, 0.0), (1.0, 1.0), 20)
    assert np.isnan(regridded[:, :9]).all()
    np.testing.assert_allclose(regridded[:, 11:], 1.0, rtol=1e-6)


def test_noise_is_that_of_the_smoothed_map_before_regridding():
    # White noise of sigma 1 on 0.9" pixels after a Gaussian of w pixels (rms): 1 / (2 sqrt(pi) w)
    # times the growth of the beam area; two regriddings of the same map give the same noise.
    beam, scale = 2.5, 0.9
    field = noise((900, 900), 1e-3, seed=3)
    w = np.sqrt(5.4**2 - beam**2) * SIGMA_PER_FWHM / scale
    expected = 1e-3 / (2 * np.sqrt(np.pi) * w) * (5.4 / beam) ** 2
    cutout = cutout_from_field(field, scale, beam)
    assert cutout.noise == pytest.approx(expected, rel=0.06)
    independent = gaussian_filter(field.astype(float), w)[150:750, 150:750] * (5.4 / beam) ** 2
    clipped = independent[np.abs(independent) < 3 * independent.std()]
    assert cutout.noise == pytest.approx(clipped.std(), rel=0.02)
    given = cutout_from_field(field, scale, beam, noise=1e-3)
    assert given.noise == pytest.approx(cutout.noise, rel=0.02)
    mapped = cutout_from_field(field, scale, beam, noise=np.full(field.shape, 1e-3))
    assert mapped.noise == pytest.approx(cutout.noise, rel=0.02)


def test_native_noise_is_kept_where_only_the_grid_changes():
    field = gaussian_filter(noise((600, 600), 1.0, seed=5).astype(float), 2.0)
    field *= 1e-4 / field.std()
    cutout = cutout_from_field(field, 1.5, 10.0)
    assert flags.SMOOTHED not in cutout.flags
    assert cutout.noise == pytest.approx(1e-4, rel=0.05)


def test_beams_and_scales_that_the_network_is_shown():
    assert target_beam(Beam(5.4, 5.4)) == Beam(5.4, 5.4)
    assert target_beam(Beam(2.5, 2.0, 10.0)) == Beam(5.4, 5.4)
    assert target_beam(Beam(5.4, 3.0)) == Beam(5.4, 5.4)
    assert target_beam(Beam(6.8, 5.4)) == Beam(6.8, 5.4)  # FIRST's south
    assert target_beam(Beam(15.0, 12.0, 4.0)) == Beam(15.0, 12.0, 4.0)
    assert target_beam(Beam(9.0, 3.0)) == Beam(9.0, 9.0)
    assert target_scale(Beam(5.4, 5.4)) == 1.8
    assert target_scale(Beam(6.8, 5.4)) == 1.8
    assert target_scale(Beam(25.0, 25.0)) == pytest.approx(25 / 3)


@pytest.mark.parametrize("major", np.linspace(0.5, 30, 25))
@pytest.mark.parametrize("ratio", [0.3, 0.7, 0.8, 0.97, 1.0])
def test_target_beam_can_always_be_reached_by_smoothing(major, ratio):
    beam = Beam(major, major * ratio, 33.0)
    difference = target_beam(beam).covariance - beam.covariance
    assert np.linalg.eigvalsh(difference).min() >= -1e-9


def test_beam_area_of_a_round_beam():
    # pi / (4 ln 2) * 5.4^2 / 1.8^2 = 10.197
    assert Beam(5.4, 5.4).area(1.8**2) == pytest.approx(10.197, abs=1e-3)


@pytest.mark.parametrize("figures", [0.0, -1.0, (3.0, 4.0), (5.0, np.nan), (1, 2, 3, 4)])
def test_beams_that_are_none(figures):
    with pytest.raises(InputError, match="beam"):
        Beam.of(figures)


def test_without_a_beam_nothing_is_done():
    field = noise((300, 300))
    cutout = cutout_from_field(field, 1.0)
    assert flags.NO_BEAM in cutout.flags
    assert flags.RESAMPLED not in cutout.flags
    np.testing.assert_array_equal(cutout.brightness, field[75:225, 75:225])
