"""`SourceTable`: millions of classified sources in columns, to filter, sort and read by number."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from keras_astroattn.edge import Result
from keras_astroattn.edge.results import answers, prefix_of, require_known_labels, require_table
from keras_astroattn.tables import SURVEY_PREFIX, read_arrow, table_of_arrow

_FEW_TEXTS = ("label", "flags", "error", "model", "path")
_KEPT_QUERIES = 16

_FALLING, _RISING = -1, 1
_NUMBER_ORDERS = {
    "entropy": ("entropy_nats", _FALLING),
    "certain": ("entropy_nats", _RISING),
    "p_frii": ("p_frii", _FALLING),
    "snr": ("peak_snr", _FALLING),
    "size": ("largest_angular_size_arcsec", _FALLING),
}
ORDERS = ("table", *_NUMBER_ORDERS, "label", "name")
"""Orders of the sources, as the page names them."""


@dataclass(frozen=True)
class Query:
    """Which sources, in which order.

    Attributes:
        label: label that they have; "": any.
        flag: flag that they have; "": any or none.
        snr: smallest ratio of peak and noise, or None.
        size: smallest largest angular size, arcsec, or None.
        name: text in their names, in upper or lower case.
        order: one of `ORDERS`; unknown values come last.
    """

    label: str = ""
    flag: str = ""
    snr: float | None = None
    size: float | None = None
    name: str = ""
    order: str = ORDERS[0]


class SourceTable:
    """The sources of a result, by their number in the table, from 0.

    Args:
        path: the file or folder of the result.
        table: its columns.
        name_column: column of the catalogue that holds the names of the sources, or None.

    Raises:
        InputError: It is no table of classified sources.
    """

    def __init__(self, path: Path, table: pa.Table, name_column: str | None = None):
        self.path, self.name_column, self._table = path, name_column, table
        self.prefix = prefix_of(path, table.column_names, len(table))
        self.labels, self.flags, self.errors = map(self._texts, ("label", "flags", "error"))
        require_known_labels(path, self.labels.present())
        self._number = lru_cache(len(_NUMBER_ORDERS))(self.numbers)
        self._find = lru_cache(_KEPT_QUERIES)(self._search)
        self._order = lru_cache(len(ORDERS))(self._sorted)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def model(self) -> str:
        """Name of the model; the first one if there are several."""
        return next(filter(None, self._texts("model").present()), "")

    def numbers(self, name: str) -> np.ndarray:
        """Return a column of numbers, (n,) float; unknown values are NaN."""
        name = self.prefix + name
        if name not in self._table.column_names:
            return np.full(len(self), np.nan)
        return self._table.column(name).cast(pa.float64()).to_numpy()

    def result(self, rows: Sequence[int]) -> Result:
        """Return some sources as a table in memory."""
        few = table_of_arrow(self._table.take(pa.array(rows, pa.int64())))
        result = Result(self.path, few, self.prefix, self.name_column)
        if not self.prefix:  # the texts that identify them depend on all rows
            result.__dict__["sources"] = [self._all_sources[row] for row in rows]
        return result

    def row_of(self, source: str) -> int | None:
        """Return the number of a source; None if the table does not hold it.

        Args:
            source: text that identifies it (`Result.sources`).
        """
        if not self.prefix:
            return self._rows_of_sources.get(source)
        found = re.match(r"(\d{1,18}):", source)
        if found is None:
            return None
        ranks, rows = self._catalogue_rows
        place = int(np.searchsorted(rows, int(found[1]), sorter=ranks))
        while place < len(rows) and rows[ranks[place]] == int(found[1]):
            row = int(ranks[place])
            if self.result([row]).sources == [source]:
                return row
            place += 1
        return None

    def find(self, query: Query, among: np.ndarray | None = None) -> np.ndarray:
        """Return the numbers of the sources of a query, in its order.

        Args:
            query: the query.
            among: (n,) bool, whether a source may be found; None: all may.
        """
        rows = self._find(query)
        return rows if among is None else rows[among[rows]]

    def prepare(self) -> None:
        """Sort the sources in each order, so that no query waits for it."""
        for order in ORDERS[1:]:
            self._order(order)

    def _search(self, query: Query) -> np.ndarray:
        kept = np.ones(len(self), bool)
        if query.label:
            kept &= self.labels.where(lambda text: text == query.label)
        if query.flag:
            kept &= self.flags.where(lambda text: query.flag in text.split(";"))
        for name, least in (("peak_snr", query.snr), ("largest_angular_size_arcsec", query.size)):
            if least is not None:
                kept &= self._number(name) >= least  # false for NaN
        if query.name:
            found = pc.match_substring(self._lower_names, query.name.lower())
            kept &= found.to_numpy(zero_copy_only=False)
        if query.order == ORDERS[0]:
            return np.flatnonzero(kept)
        order = self._order(query.order)
        return order[kept[order]]

    def _sorted(self, order: str) -> np.ndarray:
        if order in _NUMBER_ORDERS:
            name, sign = _NUMBER_ORDERS[order]
            values = self._number(name)
            keys = np.where(np.isnan(values), np.inf, sign * values)
        elif order == "label":
            rank = {text: place for place, text in enumerate(sorted(self.labels.present()))}
            keys = self.labels.coded(lambda text: rank.get(text, 0))
        else:
            return pc.sort_indices(self._lower_names).to_numpy()
        return np.argsort(keys, kind="stable")

    def _texts(self, name: str) -> "Texts":
        return Texts(self._table, self.prefix + name)

    @cached_property
    def _lower_names(self) -> pa.Array:
        name = self.name_column or f"{self.prefix}name"
        if name in self._table.column_names:
            given = self._table.column(name).cast(pa.string()).combine_chunks()
        elif self.prefix:
            rows = self._table.column(f"{self.prefix}row").cast(pa.string()).combine_chunks()
            given = pc.binary_join_element_wise("row", rows, " ")
        else:
            given = pa.array([Path(source).name for source in self._all_sources])
        return pc.utf8_lower(pc.fill_null(given, ""))

    @cached_property
    def _catalogue_rows(self) -> tuple[np.ndarray, np.ndarray]:
        rows = self._table.column(f"{self.prefix}row").fill_null(-1).to_numpy()
        return np.argsort(rows, kind="stable"), rows

    @cached_property
    def _all_sources(self) -> list[str]:
        names = [name for name in ("path", "name") if name in self._table.column_names]
        return Result(self.path, table_of_arrow(self._table.select(names))).sources

    @cached_property
    def _rows_of_sources(self) -> dict[str, int]:
        return {source: row for row, source in enumerate(self._all_sources)}


class Texts:
    """A column of texts, few of which are different; unknown ones are "".

    Args:
        table: the table.
        name: name of the column; it may be missing.
    """

    def __init__(self, table: pa.Table, name: str):
        self._words, self._codes = [""], np.zeros(len(table), np.int32)
        if name in table.column_names:
            found = table.column(name).combine_chunks()
            if not pa.types.is_dictionary(found.type):
                found = found.cast(pa.string()).dictionary_encode()
            self._words = [*(str(one or "") for one in found.dictionary.to_pylist()), ""]
            self._codes = found.indices.fill_null(len(self._words) - 1).to_numpy()

    def all(self) -> np.ndarray:
        """Return the text of each row, (n,) object."""
        return np.array(self._words, object)[self._codes]

    def present(self) -> list[str]:
        """Return the different texts of the column, in the order of their first rows."""
        codes, first = np.unique(self._codes, return_index=True)
        return list(dict.fromkeys(self._words[code] for code in codes[np.argsort(first)]))

    def where(self, accept: Callable[[str], bool]) -> np.ndarray:
        """Return for each row whether its text is accepted, (n,) bool."""
        return np.array([accept(word) for word in self._words])[self._codes]

    def coded(self, number: Callable[[str], int]) -> np.ndarray:
        """Return a number for the text of each row, (n,) int."""
        return np.array([number(word) for word in self._words])[self._codes]


def read_sources(path: Path, name_column: str | None = None) -> SourceTable:
    """Read the sources of a result.

    Args:
        path: table of `astroattn classify`, or folder or exported table of `astroattn survey`.
        name_column: column of the catalogue that holds the names of the sources, or None.

    Raises:
        InputError: It is no such table.
    """
    require_table(path)
    repeated = [prefix + name for prefix in ("", SURVEY_PREFIX) for name in _FEW_TEXTS]
    return SourceTable(
        path, read_arrow(path, answers(name_column=name_column), repeated), name_column
    )
