"""`python -m export.samples`: write the sample maps of `keras_astroattn.samples`."""

import sys
from collections.abc import Sequence

import numpy as np
from astropy.io import fits

from keras_astroattn.command import new_app, run_app
from keras_astroattn.datasets.simulation.radio_galaxies import draw_source, generator, point_source
from keras_astroattn.datasets.simulation.telescope import NOISE, draw_noise, render
from keras_astroattn.images import BEAM, FIELD_SIZE, PIXEL_SCALE
from keras_astroattn.samples import SAMPLES, sample_paths

SEED = 7
STEP = NOISE / 16
"""Jy/beam between neighbouring 16-bit values: far below the noise."""

SOURCES = {
    "fri": lambda: draw_source(SEED, 9, label=0),
    "frii": lambda: draw_source(SEED, 1, label=1),
    "compact": lambda: point_source(200 * NOISE),
}

app = new_app(name="python -m export.samples")


@app.default
def samples() -> None:
    """Write the sample maps into the package."""
    for number, (name, path) in enumerate(zip(SAMPLES, sample_paths(), strict=True)):
        noise = draw_noise(
            generator(SEED, number, 6), (FIELD_SIZE, FIELD_SIZE), NOISE, PIXEL_SCALE, BEAM
        )
        field = noise + render(SOURCES[name](), neighbours=False)
        header = _header(ra=150.0 + 10.0 * number, dec=30.0, name=name)
        image = fits.PrimaryHDU(np.round(field / STEP).astype(np.int16), header)
        image.header["BSCALE"], image.header["BZERO"] = STEP, 0.0
        image.writeto(path, overwrite=True)
        print(path)


def _header(ra: float, dec: float, name: str) -> fits.Header:
    header = fits.Header()
    header["OBJECT"] = (f"simulated {name}", "not a real source")
    for axis, (kind, value, step) in enumerate(
        (("RA---TAN", ra, -PIXEL_SCALE), ("DEC--TAN", dec, PIXEL_SCALE)), start=1
    ):
        header[f"CTYPE{axis}"] = kind
        header[f"CRVAL{axis}"] = value
        header[f"CRPIX{axis}"] = (FIELD_SIZE + 1) / 2
        header[f"CDELT{axis}"] = step / 3600
        header[f"CUNIT{axis}"] = "deg"
    header["RADESYS"] = "ICRS"
    header["BMAJ"] = header["BMIN"] = BEAM / 3600
    header["BPA"] = 0.0
    header["BUNIT"] = "Jy/beam"
    return header


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
