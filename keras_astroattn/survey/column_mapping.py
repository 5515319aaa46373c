"""Find the columns of a catalogue that hold position, name, flux density and parent."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keras_astroattn.errors import InputError
from keras_astroattn.images.position import parse_angle

from .coordinates import (
    angle_unit,
    check_frame,
    frame_of_name,
    frame_of_ucd,
    to_icrs,
)

POSITIONED, MISSING, NOWHERE = 0, 1, 2
"""States of a row's position: valid, missing, not on the sky."""

SENTINELS = (-99.0, -999.0, -9999.0, 999.0, 9999.0)
"""Numbers that catalogues write for unknown values."""

_ROUNDING = 1e-9  # degrees

KEYS = ("ra", "dec", "id", "flux", "parent")
"""Keys of `--columns`: the columns that a survey reads."""


@dataclass(frozen=True)
class Adapter:
    """Names of the columns of a survey; among several names, the first existing one is used.

    Attributes:
        marks: sets of names (in lower case); a survey is recognised if a whole set exists.
        columns: names (in lower case) by key.
        flux_unit: unit of the flux column if the file states none.
    """

    marks: tuple[frozenset[str], ...]
    columns: Mapping[str, tuple[str, ...]]
    flux_unit: str = "mJy"


_RA = ("ra", "raj2000", "ra_j2000", "_raj2000", "ra_deg", "ra_icrs", "alpha_j2000",
       "right_ascension", "ra_deg_cont", "ra_mean", "sky_centroid.ra",
       "sky_centroid_icrs.ra")  # fmt: skip
_DEC = ("dec", "dej2000", "decj2000", "dec_j2000", "_dej2000", "dec_deg", "de_icrs", "dec_icrs",
        "delta_j2000", "declination", "dec_deg_cont", "dec_mean", "de", "sky_centroid.dec",
        "sky_centroid_icrs.dec")  # fmt: skip

ADAPTERS: Mapping[str, Adapter] = {
    # Shimwell et al. 2022; fluxes in mJy, Maj in arcsec. In the list of Gaussians, Source_Name is
    # the parent and Gaus_id the component.
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
    # Mohan & Rafferty 2015: lists of sources, and of Gaussians (with Gaus_id); Jy.
    "pybdsf": Adapter(
        (frozenset({"source_id", "isl_id", "s_code"}),),
        {
            "ra": ("ra",),
            "dec": ("dec",),
            "id": ("gaus_id", "source_id"),
            "flux": ("total_flux",),
            "parent": ("source_id",),
        },
        "Jy",
    ),
    # Hancock et al. 2018: components of islands; Jy.
    "aegean": Adapter(
        (frozenset({"island", "source", "local_rms"}),),
        {
            "ra": ("ra",),
            "dec": ("dec",),
            "id": ("uuid",),
            "flux": ("int_flux",),
            "parent": ("island",),
        },
        "Jy",
    ),
    # `SourceCatalog.to_table` of photutils, as astropy writes its positions.
    "photutils": Adapter(
        (frozenset({"sky_centroid.ra", "sky_centroid.dec"}),),
        {
            "ra": ("sky_centroid.ra",),
            "dec": ("sky_centroid.dec",),
            "id": ("label",),
            "flux": ("kron_flux", "segment_flux"),
            "parent": (),
        },
        "",  # that of the image
    ),
}
"""Adapters of the surveys and source finders, by the name for `--survey`."""

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


@dataclass(frozen=True)
class ColumnMapping:
    """The columns of a catalogue by key; None if a key has no column.

    Attributes:
        ra: right ascension.
        dec: declination.
        id: name of the row.
        flux: flux density.
        parent: name of the source to which a component belongs.
        survey: survey that uses these names; None if they were guessed one by one.
        ra_factor: degrees of the number 1 in `ra`; None if it holds only sexagesimal text.
        dec_factor: degrees of the number 1 in `dec`; None if it holds only sexagesimal text.
        ra_sexagesimal: degrees of the text 1:00:00 in `ra`: 15 for hours.
        frame: frame of the position, from `coordinates.stated_frame`; None: ICRS.
        flux_unit: unit of `flux`, as stated by the catalogue or the survey.
    """

    ra: str
    dec: str
    id: str | None = None
    flux: str | None = None
    parent: str | None = None
    survey: str | None = None
    ra_factor: float | None = 1.0
    dec_factor: float | None = 1.0
    ra_sexagesimal: float = 15.0
    frame: str | None = None
    flux_unit: str | None = None

    @property
    def names(self) -> set[str]:
        """Names of the columns that have a key."""
        found = (self.ra, self.dec, self.id, self.flux, self.parent)
        return {name for name in found if name is not None}


def map_columns(
    schema: pa.Schema, survey: str | None = None, given: Mapping[str, str] | None = None
) -> ColumnMapping:
    """Find the column of each key.

    Args:
        schema: schema of the catalogue.
        survey: a name in `ADAPTERS`; None: recognised by the columns, otherwise guessed one by
            one.
        given: columns by key from the user, which take precedence.

    Returns:
        The columns by key.

    Raises:
        InputError: There is no such survey or key, a given column does not exist, no position
            is found, its unit or frame is unknown, or a column of positions or fluxes holds
            neither numbers nor text.
    """
    given = dict(given or {})
    if survey is not None and survey not in ADAPTERS:
        raise InputError(f"--survey {survey} is not known: give one of {', '.join(ADAPTERS)}")
    for key, name in given.items():
        if key not in KEYS:
            raise InputError(f"--columns {key}={name}: the keys are {', '.join(KEYS)}")
        if name not in schema.names:
            raise InputError(f"--columns {key}={name}: there is no such column; {_listed(schema)}")
    small = {}
    for name in schema.names:
        small.setdefault(name.lower(), name)
    if survey is None:
        survey = next(
            (s for s, a in ADAPTERS.items() if any(mark <= set(small) for mark in a.marks)), None
        )
    adapters = [ADAPTERS[survey], _ANY] if survey else [_ANY]
    found = dict(given)
    for key in KEYS:
        names = [n for adapter in adapters for n in adapter.columns[key]]
        if key not in found:
            found[key] = next((small[n] for n in names if n in small), None)
    for key in ("ra", "dec"):
        if found[key] is None:
            raise InputError(
                f"no column looks like {key.upper()}: name it by --columns {key}=NAME; "
                f"{_listed(schema)}"
            )
    for key in ("ra", "dec", "flux"):
        if found[key] is None or _is_readable(schema.field(found[key]).type):
            continue
        if key == "flux" and key not in given:
            found[key] = None
            continue
        raise InputError(
            f"column {found[key]} holds {schema.field(found[key]).type}, not numbers: name another "
            f"one by --columns {key}=NAME"
        )
    if found["parent"] == found["id"] and "parent" not in given:
        found["parent"] = None
    unit = _note(schema, found["flux"], b"unit") if found["flux"] else None
    if found["flux"] and unit is None and survey is not None:
        unit = ADAPTERS[survey].flux_unit
    ra = angle_unit(_note(schema, found["ra"], b"unit"), found["ra"], True)
    dec = angle_unit(_note(schema, found["dec"], b"unit"), found["dec"], False)
    for key, stated in (("ra", ra), ("dec", dec)):
        name = found[key]
        if np.isnan(stated.factor) and not _is_text(schema.field(name).type):
            raise InputError(
                f"column {name} holds numbers in {_note(schema, name, b'unit')}: convert it to deg"
            )
    return ColumnMapping(
        **found,
        survey=survey,
        ra_factor=None if np.isnan(ra.factor) else ra.factor,
        dec_factor=None if np.isnan(dec.factor) else dec.factor,
        ra_sexagesimal=ra.sexagesimal,
        frame=_frame(schema, found["ra"], found["dec"]),
        flux_unit=unit,
    )


def _listed(schema: pa.Schema) -> str:
    names = ", ".join(schema.names[:20])
    return f"it has {names}" + (", ..." if len(schema.names) > 20 else "")


def _note(schema: pa.Schema, name: str | None, key: bytes) -> str | None:
    """Return a note about a column, or (None) about the whole table."""
    metadata = (schema if name is None else schema.field(name)).metadata or {}
    return metadata[key].decode() if key in metadata else None


def _frame(schema: pa.Schema, ra: str, dec: str) -> str | None:
    """Return the frame of a position: that of its columns, otherwise that of the table."""
    frames = []
    for name in (ra, dec):
        ucd = (_note(schema, name, b"ucd") or "").lower()
        stated = _note(schema, name, b"frame") or frame_of_ucd(ucd) or frame_of_name(name)
        stated = stated or _note(schema, None, b"frame")
        if ucd.startswith(("pos.eq", "pos_eq")) and "galactic" in (stated or "").lower():
            raise InputError(f"column {name} has the UCD {ucd} and the frame {stated}: remove one")
        check_frame(stated, f"column {name}")
        frames.append(stated)
    if frames[0] != frames[1]:
        raise InputError(
            f"columns {ra} and {dec} are of two frames, {frames[0] or 'ICRS'} and "
            f"{frames[1] or 'ICRS'}: name two of one frame by --columns ra=NAME,dec=NAME"
        )
    return frames[0]


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of n rows.

    Attributes:
        ra: (n,) float64, right ascension from 0 to 360 degrees; NaN if unknown.
        dec: (n,) float64, declination in degrees; NaN if unknown.
        state: (n,) int8, `POSITIONED`, `MISSING` or `NOWHERE`.
    """

    ra: np.ndarray
    dec: np.ndarray
    state: np.ndarray


def read_positions(batch: pa.RecordBatch, mapping: ColumnMapping) -> Positions:
    """Return the positions of the rows of a batch in ICRS, from numbers or from text.

    Numbers are degrees unless the column's unit is another one. Text is a number, or
    sexagesimal: `12h30m00s` is hours and `12d30m00s` degrees; with colons or spaces, right
    ascension is in hours unless the column's unit is degrees. Nulls, NaN and -99 (-999,
    ...) are missing positions.

    Args:
        batch: rows of the catalogue.
        mapping: columns by key.

    Returns:
        The positions.
    """
    columns = [batch.column(batch.schema.get_field_index(n)) for n in (mapping.ra, mapping.dec)]
    if any(_is_text(column.type) for column in columns):
        return _positions_from_text(columns, mapping)
    ra, dec = (_numbers(column) for column in columns)
    missing = ~np.isfinite(ra) | ~np.isfinite(dec)
    missing |= np.isin(ra, _sentinels(mapping.ra_factor))
    missing |= np.isin(dec, _sentinels(mapping.dec_factor))
    return _checked(ra * mapping.ra_factor, dec * mapping.dec_factor, missing, mapping.frame)


def _sentinels(factor: float | None) -> tuple[float, ...]:
    # 999 arcsec is a valid position.
    return SENTINELS if factor is None or factor >= 1 else tuple(s for s in SENTINELS if s < 0)


def read_fluxes(batch: pa.RecordBatch, mapping: ColumnMapping) -> np.ndarray:
    """Return (n,) float64 flux densities in the catalogue's unit; NaN where none is positive."""
    if mapping.flux is None:
        return np.full(batch.num_rows, np.nan)
    column = batch.column(batch.schema.get_field_index(mapping.flux))
    if _is_text(column.type):
        return np.full(batch.num_rows, np.nan)
    values = _numbers(column)
    return np.where((values > 0) & ~np.isin(values, SENTINELS), values, np.nan)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind)


def _is_readable(kind: pa.DataType) -> bool:
    """Return whether the values are numbers or text, and not, for example, vectors."""
    try:
        pc.cast(pa.array([], kind), pa.float64(), safe=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _numbers(column: pa.Array) -> np.ndarray:
    values = pc.cast(column, pa.float64(), safe=False)
    return values.to_numpy(zero_copy_only=False).astype(float)


def _checked(ra: np.ndarray, dec: np.ndarray, missing: np.ndarray, frame: str | None) -> Positions:
    with np.errstate(invalid="ignore"):
        somewhere = ~missing & (np.abs(ra) <= 360 + _ROUNDING) & (np.abs(dec) <= 90 + _ROUNDING)
    state = np.where(missing, MISSING, np.where(somewhere, POSITIONED, NOWHERE)).astype(np.int8)
    longitude, latitude = ra[somewhere] % 360.0, np.clip(dec[somewhere], -90, 90)
    ra, dec = np.full(len(ra), np.nan), np.full(len(ra), np.nan)
    ra[somewhere], dec[somewhere] = to_icrs(longitude, latitude, frame)
    return Positions(ra % 360.0, dec, state)  # once more, because -1e-16 % 360 is 360


def _positions_from_text(columns: list[pa.Array], mapping: ColumnMapping) -> Positions:
    texts = [pc.cast(column, pa.string()).to_pylist() for column in columns]
    count = len(texts[0])
    ra, dec = np.full(count, np.nan), np.full(count, np.nan)
    missing, strange = np.zeros(count, bool), np.zeros(count, bool)
    factors = [np.nan if f is None else f for f in (mapping.ra_factor, mapping.dec_factor)]
    for row, parts in enumerate(zip(*texts, strict=True)):
        parts = [(part or "").strip() for part in parts]
        if not all(parts) or any(_says_nothing(part) for part in parts):
            missing[row] = True
            continue
        try:
            ra[row] = parse_angle(parts[0], factors[0], mapping.ra_sexagesimal)
            dec[row] = parse_angle(parts[1], factors[1], allow_hours=False)
        except ValueError:
            strange[row] = True
    found = _checked(ra, dec, missing, mapping.frame)
    found.state[strange] = NOWHERE
    return found


def _says_nothing(text: str) -> bool:
    if text.lower() in ("nan", "null", "none", "--", "n/a"):
        return True
    try:
        return float(text) in SENTINELS
    except ValueError:
        return False
