"""Contact sheets: many images in one figure, for example simulated next to real sources."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_astroattn.errors import InputError

from .style import CLASS_COLOURS, TEXT_WIDTH, panel_grid, scale_bar, show_source, styled


def sheet_panels(
    count: int, columns: int, title: str | None, width: float, captions: bool = True
) -> tuple[Figure, np.ndarray]:
    """Return an empty sheet of panels in rows.

    Args:
        count: number of panels.
        columns: number of panels in a row, at most `count`.
        title: title of the sheet.
        width: width of the figure, inches.
        captions: whether each panel has a caption above it.

    Returns:
        The figure and its axes, (rows, columns); those after the last panel are hidden.
    """
    columns = min(columns, count)
    top = 0.05 + (0.2 if title else 0.0) + (0.13 if captions else 0.0)
    figure, panels = panel_grid(
        width,
        -(-count // columns),
        columns,
        margins=(0.03, 0.03, top, 0.03),
        row_gap=0.17 if captions else None,
    )
    if title:
        figure.suptitle(title, y=1 - 0.04 / figure.get_size_inches()[1], va="top", fontsize=8)
    for axes in panels.flat[count:]:
        axes.set_axis_off()
    return figure, panels


@styled
def contact_sheet(
    images: np.ndarray,
    captions: Sequence[str] | None = None,
    labels: Sequence[int] | np.ndarray | None = None,
    columns: int = 8,
    title: str | None = None,
    width: float = TEXT_WIDTH,
) -> Figure:
    """Draw images in rows, square-root stretched, each to its own brightest pixel.

    Args:
        images: (n, height, width) of any real dtype, 0 on empty sky.
        captions: (n,) short texts above the images; none by default.
        labels: (n,) 0 FRI, 1 FRII, which set the colour of the frame. The frame is grey for None
            and for other labels.
        columns: number of images in a row; fewer if there are fewer images.
        title: title above all images.
        width: width of the figure, inches.

    Returns:
        The figure; its height follows from the number of rows.

    Raises:
        InputError: There is no image, the images are not (n, height, width), columns is
            below 1, or the number of captions or labels is not that of the images.
    """
    images = np.asarray(images)
    if images.ndim != 3 or not len(images):
        raise InputError(
            f"contact sheet: images of shape {images.shape}; give (n, height, width), n at least 1"
        )
    if columns < 1:
        raise InputError(f"contact sheet: {columns} columns; give at least 1")
    for name, given in (("captions", captions), ("labels", labels)):
        if given is not None and len(given) != len(images):
            raise InputError(f"contact sheet: {len(given)} {name} for {len(images)} images")
    figure, panels = sheet_panels(len(images), columns, title, width, captions is not None)
    for place, axes in enumerate(panels.flat[: len(images)]):
        show_source(axes, images[place])
        if captions is not None:
            axes.set_title(captions[place], fontsize=6, pad=2)
        coloured = labels is not None and labels[place] in (0, 1)
        colour = CLASS_COLOURS[int(labels[place])] if coloured else "0.5"
        for spine in axes.spines.values():
            spine.set(color=colour, linewidth=1.2 if coloured else 0.6)
    scale_bar(panels[0, 0], images.shape[-1])
    return figure
