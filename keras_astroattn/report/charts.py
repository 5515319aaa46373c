"""Charts of the HTML reports as SVG: stacked histograms, reliability, lines by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_WIDTH, _HEIGHT = 340.0, 190.0
_STEPS = (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)  # of the upper end of an axis
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 10.0, 10.0, 34.0


@dataclass(frozen=True)
class Histogram:
    """Numbers of sources by value and kind.

    Attributes:
        title: name of the quantity, with its unit.
        edges: (bins + 1,) rising.
        counts: (bins,) by kind; a kind is a class of the page's style sheet.
        logarithmic: whether the bins are equal in the logarithm.
    """

    title: str
    edges: np.ndarray
    counts: Mapping[str, np.ndarray]
    logarithmic: bool = False


def histogram(
    title: str,
    values: np.ndarray,
    kinds: Sequence[str],
    order: Sequence[str],
    limits: tuple[float, float] | None = None,
    bins: int = 20,
) -> Histogram | None:
    """Count values in equal bins, or without `limits` in bins that are equal in the logarithm.

    Args:
        title: name of the quantity.
        values: (n,) float; those that are not finite are left out. In logarithmic bins, also
            those that are not positive.
        kinds: (n,) kind of each value.
        order: all kinds, in the order in which they are stacked.
        limits: lower and upper limit.
        bins: number of bins.

    Returns:
        The histogram; None without a value.
    """
    known = np.isfinite(values) & ((values > 0) if limits is None else True)
    if not known.any():
        return None
    values, kinds = values[known], np.asarray(kinds)[known]
    if limits is None:
        low, high = float(values.min()), float(values.max())
        low, high = (low, high) if high > low * 1.01 else (low / 1.5, high * 1.5)
        edges = np.geomspace(low, high, bins + 1)
        edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    else:
        edges = np.linspace(*limits, bins + 1)
    counts = {kind: np.histogram(values[kinds == kind], edges)[0] for kind in order}
    return Histogram(title, edges, counts, limits is None)


def histogram_svg(chart: Histogram) -> str:
    """Draw a stacked histogram."""
    scale = np.log if chart.logarithmic else np.asarray
    low, high = float(scale(chart.edges[0])), float(scale(chart.edges[-1]))
    total = sum(chart.counts.values())
    top = max(int(total.max()), 1)
    place_x = _axis(low, high, _LEFT, _WIDTH - _RIGHT)
    place_y = _axis(0, top, _HEIGHT - _BOTTOM, _TOP)
    ticks = _log_ticks(chart.edges) if chart.logarithmic else np.linspace(*chart.edges[[0, -1]], 5)
    parts = [_frame([(place_x(float(scale(one))), f"{one:g}") for one in ticks], place_y, top)]
    base = np.zeros(len(total))
    for kind, counts in chart.counts.items():
        for number in np.flatnonzero(counts):
            left, right = (place_x(float(scale(edge))) for edge in chart.edges[number : number + 2])
            lower, upper = place_y(base[number]), place_y(base[number] + counts[number])
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{upper:.1f}" '
                f'width="{max(right - left - 0.7, 0.5):.1f}" height="{lower - upper:.1f}"/>'
            )
        base = base + counts
    return _svg(chart.title, f"{int(total.sum())} sources", "".join(parts))


@dataclass(frozen=True)
class ReliabilityBin:
    """Labelled sources with similar probability.

    Attributes:
        stated: mean probability of the likelier class.
        observed: share of them for which that class is right.
        low: lower bound of the 95 % interval of `observed`.
        high: upper bound.
        count: number of labelled sources.
    """

    stated: float
    observed: float
    low: float
    high: float
    count: int


def reliability_svg(bins: Sequence[ReliabilityBin]) -> str:
    """Draw the observed share of right classes against the stated probability."""
    place_x = _axis(0.5, 1, _LEFT, _WIDTH - _RIGHT)
    place_y = _axis(0, 1, _HEIGHT - _BOTTOM, _TOP)
    parts = [
        _frame([(place_x(one), f"{one:g}") for one in (0.5, 0.6, 0.7, 0.8, 0.9, 1)], place_y, 1)
    ]
    parts.append(
        f'<line class="ideal" x1="{place_x(0.5):.1f}" y1="{place_y(0.5):.1f}" '
        f'x2="{place_x(1):.1f}" y2="{place_y(1):.1f}"/>'
    )
    for one in bins:
        x = place_x(one.stated)
        parts.append(
            f'<line class="error-bar" x1="{x:.1f}" y1="{place_y(one.low):.1f}" x2="{x:.1f}" '
            f'y2="{place_y(one.high):.1f}"/>'
            f'<circle class="point" cx="{x:.1f}" cy="{place_y(one.observed):.1f}" r="3">'
            f"<title>{one.count} labels</title></circle>"
        )
    count = sum(one.count for one in bins)
    title = "probability of the likelier class; height: share that is right"
    return _svg(title, f"{count} labelled sources", "".join(parts))


def line_chart_svg(
    title: str,
    epochs: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    marked: int | None = None,
) -> str:
    """Draw values by epoch.

    Args:
        title: name of the quantity, with its unit.
        epochs: (n,) rising numbers of the epochs.
        lines: (n,) values by kind, a class of the style sheet; those that are not finite are left
            out.
        marked: epoch that a vertical line marks, or None.
    """
    values = np.array(list(lines.values()), float)
    top = _round_up(float(values[np.isfinite(values)].max(initial=0.0)))
    place_x = _axis(epochs[0], max(epochs[-1], epochs[0] + 1), _LEFT, _WIDTH - _RIGHT)
    place_y = _axis(0, top, _HEIGHT - _BOTTOM, _TOP)
    ticks = sorted({int(one) for one in np.linspace(epochs[0], epochs[-1], 5).round()})
    parts = [_frame([(place_x(one), f"{one}") for one in ticks], place_y, top)]
    if marked is not None:
        x = place_x(marked)
        parts.append(
            f'<line class="marked" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}"/>'
        )
    for kind, line in lines.items():
        points = [
            (place_x(epoch), place_y(value))
            for epoch, value in zip(epochs, line, strict=True)
            if np.isfinite(value)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line {kind}" points="{path}"/>')
        if len(points) < 3:  # a line of one point is invisible
            parts += [
                f'<circle class="line {kind}" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in points
            ]
    return _svg(f"{title}, by epoch", f"{len(epochs)} epochs", "".join(parts))


def _round_up(value: float) -> float:
    """Return the next number that is one of `_STEPS` times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    return float(f"{next(step for step in _STEPS if step >= value / power) * power:g}")


def _axis(low: float, high: float, start: float, stop: float):
    return lambda value: start + (value - low) / (high - low) * (stop - start)


def _log_ticks(edges: np.ndarray) -> list[float]:
    powers = range(int(np.floor(np.log10(edges[0]))), int(np.ceil(np.log10(edges[-1]))) + 1)
    many = [base * 10.0**power for power in powers for base in (1, 2, 5)]
    found = [one for one in many if edges[0] <= one <= edges[-1]]
    return found if len(found) <= 6 else [one for one in found if f"{one:e}".startswith("1")]


def _frame(ticks: Sequence[tuple[float, str]], place_y, top: float) -> str:
    bottom = _HEIGHT - _BOTTOM
    parts = [
        f'<line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{_WIDTH - _RIGHT}" y2="{bottom}"/>'
    ]
    for x, text in ticks:
        parts.append(f'<text x="{x:.1f}" y="{bottom + 13}" text-anchor="middle">{text}</text>')
    for value in (0, top):
        y = place_y(value)
        text = f"{value:g}" if isinstance(value, float) else value
        parts.append(f'<text x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    return "".join(parts)


def _svg(title: str, note: str, content: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" class="chart">'
        f"<title>{title}: {note}</title>{content}"
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 5}" text-anchor="middle" '
        f'class="label">{title}</text></svg>'
    )
