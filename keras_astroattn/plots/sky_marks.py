"""Marks of an image on the sky: scale bar, beam and compass."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from keras_astroattn.images import Cutout
from keras_astroattn.images.compass import north_and_east

from .evidence import Window

_LENGTHS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)  # of scale bars, arcsec
_LONGEST_BAR = 0.4  # of the width of the window
_ARROW, _LETTER = 0.09, 0.13  # distances of tips and letters of the compass, of that width
_ROOM = 0.055  # half a letter and its distance from the edge, of that width


@dataclass(frozen=True)
class Sky:
    """Orientation and scale of the pixels of an image on the sky.

    Attributes:
        pixel_scale: pixel scale, arcsec.
        beam: major axis, minor axis (arcsec) and position angle (degrees from north through
            east); None if unknown.
        north: (x, y) direction of north in pixels; None if unknown.
        east: (x, y) direction of east in pixels; None if unknown.
    """

    pixel_scale: float
    beam: tuple[float, float, float] | None = None
    north: tuple[float, float] | None = None
    east: tuple[float, float] | None = None

    @classmethod
    def of(cls, cutout: Cutout) -> "Sky":
        """Return the orientation and scale of a cutout."""
        north, east = north_and_east(cutout) or (None, None)
        beam = cutout.beam
        widths = None if beam is None else (beam.major, beam.minor, beam.angle)
        return cls(cutout.pixel_scale, widths, north, east)

    @property
    def is_up(self) -> bool:
        """Whether the first row is at the bottom, as in FITS; at the top in pictures."""
        return self.north is not None


def angle_text(arcsec: float) -> str:
    """Return an angle as 2′ or 30″."""
    return f"{arcsec / 60:g}′" if arcsec >= 60 else f"{arcsec:g}″"


def place_in(window: Window, sky: Sky, x: float, y: float) -> tuple[float, float]:
    """Return the pixel at fractions of a window from its left and lower edge on the page."""
    left, right, first, last = window
    bottom, top = (first, last) if sky.is_up else (last, first)
    return left + x * (right - left), bottom + y * (top - bottom)


def draw_scale_bar(axes: Axes, sky: Sky, window: Window, colour: str, size: float = 6) -> None:
    """Draw a scale bar in the lower left of a window, with its length in arcsec or arcmin.

    Args:
        axes: axes to draw on.
        sky: scale of the pixels.
        window: the part of the image that is shown.
        colour: colour of the bar.
        size: size of the text, points.
    """
    side = window[1] - window[0]
    fitting = [one for one in _LENGTHS if one / sky.pixel_scale <= _LONGEST_BAR * side]
    arcsec = fitting[-1] if fitting else _LENGTHS[0]
    length = arcsec / sky.pixel_scale
    x, y = place_in(window, sky, 0.06, 0.06)
    axes.plot([x, x + length], [y, y], color=colour, lw=1.2)
    text = axes.annotate(
        angle_text(arcsec), (x + length / 2, y), (0, 1.5), color=colour, ha="center",
        va="bottom", fontsize=size, textcoords="offset points",
    )  # fmt: skip
    _set_off(text, colour)


def draw_beam(axes: Axes, sky: Sky, window: Window, colour: str) -> None:
    """Draw the ellipse of the beam in the lower right of a window, at its size on the map.

    Args:
        axes: axes to draw on.
        sky: the beam; nothing is drawn if it is unknown.
        window: the part of the image that is shown.
        colour: colour of the ellipse.
    """
    if sky.beam is None:
        return
    angle = sky.beam[2]
    major, minor = (width / sky.pixel_scale for width in sky.beam[:2])
    x, y = place_in(window, sky, 0.94, 0.06)
    up = 1 if sky.is_up else -1
    turn = _angle_on_the_page(sky, angle) if sky.is_up else angle
    axes.add_patch(
        Ellipse((x - major / 2, y + up * major / 2), minor, major, angle=turn, facecolor="none",
                edgecolor=colour, lw=0.8)
    )  # fmt: skip


def draw_compass(
    axes: Axes, sky: Sky, window: Window, colour: str, size: float = 5.5, *, left: bool = False
) -> None:
    """Draw arrows to north and east in an upper corner of a window.

    Args:
        axes: axes to draw on.
        sky: the directions; nothing is drawn if they are unknown.
        window: the part of the image that is shown.
        colour: colour of the arrows.
        size: size of the letters, points.
        left: whether to draw in the upper left; otherwise in the upper right.
    """
    if sky.north is None or sky.east is None:
        return
    side = window[1] - window[0]
    units = {
        name: np.array(direction) / math.hypot(*direction)
        for name, direction in (("N", sky.north), ("E", sky.east))
        if math.hypot(*direction) > 0
    }
    # As near to the corner as the letters allow: a source, or the edge of a window, needs the room.
    reach = _LETTER * np.array([(0.0, 0.0), *units.values()])
    low, high = reach.min(axis=0) - _ROOM, reach.max(axis=0) + _ROOM
    middle = np.array(place_in(window, sky, -low[0] if left else 1 - high[0], 1 - high[1]))
    for name, unit in units.items():
        axes.annotate(
            "", middle + _ARROW * side * unit, middle,
            arrowprops={"arrowstyle": "->", "color": colour, "lw": 0.7, "shrinkA": 0, "shrinkB": 0},
        )  # fmt: skip
        text = middle + _LETTER * side * unit
        letter = axes.text(*text, name, color=colour, fontsize=size, ha="center", va="center")
        _set_off(letter, colour)


def upper_left_is_emptier(emission: np.ndarray, window: Window) -> bool:
    """Return whether the upper left of a window has less emission than the upper right.

    Args:
        emission: (height, width) boolean map, rows from the bottom.
        window: the part of the image that is shown.
    """
    left, right, first, last = (max(math.ceil(edge), 0) for edge in window)
    shown = emission[first:last, left:right]
    height, width = shown.shape
    upper = shown[round(0.62 * height) :]
    corner = round(0.34 * width)
    return int(upper[:, :corner].sum()) < int(upper[:, width - corner :].sum())


def _set_off(text: Text, colour: str) -> None:
    """Draw an edge around text, which may lie on contours or on the edge of a window."""
    edge = "white" if colour == "black" else "black"
    text.set_path_effects([withStroke(linewidth=1.5, foreground=edge)])
    text.set_snap(False)  # its outline, snapped to coarse pixels, would lose the bar of an E


def _angle_on_the_page(sky: Sky, angle: float) -> float:
    """Return a position angle in degrees anticlockwise from the y axis, as matplotlib counts."""
    (x, y), (east_x, east_y) = sky.north, sky.east
    # East is to the left of north on the sky, and to the right on a mirrored map.
    sense = 1 if x * east_y - y * east_x > 0 else -1
    return math.degrees(math.atan2(-x, y)) + sense * angle
