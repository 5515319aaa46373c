"""A figure of one classified source for a paper, on axes of RA and Dec."""

import math
import textwrap

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from keras_astroattn.images import Cutout, flags

from .attention import CONTOUR_LEVELS
from .evidence import (
    EVIDENCE_COLOURS,
    EVIDENCE_LABEL,
    Window,
    evidence_limit,
    source_window,
)
from .sky_marks import Sky, draw_beam, draw_compass, draw_scale_bar, upper_left_is_emptier
from .style import ORANGE, STYLE, bar_below, styled

MILLIMETRE = 1 / 25.4
"""Inches."""

COLUMN_MM = 88.0
"""Width of a journal's column, mm."""

FAINTEST_CONTOUR = 3.0
"""Level of the lowest contour over the noise; each following one is twice as high."""

BRIGHTNESS_COLOURS = LinearSegmentedColormap.from_list("brightness", ["white", "0.45"])
"""Colour map of the brightness: white sky, and a grey on which black contours can be seen."""

_TWO_PANELS_MM = 120.0  # least width of a figure with the overlay in a panel of its own
_LEFT, _RIGHT, _BOTTOM, _GAP = 0.68, 0.08, 0.36, 0.12  # of the panels, inches
_BAR, _LINE = 0.37, 0.125  # heights of a colour bar with its label, and of a line of text, inches
_FRAMES = {"FK5": "J2000", "FK4": "B1950", "FK4-NO-E": "B1950", "ICRS": "ICRS"}
_AXES = {
    "RA": ("RA", "Dec"),
    "GLON": ("Galactic longitude", "Galactic latitude"),
    "ELON": ("Ecliptic longitude", "Ecliptic latitude"),
}


def flux_levels(noise: float, peak: float) -> list[float]:
    """Return the levels of the contours, 3 noise x 2^n from n = 0 up to the peak.

    Args:
        noise: noise of the map.
        peak: brightest pixel, in the same unit.

    Returns:
        The levels, rising; none without a positive noise or without a pixel above 3 noise.

    Example:
        >>> flux_levels(noise=1, peak=30)
        [3.0, 6.0, 12.0, 24.0]
    """
    if not (noise > 0 and peak > FAINTEST_CONTOUR * noise):
        return []
    count = math.ceil(math.log2(peak / (FAINTEST_CONTOUR * noise)))
    return [FAINTEST_CONTOUR * noise * 2**n for n in range(count)]


@styled
def source_figure(
    cutout: Cutout,
    title: str = "",
    *,
    attention: np.ndarray | None = None,
    evidence: np.ndarray | None = None,
    width: float = COLUMN_MM,
    whole_frame: bool = False,
) -> Figure:
    """Draw a source on axes of RA and Dec, with flux contours and the evidence or attention.

    Contours of the flux are at 3 sigma x 2^n and, dashed, at -3 sigma. A scale bar, the beam and
    the directions of north and east are drawn. A key explains each contour and colour. Unknown
    pixels are hatched. Attention is drawn as contours, evidence as colours.

    In a figure of a column's width, evidence takes the place of the grey image. From 120 mm
    attention and evidence have a panel of their own.

    Args:
        cutout: the source. Without celestial coordinates the axes are offsets in arcsec.
        title: text above the figure, such as label, probability and flags; long lines are broken.
        attention: (150, 150) attention map, or None.
        evidence: (150, 150) signed evidence, E(FRII) - E(FRI), or None; it takes the place of
            attention.
        width: width of the figure, mm: 88 for a column, 180 for a page.
        whole_frame: show the whole frame; otherwise a square around the source.

    Returns:
        The figure. `plots.save_figure` writes it.

    Example:
        >>> from keras_astroattn.images import read_fits
        >>> from keras_astroattn.samples import sample_paths
        >>> figure = source_figure(read_fits(sample_paths()[1]), "FRII")
        >>> [axes.get_xlabel() for axes in figure.axes][1]
        'brightness (mJy/beam), square-root scale'
    """
    inches = width * MILLIMETRE
    overlay = attention is not None or evidence is not None
    count = 2 if overlay and width >= _TWO_PANELS_MM else 1
    side = (inches - _LEFT - _RIGHT - (count - 1) * _GAP) / count
    window = source_window_of(cutout, whole_frame)
    figure = Figure(figsize=(inches, inches))
    panels, key = [], {}
    for number in range(count):
        axes = figure.add_axes((0, 0, 1, 1), projection=cutout.wcs)
        maps = (attention, evidence) if number == count - 1 else (None, None)
        drawn, handles = _draw(axes, cutout, *maps, window)
        panels.append((axes, drawn, _bar_label(cutout, maps[1])))
        key |= {handle.get_label(): handle for handle in handles}
    # The height follows from the lines of the title and of the key.
    lines = [part for line in title.splitlines() for part in textwrap.wrap(line, int(15 * inches))]
    columns = 1 if count == 1 else 2
    bottom = _BOTTOM + _BAR + _LINE * math.ceil(len(key) / columns)
    height = bottom + side + 0.06 + _LINE * len(lines)
    figure.set_size_inches(inches, height)
    for number, (axes, drawn, label) in enumerate(panels):
        left = _LEFT + number * (side + _GAP)
        axes.set_position((left / inches, bottom / height, side / inches, side / height))
        bar_below(axes, drawn, label, offset=_BOTTOM)
        if number:
            _hide_latitude(axes)
    middle = (_LEFT + inches - _RIGHT) / 2 / inches
    look = {"ha": "center", "va": "top", "size": 7.5, "parse_math": False}  # names may hold a $
    figure.text(middle, 1 - 0.03 / height, "\n".join(lines), **look)
    figure.legend(handles=list(key.values()), loc="lower left", ncols=columns, borderaxespad=0,
                  bbox_to_anchor=(_LEFT / inches, 0.03 / height), labelspacing=0.25, borderpad=0,
                  handletextpad=0.6)  # fmt: skip
    return figure


def draw_source(
    axes: Axes,
    cutout: Cutout,
    title: str = "",
    *,
    attention: np.ndarray | None = None,
    evidence: np.ndarray | None = None,
    whole_frame: bool = False,
) -> list[Artist]:
    """Draw a source as `source_figure` does, into existing axes.

    Args:
        axes: axes to draw on; with `projection=cutout.wcs` they show RA and Dec.
        cutout: the source.
        title: title of the axes.
        attention: (150, 150) attention map, or None.
        evidence: (150, 150) signed evidence, or None.
        whole_frame: show the whole frame; otherwise a square around the source.

    Returns:
        Handles of the key, for `axes.legend(handles=...)`.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from keras_astroattn.images import read_fits
        >>> from keras_astroattn.samples import sample_paths
        >>> cutout = read_fits(sample_paths()[1])
        >>> axes = Figure().add_subplot(projection=cutout.wcs)
        >>> [handle.get_label() for handle in draw_source(axes, cutout)][0]
        'flux: 3σ × 2ⁿ, σ = 0.149 mJy/beam'
    """
    with matplotlib.rc_context(STYLE):
        _, handles = _draw(axes, cutout, attention, evidence, source_window_of(cutout, whole_frame))
        axes.set_title(title, parse_math=False)
    return handles


def source_window_of(cutout: Cutout, whole_frame: bool = False) -> Window:
    """Return the square around the source of a cutout, or its whole frame.

    Args:
        cutout: the source.
        whole_frame: whether to return the frame.
    """
    height, width = cutout.pixels.shape
    if whole_frame:
        return (-0.5, width - 0.5, -0.5, height - 0.5)
    return source_window(cutout.pixels, cutout.source_mask)


def _draw(
    axes: Axes,
    cutout: Cutout,
    attention: np.ndarray | None,
    evidence: np.ndarray | None,
    window: Window,
) -> tuple[AxesImage, list[Artist]]:
    """Draw one panel; return its image, for a colour bar, and the handles of the key."""
    sky, (factor, unit) = Sky.of(cutout), _unit(cutout)
    brightness = cutout.brightness * np.float32(factor)
    noise = cutout.noise * factor
    if evidence is None:
        drawn = _show_brightness(axes, brightness, noise)
    else:
        limit = evidence_limit(evidence)
        drawn = axes.imshow(evidence, cmap=EVIDENCE_COLOURS, vmin=-limit, vmax=limit,
                            origin="lower")  # fmt: skip
    handles = _contour_flux(axes, brightness, noise, unit, window)
    if evidence is None and attention is not None:
        handles += _contour_attention(axes, attention)
    if np.isnan(_inside(brightness, window)).any():
        handles += _hatch_unknown(axes, brightness)
    draw_scale_bar(axes, sky, window, "black", 6.5)
    draw_beam(axes, sky, window, "black")
    threshold = FAINTEST_CONTOUR * noise if noise > 0 else 0.0
    left = upper_left_is_emptier(brightness > threshold, window)
    draw_compass(axes, sky, window, "black", 6.5, left=left)
    if sky.beam is not None:
        major, minor, _ = sky.beam
        handles.append(_key_line(f"beam {major:.3g}″ × {minor:.3g}″", marker="o", linestyle="none",
                                 markerfacecolor="none", markersize=5))  # fmt: skip
    _limit(axes, sky, window)
    _label_axes(axes, cutout)
    return drawn, handles


def _unit(cutout: Cutout) -> tuple[float, str]:
    """Return the factor of the brightness and its unit."""
    in_jansky = flags.PICTURE not in cutout.flags and flags.UNKNOWN_UNIT not in cutout.flags
    return (1e3, "mJy/beam") if in_jansky else (1.0, "")


def _show_brightness(axes: Axes, brightness: np.ndarray, noise: float) -> AxesImage:
    known = brightness[np.isfinite(brightness)]
    brightest = float(known.max()) if known.size else 0.0
    faintest = noise if 0 < noise < brightest else 0.0
    norm = PowerNorm(0.5, faintest, brightest if brightest > faintest else faintest + 1, clip=True)
    return axes.imshow(
        np.ma.masked_invalid(brightness), cmap=BRIGHTNESS_COLOURS, norm=norm, origin="lower"
    )


def _inside(values: np.ndarray, window: Window) -> np.ndarray:
    left, right, first, last = (max(math.ceil(edge), 0) for edge in window)
    return values[first:last, left:right]


def _contour_flux(
    axes: Axes, brightness: np.ndarray, noise: float, unit: str, window: Window
) -> list[Artist]:
    shown = _inside(brightness, window)
    known = shown[np.isfinite(shown)]
    peak = float(known.max()) if known.size else 0.0
    values = np.ma.masked_invalid(brightness)
    if not noise > 0:  # a picture: its noise is unknown
        if not peak > 0:
            return [_key_line("no emission", linestyle="none")]
        levels = [peak / 2**n for n in range(5, 0, -1)]
        axes.contour(values, levels=levels, colors="black", linewidths=0.5)
        return [_key_line("brightness: peak ÷ 2ⁿ, n = 1 to 5", linewidth=0.7)]
    levels = flux_levels(noise, peak)
    sigma = f"σ = {noise:.3g} {unit}".rstrip()
    if not levels:
        return [_key_line(f"no emission above 3σ, {sigma}", linestyle="none")]
    axes.contour(values, levels=levels, colors="black", linewidths=0.5)
    handles = [_key_line(f"flux: 3σ × 2ⁿ, {sigma}", linewidth=0.7)]
    if float(known.min()) < -FAINTEST_CONTOUR * noise:
        axes.contour(values, levels=[-FAINTEST_CONTOUR * noise], colors="black", linewidths=0.5,
                     linestyles="dashed")  # fmt: skip
        handles.append(_key_line("flux: −3σ", linewidth=0.7, linestyle="dashed"))
    return handles


def _contour_attention(axes: Axes, attention: np.ndarray) -> list[Artist]:
    low, span = float(np.min(attention)), float(np.ptp(attention))
    if not span > 0:
        return [_key_line("attention: the same everywhere", linestyle="none")]
    widths = (0.6, 1.0, 1.5)
    levels = [low + level * span for level in CONTOUR_LEVELS]
    axes.contour(attention, levels=levels, colors=ORANGE, linewidths=widths)
    text = "attention: ¼, ½, ¾ of its range, thin to thick"
    return [_key_line(text, color=ORANGE, linewidth=1.0)]


def _hatch_unknown(axes: Axes, brightness: np.ndarray) -> list[Artist]:
    with matplotlib.rc_context({"hatch.linewidth": 0.4}):
        unknown = axes.contourf(np.isnan(brightness), levels=[0.5, 1.5], colors="white",
                                hatches=["//////"])  # fmt: skip
    unknown.set(edgecolor="0.5", linewidth=0)
    return [
        Patch(facecolor="white", edgecolor="0.5", hatch="//////", linewidth=0.3, label="no data")
    ]


def _key_line(label: str, **look) -> Line2D:
    return Line2D([], [], label=label, **({"color": "black"} | look))


def _limit(axes: Axes, sky: Sky, window: Window) -> None:
    left, right, first, last = window
    axes.set_xlim(left, right)
    axes.set_ylim((first, last) if sky.is_up else (last, first))


def _label_axes(axes: Axes, cutout: Cutout) -> None:
    """Label RA and Dec, or offsets from the middle of the frame in arcsec."""
    if not hasattr(axes, "coords"):
        middle, scale = (cutout.pixels.shape[0] - 1) / 2, cutout.pixel_scale
        for axis, sign in ((axes.xaxis, 1), (axes.yaxis, -1)):  # rows of a picture go down
            low, high = sorted(sign * scale * (edge - middle) for edge in axis.get_view_interval())
            numbers = [one for one in MaxNLocator(4).tick_values(low, high) if low <= one <= high]
            places = [middle + sign * number / scale for number in numbers]
            axis.set_ticks(places, [f"{number:g}" for number in numbers])
        axes.set(xlabel="offset (arcsec)", ylabel="offset (arcsec)")
        return
    header = cutout.wcs_header or {}
    names = _AXES.get(str(header.get("CTYPE1", "RA"))[:4].split("-")[0], _AXES["RA"])
    frame = _FRAMES.get(str(header.get("RADESYS", ""))) if names == _AXES["RA"] else None
    for coordinate, name in zip(axes.coords, names, strict=True):
        coordinate.set_axislabel(f"{name} ({frame})" if frame else name, minpad=0.7)
        coordinate.set_ticks(number=4)
        coordinate.set_ticklabel(exclude_overlapping=True)


def _hide_latitude(axes: Axes) -> None:
    if hasattr(axes, "coords"):
        axes.coords[1].set_ticklabel_visible(False)
        axes.coords[1].set_axislabel("")
        axes.coords[1].set_auto_axislabel(False)
    else:
        axes.set_ylabel("")
        axes.tick_params(labelleft=False)


def _bar_label(cutout: Cutout, evidence: np.ndarray | None) -> str:
    if evidence is not None:
        return EVIDENCE_LABEL
    unit = _unit(cutout)[1]
    return f"brightness{f' ({unit})' if unit else ''}, square-root scale"
