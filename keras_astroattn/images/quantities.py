"""Values with a unit (astropy's `Quantity`, `SkyCoord`) as plain numbers.

Nothing here imports astropy: a value that has a unit was made by it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from keras_astroattn.errors import InputError

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

ANGLE = ("arcsec", "arcsec / pix")
"""Units of widths and pixel scales."""

BRIGHTNESS = ("Jy / beam",)
"""Unit of the noise."""


def has_unit(value: Any) -> bool:
    """Return whether a value is a `Quantity`."""
    return hasattr(value, "to_value") and hasattr(value, "unit")


def in_unit(value: "float | np.ndarray | Quantity", units: tuple[str, ...], what: str) -> Any:
    """Return a value without its unit; a value that has none is returned as it is.

    Args:
        value: number, array or `Quantity`.
        units: unit of the result, then others that mean the same here.
        what: name of the value for the message, for example "beam".

    Returns:
        The number or array in `units[0]`.

    Raises:
        InputError: The unit cannot be converted.

    Example:
        >>> from astropy import units as u
        >>> in_unit(1.5 * u.arcmin, ("arcsec",), "beam")
        90.0
    """
    if not has_unit(value):
        return value
    for unit in units:
        if value.unit.is_equivalent(unit):
            found = value.to_value(unit)
            return float(found) if np.ndim(found) == 0 else found
    raise InputError(f"{what} {value} has the wrong unit: give {units[0].replace(' ', '')}")


def is_sky_coordinate(position: Any) -> bool:
    """Return whether a position is a `SkyCoord`."""
    return hasattr(position, "icrs")


def icrs_degrees(position: "SkyCoord") -> tuple[float, float]:
    """Return right ascension and declination of one `SkyCoord` of any frame, ICRS degrees.

    Raises:
        InputError: It holds several positions.
    """
    if position.size != 1:
        raise InputError(f"the SkyCoord holds {position.size} positions: give one")
    sky = position.icrs
    return float(np.ravel(sky.ra.deg)[0]), float(np.ravel(sky.dec.deg)[0])
