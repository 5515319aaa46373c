"""`astroattn recalibrate` from end to end, and `--calibration` of classify."""

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image
from support.tiny_model_file import radio_galaxy

from export.metadata import with_metadata
from keras_astroattn.cli.app import app
from keras_astroattn.command import run_app
from keras_astroattn.edge import read_calibration, read_result
from keras_astroattn.edge.calibration import FORMAT
from keras_astroattn.edge.metadata import split_model_file


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


@pytest.fixture
def table(tmp_path):
    """A table of an overconfident network, T = 3, in a survey of few FRIIs, b = -1; and labels."""
    random = np.random.default_rng(1)
    odds = random.normal(0, 5, 2000)
    p = 1 / (1 + np.exp(-odds))
    true = random.random(2000) < 1 / (1 + np.exp(-(odds / 3 - 1)))
    path, labels = tmp_path / "r.csv", tmp_path / "labels.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label", "p_fri", "p_frii", "entropy_nats", "flags", "model"])
        for n, one in enumerate(p):
            label = "FRII" if one > 0.5 else "FRI"
            rows.writerow([f"{n}.fits", label, f"{1 - one:.6f}", f"{one:.6f}", 0.5, "", "tiny"])
        rows.writerow(["c.fits", "compact", "", "", "", "", "tiny"])
        rows.writerow(["b.fits", "uncertain", 0.5, 0.5, 0.693147, "no_beam", "tiny"])
        rows.writerow(["d.fits", "uncertain", 0.0001, 0.9999, 0.001, "confused", "tiny"])
        rows.writerow(["u.fits", "unresolved", 0.0001, 0.9999, 0.001, "", "tiny"])
        rows.writerow(["a.fits", "uncertain", 0.9999, 0.0001, 0.001, "artefacts;recentred", "tiny"])
        rows.writerow(["o.fits", "FRI", 0.9999, 0.0001, 0.001, "artefacts", "tiny"])
    with labels.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["source", "label", "labeller", "time", "part", "inclusion_probability"])
        for n in random.choice(2000, 400, replace=False):
            rows.writerow([f"{n}.fits", "FRII" if true[n] else "FRI", "Ann", "", "random", 0.2])
    return path, labels, true


def test_a_table_is_recalibrated_without_its_images(table, tmp_path, capsys):
    path, labels, true = table
    copy = tmp_path / "after.csv"
    assert run("recalibrate", path, "--labels", labels, "--apply", copy) == 0
    fitted = read_calibration(tmp_path / "r.calibration.json")
    assert fitted.model == "tiny"
    assert fitted.temperature == pytest.approx(3, rel=0.3)
    assert fitted.shift == pytest.approx(-1, abs=0.5)
    before, after = read_result(path), read_result(copy)
    # By hand for one row: odds / T + b.
    p = before.probabilities[0]
    odds = math.log(p[1] / p[0]) / fitted.temperature + fitted.shift
    assert after.probabilities[0, 1] == pytest.approx(1 / (1 + math.exp(-odds)), abs=2e-6)
    # The threshold is the probability of a source, which the table rounds to six digits.
    sure = after.probabilities.max(axis=1) >= fitted.uncertain_below - 5e-7
    for row in range(2000):
        named = ("FRI", "FRII")[int(after.probabilities[row].argmax())]
        assert after.labels[row] == (named if sure[row] else "uncertain"), row
    # The labels promise 2 % errors.
    classed = [row for row in range(2000) if after.labels[row] != "uncertain"]
    wrong = [row for row in classed if (after.labels[row] == "FRII") != true[row]]
    assert len(wrong) / len(classed) < 0.05
    # Without a beam, with artefacts, or with a neighbour that may be part of it, there is no
    # class, and a small source does not become resolved.
    assert after.labels[2000:] == [
        *("compact", "uncertain", "uncertain", "unresolved"), *2 * ["uncertain"]
    ]  # fmt: skip
    assert np.isnan(after.probabilities[2000]).all()
    assert after.model == fitted.name
    shown = capsys.readouterr().out
    assert "purity of FRI" in shown
    assert "calibration error" in shown
    text = json.loads((tmp_path / "r.calibration.json").read_text())
    (purity,) = [
        one for one in text["estimates"]["before"]["shares"]
        if (one["quantity"], one["label"]) == ("purity", "FRII")
    ]  # fmt: skip
    truth = true[before.probabilities[:2000, 1] > 0.5].mean()
    assert purity["interval"][0] < truth < purity["interval"][1]
    errors = [text["estimates"][when]["calibration_error"] for when in ("before", "after")]
    assert errors[0] > 0.1 > errors[1]


def test_a_calibration_is_applied_later_and_to_images(tmp_path, model_path):
    Image.fromarray(radio_galaxy()).save(tmp_path / "g.png")
    calibration = tmp_path / "c.json"
    calibration.write_text(
        json.dumps({"format": FORMAT, "model": "tiny", "temperature": 0.25, "shift": 2.0})
    )
    given = ("--model", model_path, "--output")
    assert run("classify", tmp_path / "g.png", *given, tmp_path / "plain.json") == 0
    options = ("--calibration", calibration)
    assert (
        run("classify", tmp_path / "g.png", *given, tmp_path / "image.json", *options,
            "--report", tmp_path / "image.html") == 0
    )  # fmt: skip
    assert (
        run("recalibrate", tmp_path / "plain.json", *options, "--apply", tmp_path / "table.json")
        == 0
    )
    image, table = (read_result(tmp_path / f"{name}.json") for name in ("image", "table"))
    np.testing.assert_allclose(image.probabilities, table.probabilities, rtol=1e-5)
    assert image.labels == table.labels
    assert image.model == table.model
    assert run("report", tmp_path / "table.json", "--model", model_path) == 2
    assert run("report", tmp_path / "table.json", "--model", model_path, *options) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("0.fits", "other.fits"), "labels of sources that"),
        (lambda text: "\n".join(text.splitlines()[:20]), "the labels are too few"),
        (lambda text: text.replace(",FRI,", ",spiral,"), "the label 'spiral' is none of"),
        (lambda text: "", "no columns source and label"),
    ],
)
def test_unusable_labels_are_one_line_and_write_nothing(change, message, table, tmp_path, capsys):
    path, labels, _ = table
    labels.write_text(change(labels.read_text()))
    before = sorted(tmp_path.iterdir())
    assert run("recalibrate", path, "--labels", labels, "--apply", tmp_path / "after.csv") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_of_another_prior_is_refused(table, tmp_path, capsys):
    path, labels, _ = table
    path.write_text(path.read_text().replace(",tiny", ",tiny (prior 0.3)"))
    assert run("recalibrate", path, "--labels", labels) == 2
    assert "was classified with --prior 0.3" in capsys.readouterr().err


def test_a_prior_is_stated_by_table_and_report(tmp_path, model_path):
    metadata, network = split_model_file(model_path.read_bytes(), model_path)
    metadata["data"] = {"fri_share": 0.5}
    model = tmp_path / "tiny.tflite"
    model.write_bytes(with_metadata(bytes(network), metadata))
    Image.fromarray(radio_galaxy()).save(tmp_path / "g.png")
    files = ("classify", tmp_path / "g.png", "--model", model, "--output")
    assert run(*files, tmp_path / "plain.json") == 0
    options = ("--prior", 0.2, "--report", tmp_path / "prior.html")
    assert run(*files, tmp_path / "prior.json", *options) == 0
    plain, prior = (read_result(tmp_path / f"{name}.json") for name in ("plain", "prior"))
    odds = [one.probabilities[0, 1] / one.probabilities[0, 0] for one in (plain, prior)]
    assert odds[1] == pytest.approx(4 * odds[0], rel=1e-3)
    assert prior.model == "tiny (prior 0.2)"
    provenance = json.loads((tmp_path / "prior.json").read_text())["provenance"]
    assert provenance["model"] == "tiny (prior 0.2)"
    assert run("report", tmp_path / "prior.json", "--model", model, "--overwrite") == 0


@pytest.mark.parametrize("prior", ["0", "1", "nan", "-0.5"])
def test_a_wrong_prior_is_one_line(prior, tmp_path, model_path, capsys):
    assert run("classify", tmp_path, "--model", model_path, f"--prior={prior}") == 2
    error = capsys.readouterr().err
    assert "give the expected share of FRI, between 0 and 1" in error
    assert error.count("\n") == 1


def test_two_people_who_disagree_are_counted(table, tmp_path, capsys):
    path, labels, _ = table
    lines = labels.read_text().splitlines()
    other = [
        line.replace("Ann", "Bob").replace("FRII", "x").replace("FRI", "FRII").replace("x", "FRI")
        for line in lines[1:6]
    ]
    labels.write_text("\n".join([*lines, *other]) + "\n")
    assert run("recalibrate", path, "--labels", labels) == 0
    assert "5 sources are left out: the labellers disagree" in capsys.readouterr().out
    assert run("recalibrate", path, "--labels", labels, "--labeller", "Ann", "--overwrite") == 0
    assert "left out" not in capsys.readouterr().out


def test_options_that_do_not_fit_are_refused(table, tmp_path, capsys):
    path, labels, _ = table
    fitted = tmp_path / "r.calibration.json"
    assert run("recalibrate", path) == 2
    assert "give --labels" in capsys.readouterr().err
    assert run("recalibrate", path, "--labels", labels, "--apply", tmp_path / "a.json") == 0
    for arguments, message in (
        (("--labels", labels), "r.calibration.json exists already"),
        (("--calibration", fitted), "needs --apply"),
        (("--calibration", fitted, "--apply", tmp_path / "a.txt"), "must end in one of"),
        (("--calibration", fitted, "--apply", tmp_path / "a.json"), "exists already"),
    ):
        assert run("recalibrate", path, *arguments) == 2
        assert message in capsys.readouterr().err
    options = ("--calibration", fitted, "--apply", tmp_path / "b.json")
    assert run("recalibrate", tmp_path / "a.json", *options) == 2
    assert "is recalibrated already" in capsys.readouterr().err
    fitted.write_text(fitted.read_text().replace('"tiny"', '"other"'))
    assert run("recalibrate", path, *options) == 2
    assert "was fitted for other" in capsys.readouterr().err
