"""Metadata of an exported file."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_astroattn.edge.labels import COMPACT_BELOW_BEAMS
from keras_astroattn.edge.metadata import (
    CHECKSUM_KEY,
    METADATA_FORMATS,
    METADATA_MEMBER,
    SOURCE_ALONE_KEY,
    checksum,
)
from keras_astroattn.images import BEAM, CLASS_NAMES, FIELD_SIZE, IMAGE_SIZE, PIXEL_SCALE
from keras_astroattn.version import __version__

if TYPE_CHECKING:
    from .export_source import ExportSource

PREPROCESSING = (
    f"sigma-clipped standard deviation s of the {FIELD_SIZE} x {FIELD_SIZE} field (3 sigma, 5 "
    "iterations); pixels <= 3 s set to 0; {alone}"
    f"the middle {IMAGE_SIZE} x {IMAGE_SIZE} stretched "
    "linearly from minimum and maximum to uint8, truncated; v / 255 * 2 - 1"
)

ALONE = "pixels that do not belong to the source set to 0; "

CLASS_MEANINGS = {
    "FRI": "edge-darkened, with wide-angle and head tails",
    "FRII": "edge-brightened, with double-doubles",
}

TRAINED_ON = "resolved radio galaxies under 270 arcsec and z < 0.54; hybrids were left out"

TERMS = (
    "weights trained on FIRST images ((c) 1994 University of California): scholarly, "
    "educational, and private non-commercial use; MiraBest: Porter & Scaife, "
    "doi:10.5281/zenodo.4288837; see LICENSE-WEIGHTS of keras-astroattn"
)

TERMS_SIMULATED = "trained on simulated sources alone: Apache License 2.0"


def describe(source: "ExportSource", precision: str) -> dict[str, Any]:
    """Return the content of `metadata.json` for a file's precision, without the checksum."""
    import keras

    from keras_astroattn.models import sees_source_alone
    from keras_astroattn.models.image_classifier import ImageClassifier

    calibration = source.calibration
    data = dict(source.data)
    sees_alone = sees_source_alone(source.model)
    oldest, newest = METADATA_FORMATS
    return {
        "format": newest if sees_alone else oldest,
        "name": source.name,
        "precision": precision,
        "class_names": list(CLASS_NAMES),
        "class_meanings": CLASS_MEANINGS,
        "trained_on": TRAINED_ON,
        "image_size": IMAGE_SIZE,
        "pixel_scale_arcsec": PIXEL_SCALE,
        "beam_arcsec": BEAM,
        "preprocessing": PREPROCESSING.format(alone=ALONE if sees_alone else ""),
        **({SOURCE_ALONE_KEY: True} if sees_alone else {}),
        "calibration": {
            "temperature": calibration.temperature,
            "fitted_on": calibration.source,
        },
        "labels": {
            "compact_below_beams": COMPACT_BELOW_BEAMS,
            "uncertain_below": calibration.uncertain_below,
            "thresholds": calibration.thresholds,
        },
        "network": {
            "class": type(source.model).__name__,
            "config": json.loads(json.dumps(source.model.get_config(), default=str))
            if isinstance(source.model, ImageClassifier)
            else None,
            "parameters": source.model.count_params(),
        },
        "training": None if source.training is None else source.training.to_json(),
        "data": data,
        "terms": TERMS_SIMULATED if data.get("name") == "simulated" else TERMS,
        "versions": {"keras_astroattn": __version__, "keras": keras.__version__},
    }


def append_metadata(path: str | os.PathLike, metadata: dict[str, Any]) -> None:
    """Append `metadata.json`, with the network's checksum, to a .tflite file without one.

    Args:
        path: path of the file, which holds only the network.
        metadata: result of `describe`.
    """
    path = Path(path)
    path.write_bytes(with_metadata(path.read_bytes(), metadata))


def with_metadata(network: bytes, metadata: dict[str, Any]) -> bytes:
    """Join a network and its metadata, with the network's checksum, to the bytes of a file.

    LiteRT reads a file from its beginning, and zip readers from its end.

    Args:
        network: bytes of the network, from the converter.
        metadata: result of `describe`.

    Returns:
        Bytes of the file.
    """
    file = io.BytesIO(network)
    # A fixed date, so that the same model gives the same file.
    member = zipfile.ZipInfo(METADATA_MEMBER, date_time=(1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "a") as archive:
        stated = metadata | {CHECKSUM_KEY: checksum(network)}
        archive.writestr(member, json.dumps(stated, indent=1))
    return file.getvalue()
