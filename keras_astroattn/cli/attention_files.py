"""Write the files of `--attention`: a picture of a source, and its maps as FITS."""

from pathlib import Path

import numpy as np

from keras_astroattn.edge import Attention, Classification, Explanation
from keras_astroattn.files import atomic_path
from keras_astroattn.images import Cutout, flags
from keras_astroattn.plots import Sky, classified_source_figure
from keras_astroattn.plots.evidence import Part
from keras_astroattn.plots.style import save_figure
from keras_astroattn.version import __version__

from .image_files import attention_paths


def write_attention(
    folder: Path,
    name: str,
    cutout: Cutout,
    attention: Attention,
    found: Classification,
    explanation: Explanation | None = None,
) -> Path:
    """Write `<name>.png` and `<name>.attention.fits` into a folder, atomically.

    Args:
        folder: folder of the picture, which exists.
        name: name of the image, without a separator.
        cutout: the source.
        attention: its attention maps.
        found: its classification.
        explanation: its components are outlined and named in the picture.

    Returns:
        Path of the picture.

    Raises:
        OSError: They cannot be written.
    """
    said = ", ".join([found.label, *found.probability_texts])
    in_jansky = flags.PICTURE not in cutout.flags and flags.UNKNOWN_UNIT not in cutout.flags
    figure = classified_source_figure(
        cutout.brightness * np.float32(1e3) if in_jansky else cutout.brightness,
        attention.gates,
        attention.mean,
        title=f"{name}: {said}",
        unit="mJy/beam" if in_jansky else "brightness",
        noise=cutout.noise * 1e3 if in_jansky else 0.0,
        sky=Sky.of(cutout),
        evidence=attention.evidence,
        parts=[
            Part(one.name, one.pixels, one.share, one.speaks_for, one.p_without)
            for one in (explanation.components if explanation else ())
        ],
        explanation=repr(explanation) if explanation else "",
    )
    picture, attention_map = attention_paths(folder, name)
    save_figure(figure, picture, formats=("png",), resolution=150)
    _write_maps(attention_map, cutout, attention, found)
    return picture


def _write_maps(path: Path, cutout: Cutout, attention: Attention, found: Classification) -> None:
    from astropy.io import fits

    header = fits.Header()
    for keyword, value in (cutout.wcs_header or {}).items():
        header[keyword] = value
    header["FRLABEL"] = (found.label, "label of the source")
    if found.p_frii is not None:
        header["PFRI"] = (found.p_fri, "P(FRI | resolved radio galaxy)")
        header["PFRII"] = (found.p_frii, "P(FRII | resolved radio galaxy)")
    header["ORIGIN"] = f"keras-astroattn {__version__}"
    header["BTYPE"] = ("attention", "mean of the gates' attention maps")
    images = [fits.PrimaryHDU(attention.mean.astype(np.float32), header)]
    if attention.evidence is not None:
        header["BTYPE"] = ("evidence", "FRII minus FRI; sum is the logits' difference")
        images.append(fits.ImageHDU(attention.evidence.astype(np.float32), header, "EVIDENCE"))
    with atomic_path(path) as temporary:
        fits.HDUList(images).writeto(temporary)
