"""Filters and orders of a table of sources, against the rows that they must give."""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.served_table import ROWS, write_parts

from keras_astroattn.edge import read_result
from keras_astroattn.errors import InputError
from keras_astroattn.serve import Query, read_sources


@pytest.fixture
def table(tmp_path):
    return read_sources(write_parts(tmp_path / "scored"), "id")


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (Query(), [0, 1, 2, 3, 4]),
        (Query(label="FRI"), [0, 2]),
        (Query(label="no such label"), []),
        (Query(flag="low_snr"), [0, 2]),
        (Query(flag="snr"), []),  # a part of a flag's name is none
        (Query(snr=10.0), [0, 1, 2]),
        (Query(size=20.5), [0, 2]),
        (Query(name="ALPHA"), [0]),
        (Query(name="ta"), [1, 3]),
        (Query(name="(a|b)"), []),  # a text, no pattern
        (Query(order="entropy"), [3, 2, 1, 0, 4]),
        (Query(order="certain"), [0, 1, 2, 3, 4]),
        (Query(order="p_frii"), [1, 3, 2, 0, 4]),
        (Query(order="snr"), [1, 2, 0, 3, 4]),
        (Query(order="size"), [0, 2, 1, 3, 4]),  # equal ones as in the table, unknown ones last
        (Query(order="label"), [0, 2, 1, 4, 3]),  # FRI, FRII, error, uncertain
        (Query(order="name"), [4, 0, 1, 3, 2]),
        (Query(label="FRI", flag="low_snr", snr=15.0, size=1.0, name="a", order="snr"), [2]),
    ],
)
def test_a_query_gives_its_rows(table, query, rows):
    assert table.find(query).tolist() == rows


def test_a_query_may_be_limited_to_some_sources(table):
    among = np.array([True, False, True, True, False])
    assert table.find(Query(order="snr"), among).tolist() == [2, 0, 3]


def test_rows_are_those_of_the_whole_table(table, tmp_path):
    whole = read_result(tmp_path / "scored", name_column="id")
    few = table.result([3, 0])
    for name in ("sources", "names", "labels"):
        values = getattr(whole, name)
        assert getattr(few, name) == [values[3], values[0]]
    assert few.sources == ["1:40.0000+0.0000", "4:10.0000-5.0000"]


def test_a_source_is_found_by_its_text(table):
    whole = table.result(range(5)).sources
    assert [table.row_of(source) for source in whole] == [0, 1, 2, 3, 4]
    for other in ("", "x", "1:", "1:40.0000+0.1000", "99:1.0000+1.0000", "9" * 5000 + ":"):
        assert table.row_of(other) is None


def test_texts_of_a_table_without_names_are_the_rows(tmp_path):
    rows = {name: values for name, values in ROWS.items() if name != "id"}
    table = read_sources(write_parts(tmp_path / "scored", rows))
    assert table.find(Query(name="row 2")).tolist() == [1]
    assert table.result([1]).names == ["row 2"]


def test_a_table_of_files_identifies_several_sources_of_one_file(tmp_path):
    path = tmp_path / "r.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "name", "label", "p_fri", "p_frii", "model"])
        for name in ("a", "b"):
            writer.writerow(["m/map.fits", name, "FRI", 0.9, 0.1, "agcnn_mirabest"])
        writer.writerow(["m/other.fits", "", "error", "", "", "agcnn_mirabest"])
    table = read_sources(path)
    assert table.result([1]).sources == ["m/map.fits#b"]
    assert table.row_of("m/map.fits#b") == 1
    assert table.find(Query(name="B")).tolist() == [1]
    assert table.model == "agcnn_mirabest"


def test_what_is_no_result_is_one_error(tmp_path):
    with pytest.raises(InputError, match="holds no Parquet file"):
        read_sources(tmp_path)
    folder = write_parts(tmp_path / "scored")
    (folder / "part-000001.parquet").write_bytes(b"PAR1 damaged")
    with pytest.raises(InputError, match=r"is not a readable \.parquet table"):
        read_sources(folder)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="has no column path"):
        read_sources(tmp_path / "other.parquet")
    labels = ["FRI", "FRII", "FRI", "uncertain", "quasar"]
    with pytest.raises(InputError, match="unknown label 'quasar'"):
        read_sources(write_parts(tmp_path / "odd", ROWS | {"aa_label": labels}))
