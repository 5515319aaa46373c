"""The study that takes a simulated survey through the report, its labels and the recalibration."""

import csv
import json

import numpy as np
import pytest
from astropy.io import fits

from keras_astroattn.command import run_app
from keras_astroattn.datasets import simulate_survey
from keras_astroattn.errors import InputError
from train.studies import recalibrated_survey as study

KIND = np.array(["FRI", "FRI", "FRII", "point", "FRII"])


def state(labels, p_frii, shares=()) -> study.State:
    p = np.array(p_frii)
    estimates = {"shares": list(shares), "calibration_error": 0.02}
    return study.State(KIND, np.array(labels), np.stack([1 - p, p], axis=1), estimates)


def test_true_shares_and_errors_by_hand():
    one = state(["FRI", "FRII", "FRII", "FRI", "compact"], [0.1, 0.8, 0.9, 0.3, np.nan])
    # FRI: two rows, one of them a point source; one of the two FRIs is found.
    assert study.true_share(one, "FRI") == (0.5, 0.5)
    # The FRII without probabilities does not count.
    assert study.true_share(one, "FRII") == (0.5, 1.0)
    # Bins of the larger probability: 0.9 and 0.9 right, 0.8 wrong: (0.2 + 0.8) / 3.
    assert study.true_error(one) == pytest.approx(1 / 3)


def test_the_table_has_the_truth_and_the_estimates():
    shares = [
        {"quantity": quantity, "label": label, "value": 0.5, "interval": [0.25, 0.75], "count": 20}
        for quantity in ("purity", "completeness")
        for label in ("FRI", "FRII")
    ]
    shares[1] |= {"value": None, "interval": None, "count": 3}
    one = state(["FRI", "FRII", "FRII", "FRI", "compact"], [0.1, 0.8, 0.9, 0.3, np.nan], shares)
    rows = {row[0]: row[1:] for row in study.rows_of([one, one])}
    assert rows["rows FRI"] == ["2", "2", "", ""]
    assert rows["purity of FRI"] == ["50.0 %"] * 2 + ["50.0 (25.0 to 75.0) %"] * 2
    assert rows["purity of FRII"][2] == "too few labels (3)"
    assert rows["calibration error"] == ["33.3 %", "33.3 %", "2.0 %", "2.0 %"]


def test_a_model_that_does_not_exist_is_refused_before_the_survey_is_simulated(tmp_path, capsys):
    output = tmp_path / "out"
    assert run_app(study.app, ["--output", str(output), "--model", "nope"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "nope" in told
    assert not output.exists()


def test_a_row_gets_its_own_kind_in_any_order():
    """The parts of a survey are in the order of its tiles."""

    class Table:
        sources = ("4:1.0+1.0", "0:1.0+1.0", "3:1.0+1.0")
        labels = ("FRII", "FRI", "FRI")
        probabilities = np.full((3, 2), 0.5)

    found = study.state_of(Table, KIND, {})
    assert found.kind.tolist() == ["FRII", "FRI", "point"]


def test_the_chosen_sources_of_a_report_are_labelled_by_the_truth(tmp_path):
    fields = ["source", "part", "inclusion"]
    sources = [["0:1.0+1.0", "random", 0.5], ["3:1.0+1.0", "uncertain", None], ["4:1+1", "", None]]
    data = json.dumps({"fields": fields, "sources": sources})
    page = tmp_path / "report.html"
    page.write_text(f'<script type="application/json" id="data">{data}</script><script></script>')
    study.write_labels(page, KIND, tmp_path / "labels.csv")
    with (tmp_path / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["label"]) for row in rows] == [
        ("0:1.0+1.0", "FRI"),
        ("3:1.0+1.0", "not_radio_galaxy"),
    ]
    assert [row["inclusion_probability"] for row in rows] == ["0.5", ""]


def test_a_survey_of_one_class_and_beam(tmp_path):
    survey = simulate_survey(
        tmp_path, sources=6, tiles=2, seed=1, point_share=0, fri_share=1, beam=15.0
    )
    assert set(survey.kind) == {"FRI"}
    for tile in survey.tiles:
        header = fits.getheader(tile)
        assert header["BMAJ"] == pytest.approx(15 / 3600)
        assert header["CDELT2"] == pytest.approx(5 / 3600)
    for beam in (1.0, float("nan")):
        with pytest.raises(InputError, match="the beam is at least"):
            simulate_survey(tmp_path, beam=beam)


@pytest.mark.slow
def test_the_study_runs_every_command(tmp_path, capsys):
    output = tmp_path / "study"
    options = ("--sources", "150", "--tiles", "2", "--labels", "70", "--fri-share", "0.5",
               "--beam", "5.4")  # fmt: skip
    assert run_app(study.app, [*options, "--output", str(output)]) == 0
    shown = capsys.readouterr().out
    for command in ("survey", "report", "recalibrate"):
        assert f"astroattn {command} " in shown
    table = (output / "table.md").read_text()
    assert table in shown
    rows = {line.split("|")[1].strip(): line for line in table.splitlines()}
    # Of a survey that is mostly at FIRST's beam the network is right more often than not.
    assert float(rows["purity of FRI"].split("|")[2].split()[0]) > 60
    with (output / "labels.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 70
    assert run_app(study.app, [*options, "--output", str(output)]) == 2
    assert "is not an empty folder" in capsys.readouterr().err
