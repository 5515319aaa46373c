"""Requests of each image service: from a source to the address of its cutout.

Sources of the protocols: astroquery 0.4.11 (SkyView, hips2fits, CADC), the IVOA's SIA 2.0,
DataLink 1.1 and SODA 1.0, and the cutout pages of lofar-surveys.org.
"""

from collections.abc import Mapping

from .download import Downloads, FetchError, NoCoverage
from .sources import Source
from .surveys import ImageSurvey
from .votable import ON_THE_IMAGE, as_number, votable_rows

Request = tuple[str, Mapping]
"""Address and query of a cutout."""

_MOST_IMAGES = 100


def find_cutout(
    survey: ImageSurvey, address: str, source: Source, size: float, downloads: Downloads
) -> Request:
    """Return the request of a cutout.

    Args:
        survey: the survey.
        address: address of its service.
        source: the source in its middle.
        size: its width, arcmin.
        downloads: for services that are asked for the address of a cutout.

    Raises:
        FetchError: The service gives no address.
    """
    return _PROTOCOLS[survey.service](survey, address, source, size, downloads)


def _skyview(
    survey: ImageSurvey, address: str, source: Source, size: float, _: Downloads
) -> Request:
    pixels = round(size * 60 / survey.pixel_scale)
    width = f"{pixels * survey.pixel_scale / 3600:.7g}"
    return address, {
        "Survey": survey.images,
        "Position": f"{source.ra:.6f} {source.dec:.6f}",
        "Coordinates": "J2000",
        "Projection": "Tan",
        "Pixels": f"{pixels},{pixels}",
        "Size": f"{width},{width}",
        "Return": "FITS",
    }


def _hips2fits(
    survey: ImageSurvey, address: str, source: Source, size: float, _: Downloads
) -> Request:
    pixels = round(size * 60 / survey.pixel_scale)
    return address, {
        "hips": survey.images,
        "ra": f"{source.ra:.6f}",
        "dec": f"{source.dec:.6f}",
        "fov": f"{pixels * survey.pixel_scale / 3600:.7g}",
        "width": pixels,
        "height": pixels,
        "projection": "TAN",
        "coordsys": "icrs",
        "format": "fits",
    }


def _lotss(survey: ImageSurvey, address: str, source: Source, size: float, _: Downloads) -> Request:
    position = f"{source.ra:.6f} {source.dec:.6f}"
    return f"{address.rstrip('/')}/{survey.images}", {"pos": position, "size": f"{size:g}"}


def _cadc(
    survey: ImageSurvey, address: str, source: Source, size: float, downloads: Downloads
) -> Request:
    """Find the image (SIA2), its services (DataLink), and the one that cuts it out (SODA)."""
    from astropy import units as u
    from pyvo.dal.adhoc import DatalinkResults
    from pyvo.dal.sia2 import SIA2Query, SIA2Results

    where = (source.ra * u.deg, source.dec * u.deg, ON_THE_IMAGE * u.deg)
    query = SIA2Query(
        address, pos=where, collection=survey.images, data_type="image", maxrec=_MOST_IMAGES
    )
    found = downloads.read(query.queryurl, query, lambda answer: votable_rows(answer, SIA2Results))
    # The deepest processing, then the latest epoch.
    images = sorted(
        found, key=lambda row: (as_number(row.get("calib_level")), as_number(row.get("t_min")))
    )
    if not images:
        raise NoCoverage(f"{survey.images} has no image there")
    links = downloads.read(
        images[-1].access_url, {}, lambda answer: votable_rows(answer, DatalinkResults)
    )
    circle = f"{source.ra:.6f} {source.dec:.6f} {size / 120:.6f}"
    for link in links:
        if link.semantics != "#cutout" or "/sync" not in (link.access_url or ""):
            continue
        stated = {one.name: one.value for one in link.input_params if one.name in ("ID", "RUNID")}
        if _is_total_intensity(str(stated.get("ID", ""))):
            return link.access_url, stated | {"CIRCLE": circle}
    raise FetchError(f"{survey.images} lists no cutout of its total intensity there")


def _is_total_intensity(image: str) -> bool:
    """Return whether a file of VLASS is the map itself: neither noise nor spectral index."""
    return ".I." in image and ".tt0." in image and ".rms." not in image


_PROTOCOLS = {"skyview": _skyview, "hips2fits": _hips2fits, "lotss": _lotss, "cadc": _cadc}
