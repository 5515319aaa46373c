"""Numbers of FRI and FRII corrected by a selection function, against known populations."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table
from rich.console import Console

from keras_astroattn.cli.corrected_counts import correct_survey
from keras_astroattn.errors import InputError
from keras_astroattn.survey.corrected_counts import LEAST, correct
from keras_astroattn.survey.injection import KINDS, Injected
from keras_astroattn.survey.response import (
    ANSWERS,
    RATIO_EDGES,
    SIZE_EDGES,
    described_response,
    read_response,
    response_counts,
    survey_counts,
)

SHAPE = (len(SIZE_EDGES) - 1, len(RATIO_EDGES) - 1)
CELL = (2, 1)  # 3 to 5 beams, 10 to 30
FRI, FRII, POINT = range(3)


def empty():
    return np.zeros((len(ANSWERS), *SHAPE), int), np.zeros((len(KINDS), len(ANSWERS), *SHAPE), int)


def example():
    """A cell of 200 FRI and 100 FRII, and 1000 points, of which exact shares get each label."""
    counts, response = empty()
    # FRI: 60 % FRI, 10 % FRII, 30 % other; FRII: 20 % FRI, 50 % FRII, 30 % other.
    response[FRI, :, *CELL] = (60, 10, 0, 30)
    response[FRII, :, *CELL] = (20, 50, 0, 30)
    # 2 points are labelled FRI in the cell for 100 that are compact.
    response[POINT, 2, 0, 1], response[POINT, 0, *CELL] = 100, 2
    counts[2, 0, 1] = 1000
    # 0.6 x 200 + 0.2 x 100 + 20 points; 0.1 x 200 + 0.5 x 100.
    counts[:, *CELL] = (160, 70, 0, 90)
    return counts, response


def test_the_inverse_finds_the_numbers_that_were_put_in():
    found = correct(*example())
    here = (CELL[0] - 1, CELL[1])
    assert found.corrected[:, *here] == pytest.approx([200, 100])
    assert found.total[:, 0] == pytest.approx([200, 100])
    assert found.labelled[:, *here].tolist() == [160, 70]
    assert found.injected[:, *here].tolist() == [100, 100]
    assert (found.low[:, *here] < [200, 100]).all()
    assert (found.high[:, *here] > [200, 100]).all()
    assert np.isfinite(found.corrected).sum() == 2


def test_an_interval_has_the_width_of_its_parts():
    """Without confusion N = n / e: variance n / e^2 + N^2 (1 - e) / (e K)."""
    counts, response = empty()
    response[FRI, :, *CELL] = (5000, 0, 0, 5000)
    response[FRII, :, *CELL] = (0, 5000, 0, 5000)
    response[POINT, 2, 0, 1] = 10000
    counts[:2, *CELL] = (400, 400)
    found = correct(counts, response)
    deviation = np.sqrt(400 / 0.25 + 800**2 * 0.5 / (0.5 * 10000))
    assert found.total[:, 2] - found.total[:, 1] == pytest.approx(2 * 1.96 * deviation, rel=0.06)


def test_a_cell_with_few_sources_is_left_out_and_not_extrapolated():
    counts, response = example()
    response[FRII, :, *CELL] = (0, LEAST - 1, 0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = correct(counts, response)
    assert np.isnan(found.corrected).all()
    assert (found.total == 0).all()
    assert set(found.reasons.flat) == {"fewer than 20 injected sources of a class"}


def test_a_cell_without_points_at_its_brightness_is_left_out():
    counts, response = example()
    response[POINT] = 0
    reasons = correct(counts, response).reasons
    assert reasons[CELL[0] - 1, CELL[1]] == "fewer than 20 points labelled compact"


def test_a_cell_whose_labels_say_nothing_is_left_out():
    counts, response = example()
    response[FRII, :, *CELL] = (58, 12, 0, 30)
    reasons = correct(counts, response).reasons
    assert reasons[CELL[0] - 1, CELL[1]] == "the labels do not separate the classes"


@pytest.mark.slow
def test_intervals_cover_the_truth():
    """Of 200 surveys of one cell, each with its own injection, 95 % cover; 3 sigma: 90.4 %."""
    rng = np.random.default_rng(3)
    truth = np.array([300, 200])
    shares = np.array([[0.6, 0.1, 0.3], [0.15, 0.65, 0.2]])
    covered = np.zeros(2)
    for _ in range(200):
        counts, response = empty()
        seen = sum(rng.multinomial(rng.poisson(truth[k]), shares[k]) for k in (FRI, FRII))
        counts[[0, 1, 3], *CELL] = seen
        counts[2, 0, 1] = rng.poisson(2000)
        for kind in (FRI, FRII):
            response[kind, [0, 1, 3], *CELL] = rng.multinomial(80, shares[kind])
        false, response[POINT, 2, 0, 1] = rng.multinomial(300, (0.01, 0.99))
        response[POINT, 0, *CELL] = false
        counts[0, *CELL] += rng.poisson(2000 * 0.01 / 0.99)
        total = correct(counts, response).total
        covered += (total[:, 1] <= truth) & (truth <= total[:, 2])
    assert (covered >= 181).all(), covered


def injected(kind, label, size, ratio):
    return Injected(0, kind, 3.0, 20.0, "t", 0.0, 0.0, label, None, None, size, ratio, ())


def test_sources_are_counted_by_measured_size_and_ratio():
    found = [
        injected("FRI", "FRI", 4.0, 20.0),
        injected("FRI", "uncertain", 4.0, 20.0),
        injected("FRII", "FRI", 39.0, 8.0),
        injected("point", "compact", 0.3, 150.0),
        injected("point", "no_source", np.nan, np.nan),
        injected("FRII", "FRII", 4.0, 301.0),  # outside
        replace(injected("FRII", "FRII", 4.0, 20.0), flags=("wider_beam",)),  # outside
    ]
    counts = response_counts(found)
    assert counts.sum() == 4
    assert counts[FRI, :, 2, 1].tolist() == [1, 0, 0, 1]
    assert counts[FRII, 0, 5, 0] == 1
    assert counts[POINT, 2, 0, 3] == 1


MODEL = {"model": "network", "model_sha256": "ab"}
SUMMARY = {"model": {"name": "network"}, "identity": {"calibration": None, "tta": 1, "model": "ab"}}


def scored(folder):
    """A survey of 8 FRI, 5 FRII of 4 beams and two FRII beyond the cells, one by its flag."""
    rows = [("FRI", 24.0, 20.0)] * 8 + [("FRII", 24.0, 20.0)] * 5 + [("FRII", 600.0, 20.0)]
    rows += [("FRII", 24.0, 20.0)] + [("compact", 2.0, 20.0)] * 3 + [("no_source", None, None)]
    flagged = ["edge"] * 13 + ["", "resampled;smoothed;wider_beam"] + [""] * 3 + [None]
    label, extent, ratio = zip(*rows, strict=True)
    table = pa.table(
        {
            "aa_label": label,
            "aa_flags": flagged,
            "aa_largest_angular_size_arcsec": pa.array(extent, pa.float64()),
            "aa_beam_arcsec": [6.0] * len(rows),
            "aa_peak_snr": pa.array(ratio, pa.float64()),
        }
    )
    pq.write_table(table, folder / "part-000000.parquet")


def selection_file(folder):
    found = [injected("FRI", "FRI", 4.0, 20.0)] * 20 + [injected("FRI", "other", 4.0, 20.0)] * 20
    found += [injected("FRII", "FRII", 4.0, 20.0)] * 40
    found += [injected("point", "compact", 0.3, 20.0)] * 40
    path = folder / "selection.json"
    path.write_text(json.dumps(MODEL | {"response": described_response(found)}))
    return path


def test_the_table_holds_the_cells_and_says_what_was_left_out(tmp_path):
    scored(tmp_path)
    counts, outside = survey_counts(tmp_path)
    assert (counts[:, *CELL].tolist(), outside.tolist()) == ([8, 5, 0, 0], [0, 2])
    with (tmp_path / "printed").open("w") as file:
        console = Console(file=file, width=200)
        correct_survey(tmp_path, selection_file(tmp_path), SUMMARY, console)
    table = Table.read(tmp_path / "_corrected_counts.csv")
    assert len(table) == 2 * 5 * 4
    known = table[~np.ma.getmaskarray(table["corrected"])]
    # Half of the FRI and all FRII get their label: 8 / 0.5 and 5.
    assert list(known["corrected"]) == [16, 5]
    assert list(known["size_low"]) == [3, 3]
    printed = (tmp_path / "printed").read_text()
    assert "19 of 20 cells with 0 FRI and 0 FRII" in printed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": {"name": "other"}}, "is of the model network, but the survey was scored with"),
        ({"identity": SUMMARY["identity"] | {"tta": 4}}, r"with network \(tta 4\)"),
        ({"identity": SUMMARY["identity"] | {"model": "cd"}}, "is of the model network"),
        ({"identity": SUMMARY["identity"] | {"calibration": {}}}, "without --calibration"),
    ],
)
def test_the_selection_function_of_another_network_is_refused(tmp_path, change, reason):
    scored(tmp_path)
    with pytest.raises(InputError, match=reason):
        correct_survey(tmp_path, selection_file(tmp_path), SUMMARY | change, Console(quiet=True))
    assert not (tmp_path / "_corrected_counts.csv").exists()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": "a", "model_sha256": "b"}', "\xff"])
def test_a_file_that_is_no_selection_function_is_refused(tmp_path, text):
    path = tmp_path / "selection.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"is no selection.json"):
        read_response(path)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_response(tmp_path / "none.json")
