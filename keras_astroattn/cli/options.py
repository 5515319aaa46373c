"""Options that several commands share, each with one type and one help text."""

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from keras_astroattn.edge import Calibration, ModelFile, open_model, read_calibration
from keras_astroattn.edge.classifier import name_of
from keras_astroattn.edge.prior import prior_calibration, require_one
from keras_astroattn.errors import InputError
from keras_astroattn.images.recentring import Centre
from keras_astroattn.survey.tiles import MapOptions

_AT_LEAST_1 = Number(gte=1)

Catalogue = Annotated[Path, Parameter(help="CSV file, FITS table, VOTable or Parquet file.")]

Tiles = Annotated[
    list[str],
    Parameter(
        consume_multiple=True,
        help="Tiles: glob patterns (quoted), folders, FITS files, or text files that list them.",
    ),
]

Model = Annotated[
    str,
    Parameter(help="Name of a preset, or path of a .tflite file of `python -m export.run`."),
]

SurveyName = Annotated[
    str | None,
    Parameter(
        help="Survey or source finder whose column names the catalogue has: lotss-dr2, racs, "
        "vlass, first, pybdsf, aegean, photutils. By default, it is recognised by the names."
    ),
]

Columns = Annotated[
    str | None,
    Parameter(
        help="KEY=NAME,... for the keys ra, dec, id, flux and parent. By default, columns are "
        "recognised by their names."
    ),
]

CalibrationFile = Annotated[
    Path | None,
    Parameter(help="Calibration for this survey, from `astroattn recalibrate`."),
]

Prior = Annotated[
    float | None,
    Parameter(
        help="Expected share of FRI among the resolved radio galaxies, between 0 and 1; the "
        "probabilities are moved to it. By default, the share of the training images. Not with "
        "--calibration.",
    ),
]

Report = Annotated[
    Path | None,
    Parameter(help="HTML page of the result, as `astroattn report` writes it."),
]

TTA = Annotated[
    int,
    Parameter(
        validator=_AT_LEAST_1,
        help="Average the prediction over N rotations of the image (test-time augmentation, N "
        "times slower).",
    ),
]

Turns = Annotated[
    int | None, Parameter(validator=_AT_LEAST_1, show=False, help="Former name of --tta.")
]

HDU = Annotated[
    str | None,
    Parameter(help="Number or name of the HDU. By default, the first that holds an image."),
]

Stokes = Annotated[str | None, Parameter(help="Stokes parameter of the plane. By default, I.")]

Channel = Annotated[int | None, Parameter(help="Number of the channel of a cube, from 0.")]

BeamSize = Annotated[
    tuple[float, ...] | None,
    Parameter(
        consume_multiple=True,
        help="Beam: width in arcsec, or major axis, minor axis (arcsec) and position "
        "angle (degrees). By default, from the header.",
    ),
]

NoiseMap = Annotated[
    Path | None,
    Parameter(help="FITS map of the noise, on the same pixels as the image, in Jy/beam."),
]

Noise = Annotated[
    float | None, Parameter(help="Noise of the map, in Jy/beam. By default, it is measured.")
]

PixelScale = Annotated[
    float | None,
    Parameter(
        validator=Number(gt=0),
        help="Pixel scale of a picture or array, arcsec. The file is then a map of any size "
        "(arrays in Jy/beam); give its beam with --beam. By default, the file is a finished "
        "image of 150 x 150 pixels of 1.8 arcsec.",
    ),
]

Colormap = Annotated[
    str | None, Parameter(help="Name of the matplotlib colormap that a picture was drawn with.")
]

CentreOf = Annotated[
    Centre,
    Parameter(
        help="Middle of each frame: the source that is found within 20 pixels of the frame from "
        "the position, or the position itself.",
    ),
]


def tta_of(tta: int, turns: int | None) -> int:
    """Return the number of rotations, given by --tta or, with a notice, by --turns."""
    if turns is None:
        return tta
    print("--turns is now --tta; the former name goes with the next release", file=sys.stderr)
    return turns


def calibration_of(
    path: Path | None, prior: float | None, model: str | ModelFile, tta: int
) -> Calibration | None:
    """Return the calibration given by --calibration or --prior, or None."""
    calibration = None if path is None else read_calibration(path)
    require_one(calibration, prior)
    if prior is None:
        return calibration
    opened = model if isinstance(model, ModelFile) else open_model(model)
    return prior_calibration(opened, name_of(opened, tta), prior)


def hdu_of(text: str | None) -> int | str | None:
    """Return the number or the name of the HDU given by --hdu."""
    return int(text) if text is not None and text.isdecimal() else text


def parse_columns(text: str | None) -> dict[str, str]:
    """Parse the columns by key from KEY=NAME,...

    Args:
        text: text of the option, or None.

    Raises:
        InputError: The text has another form.
    """
    if text is None:
        return {}
    pairs = [part.split("=", 1) for part in text.split(",") if part.strip()]
    if not pairs or any(len(pair) != 2 or not pair[1].strip() for pair in pairs):
        raise InputError(f"--columns {text}: give ra=NAME,dec=NAME,id=NAME")
    return {key.strip().lower(): name.strip() for key, name in pairs}


@Parameter(name="*")
@dataclass(frozen=True)
class MapFlags:
    """The flags that say how the tiles of a survey are opened."""

    hdu: HDU = None
    stokes: Stokes = None
    channel: Channel = None
    beam: BeamSize = None
    centre: CentreOf = "source"

    def options(self) -> MapOptions:
        """Return the options to open tiles with."""
        return MapOptions(hdu_of(self.hdu), self.stokes, self.channel, self.beam, self.centre)


@Parameter(name="*")
@dataclass(frozen=True)
class ImageFlags(MapFlags):
    """The flags that say how image files are read: maps, pictures and arrays."""

    rms_map: NoiseMap = None
    noise: Noise = None
    pixel_scale: PixelScale = None
    colormap: Colormap = None

    def arguments(self) -> dict[str, Any]:
        """Return the given ones as keyword arguments of `images.read_image`."""
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        given["hdu"] = hdu_of(self.hdu)
        given["rms_map"] = None if self.rms_map is None else str(self.rms_map)
        return {name: value for name, value in given.items() if value is not None}
