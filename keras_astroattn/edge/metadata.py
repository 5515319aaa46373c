"""Metadata of a .tflite file: a zip member after the network, with the network's checksum."""

import hashlib
import io
import json
import os
import zipfile
import zlib
from typing import Any

from keras_astroattn.errors import InputError
from keras_astroattn.images import BEAM, CLASS_NAMES, IMAGE_SIZE, PIXEL_SCALE

from .thresholds import are_thresholds, is_number

METADATA_MEMBER = "metadata.json"
"""Name of the zip member after the network; LiteRT does not read it."""

METADATA_FORMATS = (1, 2)
"""Versions of the metadata that this version reads. Format 2 has entries that change what the
network must be given; software that does not know them must refuse the file."""

SOURCE_ALONE_KEY = "source_alone"
"""Key that is true if the network sees the source alone (`Cutout.source_alone`); of format 2."""

CHECKSUM_KEY = "network_sha256"
"""Key of the SHA-256 of the network: all bytes of the file before the zip member."""

LARGEST_METADATA = 2**20
"""Largest metadata, in bytes, compressed and not; those of the presets have 3 kB."""

_WHAT_THE_NETWORK_SEES = {
    "class_names": list(CLASS_NAMES),
    "image_size": IMAGE_SIZE,
    "pixel_scale_arcsec": PIXEL_SCALE,
    "beam_arcsec": BEAM,
}
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    ValueError,
    OSError,
    EOFError,
    RuntimeError,  # raised for an encrypted member, or for JSON nested a thousand times
)


def read_metadata(content: bytes, path: str | os.PathLike) -> dict[str, Any]:
    """Read the metadata of a .tflite file and check the network's checksum.

    Args:
        content: bytes of the whole file.
        path: name of the file, for messages.

    Returns:
        The metadata, the content of `metadata.json`.

    Raises:
        InputError: The metadata are missing, damaged, too large, or of another kind of network;
            they have no checksum; or the checksum does not match the network.
    """
    metadata, network = split_model_file(content, path)
    stated = metadata.get(CHECKSUM_KEY)
    if stated is None:
        raise InputError(
            f"{path} holds no checksum of its network, so that damage would not be noticed: "
            f"export it again, or, if it is intact, run: python -m export.checksum {path}"
        )
    if stated != checksum(network):
        raise InputError(
            f"{path} is damaged: its network is not the one that its checksum belongs to; "
            "copy or export it again"
        )
    return metadata


def split_model_file(content: bytes, path: str | os.PathLike) -> tuple[dict[str, Any], memoryview]:
    """Split a .tflite file into its checked metadata and its unchecked network.

    Args:
        content: bytes of the whole file.
        path: name of the file, for messages.

    Returns:
        The metadata, and the bytes of the network.

    Raises:
        InputError: The metadata are missing, damaged, too large, or of another kind of network.
    """
    # Only the end of the file, so that a zip directory of millions of entries cannot fill memory.
    start = max(len(content) - 2 * LARGEST_METADATA, 0)
    try:
        text, offset = _read_member(content[start:])
        metadata = json.loads(text, parse_constant=_refuse_constant)
    except _DAMAGE:
        raise InputError(
            f"{path} holds no readable {METADATA_MEMBER}: it is damaged, or export.run did not "
            "write it"
        ) from None
    stated = metadata.get("format") if isinstance(metadata, dict) else None
    if type(stated) is not int or stated not in METADATA_FORMATS:
        raise InputError(f"{path} has metadata of another format: export it with this version")
    _check_values(metadata, path)
    return metadata, memoryview(content)[: start + offset]


def checksum(network: bytes | memoryview) -> str:
    """Return the SHA-256 of a network, in hexadecimal digits."""
    return hashlib.sha256(network).hexdigest()


def _read_member(tail: bytes) -> tuple[str, int]:
    """Return the text of the only member of a zip file, and the offset of the member."""
    with zipfile.ZipFile(io.BytesIO(tail)) as archive:
        (member,) = archive.infolist()
        if member.filename != METADATA_MEMBER or member.file_size > LARGEST_METADATA:
            raise ValueError
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError
        with archive.open(member) as file:
            # The directory may state a smaller size than the data have, so the read is limited.
            text = file.read(LARGEST_METADATA + 1)
    if len(text) != member.file_size:
        raise ValueError
    return text.decode("utf-8"), member.header_offset


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _check_values(metadata: dict[str, Any], path: str | os.PathLike) -> None:
    for key, ours in _WHAT_THE_NETWORK_SEES.items():
        if metadata.get(key, ours) != ours:
            raise InputError(
                f"{path} is a network of another kind: its {key} is "
                f"{ascii(metadata[key])[:60]}, and this version supports {ours}"
            )
    labels, data = metadata.get("labels", {}), metadata.get("data") or {}
    thresholds = ("compact_below_beams", "uncertain_below")
    alone = metadata.get(SOURCE_ALONE_KEY, False)
    sound = (
        (alone is False or (alone is True and metadata["format"] >= 2))
        and all(_is_printable(text) for item in metadata.items() for text in item)
        and isinstance(labels, dict)
        and all(is_number(labels[key]) for key in thresholds if labels.get(key) is not None)
        and (labels.get("thresholds") is None or are_thresholds(labels["thresholds"]))
        and isinstance(metadata.get("calibration") or {}, dict)
        and isinstance(data, dict)
        and (data.get("fri_share") is None or _is_share(data["fri_share"]))
    )
    if not sound:
        raise InputError(f"{path} has metadata with values of a wrong type: export it again")


def _is_printable(value: object) -> bool:
    return not isinstance(value, str) or value.isprintable()


def _is_share(value: object) -> bool:
    return is_number(value) and 0 < value < 1
