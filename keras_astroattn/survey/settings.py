"""Settings of a survey: its inputs, its output and its options."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from keras_astroattn.edge import Calibration

from .tiles import MapOptions

CHUNK_SIZE = 1000
"""Rows of a chunk: some seconds of work, which are lost if a worker is killed."""


@dataclass(frozen=True)
class SurveySettings:
    """Settings of a survey.

    Attributes:
        catalogue: path of the table of sources.
        images: glob patterns, folders, lists or files of tiles.
        output: folder of the result.
        model: name of a preset, or path of a .tflite file.
        survey: survey whose column names the catalogue uses; None: recognised from the names.
        columns: columns by key; they take precedence over `survey`.
        rows: "component" or "source".
        linking_length: largest distance of components of one source, arcsec; None: components
            are joined by their parent column.
        mask_neighbours: whether to make other catalogued emission black, for a model that sees the
            whole frame.
        tta: number of rotated views of each image over which the prediction is averaged.
        calibration: calibration for this survey, or None.
        chunk_size: largest number of rows of one file.
        options: options to open tiles with.
        workers: processes of the local cluster; None: one for each core.
        scheduler: address of a running cluster; None: a local cluster.
        resume: whether to continue the survey in the output folder.
    """

    catalogue: Path
    images: tuple[str, ...]
    output: Path
    model: str
    survey: str | None = None
    columns: dict[str, str] = dataclasses.field(default_factory=dict)
    rows: str = "component"
    linking_length: float | None = None
    mask_neighbours: bool = False
    tta: int = 1
    calibration: Calibration | None = None
    chunk_size: int = CHUNK_SIZE
    options: MapOptions = dataclasses.field(default_factory=MapOptions)
    workers: int | None = None
    scheduler: str | None = None
    resume: bool = False
