"""One source from a FITS file."""

import os
from typing import TYPE_CHECKING

from keras_astroattn.errors import InputError

from .beam import Beam
from .cutout import Cutout
from .fits_map import FitsMap
from .recentring import Centre

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity


def read_fits(
    path: str | os.PathLike,
    position: "str | tuple[float, float] | SkyCoord | None" = None,
    *,
    hdu: int | str | None = None,
    stokes: str | None = None,
    channel: int | None = None,
    rms_map: str | os.PathLike | None = None,
    noise: "float | Quantity | None" = None,
    beam: "Beam | float | Quantity | tuple[float, ...] | None" = None,
    centre: Centre = "source",
) -> Cutout:
    """Read one source from a FITS file and prepare it for the network.

    A FIRST map is prepared by MiraBest's recipe, with identical results. Maps of other surveys
    are smoothed and resampled (see `cutout_from_field`). Images with two to four axes, compressed
    images and scaled images are supported. Only the pixels around the source are read.

    Args:
        path: FITS file, plain or packed with gzip, bzip2 or xz.
        position: (RA, Dec) in degrees or "RA,DEC" (ICRS), or a `SkyCoord`; None: the middle of
            the map, which must then be at most 36 arcminutes wide (at 1.8 arcsec a pixel).
        hdu: number or name of the HDU; None: the first image that is not a preview.
        stokes: Stokes parameter, I, Q, U, V, ...; None: I.
        channel: plane of a cube, from 0; None: allowed only if the cube has one plane.
        rms_map: FITS map of the noise on the same pixels, in any brightness unit; None: the
            noise is measured.
        noise: noise, Jy/beam or a `Quantity`, instead of `rms_map`.
        beam: `Beam`, width, or (major, minor, angle), in arcsec and degrees or with units.
            None: the beam is read from BMAJ, BMIN and BPA, from CASA's table of beams, or from
            AIPS's history; otherwise it is the beam of the survey that the header names
            (`known_surveys`), and the cutout is flagged `assumed_beam`. If it remains unknown,
            the cutout is flagged `no_beam` and keeps its pixels.
        centre: "source" puts the middle of the frame at the flux centroid of the source that is
            found near the position, at most 20 pixels of the frame away, if the map is large
            enough; "position" puts it at the position, as MiraBest does. With "source", a source
            that reaches the edge of the frame is shown with two or four times the beam, if the map
            holds it, and flagged `wider_beam` (`widening.widened`). On a map with a finer beam
            than 5.4 arcsec, a small source is shown with a narrower one (`narrowing.narrowed`).

    Returns:
        The source as a `Cutout`.

    Raises:
        InputError: The file cannot be read or has no such map, or the position is not on it.

    Example:
        >>> from keras_astroattn.images import read_fits
        >>> from keras_astroattn.samples import sample_paths
        >>> read_fits(sample_paths()[0]).network_input.shape
        (150, 150, 1)
        >>> from astropy.coordinates import SkyCoord
        >>> from astropy import units as u
        >>> middle = SkyCoord("10h00m00s +30d00m00s")
        >>> read_fits(sample_paths()[0], middle, noise=0.15 * u.mJy / u.beam).noise
        0.00015
    """
    with FitsMap(path, hdu=hdu, stokes=stokes, channel=channel, beam=beam, centre=centre) as sky:
        if rms_map is None:
            return sky.cutout(position, noise=noise)
        if noise is not None:
            raise InputError("give either a noise or a noise map, not both")
        with FitsMap(rms_map, beam=sky.beam) as rms:
            return sky.cutout(position, noise=rms)
