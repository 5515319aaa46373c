"""A map of the sky as SVG: Mollweide for a whole survey, a tangent plane for a small area."""

from collections.abc import Mapping, Sequence

import numpy as np

WIDE = 60.0
"""Diameter of the area, degrees, from which the map shows the whole sky."""

_WIDTH, _HEIGHT, _EDGE = 720.0, 360.0, 20.0
_NEWTON_STEPS = 60
_LABEL_STEP = 140.0  # about the distance of two labels of the right ascension
_LABEL_EDGE = 30.0  # no label is nearer to the left or right edge


def mollweide(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project a sphere of radius 1.

        x = 2 sqrt(2) / pi longitude cos t,  y = sqrt(2) sin t,  2 t + sin 2t = pi sin latitude

    Args:
        longitude: (n,) radians, from -pi to pi.
        latitude: (n,) radians.

    Returns:
        (n,) x from -2 sqrt(2) to 2 sqrt(2), and y from -sqrt(2) to sqrt(2).
    """
    target = np.pi * np.sin(latitude)
    angle = np.array(latitude, float)
    for _ in range(_NEWTON_STEPS):
        slope = 2 + 2 * np.cos(2 * angle)
        step = (2 * angle + np.sin(2 * angle) - target) / np.maximum(slope, 1e-12)
        angle = np.clip(angle - step, -np.pi / 2, np.pi / 2)
    return 2 * np.sqrt(2) / np.pi * longitude * np.cos(angle), np.sqrt(2) * np.sin(angle)


def sky_svg(ra: np.ndarray, dec: np.ndarray, kinds: Sequence[str], names: Mapping[str, str]) -> str:
    """Draw positions on the sky; right ascension grows to the left.

    Args:
        ra: (n,) right ascension, ICRS degrees; positions that are not finite are left out.
        dec: (n,) declination, ICRS degrees.
        kinds: (n,) class of the mark in the page's style sheet.
        names: name of each class, for the title.

    Returns:
        An SVG element, or "" without a position.
    """
    known = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90)
    if not known.any():
        return ""
    kinds = np.asarray(kinds)[known]
    ra, dec = np.radians(ra[known]), np.radians(dec[known])
    middle, radius = _cap(ra, dec)
    wide = 2 * np.degrees(radius) > WIDE
    if wide:
        place = _whole_sky(ra, dec)
        grid = _whole_sky_grid()
    else:
        grid, place = _tangent_grid(ra, dec, middle)
    marks = "".join(_marks(kind, *(axis[kinds == kind] for axis in place)) for kind in names)
    about = "whole sky, Mollweide" if wide else "tangent plane"
    title = f"{len(ra)} positions, {about}, right ascension to the left"
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" class="sky"><title>{title}</title>'
        f"{grid}{marks}</svg>"
    )


def _cap(ra: np.ndarray, dec: np.ndarray) -> tuple[tuple[float, float], float]:
    """Return the mean direction of positions, and the largest distance from it, radians."""
    vectors = np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    mean = vectors.mean(axis=1)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        return (0.0, 0.0), np.pi
    mean = mean / length
    distance = float(np.arccos(np.clip(mean @ vectors, -1, 1)).max())
    return (float(np.arctan2(mean[1], mean[0])), float(np.arcsin(mean[2]))), distance


def _whole_sky(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # The middle is at RA 180 degrees, so that 0 and 360 are the edges.
    x, y = mollweide(np.mod(ra, 2 * np.pi) - np.pi, dec)
    scale = (_HEIGHT - 2 * _EDGE) / (2 * np.sqrt(2))
    return _WIDTH / 2 - scale * x, _HEIGHT / 2 - scale * y


def _whole_sky_grid() -> str:
    turn = np.linspace(-90, 90, 61)
    parts = []
    for degrees in range(0, 361, 60):
        at = np.full(turn.shape, np.radians(min(degrees, 359.999)))
        parts.append(_line(*_whole_sky(at, np.radians(turn))))
    around = np.radians(np.linspace(0, 359.999, 121))
    for degrees in range(-60, 61, 30):
        at = np.full(around.shape, np.radians(degrees))
        x, y = _whole_sky(around, at)
        parts.append(_line(x, y))
        parts.append(_text(x[-1] - 4, y[-1] + 4, f"{degrees:+d}°" if degrees else "0°", "end"))
    x, y = _whole_sky(np.radians(np.arange(60, 301, 60.0)), np.zeros(5))
    for one, hours in zip(x, range(4, 21, 4), strict=True):
        parts.append(_text(one, y[0] - 4, f"{hours}h", "middle"))
    return "".join(parts)


def _tangent_grid(ra: np.ndarray, dec: np.ndarray, middle: tuple[float, float]):
    """Return the grid of a tangent plane, and the positions on it in units of the drawing."""
    x, y = _gnomonic(ra, dec, middle)
    half = max(float(np.abs(x).max()) / 2, float(np.abs(y).max()), np.radians(0.01)) * 1.1
    scale = (_HEIGHT / 2 - _EDGE) / half

    def drawn(x, y):
        return _WIDTH / 2 - scale * x, _HEIGHT / 2 - scale * y

    step = _nice_step(np.degrees(2 * half) / 4)
    parts = []
    centre = np.degrees(middle[1])
    for number in range(-6, 7):
        degrees = (round(centre / step) + number) * step
        if abs(degrees - centre) > np.degrees(half) or abs(degrees) > 90:
            continue
        along = middle[0] + np.linspace(-1, 1, 41) * min(
            2 * half / max(np.cos(middle[1]), 0.05), np.pi / 2
        )
        line = drawn(*_gnomonic(along, np.full(41, np.radians(degrees)), middle))
        parts.append(_line(*line))
        parts.append(_text(6, float(line[1][20]) - 3, f"{degrees:+.{_decimals(step)}f}°", "start"))
    step_ra = _nice_step(np.degrees(_LABEL_STEP / scale) / max(np.cos(middle[1]), 0.05))
    centre = np.degrees(middle[0])
    for number in range(-8, 9):
        degrees = (round(centre / step_ra) + number) * step_ra
        if abs(degrees - centre) > 45:
            continue
        along = np.clip(middle[1] + np.linspace(-1, 1, 21) * half, -np.pi / 2, np.pi / 2)
        line = drawn(*_gnomonic(np.full(21, np.radians(degrees)), along, middle))
        if not 0 < line[0][10] < _WIDTH:
            continue
        parts.append(_line(*line))
        text = f"{degrees % 360:.{_decimals(step_ra)}f}°"
        if _LABEL_EDGE < line[0][0] < _WIDTH - _LABEL_EDGE:
            parts.append(_text(float(line[0][0]), _HEIGHT - 4, text, "middle"))
    return "".join(parts), drawn(x, y)


def _gnomonic(ra: np.ndarray, dec: np.ndarray, middle: tuple[float, float]):
    """Return the tangent plane's x (east) and y (north), radians."""
    away = ra - middle[0]
    sine, cosine = np.sin(middle[1]), np.cos(middle[1])
    depth = sine * np.sin(dec) + cosine * np.cos(dec) * np.cos(away)
    depth = np.maximum(depth, 0.05)
    x = np.cos(dec) * np.sin(away) / depth
    return x, (cosine * np.sin(dec) - sine * np.cos(dec) * np.cos(away)) / depth


def _nice_step(about: float) -> float:
    power = 10.0 ** np.floor(np.log10(about))
    return float(power * min((1, 2, 5, 10), key=lambda one: abs(one - about / power)))


def _decimals(step: float) -> int:
    return max(0, int(np.ceil(-np.log10(step))))


def _marks(kind: str, x: np.ndarray, y: np.ndarray) -> str:
    """Return dots as one path: lines of no length, with round ends."""
    if not len(x):
        return ""
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
    return f'<path class="dot {kind}" d="{dots}"/>'


def _line(x: np.ndarray, y: np.ndarray) -> str:
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return f'<polyline class="grid" points="{points}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
