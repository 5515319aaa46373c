"""Three simulated FITS maps that come with the package: an FRI, an FRII and a compact source.

They have FIRST's beam (5.4 arcsec), pixels (1.8 arcsec) and noise. `python -m export.samples`
wrote them.
"""

from importlib import resources
from pathlib import Path

SAMPLES = ("fri", "frii", "compact")
"""Names of the maps, which are the types of the sources."""


def sample_paths() -> tuple[Path, ...]:
    """Return the paths of the sample maps, in the order of `SAMPLES`.

    Returns:
        Paths of FITS files of 300 x 300 pixels, Jy/beam.

    Example:
        >>> [path.name for path in sample_paths()]
        ['fri.fits', 'frii.fits', 'compact.fits']
    """
    folder = Path(str(resources.files(__name__)))
    return tuple(folder / f"{name}.fits" for name in SAMPLES)
