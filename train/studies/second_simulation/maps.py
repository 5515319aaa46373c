"""Maps as surveys write them: beam, noise, neighbours, artefacts and header.

This module imports nothing of the project but its own `galaxies`.
"""

import math
from dataclasses import dataclass

import numpy as np
from astropy.io import fits

from .galaxies import POINT, SIZES, Cells, draw_galaxy

PEAK_SLOPE, BRIGHTEST_PEAK = 0.9, 5000.0
"""Law of the peaks p of sources over the noise: N(> p) ~ p^-0.9 from a survey's least peak to 5000.
Counts at 1.4 GHz fall about so between 30 mJy and 1 Jy (Condon 1984, ApJ 287, 461)."""

POSITION_ERROR = 2.0
"""Error (rms) of the catalogue's position along each axis, arcsec."""

COUNTS = (0.859, 0.508, 0.376, -0.049, -0.121, 0.057, -0.008)
"""Source counts at 1.4 GHz: log10(S^2.5 dN/dS) in Jy^1.5 / sr is the sum of these numbers times
log10(S / mJy)^0, 1, 2, ... from 0.05 mJy to 1 Jy (Hopkins et al. 2003, AJ 125, 465)."""

SPECTRAL_INDEX = -0.7
"""Exponent of the frequency in the flux of neighbours."""

_COUNTED = (5e-5, 1.0)  # Jy
_SQUARE_DEGREE = (math.pi / 180) ** 2  # sr
_FWHM = math.sqrt(8 * math.log(2))  # of a Gaussian, in units of its sigma


@dataclass(frozen=True)
class Survey:
    """A survey and its maps.

    Attributes:
        title: name with the beam.
        beam: full width at half maximum of the round beam, arcsec.
        scale: pixel scale, arcsec.
        pixels: height and width of a map, pixels.
        noise: rms of the noise, Jy/beam.
        frequency: frequency, Hz.
        declination: declination of the maps, degrees.
        least_peak: least peak of a source over the noise.
        dynamic_range: median of the brightness of a source over that of its sidelobes.
        largest_scale: scale from which the interferometer loses emission, arcsec.
        projection: of the celestial axes.
        cards: further cards of the header.
        spare_axes: names and values of further axes of one pixel.
    """

    title: str
    beam: float
    scale: float
    pixels: int
    noise: float
    frequency: float
    declination: float
    least_peak: float
    dynamic_range: float
    largest_scale: float
    projection: str
    cards: tuple[tuple[str, object], ...]
    spare_axes: tuple[tuple[str, float], ...] = ()

    @property
    def beam_area(self) -> float:
        """Area of the beam, pixels: pi / (4 ln 2) times the square of its width."""
        return math.pi / (4 * math.log(2)) * (self.beam / self.scale) ** 2


def _beam_cards(arcsec: float) -> tuple[tuple[str, float], ...]:
    return ("BMAJ", arcsec / 3600), ("BMIN", arcsec / 3600), ("BPA", 0.0)


SURVEYS = {
    # Shimwell et al. 2022, A&A 659, A1; header of a cutout of DR2
    "lofar": Survey(
        "LoTSS, 6 arcsec", 6.0, 1.5, 800, 83e-6, 144e6, 50.0, 100.0, 1000.0, 3600.0, "SIN",
        (*_beam_cards(6), ("BUNIT", "JY/BEAM"), ("TELESCOP", "LOFAR"), ("RESTFRQ", 143.65e6)),
    ),
    # McConnell et al. 2020, PASA 37, e048; header of an image of CASDA
    "racs": Survey(
        "RACS, 15 arcsec", 15.0, 2.5, 1200, 250e-6, 887.5e6, -40.0, 50.0, 1000.0, 3600.0, "SIN",
        (*_beam_cards(15), ("BUNIT", "Jy/beam"), ("TELESCOP", "ASKAP"), ("RADESYS", "FK5")),
        (("STOKES", 1.0), ("FREQ", 887.5e6)),
    ),
    # Condon et al. 1998, AJ 115, 1693; header of SkyView, which states no beam
    "nvss": Survey(
        "NVSS, 45 arcsec", 45.0, 15.0, 600, 450e-6, 1.4e9, 30.0, 50.0, 1000.0, 970.0, "TAN",
        (("RADESYS", "FK5"), ("EQUINOX", 2000.0), ("COMMENT", 'Resolution:  45"'),
         ("SURVEY", "NVSS"), ("TELESCOP", "VLA"), ("BUNIT", "JY/BEAM"),
         ("HISTORY", "shortname = NVSS"), ("HISTORY", "survey = NVSS")),
    ),
    # Lacy et al. 2020, PASP 132, 035001; header of a quick-look image of CADC
    "vlass": Survey(
        "VLASS, 2.5 arcsec", 2.5, 1.0, 1200, 140e-6, 3e9, 20.0, 30.0, 500.0, 58.0, "SIN",
        (*_beam_cards(2.5), ("BUNIT", "Jy/beam"), ("TELESCOP", "EVLA"), ("RADESYS", "FK5")),
        (("FREQ", 2.987741489322e9), ("STOKES", 1.0)),
    ),
}  # fmt: skip
"""Surveys by the name of the option.

The papers state beam, pixel scale, noise, the dynamic range of NVSS and the largest scales. The
other dynamic ranges are chosen. So are the least peaks: galaxies of this study of 60 arcsec with
40 mJy at 1.4 GHz, the limit of MiraBest's parent catalogue, have median peaks of 600 (LoTSS),
100 (RACS), 60 (NVSS) and 25 (VLASS) times the noise.
"""


@dataclass(frozen=True, eq=False)
class Map:
    """A map with one catalogued source.

    Attributes:
        hdu: the map with its header.
        position: right ascension and declination of the catalogue, degrees.
        kind: `FRI`, `FRII` or `POINT`.
        size: true size, arcsec; 0 for a point source.
        ratio: peak of the source over the noise, without noise and neighbours.
    """

    hdu: fits.PrimaryHDU
    position: tuple[float, float]
    kind: str
    size: float
    ratio: float


def draw_map(
    survey: Survey,
    kind: str,
    seed: int,
    index: int,
    *,
    artefacts: bool = True,
    peak_factor: float = 1.0,
    sizes: tuple[float, float] = SIZES,
) -> Map:
    """Return the map of source `index` of a kind.

    Args:
        survey: the survey.
        kind: `FRI`, `FRII` or `POINT`.
        seed: seed of the set.
        index: number of the source.
        artefacts: whether sources have sidelobes, and galaxies lose large scales.
        peak_factor: factor by which the peak is larger than `PEAK_SLOPE` draws it.
        sizes: least and largest angular size, arcsec.
    """
    rng = np.random.default_rng([seed, index, *survey.title.encode(), *kind.encode()])
    cells, size = draw_galaxy(rng, kind, sizes)
    ratio = draw_peak(rng, survey.least_peak) * peak_factor
    place = rng.uniform(-0.5, 0.5, 2) * survey.scale  # of the core, to the east and north
    cells = Cells(cells.east + place[0], cells.north + place[1], cells.flux)
    error = rng.normal(0, POSITION_ERROR, 2)
    neighbours, noise = draw_neighbours(rng, survey), draw_noise(rng, survey)
    clean = response = beam_response(survey)
    source = transform(cells, survey)
    if artefacts:
        response = clean + sidelobe_response(rng, survey)
        source *= kept_scales(survey) if kind != POINT else 1.0
    source *= ratio * survey.noise / image(source * clean).max()
    pixels = image((source + transform(neighbours, survey)) * response) + noise
    shape = (1,) * len(survey.spare_axes) + pixels.shape
    hdu = fits.PrimaryHDU(pixels.astype(np.float32).reshape(shape), header_of(survey))
    east, north = (place + error) / 3600
    dec = survey.declination + north
    return Map(hdu, (180 + east / math.cos(math.radians(dec)), dec), kind, size, ratio)


def draw_peak(rng: np.random.Generator, least: float) -> float:
    """Return a peak over the noise by the law of `PEAK_SLOPE`, at least `least`."""
    share = rng.uniform((BRIGHTEST_PEAK / least) ** -PEAK_SLOPE, 1)
    return least * share ** (-1 / PEAK_SLOPE)


def density(flux: float | np.ndarray) -> np.ndarray:
    """Return the number of sources above fluxes at 1.4 GHz (Jy), per square degree (`COUNTS`)."""
    grid = np.geomspace(*_COUNTED, 2000)
    logarithm = np.polynomial.polynomial.polyval(np.log10(1000 * grid), COUNTS)
    counts = 10**logarithm * grid**-1.5  # dN / d ln S, per sr
    steps = (counts[1:] + counts[:-1]) / 2 * np.diff(np.log(grid))
    above = np.append(np.cumsum(steps[::-1])[::-1], 0)
    return np.interp(flux, grid, above) * _SQUARE_DEGREE


def draw_neighbours(rng: np.random.Generator, survey: Survey) -> Cells:
    """Return unrelated point sources of the counts above the noise, at random places of a map."""
    to_survey = (survey.frequency / 1.4e9) ** SPECTRAL_INDEX
    grid = np.geomspace(max(survey.noise / to_survey, _COUNTED[0]), _COUNTED[1], 2000)
    above, width = density(grid), survey.pixels * survey.scale
    count = rng.poisson(above[0] * (width / 3600) ** 2)
    flux = np.interp(rng.uniform(0, above[0], count), above[::-1], grid[::-1])
    east, north = rng.uniform(-width / 2, width / 2, (2, count))
    return Cells(east, north, flux * to_survey)


def transform(cells: Cells, survey: Survey) -> np.ndarray:
    """Return the Fourier transform of the sky on the pixels of a survey, as `numpy.fft.rfft2`.

    Each cell is shared among 16 pixels by a cubic spline, and the transform is divided by that of
    the spline. So a point source has the shape of the beam wherever it lies, within 1 %.

    Args:
        cells: cells with fluxes in Jy; those outside the map are left out.
        survey: the survey.
    """
    n = survey.pixels
    x = (n - 1) / 2 - cells.east / survey.scale
    y = (n - 1) / 2 + cells.north / survey.scale
    inside = (x >= 1) & (x < n - 2) & (y >= 1) & (y < n - 2)
    x, y, flux = x[inside], y[inside], cells.flux[inside]
    row, column = y.astype(int), x.astype(int)
    sky = np.zeros(n * n)
    for above in range(-1, 3):
        share = flux * _spline(y - row - above)
        for right in range(-1, 3):
            pixel = (row + above) * n + column + right
            sky += np.bincount(pixel, share * _spline(x - column - right), n * n)
    v, u = _frequencies(n)
    return np.fft.rfft2(sky.reshape(n, n)) / (np.sinc(u) * np.sinc(v)) ** 4


def _spline(distance: np.ndarray) -> np.ndarray:
    """Return the cubic B-spline at distances in pixels; its transform is sinc^4."""
    far = np.maximum(2 - np.abs(distance), 0)
    near = np.maximum(far - 1, 0)
    return (far * far * far - 4 * near * near * near) / 6


def image(sky: np.ndarray) -> np.ndarray:
    """Return the square image of a transform."""
    return np.fft.irfft2(sky, s=2 * sky.shape[:1])


def beam_response(survey: Survey) -> np.ndarray:
    """Return the transform of the Gaussian beam with a peak of 1, for `numpy.fft.rfft2`."""
    return survey.beam_area * _gaussian(survey, survey.beam)


def kept_scales(survey: Survey) -> np.ndarray:
    """Return the share of the transform that the baselines measure.

    A Gaussian as wide as the largest scale is lost, so large sources lie in a negative bowl.
    """
    return 1 - _gaussian(survey, survey.largest_scale)


def sidelobe_response(rng: np.random.Generator, survey: Survey) -> np.ndarray:
    """Return the transform of the sidelobes that calibration and cleaning leave around 1 Jy.

    They are 6 to 12 spikes a beam wide, positive and negative in turn, from 1.5 beams outwards. Up
    to 5 beams their brightness is the inverse of the dynamic range, log-normal with 0.3 dex; then
    it fades as 1 / distance. Each spike is a line of cells of 0.1 beams, seen with the beam. A
    line of 1 Jy per beam of length has a brightness of 1.0645 Jy/beam.
    """
    spikes, turn = 2 * int(rng.integers(3, 7)), rng.uniform(0, 2 * math.pi)
    height = 10 ** rng.normal(0, 0.3) / survey.dynamic_range
    reach = survey.pixels * survey.scale / survey.beam / 2
    distance = np.arange(1.5, reach, 0.1)  # beams
    number = np.arange(spikes)
    angle = turn + 2 * math.pi * number / spikes + rng.normal(0, 0.1, spikes)
    brightness = (-1.0) ** number * rng.uniform(0.5, 1.5, spikes)
    flux = np.outer(brightness, height * 0.1 / 1.0645 / np.maximum(distance / 5, 1))
    east, north = (np.outer(way(angle), distance) * survey.beam for way in (np.sin, np.cos))
    v, u = _frequencies(survey.pixels)
    to_origin = np.exp(1j * math.pi * (survey.pixels - 1) * (u + v))  # from the middle of the map
    sky = transform(Cells(east.ravel(), north.ravel(), flux.ravel()), survey)
    return sky * to_origin * beam_response(survey)


def draw_noise(rng: np.random.Generator, survey: Survey) -> np.ndarray:
    """Return Gaussian noise with the correlation of the beam, (height, width) Jy/beam."""
    n = survey.pixels
    white = np.fft.rfft2(rng.standard_normal((n, n)))
    noise = image(white * beam_response(survey))
    return survey.noise * noise / noise.std()


def header_of(survey: Survey) -> fits.Header:
    """Return the header of a map, as the archive of the survey writes it."""
    header = fits.Header()
    for axis, (name, value, sign) in enumerate(
        (("RA---", 180.0, -1), ("DEC--", survey.declination, 1)), 1
    ):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"] = name + survey.projection, value
        header[f"CRPIX{axis}"] = (survey.pixels + 1) / 2
        header[f"CDELT{axis}"] = sign * survey.scale / 3600
    for axis, (name, value) in enumerate(survey.spare_axes, 3):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"] = name, value
        header[f"CRPIX{axis}"], header[f"CDELT{axis}"] = 1.0, 1.0
    header.extend(survey.cards)
    return header


def _gaussian(survey: Survey, width: float) -> np.ndarray:
    """Return the transform of a Gaussian of a width (FWHM, arcsec) and a sum of 1."""
    v, u = _frequencies(survey.pixels)
    sigma = width / survey.scale / _FWHM
    return np.exp(-2 * (math.pi * sigma) ** 2 * (u**2 + v**2))


def _frequencies(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the frequencies of `numpy.fft.rfft2` along y and x, cycles a pixel."""
    return np.fft.fftfreq(pixels)[:, None], np.fft.rfftfreq(pixels)[None]
