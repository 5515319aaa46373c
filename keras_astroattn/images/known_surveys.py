"""Surveys whose maps state no beam, and the beams that their papers give.

A survey is recognised only if the header names it, and if pixel scale, declination, telescope and
frequency agree with it as far as they are stated.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .beam import Beam
from .conventions import BEAM
from .fits_file import HduHeader

_PIXELS_PER_BEAM = (2.0, 12.0)  # range of the pixel scales of published surveys
_SAME_RESOLUTION = 0.25
_FIRST_WIDTHS = (5.0, 7.0)
_NAMING = ("SURVEY", "OBSERVER", "PROJECT", "ORIGIN", "OBJECT", "TITLE")
# SkyView repeats its request in HISTORY, as "survey = VLA FIRST (1.4 GHz)".
_REQUEST = re.compile(r"\s*(?:survey|shortname)\s*=\s*(.+?)\s*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:survey|short ?name)\s*:\s*(.+?)\s*", re.IGNORECASE)
_RESOLUTION = re.compile(r"\s*resolution\s*:\s*([\d.]+)\s*(?:\"|''|arcsec)", re.IGNORECASE)
_SMOOTHED = re.compile(r"\s*smooth\s*=\s*(\d+)", re.IGNORECASE)
_FIRST_TITLES = ("The VLA FIRST Survey", "The FIRST VLA Survey", "The FIRST project team")


@dataclass(frozen=True)
class KnownSurvey:
    """A survey and its beam.

    Attributes:
        name: name of the survey.
        called: regular expression for the whole name in a header.
        telescope: regular expression for TELESCOP.
        frequency: lowest and highest frequency, Hz.
        declination: lowest and highest declination, degrees.
        beams: functions of the declination (degrees), the usual beam first; the pixel scale
            and the stated resolution decide among several.
        source: paper that states the beam.
    """

    name: str
    called: str
    telescope: str
    frequency: tuple[float, float]
    declination: tuple[float, float]
    beams: tuple[Callable[[float], Beam], ...]
    source: str


def _round(width: float) -> Callable[[float], Beam]:
    return lambda declination: Beam(width, width)


def _sumss(declination: float) -> Beam:
    return Beam(45.0 / abs(math.sin(math.radians(declination))), 45.0)


def _tgss(declination: float) -> Beam:
    south = min(declination - 19.0, 0.0)
    return Beam(25.0 / math.cos(math.radians(south)), 25.0)


SURVEYS = (
    KnownSurvey(
        "FIRST", r"(VLA[ -]?)?FIRST( survey)?( \(1\.4 ?GHz\))?", r"VLA",
        (1.3e9, 1.5e9), (-12, 90), (_round(BEAM),),
        "Becker, White & Helfand 1995, ApJ 450, 559",
    ),
    KnownSurvey(
        "NVSS", r"(VLA[ -]?)?NVSS( GRP)?( \(?1\.4 ?GHz\)?)?|NRAO VLA Sky Survey( \(NVSS\))?",
        r"VLA", (1.3e9, 1.5e9), (-42, 90), (_round(45.0),),
        "Condon et al. 1998, AJ 115, 1693",
    ),
    KnownSurvey(
        "SUMSS",
        r"SUMSS( \(?843 ?MHz\)?)?|Sydney University Molonglo Sky Survey( \(SUMSS\))?",
        r"MOST|Molonglo", (8.2e8, 8.6e8), (-90, -29), (_sumss,),
        "Mauch et al. 2003, MNRAS 342, 1117",
    ),
    KnownSurvey(
        "TGSS", r"(GMRT[ -]?)?TGSS([ -]?ADR ?1?)?( \(?1\d\d ?MHz\)?)?", r"GMRT",
        (1.3e8, 1.7e8), (-55, 90), (_tgss,), "Intema et al. 2017, A&A 598, A78",
    ),
    KnownSurvey(
        "VLASS", r"(VLA[ -]?)?VLASS([ -]?(QL|SE|\d(\.\d)?))*( \(?3 ?GHz\)?)?", r"VLA",
        (2e9, 4e9), (-42, 90), (_round(2.5),), "Lacy et al. 2020, PASP 132, 035001",
    ),
    KnownSurvey(
        "RACS-low", r"RACS([ -]?low)?([ -]?(DR)?1)?|Rapid ASKAP Continuum Survey( \(RACS\))?",
        r"ASKAP", (7e8, 1.05e9), (-90, 52), (_round(25.0), _round(15.0)),
        "Hale et al. 2021, PASA 38, e058 (25 arcsec); McConnell et al. 2020, PASA 37, e048 (15)",
    ),
    KnownSurvey(
        "LoTSS", r"LoTSS([ -]?P?DR ?\d)?( \(?1\d\d ?MHz\)?)?|LOFAR Two-metre Sky Survey"
        r"( \(LoTSS\))?", r"LOFAR", (1.1e8, 1.8e8), (-10, 90), (_round(6.0), _round(20.0)),
        "Shimwell et al. 2022, A&A 659, A1 (low resolution: 20 arcsec)",
    ),
)  # fmt: skip
"""Surveys that are recognised, and the papers that state their beams."""


def says_first(header: HduHeader) -> bool:
    """Return whether a header names FIRST as its survey."""
    survey = str(header.values.get("SURVEY") or "").strip()
    return re.fullmatch(SURVEYS[0].called, survey, re.IGNORECASE) is not None


def is_first_beam(beam: Beam) -> bool:
    """Return whether a beam is one of FIRST's: 5.4" x 5.4" to 6.8" x 5.4" (Becker et al. 1995)."""
    low, high = _FIRST_WIDTHS
    return low <= beam.minor and beam.major <= high


def recognised(
    header: HduHeader, pixel_scale: float, declination: float
) -> tuple[KnownSurvey, Beam] | None:
    """Return the survey that a header names, and its beam at a declination.

    Args:
        header: header of the map.
        pixel_scale: pixel scale, arcsec.
        declination: declination of the map's middle, degrees.

    Returns:
        The survey and its beam; None if no survey or more than one is named, or if the map
        cannot belong to it.
    """
    history = header.lines("HISTORY")
    comments = header.lines("COMMENT")
    settings = [line for line in history if "=" in line]
    properties = [line for line in comments if ":" in line]
    if any((found := _SMOOTHED.match(line)) and int(found[1]) > 1 for line in settings):
        return None
    names = _names(header, settings, properties)
    found = [
        survey
        for survey in SURVEYS
        if any(re.fullmatch(survey.called, name, re.IGNORECASE) for name in names)
    ]
    text = "\n".join((*comments, *history))
    if any(title in text for title in _FIRST_TITLES):
        found = list({survey.name: survey for survey in (SURVEYS[0], *found)}.values())
    if len(found) != 1 or not _agrees(found[0], header, declination):
        return None
    stated = next((float(m[1]) for line in properties if (m := _RESOLUTION.match(line))), None)
    best = None
    for beam in (beam_at(declination) for beam_at in found[0].beams):
        low, high = _PIXELS_PER_BEAM
        if not low <= beam.minor / pixel_scale <= high:
            continue
        if stated is not None and abs(stated / beam.minor - 1) > _SAME_RESOLUTION:
            continue
        best = best or beam
    return None if best is None else (found[0], best)


def _names(header: HduHeader, settings: Sequence[str], properties: Sequence[str]) -> set[str]:
    names = {str(header.values.get(key) or "").strip() for key in _NAMING}
    # FIRST can also be the name of an object or an institute.
    others = {str(header.values.get(key) or "").strip().upper() for key in _NAMING[1:]}
    survey = str(header.values.get("SURVEY") or "").strip()
    if "FIRST" in others and survey.upper() != "FIRST":
        names = {name for name in names if name.upper() != "FIRST"}
    names |= {found[1] for line in settings if (found := _REQUEST.fullmatch(line))}
    names |= {found[1] for line in properties if (found := _COMMENT.fullmatch(line))}
    return names - {""}


def _agrees(survey: KnownSurvey, header: HduHeader, declination: float) -> bool:
    low, high = survey.declination
    if not low <= declination <= high:
        return False
    telescope = str(header.values.get("TELESCOP") or "").strip()
    if telescope and not re.search(survey.telescope, telescope, re.IGNORECASE):
        return False
    return all(survey.frequency[0] <= f <= survey.frequency[1] for f in frequencies(header))


def frequencies(header: HduHeader) -> list[float]:
    """Return the frequencies that a header states, Hz: FREQ axis at the reference, RESTFRQ."""
    values = header.values
    stated = [
        values.get(f"CRVAL{axis}")
        for axis in range(1, 10)
        if str(values.get(f"CTYPE{axis}", "")).upper().startswith("FREQ")
        and str(values.get(f"CUNIT{axis}") or "Hz").strip().upper() == "HZ"
    ]
    stated += [values.get(key) for key in ("RESTFRQ", "RESTFREQ")]
    return [float(f) for f in stated if isinstance(f, int | float) and 1e6 < f < 1e13]
