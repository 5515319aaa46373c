"""Files of the result: whole, or scored again."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from keras_astroattn.edge import failed_row
from keras_astroattn.survey.parts import check_parts, labels_of, part_path, read_parts, write_part
from keras_astroattn.survey.plan import Plan
from keras_astroattn.survey.runs import OTHERS, STATE, TILE


def write(folder, chunk, rows, first=0):
    table = pa.table(
        {
            "name": [f"source {first + row}" for row in range(rows)],
            TILE: pa.array([0] * rows, pa.int32()),
            OTHERS: pa.array([[1, 2]] * rows, pa.list_(pa.int32())),
            STATE: pa.array([0] * rows, pa.int8()),
        }
    )
    write_part(folder, chunk, table, [failed_row("a.fits", "blank", "model")] * rows)


def test_a_part_holds_the_catalogue_and_the_result_and_not_the_plan(tmp_path):
    write(tmp_path, 0, 2)
    write(tmp_path, 1, 1, first=2)
    tables = list(read_parts(tmp_path))
    assert [table.num_rows for table in tables] == [2, 1]
    assert tables[0].column_names[0] == "name"
    assert all(name == "name" or name.startswith("aa_") for name in tables[0].column_names)
    assert tables[1].column("aa_error").to_pylist() == ["blank"]
    assert next(read_parts(tmp_path, ["name"])).to_pydict() == {"name": ["source 0", "source 1"]}


def test_the_labels_of_a_part_are_counted(tmp_path):
    write(tmp_path, 0, 3)
    assert labels_of(part_path(tmp_path, 0)) == Counter(error=3)
    assert labels_of(part_path(tmp_path, 0), rows=3) == Counter(error=3)
    assert labels_of(part_path(tmp_path, 0), rows=4) is None
    assert labels_of(part_path(tmp_path, 1)) is None


@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_part_that_was_cut_short_waits_again(tmp_path, kept):
    plan = Plan(tmp_path, {}, np.array([(0, 0, 0, 3), (1, 0, 3, 5)]))
    write(tmp_path, 0, 3)
    write(tmp_path, 1, 2, first=3)
    assert check_parts(plan) == (Counter(error=5), [])
    path = part_path(tmp_path, 1)
    path.write_bytes(path.read_bytes()[:kept])
    assert check_parts(plan) == (Counter(error=3), [1])
