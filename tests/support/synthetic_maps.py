"""Maps whose answers are known by arithmetic, written as FITS files."""

import numpy as np
from astropy.io import fits

SIGMA_PER_FWHM = 1 / np.sqrt(8 * np.log(2))


def gaussian(shape, x, y, major, minor=None, angle=0.0, peak=1.0, scale=1.0):
    """An elliptical Gaussian of peak `peak`; widths in arcsec, angle from north to east,
    on pixels of `scale` arcsec (one figure or x, y), north up and east left."""
    minor = major if minor is None else minor
    sx, sy = np.broadcast_to(scale, 2)
    rows, columns = np.indices(shape)
    east, north = -(columns - x) * sx, (rows - y) * sy
    t = np.radians(angle)
    along = east * np.sin(t) + north * np.cos(t)
    across = east * np.cos(t) - north * np.sin(t)
    r2 = (along / major) ** 2 + (across / minor) ** 2
    return peak * np.exp(-4 * np.log(2) * r2)


def celestial_header(
    shape, ra=180.0, dec=30.0, scale=1.8, projection="TAN", axes=2, beam=(5.4, 5.4, 0.0), **cards
):
    """A header with RA and Dec as axes 1 and 2, the reference in the middle."""
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = f"RA---{projection}", f"DEC--{projection}"
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CRPIX1"], header["CRPIX2"] = (shape[1] + 1) / 2, (shape[0] + 1) / 2
    header["CDELT1"], header["CDELT2"] = -scale / 3600, scale / 3600
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["RADESYS"], header["EQUINOX"] = "FK5", 2000.0
    header["BUNIT"] = "JY/BEAM"
    if axes >= 3:
        header["CTYPE3"], header["CRVAL3"], header["CDELT3"] = "FREQ", 1.4e9, 1e8
        header["CRPIX3"] = 1.0
    if axes >= 4:
        header["CTYPE4"], header["CRVAL4"], header["CDELT4"] = "STOKES", 1.0, 1.0
        header["CRPIX4"] = 1.0
    if beam is not None:
        header["BMAJ"], header["BMIN"], header["BPA"] = beam[0] / 3600, beam[1] / 3600, beam[2]
    for key, value in cards.items():
        header[key] = value
    return header


def noise(shape, sigma=1e-4, seed=0):
    """White noise, Jy/beam, float32."""
    return np.random.default_rng(seed).normal(0, sigma, shape).astype(np.float32)


def point_with_arms(share: float) -> np.ndarray:
    """A point of 1 Jy/beam in FIRST's pixels, and three ripples through it that fade outwards.

    Args:
        share: brightness of a ripple near the point, over that of the point.

    Returns:
        (300, 300) float32, Jy/beam.
    """
    row, column = np.mgrid[:300, :300] - 149.5
    radius = np.hypot(row, column)
    across = [row * np.cos(k * np.pi / 3) - column * np.sin(k * np.pi / 3) for k in range(3)]
    ripple = np.cos(2 * np.pi * radius / 50) / (1 + radius / 20)
    arms = share * ripple * sum(np.exp(-(one**2) / 8) for one in across)
    return (np.exp(-(radius**2) / 2 / (3 / 2.355) ** 2) + arms).astype(np.float32)


def write(path, data, header=None):
    """Write one primary HDU and return the path."""
    fits.PrimaryHDU(data, header).writeto(path)
    return path


def bar(shape, length, x=None, y=None, beam=5.4, peak=0.01, scale=1.8):
    """A line of `length` arcsec along x with beads a beam apart, seen with a round beam, Jy/beam.

    It is brighter at its ends.
    """
    x, y = (shape[1] - 1) / 2 if x is None else x, (shape[0] - 1) / 2 if y is None else y
    rows, columns = (np.arange(n) for n in shape)
    down = np.exp(-4 * np.log(2) * ((rows - y) * scale / beam) ** 2)
    along = np.zeros(shape[1])
    for place in np.linspace(-length / 2, length / 2, round(length / beam) + 1):
        bead = (columns - x) * scale - place
        height = 1 + 4 * (2 * abs(place) / length) ** 4
        along += height * np.exp(-4 * np.log(2) * (bead / beam) ** 2)
    return (peak * np.outer(down, along)).astype(np.float32)
