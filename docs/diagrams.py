"""Draw the diagrams of the network and of the gate: `python docs/diagrams.py`.

Both stand on a white card, so that they can be read on a light and on a dark page. The
source is simulated. The attention maps are not those of a trained network, but the source
smoothed to the size of each gate.
"""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Rectangle
from scipy.ndimage import gaussian_filter, zoom

from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.files import atomic_path

IMAGES = Path(__file__).parent / "images"

BLUE, ORANGE, GREEN, INK, GREY = "#0072B2", "#D55E00", "#007A5A", "#1a1a1a", "#5c5c5c"
PALE_BLUE, PALE_ORANGE, PALE_GREEN, PALE = "#dcebf5", "#fbe5d8", "#d9efe7", "#f1f1f1"

STYLE = {
    "font.family": "sans-serif",
    "font.size": 10,
    "mathtext.fontset": "dejavusans",
    "svg.hashsalt": "keras_astroattn",  # the same drawing gives the same file
}


def card(width: float, height: float) -> tuple[Figure, Axes]:
    """Draw a white card with rounded corners; one unit is a tenth of an inch."""
    figure = Figure(figsize=(width / 10, height / 10))
    figure.patch.set_alpha(0)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    axes.add_patch(
        FancyBboxPatch(
            (1.2, 1.2),
            width - 2.4,
            height - 2.4,
            boxstyle="round,pad=0,rounding_size=2",
            facecolor="white",
            edgecolor="#c8c8c8",
            linewidth=1,
        )
    )
    return figure, axes


def box(axes: Axes, x: float, y: float, size: tuple[float, float], text: str, **more) -> None:
    """Draw a rounded box about (x, y) with a text in it."""
    width, height = size
    look = {"facecolor": PALE, "edgecolor": INK, "linewidth": 1.1, "zorder": 3}
    look |= {key: more.pop(key) for key in tuple(more) if key in look}
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.9",
            **look,
        )
    )
    axes.text(x, y, text, ha="center", va="center", zorder=4, **{"color": INK, **more})


def line(axes: Axes, points: list[tuple[float, float]], colour: str = INK, **more) -> None:
    """Draw a line through points; `head` (default true) ends it in an arrow."""
    head = more.pop("head", True)
    look = {"color": colour, "linewidth": 1.5, "zorder": 2, "shrinkA": 0, "shrinkB": 0, **more}
    *way, last = points
    if len(way) > 1:
        bend = {key: look[key] for key in ("color", "linewidth", "zorder")}
        axes.plot(
            *zip(*way, strict=True),
            solid_joinstyle="round",
            solid_capstyle="round",
            linestyle=look.get("linestyle", "-"),
            **bend,
        )
    axes.add_patch(
        FancyArrowPatch(way[-1], last, arrowstyle="-|>" if head else "-", mutation_scale=11, **look)
    )


def picture(axes: Axes, image: np.ndarray, x: float, y: float, side: float, colours: str) -> None:
    """Draw an image about (x, y), `side` wide, in a thin frame."""
    half = side / 2
    limits = axes.get_xlim(), axes.get_ylim()
    axes.imshow(
        image,
        extent=(x - half, x + half, y - half, y + half),
        cmap=colours,
        zorder=3,
        interpolation="nearest",
        aspect="auto",
    )
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.add_patch(Rectangle((x - half, y - half), side, side, fill=False, linewidth=0.9, zorder=4))


def feature_maps(axes: Axes, x: float, y: float, side: float, count: int, colour: str) -> None:
    """Draw a stack of `count` square feature maps, the last one in front, about (x, y)."""
    step = 0.9
    for layer in range(count):
        shift = (layer - (count - 1) / 2) * step
        axes.add_patch(
            Rectangle(
                (x - side / 2 + shift, y - side / 2 - shift),
                side,
                side,
                facecolor=colour,
                edgecolor=INK,
                linewidth=0.9,
                zorder=3 + layer / 10,
            )
        )


def source_and_maps() -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Return a simulated FRII, and it smoothed to 150, 75 and 37 pixels."""
    sources = simulate(40, seed=3, label=1)
    large = np.argmin(abs(sources.angular_size - 130))
    image = sources.image[large].astype(float) / 255
    maps = {}
    for size, blur in ((150, 2.0), (75, 4.0), (37, 7.0)):
        smooth = zoom(gaussian_filter(image, blur), size / 150, order=1)
        maps[size] = smooth / smooth.max()
    return np.sqrt(image), maps


def network() -> Figure:
    """Draw the AG-CNN: four stages, the gating signal and three gates."""
    figure, axes = card(124, 64)
    image, maps = source_and_maps()
    top, middle, bottom = 46.0, 20.6, 7.8

    picture(axes, image, 13, top, 14, "gray")
    axes.text(13, top + 9.2, "radio image", ha="center", weight="bold", color=INK)
    axes.text(13, top - 9.6, "150 × 150 × 1\nin [-1, 1]", ha="center", va="center", color=GREY)

    stages = (
        (1, 36, 14.0, 3, "150 × 150 × 6"),
        (2, 57, 10.5, 3, "75 × 75 × 16"),
        (3, 76, 7.8, 3, "37 × 37 × 32"),
        (4, 94, 5.6, 2, "18 × 18 × 64"),
    )
    previous = 20.6
    for number, x, side, blocks, shape in stages:
        last = number == 4
        feature_maps(axes, x, top, side, blocks, PALE_ORANGE if last else PALE_BLUE)
        line(axes, [(previous, top), (x - side / 2 - 1.5, top)])
        if number > 1:
            between = (previous + x - side / 2 - 1.5) / 2
            axes.text(between, top + 0.8, "pool", ha="center", va="bottom", fontsize=8, color=GREY)
        above = top + side / 2
        axes.text(x, above + 4.4, f"stage {number}", ha="center", weight="bold", color=INK)
        axes.text(x, above + 2.1, shape, ha="center", fontsize=9, color=GREY)
        previous = x + side / 2 + 1.5

    bus = 31.2
    line(axes, [(94, top - 3.6), (94, bus)], ORANGE, head=False)
    axes.text(94.9, top - 8.6, "gating\nsignal g", color=ORANGE, weight="bold", va="center")
    gates = ((3, 36, 150, 7.0), (2, 57, 75, 5.25), (1, 76, 37, 3.9))
    for number, x, size, half in gates:
        line(axes, [(x - 1.6, top - half - 1.2), (x - 1.6, middle + 4.1)], BLUE)
        axes.text(x - 2.4, bus + 1.6, "x", color=BLUE, weight="bold", ha="right", style="italic")
        line(axes, [(94, bus), (x + 1.8, bus), (x + 1.8, middle + 4.1)], ORANGE)
        box(axes, x, middle, (9.6, 8), f"gate {number}", facecolor=PALE_GREEN, weight="bold")
        line(axes, [(x - 4.8, middle), (x - 6.0, middle)], GREEN, head=False)
        picture(axes, maps[size], x - 9.4, middle, 6.8, "viridis")
        name = f"map {number}"
        axes.text(x - 9.4, middle - 4.9, name, ha="center", va="center", color=GREEN, fontsize=8.5)
        line(axes, [(x, middle - 4), (x, bottom)], head=False)
        axes.text(x + 0.7, middle - 7, "pool", fontsize=8, color=GREY, va="center")
    line(axes, [(36, bottom), (86.5, bottom)])
    axes.text(60, bottom - 2.6, "one vector a gate: 6, 16, 32 values", ha="center", color=GREY)

    box(axes, 94, bottom + 1, (14.6, 7), "aggregation", weight="bold")
    line(axes, [(101.4, bottom + 1), (106.6, bottom + 1)])
    box(axes, 112.6, bottom + 1, (11.4, 7), "FRI\nFRII", weight="bold")
    axes.text(112.6, bottom + 5.9, "logits", ha="center", color=GREY)
    line(axes, [(94, bus), (94, bottom + 4.6)], ORANGE, linestyle=(0, (3, 2.2)), linewidth=1.2)
    axes.text(94.9, middle, "concat_gating\nonly", color=ORANGE, fontsize=8.5, va="center")

    axes.text(119.5, top + 11.8, "a stage", ha="right", weight="bold", color=INK, fontsize=9)
    for row, text in enumerate(("3 or 2 blocks of", "3 × 3 convolution,", "batch norm, ReLU")):
        axes.text(119.5, top + 9.4 - 2.2 * row, text, ha="right", color=GREY, fontsize=9)
    return figure


def gate() -> Figure:
    """Draw the attention gate: the operations on x and g."""
    figure, axes = card(124, 43)
    _, maps = source_and_maps()
    high, low = 31.0, 10.5
    middle = (high + low) / 2

    box(axes, 11, high, (13, 8), "x", facecolor=PALE_BLUE, style="italic", fontsize=15)
    axes.text(11, high + 5.6, "features of a stage", ha="center", color=BLUE, weight="bold")
    axes.text(11, high - 5.7, "h × w × channels", ha="center", va="center", color=GREY)
    box(axes, 11, low, (13, 8), "g", facecolor=PALE_ORANGE, style="italic", fontsize=15)
    axes.text(11, low + 5.6, "gating signal", ha="center", color=ORANGE, weight="bold")
    axes.text(11, low - 5.7, "18 × 18 × 64", ha="center", va="center", color=GREY)

    box(axes, 31, high - 5.5, (11, 7), "θ\n1 × 1, to 64")
    line(axes, [(17.5, high - 2), (21.5, high - 2), (21.5, high - 5.5), (25.5, high - 5.5)], BLUE)
    box(axes, 31, low, (11, 7), "φ\n1 × 1, to 64")
    line(axes, [(17.5, low), (25.5, low)], ORANGE)
    box(axes, 47, low, (13, 7), "upsample\nto h × w")
    line(axes, [(36.5, low), (40.5, low)], ORANGE)

    y = middle - 0.3
    axes.add_patch(Circle((47, y), 2.1, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3))
    axes.text(47, y, "+", ha="center", va="center", fontsize=15, zorder=4)
    line(axes, [(36.5, high - 5.5), (47, high - 5.5), (47, y + 2.1)], BLUE)
    line(axes, [(47, low + 3.5), (47, y - 2.1)], ORANGE)
    box(axes, 57, y, (8.4, 7), "ReLU")
    line(axes, [(49.1, y), (52.8, y)])
    box(axes, 69, y, (9.6, 7), "ψ\n1 × 1, to 1")
    line(axes, [(61.2, y), (64.2, y)])
    box(axes, 84.5, y, (14, 7), "normalize", facecolor=PALE_GREEN, weight="bold")
    line(axes, [(73.8, y), (77.5, y)])
    axes.text(75.6, y + 1.0, "s", ha="center", style="italic", fontsize=11, color=INK)
    axes.text(
        84.5,
        y - 4.6,
        "softmax, sigmoid, tanh,\nrange_norm, std_mean_norm",
        ha="center",
        va="top",
        color=GREY,
        fontsize=9,
    )
    picture(axes, maps[75], 103, y, 11, "viridis")
    line(axes, [(91.5, y), (97.5, y)], GREEN)
    axes.text(94.5, y + 1.0, "a", ha="center", style="italic", fontsize=11, color=GREEN)
    axes.text(103, y - 8.0, "attention map", ha="center", color=GREEN, weight="bold")
    axes.text(103, y - 10.4, "h × w", ha="center", color=GREY)

    height = high + 2
    axes.add_patch(
        Circle((103, height), 2.1, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3)
    )
    axes.text(103, height, "×", ha="center", va="center", fontsize=15, zorder=4)
    line(axes, [(17.5, height), (100.9, height)], BLUE)
    line(axes, [(103, y + 5.5), (103, height - 2.1)], GREEN)
    line(axes, [(105.1, height), (110.2, height)])
    axes.text(111, height, "$x · a$", ha="left", va="center", fontsize=13)
    axes.text(111, height - 3.2, "pooled to\na vector", ha="left", va="top", color=GREY)
    return figure


def main() -> None:
    """Write both diagrams as SVG and PNG."""
    IMAGES.mkdir(exist_ok=True)
    with matplotlib.rc_context(STYLE):
        for name, draw in (("network", network), ("gate", gate)):
            figure = draw()
            for suffix, more in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 160})):
                with atomic_path(IMAGES / f"{name}.{suffix}") as path:
                    figure.savefig(path, format=suffix, **more)


if __name__ == "__main__":
    main()
