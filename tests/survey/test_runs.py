"""How rows are divided into chunks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from keras_astroattn.survey.runs import divide_into_chunks


@given(
    st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 3), st.integers(1, 30)), max_size=20),
    st.integers(1, 25),
)
def test_chunks_hold_every_row_once_and_no_more_than_their_size(drawn, size):
    slices, ends = [], {}
    for tile, run, rows in sorted(drawn):
        start = ends.get(run, 0)
        ends[run] = start + rows
        slices.append((tile, run, start, start + rows))
    found = list(divide_into_chunks(np.array(slices, np.int64).reshape(-1, 4), size))
    rows = [(run, row) for _, run, start, stop in found for row in range(start, stop)]
    assert sorted(rows) == sorted((run, row) for run, end in ends.items() for row in range(end))
    assert len(set(rows)) == len(rows)
    numbers = [chunk for chunk, *_ in found]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(set(numbers))))
    for chunk in set(numbers):
        assert sum(stop - start for c, _, start, stop in found if c == chunk) <= size


def test_a_tile_is_kept_together_where_chunks_stay_half_full():
    slices = np.array([(0, 0, 0, 6), (1, 0, 6, 12), (2, 0, 12, 14)])
    assert list(divide_into_chunks(slices, 10)) == [(0, 0, 0, 6), (1, 0, 6, 12), (1, 0, 12, 14)]


def test_a_large_tile_is_divided():
    assert list(divide_into_chunks(np.array([(3, 1, 0, 25)]), 10)) == [
        (0, 1, 0, 10),
        (1, 1, 10, 20),
        (2, 1, 20, 25),
    ]
