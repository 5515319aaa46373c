"""Which column of a catalogue is what: by survey, by guessing, or as it was told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keras_astroattn.errors import InputError
from keras_astroattn.images import parse_position

POSITIONED, MISSING, NOWHERE = 0, 1, 2
"""What is said of a row's position: good, not given, not on the sky."""

SENTINELS = (-99.0, -999.0, -9999.0, 999.0, 9999.0)
"""Numbers that catalogues write where nothing is known."""

ROLES = ("ra", "dec", "id", "flux", "parent")
"""What `--columns` can name."""


@dataclass(frozen=True)
class Adapter:
    """How a survey names its columns; of several names the first that is there counts.

    Attributes:
        marks: Sets of names (in small letters); one that is there whole tells the survey.
        columns: Names (in small letters) by role.
        flux_unit: Of the flux column where the file does not say.
    """

    marks: tuple[frozenset[str], ...]
    columns: Mapping[str, tuple[str, ...]]
    flux_unit: str = "mJy"


_RA = ("ra", "raj2000", "ra_j2000", "_raj2000", "ra_deg", "ra_icrs", "alpha_j2000",
       "right_ascension", "ra_deg_cont", "ra_mean")  # fmt: skip
_DEC = ("dec", "dej2000", "decj2000", "dec_j2000", "_dej2000", "dec_deg", "de_icrs", "dec_icrs",
        "delta_j2000", "declination", "dec_deg_cont", "dec_mean", "de")  # fmt: skip

ADAPTERS: Mapping[str, Adapter] = {
    # Shimwell et al. 2022; fluxes in mJy, Maj in arcsec. In the list of Gaussians
    # Source_Name is the parent and Gaus_id the component.
    "lotss-dr2": Adapter(
        (frozenset({"source_name", "mosaic_id", "isl_rms"}),),
        {
            "ra": ("ra",),
            "dec": ("dec",),
            "id": ("gaus_id", "source_name"),
            "flux": ("total_flux",),
            "parent": ("parent_source",),
        },
    ),
    # Hale et al. 2021 (CASDA's names, then VizieR's); mJy.
    "racs": Adapter(
        (
            frozenset({"source_id", "tile_id", "n_gaus"}),
            frozenset({"raj2000", "dej2000", "ftot"}),
            frozenset({"gaussian_id", "source_id", "tile_id"}),
        ),
        {
            "ra": ("ra", "raj2000"),
            "dec": ("dec", "dej2000"),
            "id": ("gaussian_id", "source_id", "id", "sourceid"),
            "flux": ("total_flux_gaussian", "total_flux_source", "ftot"),
            "parent": ("source_id",),
        },
    ),
    # Gordon et al. 2021 (CIRADA); mJy.
    "vlass": Adapter(
        (frozenset({"component_name", "duplicate_flag"}),),
        {
            "ra": ("ra",),
            "dec": ("dec",),
            "id": ("component_name",),
            "flux": ("total_flux",),
            "parent": ("source_name",),
        },
    ),
    # Helfand et al. 2015 (its own names, then VizieR's); mJy.
    "first": Adapter(
        (frozenset({"sideprob", "fint"}), frozenset({"fpeak", "fint", "raj2000"})),
        {
            "ra": ("ra", "raj2000"),
            "dec": ("dec", "dej2000"),
            "id": ("first", "name"),
            "flux": ("fint",),
            "parent": (),
        },
    ),
}
"""By the name that `--survey` takes."""

_ANY = Adapter(
    (),
    {
        "ra": _RA,
        "dec": _DEC,
        "id": ("source_name", "component_name", "source_id", "component_id", "name", "id", "objid",
               "island_id"),
        "flux": ("total_flux", "total_flux_source", "ftot", "fint", "int_flux", "flux_int",
                 "s_int", "stotal", "flux", "peak_flux", "fpeak"),
        "parent": (),
    },
)  # fmt: skip

_HOURS = {"h", "hr", "hour", "hourangle", "h:m:s", '"h:m:s"', "hms"}
_RADIANS = {"rad", "radian"}


@dataclass(frozen=True)
class ColumnMapping:
    """The columns of a catalogue by what they are; None where there is none.

    Attributes:
        ra: Right ascension.
        dec: Declination.
        id: Name of the row.
        flux: Flux density.
        parent: Name of the source that a component belongs to.
        survey: Whose names these are; None where they were guessed one by one.
        ra_factor: What turns figures in `ra` into degrees.
        dec_factor: Likewise.
        flux_unit: Of `flux`, as the catalogue or the survey says.
    """

    ra: str
    dec: str
    id: str | None = None
    flux: str | None = None
    parent: str | None = None
    survey: str | None = None
    ra_factor: float = 1.0
    dec_factor: float = 1.0
    flux_unit: str | None = None


def map_columns(
    schema: pa.Schema, survey: str | None = None, told: Mapping[str, str] | None = None
) -> ColumnMapping:
    """Find out which column is what.

    Args:
        schema: Of the catalogue.
        survey: A name in `ADAPTERS`; None: told by the columns, else guessed one by one.
        told: Columns by role, which win.

    Raises:
        InputError: There is no such survey or role, a column that was told is not there, or
            no position can be found.
    """
    told = dict(told or {})
    if survey is not None and survey not in ADAPTERS:
        raise InputError(f"--survey {survey} is not known: give one of {', '.join(ADAPTERS)}")
    for role, name in told.items():
        if role not in ROLES:
            raise InputError(f"--columns {role}={name}: the roles are {', '.join(ROLES)}")
        if name not in schema.names:
            raise InputError(f"--columns {role}={name}: there is no such column; {_listed(schema)}")
    small = {}
    for name in schema.names:
        small.setdefault(name.lower(), name)
    if survey is None:
        survey = next(
            (s for s, a in ADAPTERS.items() if any(mark <= set(small) for mark in a.marks)), None
        )
    adapters = [ADAPTERS[survey], _ANY] if survey else [_ANY]
    found = dict(told)
    for role in ROLES:
        names = [n for adapter in adapters for n in adapter.columns[role]]
        if role not in found:
            found[role] = next((small[n] for n in names if n in small), None)
    for role in ("ra", "dec"):
        if found[role] is None:
            raise InputError(
                f"no column looks like {role.upper()}: name it by --columns {role}=NAME; "
                f"{_listed(schema)}"
            )
    if found["parent"] == found["id"] and "parent" not in told:
        found["parent"] = None
    unit = _unit(schema, found["flux"]) if found["flux"] else None
    if found["flux"] and unit is None and survey is not None:
        unit = ADAPTERS[survey].flux_unit
    return ColumnMapping(
        **found,
        survey=survey,
        ra_factor=_factor(schema, found["ra"], hours=15.0),
        dec_factor=_factor(schema, found["dec"], hours=1.0),
        flux_unit=unit,
    )


def with_parent(mapping: ColumnMapping, parent: str | None) -> ColumnMapping:
    """The same mapping with another parent column, or none."""
    return replace(mapping, parent=parent)


def _listed(schema: pa.Schema) -> str:
    names = ", ".join(schema.names[:20])
    return f"it has {names}" + (", ..." if len(schema.names) > 20 else "")


def _unit(schema: pa.Schema, name: str) -> str | None:
    metadata = schema.field(name).metadata or {}
    return metadata[b"unit"].decode() if b"unit" in metadata else None


def _factor(schema: pa.Schema, name: str, hours: float) -> float:
    unit = (_unit(schema, name) or "deg").strip().lower()
    if unit in _HOURS:
        return hours
    return math.degrees(1.0) if unit in _RADIANS else 1.0


@dataclass(frozen=True, eq=False)
class Positions:
    """Where n rows are.

    Attributes:
        ra: (n,) float64 degrees from 0 to 360; NaN where it is not known.
        dec: (n,) float64 degrees.
        state: (n,) int8, `POSITIONED`, `MISSING` or `NOWHERE`.
    """

    ra: np.ndarray
    dec: np.ndarray
    state: np.ndarray


def read_positions(batch: pa.RecordBatch, mapping: ColumnMapping) -> Positions:
    """Positions of the rows of a batch, from numbers or from text.

    Numbers are degrees unless the column's unit says otherwise; text is decimal degrees, or
    sexagesimal with right ascension in hours. Nulls, NaN and -99 (-999, ...) are no position.

    Args:
        batch: Rows of the catalogue.
        mapping: Its columns.
    """
    columns = [batch.column(batch.schema.get_field_index(n)) for n in (mapping.ra, mapping.dec)]
    if any(_is_text(column) for column in columns):
        return _positions_from_text(columns)
    ra, dec = (_numbers(column) for column in columns)
    missing = ~np.isfinite(ra) | ~np.isfinite(dec)
    missing |= np.isin(ra, SENTINELS) | np.isin(dec, SENTINELS)
    return _checked(ra * mapping.ra_factor, dec * mapping.dec_factor, missing)


def read_fluxes(batch: pa.RecordBatch, mapping: ColumnMapping) -> np.ndarray:
    """(n,) float64 flux densities in the catalogue's unit; NaN where there is none above 0."""
    if mapping.flux is None:
        return np.full(batch.num_rows, np.nan)
    column = batch.column(batch.schema.get_field_index(mapping.flux))
    if _is_text(column):
        return np.full(batch.num_rows, np.nan)
    values = _numbers(column)
    return np.where((values > 0) & ~np.isin(values, SENTINELS), values, np.nan)


def _is_text(column: pa.Array) -> bool:
    return pa.types.is_string(column.type) or pa.types.is_large_string(column.type)


def _numbers(column: pa.Array) -> np.ndarray:
    try:
        values = pc.cast(column, pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InputError(f"a column of positions holds {column.type}, not numbers") from None
    return values.to_numpy(zero_copy_only=False).astype(float)


def _checked(ra: np.ndarray, dec: np.ndarray, missing: np.ndarray) -> Positions:
    with np.errstate(invalid="ignore"):
        somewhere = ~missing & (ra >= -180) & (ra <= 360) & (np.abs(dec) <= 90)
    state = np.where(missing, MISSING, np.where(somewhere, POSITIONED, NOWHERE)).astype(np.int8)
    ra = np.where(somewhere, ra, np.nan) % 360.0 % 360.0  # twice, as -1e-16 % 360 is 360
    return Positions(ra, np.where(somewhere, dec, np.nan), state)


def _positions_from_text(columns: list[pa.Array]) -> Positions:
    texts = [pc.cast(column, pa.string()).to_pylist() for column in columns]
    count = len(texts[0])
    ra, dec = np.full(count, np.nan), np.full(count, np.nan)
    missing, strange = np.zeros(count, bool), np.zeros(count, bool)
    for row, parts in enumerate(zip(*texts, strict=True)):
        parts = [(part or "").strip() for part in parts]
        if not all(parts) or any(_says_nothing(part) for part in parts):
            missing[row] = True
            continue
        try:
            ra[row], dec[row] = parse_position(parts)
        except InputError:
            strange[row] = True
    found = _checked(ra, dec, missing)
    found.state[strange] = NOWHERE
    return found


def _says_nothing(text: str) -> bool:
    if text.lower() in ("nan", "null", "none", "--", "n/a"):
        return True
    try:
        return float(text) in SENTINELS
    except ValueError:
        return False
