"""Simulated observation of a source model: beam, pixels and noise, by default FIRST's.

FIRST: Becker, White & Helfand 1995. Its noise and artefacts were measured in blank parts of its
fields.
"""

import functools
import math

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import BEAM, FIELD_SIZE, PIXEL_SCALE

from .source import FWHM_PER_SIGMA, SourceModel, join

NOISE = 1.48e-4
"""Thermal noise of a field, Jy/beam rms (FIRST's)."""

NOISE_SCATTER = 0.05
"""Scatter of the noise from field to field, natural-log rms."""

NOISE_GRADIENT = 0.14
"""Scatter (rms) of the relative change of the noise from a field's middle to its edge."""

DYNAMIC_RANGE = 1200.0
"""Peak flux density over the rms of the artefacts that remain around it."""


def render(
    model: SourceModel,
    shape: tuple[int, int] = (FIELD_SIZE, FIELD_SIZE),
    pixel_scale: float = PIXEL_SCALE,
    beam: float = BEAM,
    centre: tuple[float, float] | None = None,
    neighbours: bool = True,
) -> np.ndarray:
    """Return the noise-free map of a source.

        sum of S (b / t)^2 exp(-r^2 / 2 t^2), t^2 = b^2 + s^2

    b, s and t are the dispersions of the beam, a component and their convolution. East is to the
    left (falling column) and north is up in FITS order (rising row).

    Args:
        model: the source.
        shape: (height, width) of the map, pixels.
        pixel_scale: pixel scale, arcsec.
        beam: full width at half maximum of the circular Gaussian beam, arcsec.
        centre: (row, column) of the host galaxy, from 0; None: the middle of the map.
        neighbours: whether to draw unrelated sources too.

    Returns:
        float32 (height, width), Jy/beam. Its sum over pixels, divided by the beam's area in
        pixels (`beam_area`), is the flux density on the map.

    Raises:
        InputError: The shape, pixel scale or beam is not positive.
    """
    _check_grid(shape, pixel_scale, beam)
    components = model.components
    if neighbours:
        components = join(components, model.neighbours)
    if centre is None:
        centre = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    own = (beam / FWHM_PER_SIGMA) ** 2
    total = own + (components.fwhm / FWHM_PER_SIGMA) ** 2
    rows = _profile(shape[0], centre[0] + components.north / pixel_scale, pixel_scale, total)
    columns = _profile(shape[1], centre[1] - components.east / pixel_scale, pixel_scale, total)
    peaks = (components.flux * own / total).astype(np.float32)
    return (rows.T * peaks) @ columns


def _profile(
    length: int, position: np.ndarray, pixel_scale: float, variance: np.ndarray
) -> np.ndarray:
    """Return exp(-r^2 / 2 variance) along one axis: float32 (components, length)."""
    scale = (pixel_scale / np.sqrt(2 * variance)).astype(np.float32)
    start = (position * scale).astype(np.float32)
    offset = np.arange(length, dtype=np.float32) * scale[:, None] - start[:, None]
    square = offset * offset
    # Values below exp(-25) are negligible, and subnormal products are slow.
    return np.where(square < 25, np.exp(-square), np.float32(0))


def beam_area(pixel_scale: float = PIXEL_SCALE, beam: float = BEAM) -> float:
    """Return the area of a circular Gaussian beam, pi beam^2 / (4 ln 2), in pixels.

    Args:
        pixel_scale: pixel scale, arcsec.
        beam: full width at half maximum, arcsec.
    """
    return math.pi * beam**2 / (4 * math.log(2)) / pixel_scale**2


def draw_noise(
    rng: np.random.Generator,
    shape: tuple[int, int] = (FIELD_SIZE, FIELD_SIZE),
    noise: float = NOISE,
    pixel_scale: float = PIXEL_SCALE,
    beam: float = BEAM,
) -> np.ndarray:
    """Draw the noise of an interferometer's map: rms `noise`, correlated by the beam.

    The autocorrelation of thermal noise in a naturally weighted map is its dirty beam (both are
    transforms of the sampling density). In FIRST's blank sky, 68 % of the variance has 0.9 of
    the restoring beam's width, and 32 % has four times this width (unmodelled emission and
    sidelobes).

    Args:
        rng: random generator.
        shape: (height, width), pixels.
        noise: standard deviation, for example in Jy/beam.
        pixel_scale: pixel scale, arcsec.
        beam: full width at half maximum, arcsec.

    Returns:
        float32 of `shape`, in the unit of `noise`.

    Raises:
        InputError: The shape, pixel scale or beam is not positive, or scipy is not installed.
    """
    _check_grid(shape, pixel_scale, beam)
    try:
        import scipy.fft
    except ModuleNotFoundError:
        raise InputError(
            "simulated noise needs scipy: pip install 'keras-astroattn[simulation]'"
        ) from None

    white = rng.standard_normal(shape, dtype=np.float32)
    spectrum = scipy.fft.rfft2(white)
    spectrum *= _noise_filter(tuple(shape), pixel_scale, beam)
    return scipy.fft.irfft2(spectrum, s=shape) * np.float32(noise)


@functools.lru_cache(maxsize=16)
def _noise_filter(shape: tuple[int, int], pixel_scale: float, beam: float) -> np.ndarray:
    """Return the square root of the noise's power spectrum, normalized to unit variance."""
    rows, columns = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
    square = rows**2 + columns**2
    power = np.zeros(shape)
    for share, width in ((0.68, 0.9 * beam), (0.32, 4 * beam)):
        sigma = width / FWHM_PER_SIGMA / pixel_scale
        part = np.exp(-2 * (math.pi * sigma) ** 2 * square)
        power += share * part / part.mean()
    half = power[:, : shape[1] // 2 + 1]
    return np.sqrt(half).astype(np.float32)


def observe(
    model: SourceModel,
    rng: np.random.Generator,
    shape: tuple[int, int] = (FIELD_SIZE, FIELD_SIZE),
    pixel_scale: float = PIXEL_SCALE,
    beam: float = BEAM,
    noise: float = NOISE,
    centre: tuple[float, float] | None = None,
) -> np.ndarray:
    """Return a raw field as a survey publishes it: source, neighbours, noise, artefacts.

    The noise varies across the field, as in a sum of pointings of different sensitivity. Around
    bright emission it rises by the peak over `DYNAMIC_RANGE` within 1.5 arcmin, like the sidelobes
    that remain after deconvolution.

    Args:
        model: the source.
        rng: generator of the noise, for example `generator(seed, index, 1)`.
        shape: (height, width), pixels.
        pixel_scale: pixel scale, arcsec.
        beam: full width at half maximum, arcsec.
        noise: thermal noise in the middle, Jy/beam rms.
        centre: (row, column) of the host; None: the middle of the map with a random offset of
            half a pixel, the offset between catalogue positions and a nearest-neighbour cutout.

    Returns:
        float32 (height, width), Jy/beam.

    Raises:
        InputError: The shape, pixel scale or beam is not positive.
    """
    _check_grid(shape, pixel_scale, beam)
    jitter = rng.uniform(-0.5, 0.5, 2)
    middle = ((shape[0] - 1) / 2, (shape[1] - 1) / 2)
    if centre is None:
        centre = (middle[0] + jitter[0], middle[1] + jitter[1])
    field = render(model, shape, pixel_scale, beam, centre)
    artefacts = float(field.max()) / DYNAMIC_RANGE / noise if noise > 0 else 0.0
    reach = np.array([(90 / FWHM_PER_SIGMA) ** 2])
    row = _profile(shape[0], np.array([centre[0]]), pixel_scale, reach)[0]
    column = _profile(shape[1], np.array([centre[1]]), pixel_scale, reach)[0]
    excess = np.outer(row * np.float32(artefacts**2), column)
    down, across = (
        np.float32(NOISE_GRADIENT * rng.standard_normal()) * np.linspace(-1, 1, n, dtype=np.float32)
        for n in shape
    )
    uneven = np.maximum(1 + down[:, None] + across, np.float32(0.3))
    grain = draw_noise(rng, shape, noise, pixel_scale, beam)
    return field + grain * np.sqrt(uneven**2 + excess)


def _check_grid(shape: tuple[int, int], pixel_scale: float, beam: float) -> None:
    if min(shape) < 1 or not pixel_scale > 0 or not beam > 0:
        raise InputError(
            f"simulated field: shape {tuple(shape)}, pixel scale {pixel_scale} and beam {beam} "
            "must be positive; give pixels, arcsec a pixel and arcsec"
        )
