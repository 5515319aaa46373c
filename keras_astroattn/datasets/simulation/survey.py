"""A simulated survey: overlapping tiles of simulated sources, their catalogue and the truth.

TensorFlow is not needed, so the software of surveys can be tested without it.
"""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_astroattn.errors import InputError
from keras_astroattn.images import BEAM, CLASS_NAMES, PIXEL_SCALE
from keras_astroattn.images.quiet import quiet

from .radio_galaxies import draw_source, generator, point_source
from .source import SourceModel
from .telescope import NOISE, draw_noise, render

PITCH = 300.0
"""Distance of grid points, arcsec; minus twice `JITTER` it exceeds the width of a frame."""

JITTER = 12.0
"""Largest distance of a source from its grid point, arcsec in each direction."""

OVERLAP = 240.0
"""Width of the strip that neighbouring tiles share, arcsec."""

_KINDS = (
    # projection, beam (arcsec), pixels (arcsec), axes, compressed
    ("TAN", BEAM, PIXEL_SCALE, 2, False),
    ("SIN", BEAM, PIXEL_SCALE, 2, False),
    ("TAN", BEAM, PIXEL_SCALE, 4, False),
    ("SIN", 9.0, 3.0, 2, False),
    ("TAN", BEAM, PIXEL_SCALE, 2, True),
)
_PIXELS_PER_BEAM = 3.0
_STAMP = 540.0  # arcsec: twice the largest source


@dataclass(frozen=True, eq=False)
class SimulatedSurvey:
    """Files of a simulated survey, and its true sources; arrays of length n in catalogue order.

    Attributes:
        catalogue: path of the catalogue, a FITS table.
        truth: path of a CSV file with the arrays below.
        tiles: paths of the FITS files.
        name: names as in the catalogue.
        ra: right ascension, ICRS degrees.
        dec: declination, ICRS degrees.
        kind: "FRI", "FRII" or "point".
        angular_size: angular size, arcsec; 0 for a point.
    """

    catalogue: Path
    truth: Path
    tiles: tuple[Path, ...]
    name: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    kind: np.ndarray
    angular_size: np.ndarray


def simulate_survey(
    folder: str | Path,
    sources: int = 2000,
    tiles: int = 20,
    seed: int = 0,
    centre: tuple[float, float] = (0.0, 30.0),
    point_share: float = 1 / 3,
    fri_share: float | None = None,
    beam: float | None = None,
    report_progress: Callable[[int], object] = lambda done: None,
) -> SimulatedSurvey:
    """Write tiles and a catalogue of FRI, FRII and point sources at known positions.

    Sources lie on a jittered grid, so that no frame contains another source. Tiles overlap, and
    have five kinds in turn: TAN, SIN, four axes, another beam and pixel scale, compressed. A
    source is drawn into every tile that contains it. Each tile has its own noise.

    Args:
        folder: new or empty folder for `tiles/`, `catalogue.fits` and `truth.csv`.
        sources: number of sources.
        tiles: number of tiles.
        seed: seed of everything, 0 or more.
        centre: (RA, Dec) of the middle, degrees; by default the tiles lie across RA 0.
        point_share: share of point sources; the others are FRI and FRII.
        fri_share: share of FRIs among the others; None: as in MiraBest.
        beam: beam of every tile, arcsec, of three pixels; None: the beam of the tile's kind.
        report_progress: called with the number of written tiles.

    Returns:
        The survey.

    Raises:
        InputError: A number is not positive.
    """
    if sources < 1 or tiles < 1 or seed < 0 or not 0 <= point_share <= 1:
        raise InputError("a simulated survey has at least one source and one tile; seed from 0")
    if (beam is not None and not BEAM <= beam < math.inf) or not 0 <= (fri_share or 0) <= 1:
        raise InputError(f"the beam is at least {BEAM} arcsec, and a share is from 0 to 1")
    folder = Path(folder)
    (folder / "tiles").mkdir(parents=True, exist_ok=True)
    across = math.ceil(math.sqrt(tiles))
    down = math.ceil(tiles / across)
    per_tile = math.ceil(math.sqrt(sources / tiles))
    step = per_tile * PITCH  # arcsec between the middles of tiles
    east, north = _grid(sources, tiles, across, down, per_tile, seed)
    ra, dec = _on_sky(east, north, centre)
    models = [_draw(seed, index, point_share, fri_share) for index in range(sources)]
    paths = []
    for number in range(tiles):
        row, column = divmod(number, across)
        middle = _on_sky(
            np.array([(column - (across - 1) / 2) * step]),
            np.array([(row - (down - 1) / 2) * step]),
            centre,
        )
        path = folder / "tiles" / f"tile-{number:03d}.fits"
        where = (float(middle[0][0]), float(middle[1][0]))
        _write_tile(path, where, step + OVERLAP, number, seed, models, ra, dec, beam)
        paths.append(path)
        report_progress(number + 1)
    kind = np.array([m.morphology if m.label < 0 else CLASS_NAMES[m.label] for m in models])
    names = np.array([f"SIM{index:08d}" for index in range(sources)])
    size = np.array([0.0 if m.label < 0 else m.angular_size for m in models])
    flux = np.array([float(m.components.flux.sum()) for m in models])
    _write_catalogue(folder / "catalogue.fits", names, ra, dec, flux)
    with (folder / "truth.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "ra", "dec", "kind", "angular_size"])
        writer.writerows(zip(names, ra.tolist(), dec.tolist(), kind, size.tolist(), strict=True))
    return SimulatedSurvey(
        folder / "catalogue.fits", folder / "truth.csv", tuple(paths), names, ra, dec, kind, size
    )


def _grid(sources, tiles, across, down, per_tile, seed) -> tuple[np.ndarray, np.ndarray]:
    """Return arcsec east and north of the middle, on the area that the tiles cover."""
    rng = generator(seed, 0, 3)
    places = []
    for number in range(tiles):
        row, column = divmod(number, across)
        for y in range(per_tile):
            for x in range(per_tile):
                places.append((column * per_tile + x, row * per_tile + y))
    chosen = np.sort(rng.permutation(len(places))[:sources])
    rng.shuffle(chosen)  # because real catalogues are not sorted by tile
    x, y = np.array(places, float)[chosen].T
    jitter = rng.uniform(-JITTER, JITTER, (2, sources))
    return (
        (x - (across * per_tile - 1) / 2) * PITCH + jitter[0],
        (y - (down * per_tile - 1) / 2) * PITCH + jitter[1],
    )


def _on_sky(east, north, centre) -> tuple[np.ndarray, np.ndarray]:
    """Return RA and Dec in degrees of tangent plane offsets (arcsec) from `centre`."""
    a, d = np.radians(centre)
    x, y = np.radians(east / 3600), np.radians(north / 3600)
    denominator = math.cos(d) - y * math.sin(d)
    ra = a + np.arctan2(x, denominator)
    dec = np.arctan2(math.sin(d) + y * math.cos(d), np.hypot(x, denominator))
    return np.degrees(ra) % 360.0, np.degrees(dec)


def _draw(seed: int, index: int, point_share: float, fri_share: float | None) -> SourceModel:
    rng = generator(seed, index, 4)
    if rng.random() < point_share:
        return point_source(NOISE * 10 ** rng.uniform(1, 3))
    return draw_source(seed, index, None if fri_share is None else int(rng.random() >= fri_share))


def _write_tile(path, centre, width, number, seed, models, ra, dec, beam_of_all) -> None:
    from astropy.io import fits
    from astropy.wcs import WCS

    projection, beam, scale, axes, compressed = _KINDS[number % len(_KINDS)]
    if beam_of_all is not None:
        beam, scale = beam_of_all, beam_of_all / _PIXELS_PER_BEAM
    size = int(width / scale)
    header = fits.Header()
    for axis, (name, value) in enumerate(zip(("RA---", "DEC--"), centre, strict=True), start=1):
        header[f"CTYPE{axis}"] = name + projection
        header[f"CRVAL{axis}"] = value
        header[f"CRPIX{axis}"] = (size + 1) / 2
        header[f"CDELT{axis}"] = (-scale if axis == 1 else scale) / 3600
        header[f"CUNIT{axis}"] = "deg"
    header["RADESYS"] = "ICRS"
    header["EQUINOX"] = 2000.0
    with quiet():
        x, y = WCS(header).wcs_world2pix(np.stack([ra, dec], axis=1), 0).T
    header["BMAJ"] = header["BMIN"] = beam / 3600
    header["BPA"] = 0.0
    header["BUNIT"] = "Jy/beam"
    rng = generator(seed, number, 5)
    sky = draw_noise(rng, (size, size), NOISE, scale, beam)
    half = int(_STAMP / scale / 2)
    for index in np.flatnonzero((np.abs(x - size / 2) < size) & (np.abs(y - size / 2) < size)):
        _add(sky, models[index], x[index], y[index], half, scale, beam)
    if axes == 4:
        sky = sky[np.newaxis, np.newaxis]
        header["CTYPE3"], header["CRVAL3"], header["CRPIX3"] = "FREQ", 1.4e9, 1.0
        header["CDELT3"], header["CTYPE4"], header["CRVAL4"] = 5e7, "STOKES", 1.0
        header["CRPIX4"], header["CDELT4"] = 1.0, 1.0
    if compressed:
        image = fits.CompImageHDU(
            sky, header, compression_type="GZIP_2", tile_shape=(256, 256), quantize_level=0
        )
        fits.HDUList([fits.PrimaryHDU(), image]).writeto(path, overwrite=True)
    else:
        fits.PrimaryHDU(sky, header).writeto(path, overwrite=True)


def _add(sky, model: SourceModel, x: float, y: float, half: int, scale, beam) -> None:
    """Draw the part of a source at pixel (x, y), counted from 0, that lies on the tile."""
    left, top = math.floor(x) - half, math.floor(y) - half
    rows = slice(max(top, 0), min(top + 2 * half, sky.shape[0]))
    columns = slice(max(left, 0), min(left + 2 * half, sky.shape[1]))
    shape = (rows.stop - rows.start, columns.stop - columns.start)
    if min(shape) < 1:
        return
    at = (y - rows.start, x - columns.start)
    sky[rows, columns] += render(model, shape, scale, beam, at, neighbours=False)


def _write_catalogue(path: Path, names, ra, dec, flux) -> None:
    from astropy.table import Table

    table = Table(
        {"Source_Name": names, "RA": ra, "DEC": dec, "Total_flux": flux * 1e3},
        units={"RA": "deg", "DEC": "deg", "Total_flux": "mJy"},
    )
    with quiet():
        table.write(path, overwrite=True)
