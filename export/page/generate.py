"""Constants and reference values of the page, written from the Python code.

The page repeats `keras_astroattn.images` and `edge` in TypeScript. Every number and text that both
need is written here from Python, so that it exists once. The reference values are results of
Python, astropy and LiteRT for the three sample maps, with which the TypeScript is tested.
"""

import hashlib
import json
import math
from dataclasses import astuple
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from keras_astroattn.edge import labels
from keras_astroattn.images import (
    beam,
    celestial,
    conventions,
    cutout,
    ellipse,
    extent,
    field_cutout,
    fits_map,
    flags,
    frame,
    grey_levels,
    header_beam,
    islands,
    known_surveys,
    linking,
    map_beam,
    map_pixels,
    map_planes,
    narrowing,
    outskirts,
    picture,
    preprocessing,
    recentring,
    resampling,
    roundness,
    sky_noise,
    unknown,
    widening,
)
from keras_astroattn.outputs import probability_text
from keras_astroattn.plots import evidence
from keras_astroattn.plots.style import ATTENTION_COLOURS, CLASS_COLOURS
from keras_astroattn.tables import COLUMNS

GENERATED = Path(__file__).parent / "generated"

_NAMES: dict[ModuleType, tuple[str, ...]] = {
    conventions: ("CLASS_NAMES", "IMAGE_SIZE", "FIELD_SIZE", "PIXEL_SCALE", "BEAM"),
    beam: ("PIXELS_PER_BEAM", "_SAME_BEAM", "_MAX_AXIS_RATIO", "_FIRST_MEANS", "_LEAST_NARROWING"),
    preprocessing: (
        *("NOISE_CLIP_SIGMA", "NOISE_CLIP_ITERATIONS", "MASK_SIGMA", "LARGEST_VALUE"),
        "_SQUARES_IN_RANGE",
    ),
    sky_noise: (
        *("FULL_SHARE", "MOST_EXCESS", "_MAD_TO_SIGMA", "_SKY_SHARE", "_LEAST_SHARE"),
        "_LEAST_BEAMS",
    ),
    unknown: (
        *("LEAST_AREA", "_COARSE_SHARE", "_COARSE_BLOCK", "_EVERY", "_FILL_VALUES"),
        *("_LEAST_NEGATIVE_SHARE", "_LEAST_NEGATIVE", "_MOST_GAP", "_FADING"),
    ),
    ellipse: ("FWHM_PER_SIGMA",),
    islands: (*("SOURCE_SIGMA", "OFF_CENTRE_PIXELS", "_MIN_PIXELS", "_MIN_RELATIVE_PEAK"),),
    extent: ("LEAST_GALAXY", "_BRIGHTEST", "_END", "_FARTHEST_BEAMS", "_LARGEST_ERROR"),
    linking: (
        *("CHANCE", "CERTAIN_CHANCE", "CERTAIN_PAIR", "CONFUSED_CHANCE"),
        *("_TOUCHING", "_SMALLEST_REACH"),
        *("_LONGEST_GAP", "LONGEST_PAIR"),
        *("_NEAR_GAP", "_BALANCE", "_OPPOSITE_RATIO", "_CORE_RATIO", "_COUNT_SLOPE", "_UNSEEN"),
    ),
    recentring: ("FARTHEST", "ROUNDS"),
    widening: (
        "WIDENINGS",
        "LEAST_SIZE",
        "LARGEST_OFFSET",
        "LARGEST_CONFUSED_OFFSET",
        "_NOT_WIDENED",
        "_NOT_SHOWN",
    ),
    narrowing: (
        *("ENOUGH_BEAMS", "MOST_SHRINKING", "FARTHEST_CENTROID", "_NOT_NARROWED", "_NOT_SHOWN"),
    ),
    roundness: (
        *("MOST_ELONGATED", "LEAST_WIDTH", "MOST_UNEVEN", "MOST_SPREAD", "MAIN_SHARE"),
        "_TINY",
    ),
    frame: ("SAME_SCALE",),
    outskirts: ("LEAST_SHARE", "LEAST_LOBE"),
    field_cutout: ("_WITHOUT_OUTSKIRTS",),
    resampling: ("_REACH", "_MIN_WEIGHT"),
    cutout: ("LOW_SNR", "NEGATIVE_SHARE", "NEGATIVE_DEPTH", "SMALLEST_FIELD", "_JUST_ABOVE"),
    fits_map: ("LARGEST_FIELD",),
    map_pixels: ("_FINEST",),
    header_beam: ("_MOST_PIXELS", "_LEAST_PIXELS", "_WIDEST", "_NARROWEST", "_ROUND"),
    celestial: ("_NEAR_REFERENCE",),
    known_surveys: ("_SAME_RESOLUTION", "_FIRST_WIDTHS", "_NAMING", "_FIRST_TITLES"),
    map_planes: ("_STOKES", "_POLARISED", "_PREVIEW_PIXELS", "_PREVIEW_SCALE", "_SAME_EXTENT"),
    grey_levels: ("MOST_LIT", "LEAST_LEVELS", "_USED", "_PLAIN"),
    picture: ("_GREY_TOLERANCE", "_MOST_PIXELS"),
    labels: ("COMPACT_BELOW_BEAMS", "COMPACT_FROM_POINT", "COMPACT_FROM_SHARE"),
    evidence: ("_PEAK_PERCENTILE", "_CONTOUR_FACTORS"),
}
_RENAMED = {
    (narrowing, "_NOT_SHOWN"): "NOT_SHOWN_NARROWER",
    (picture, "_MOST_PIXELS"): "MOST_PICTURE_PIXELS",
    (grey_levels, "_PLAIN"): "PLAIN_ADVICE",
    (grey_levels, "_USED"): "LEAST_USED",
}


def constants() -> str:
    """Return the TypeScript module with the constants and texts."""
    values = {
        _RENAMED.get((module, name), name.lstrip("_")): getattr(module, name)
        for module, names in _NAMES.items()
        for name in names
    }
    values |= {
        "UNDERSAMPLED_BELOW": field_cutout._UNDERSAMPLED,
        "OUTSKIRTS_SQUARE": outskirts._SQUARE,
        "NEAR_CENTRE": map_beam._NEAR_REFERENCE,
        "BEAM_PIXELS": known_surveys._PIXELS_PER_BEAM,
        "OTHER_QUANTITY": map_planes._OTHER_QUANTITY.pattern,
        "LARGEST_FLOAT32": float(np.finfo(np.float32).max),
        "SURVEYS": [
            {
                "name": survey.name,
                "called": survey.called,
                "telescope": survey.telescope,
                "frequency": survey.frequency,
                "declination": survey.declination,
                "beams": [at(sum(survey.declination) / 2).minor for at in survey.beams],
            }
            for survey in known_surveys.SURVEYS
        ],
        "WITHOUT_CLASS": sorted(labels.WITHOUT_CLASS),
        "FLAG_MEANINGS": flags.DESCRIPTIONS,
        "LABEL_MEANINGS": labels.DESCRIPTIONS,
        "COLUMNS": [column.name for column in COLUMNS],
        "COLOURS": _colours(),
        "CLASS_COLOURS": CLASS_COLOURS,
    }
    lines = [
        "// Written by `python -m export.page --generate` from the Python code. Do not edit.",
        "",
    ]
    for name, value in values.items():
        lines.append(f"export const {name}{_annotation(name)} = {_literal(value)};")
    return "\n".join(lines) + "\n"


def _annotation(name: str) -> str:
    return {
        "STOKES": ": Readonly<Record<string, number>>",
        "POLARISED": ": Readonly<Record<number, string>>",
        "FLAG_MEANINGS": ": Readonly<Record<string, string>>",
        "LABEL_MEANINGS": ": Readonly<Record<string, string>>",
        "COLOURS": ": Readonly<Record<string, readonly string[]>>",
    }.get(name, "")


def _literal(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"{text} as const" if isinstance(value, tuple) else text


def _colours() -> dict[str, list[str]]:
    """Colour maps of the page at 33 places from the low to the high end."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    chosen = {
        "grey": colormaps["gray"],
        "inferno": colormaps["inferno"],
        "attention": colormaps[ATTENTION_COLOURS],
        "evidence": evidence.EVIDENCE_COLOURS,
    }
    places = np.linspace(0, 1, 33)
    return {name: [to_hex(colour) for colour in of(places)] for name, of in chosen.items()}


_PROBABILITIES = (0.0, 0.00004, 0.0012, 0.25, 0.381, 0.9947, 0.9982, 0.99964, 0.99997, 1.0)


def references() -> str:
    """Return the reference values as JSON text."""
    found = {
        "samples": _samples(),
        "sky": _sky(),
        "beams": {
            name: {str(dec): _beam_widths(name, dec) for dec in (-50.0, -40.0, -30.0)}
            for name in ("SUMSS", "TGSS")
        },
        "positions": _positions(),
        "noise": _noise(),
        "probabilities": {str(p): probability_text(p) for p in _PROBABILITIES},
    }
    return json.dumps(found, indent=1) + "\n"


def _samples() -> dict:
    from keras_astroattn.images import read_fits
    from keras_astroattn.samples import sample_paths

    return {Path(path).name: describe_cutout(read_fits(path)) for path in sample_paths()}


def describe_cutout(found: "cutout.Cutout") -> dict[str, Any]:
    """Return the figures of a cutout as plain values, and a checksum of its pixels."""
    return {
        "sha256": hashlib.sha256(found.pixels.tobytes()).hexdigest(),
        "alone_sha256": hashlib.sha256(found.source_alone().pixels.tobytes()).hexdigest(),
        "noise": _figure(found.noise),
        "peak_snr": _figure(found.peak_snr),
        "source_fraction": found.source_fraction,
        "size": _figure(found.largest_angular_size),
        "main_share": found.main_share,
        "point_share": found.point_share,
        "certain_size": _figure(found.certain_size),
        "neighbours": found.neighbours,
        "ellipse": None if found.ellipse is None else list(astuple(found.ellipse)),
        "pixel_scale": found.pixel_scale,
        "flags": list(found.flags),
    }


def _figure(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _sky() -> list[dict]:
    """Positions of pixels by astropy, for each projection of the page."""
    from keras_astroattn.images.celestial import build_wcs

    found = []
    for projection in ("TAN", "SIN", "ARC", "ZEA", "STG", "NCP", "CAR"):
        keywords = {
            "CTYPE1": f"RA---{projection}", "CTYPE2": f"DEC--{projection}",
            "CRVAL1": 350.0, "CRVAL2": 0.0 if projection == "CAR" else 40.0,
            "CRPIX1": 500.5, "CRPIX2": 400.0,
            "CDELT1": -0.01, "CDELT2": 0.01, "CROTA2": 0.0 if projection == "CAR" else 20.0,
        }  # fmt: skip
        pixels = [[0.0, 0.0], [499.5, 399.0], [900.0, 650.0], [120.25, 700.5]]
        sky = build_wcs(keywords).wcs_pix2world(pixels, 0).round(9)
        found.append({"keywords": keywords, "pixels": pixels, "sky": sky.tolist()})
    return found


def _beam_widths(name: str, declination: float) -> list[float]:
    (survey,) = (one for one in known_surveys.SURVEYS if one.name == name)
    found = survey.beams[0](declination)
    return [round(found.major, 9), found.minor]


def _positions() -> dict[str, list[float]]:
    """Positions by astropy's own reader of angles."""
    from astropy.coordinates import Angle

    degrees = ("187.7,+12.4", "187.7 -12.4", "-0.5,0.25")
    hours = ("12:30:49.42,+12:23:28.0", "12 30 49.42 -00 23 28.0", "12h30m49.42s +12d23m28s")
    found = {text: [float(part) % 360 if not k else float(part)
                    for k, part in enumerate(text.replace(",", " ").split())]
             for text in degrees}  # fmt: skip
    for text in hours:
        words = text.replace(",", " ").split()
        half = len(words) // 2
        ra, dec = " ".join(words[:half]), " ".join(words[half:])
        found[text] = [round(Angle(ra, "hourangle").deg, 9), round(Angle(dec, "deg").deg, 9)]
    return found


def _noise() -> dict[str, float]:
    """Standard deviations by numpy, for lengths around the blocks of its pairwise sum."""
    lengths = (1, 7, 8, 100, 128, 129, 1000, 4097, 90_000)
    return {str(length): float(_ramp(length).std()) for length in lengths}


def _ramp(count: int) -> np.ndarray:
    """Values that TypeScript computes exactly too: k * 0.37 modulo 1, as float32."""
    return ((np.arange(count) * 0.37) % 1).astype(np.float32)


def write() -> list[Path]:
    """Write both files and return their paths."""
    GENERATED.mkdir(exist_ok=True)
    made = {"constants.ts": constants(), "references.json": references()}
    for name, text in made.items():
        (GENERATED / name).write_text(text, encoding="utf-8")
    return [GENERATED / name for name in made]
