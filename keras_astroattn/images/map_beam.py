"""The beam of a map: given by the user, stated by its file, or known for its survey."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .beam import Beam
from .celestial import ARCSEC, build_wcs, pixels_to_sky
from .fits_file import HduHeader
from .header_beam import beam_of_plane, check_beam, lacks_angle, stated_beam
from .known_surveys import is_first_beam, recognised, says_first
from .map_planes import Planes

_NEAR_REFERENCE = 3.0  # degrees within which a declination is computed on the tangent plane

Keywords = Mapping[str, Any]


@dataclass(frozen=True)
class MapBeam:
    """Beam of a map, and what is known of it.

    Attributes:
        beam: the beam; None if it is unknown.
        is_assumed: whether the file does not state all of it.
        is_first: whether the map is one of FIRST, with FIRST's beam.
    """

    beam: Beam | None = None
    is_assumed: bool = False
    is_first: bool = False


def find_beam(
    headers: Sequence[HduHeader],
    number: int,
    planes: Planes,
    keywords: Keywords | None,
    given: Beam | None,
    open_hdu: Callable[[int], Any],
) -> MapBeam:
    """Return the beam that is given, stated by the file, or known for the survey it names.

    Args:
        headers: headers of all HDUs.
        number: number of the map's HDU.
        planes: position of the map in the axes of its HDU.
        keywords: its celestial WCS keywords, or None.
        given: beam that the user gives, or None.
        open_hdu: function that opens an HDU with astropy, for a table of beams.

    Returns:
        The beam.

    Raises:
        InputError: The beam cannot be that of the map.
    """
    header = headers[number]
    if given is not None:
        beam, where = given, "as given"
    else:
        beam, where = _stated(headers, header, planes, open_hdu)
    scales = None
    if keywords is not None:
        matrix = np.array([[keywords[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])
        scales = (np.hypot(*matrix) * ARCSEC).tolist()
    if beam is not None:
        check_beam(beam, where, scales, planes.shape)
        return MapBeam(
            beam,
            is_assumed=where == "BMAJ" and lacks_angle(header, beam),
            is_first=says_first(header) and is_first_beam(beam),
        )
    if scales is None:
        return MapBeam()
    declination = _middle_declination(keywords, planes.shape)
    found = recognised(header, math.sqrt(scales[0] * scales[1]), declination)
    if found is None:
        return MapBeam()
    survey, beam = found
    return MapBeam(beam, is_assumed=True, is_first=survey.name == "FIRST")


def _stated(
    headers: Sequence[HduHeader],
    header: HduHeader,
    planes: Planes,
    open_hdu: Callable[[int], Any],
) -> tuple[Beam | None, str]:
    """Return the beam that the file states, and the place that states it."""
    names = [str(other.values.get("EXTNAME") or "").upper() for other in headers]
    has_table = header.values.get("CASAMBM") is True
    if not has_table and ("BEAMS" not in names or header.values.get("BMAJ") is not None):
        return stated_beam(header) or (None, "")
    if "BEAMS" not in names:
        return None, ""
    table = open_hdu(names.index("BEAMS"))
    units = {column.name.upper(): column.unit or "" for column in table.columns}
    axes = ("BMAJ", "BMIN", "BPA")
    if not set(axes) <= set(units):
        return None, ""
    stated = [units[name] for name in axes]
    return beam_of_plane(table.data, stated, planes.channel, planes.polarisation), "its table BEAMS"


def _middle_declination(keywords: Keywords, shape: tuple[int, int]) -> float:
    """Return the declination of the middle of the map, ICRS degrees."""
    x, y = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    offsets = [
        float(keywords[f"CD{i}_1"]) * (x + 1 - float(keywords["CRPIX1"]))
        + float(keywords[f"CD{i}_2"]) * (y + 1 - float(keywords["CRPIX2"]))
        for i in (1, 2)
    ]
    if str(keywords["CTYPE1"]).startswith("RA") and math.hypot(*offsets) < _NEAR_REFERENCE:
        return float(keywords["CRVAL2"]) + offsets[1]
    _, declination = pixels_to_sky(keywords, build_wcs(keywords), np.array([x]), np.array([y]))
    return float(declination[0])
