"""`astroattn plot`: draw one classified source for a paper."""

import importlib.util
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from keras_astroattn.edge import DEFAULT_PRESET, Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images.quiet import quiet
from keras_astroattn.process import quiet_native_logs

from .options import HDU, BeamSize, Channel, Model, Noise, PixelScale, Stokes, hdu_of

FORMATS = ("pdf", "svg", "png")
"""Formats of the figure, by the suffix of its file."""


def plot(  # noqa: D417 - the others are described in `options`
    path: Path,
    /,
    *,
    output: Path,
    model: Model = DEFAULT_PRESET,
    position: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    width: Annotated[float, Parameter(validator=Number(gte=80, lte=400))] = 88.0,
    dpi: Annotated[int, Parameter(validator=Number(gte=50, lte=2400))] = 300,
    title: str | None = None,
    whole_frame: Annotated[bool, Parameter(negative="")] = False,
    overlay: Annotated[bool, Parameter(negative="--no-overlay")] = True,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    hdu: HDU = None,
    stokes: Stokes = None,
    channel: Channel = None,
    noise: Noise = None,
    beam: BeamSize = None,
    pixel_scale: PixelScale = None,
) -> int:
    """Classify one source and draw it for a paper.

    The axes are RA and Dec. Contours of the flux are at 3 sigma x 2^n, and a key explains every
    contour and colour. The evidence of the network is drawn in colours, or else its attention as
    contours. The scale bar, the beam and the directions of north and east are drawn too.

    Args:
        path: FITS map, picture or array.
        output: File for the figure: .pdf, .svg or .png.
        position: Position of the source, RA,DEC, in degrees or sexagesimal. By default, the centre
            of the map.
        width: Width of the figure, mm: 88 for a column, 180 for a page.
        dpi: Dots per inch of a .png file.
        title: Text above the figure. By default, the name of the file, label, probabilities and
            flags.
        whole_frame: Show all 150 x 150 pixels that the network saw. By default, the figure shows a
            square around the source.
        overlay: Draw the evidence or the attention.
        overwrite: Replace the file of the figure if it exists.
    """
    suffix = output.suffix.removeprefix(".")
    if suffix.lower() not in FORMATS:
        raise InputError(f"--output {output}: its name must end in one of .pdf, .svg, .png")
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("plot needs matplotlib: pip install 'keras-astroattn[plots]'")
    if output.exists() and not overwrite:
        raise InputError(f"--output {output} exists: add --overwrite, or name another file")
    with quiet_native_logs():
        classifier = Classifier(model)
    options = {
        "position": position,
        "hdu": hdu_of(hdu),
        "stokes": stokes,
        "channel": channel,
        "noise": noise,
        "beam": beam,
        "pixel_scale": pixel_scale,
    }
    found = classifier.classify(path, **options)
    from keras_astroattn.plots import save_figure

    options = {"title": title, "width": width, "whole_frame": whole_frame, "overlay": overlay}
    try:
        with quiet():  # a letter of the name may be missing in the font
            save_figure(found.plot(**options), output, formats=(suffix,), resolution=dpi)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"--output {output} cannot be written: {reason}") from None
    Console(stderr=True, soft_wrap=True, highlight=False).print(f"{output}: {found}", markup=False)
    return 0
