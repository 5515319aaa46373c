"""`astroattn classify --explain` with a network that gives evidence: columns, files, pictures."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from PIL import Image
from rich.console import Console
from support.tiny_model_file import radio_galaxy

from keras_astroattn.cli import classify as command
from keras_astroattn.cli import survey_summary
from keras_astroattn.cli.app import app
from keras_astroattn.cli.survey_attention import write_best_attention
from keras_astroattn.command import run_app
from keras_astroattn.edge import Classifier
from keras_astroattn.errors import InputError
from keras_astroattn.images import cutout_from_array, read_fits
from keras_astroattn.plots import survey as survey_plots
from keras_astroattn.samples import sample_paths
from keras_astroattn.survey import results
from keras_astroattn.survey.results import Source
from keras_astroattn.survey.run import SurveySettings
from keras_astroattn.tables import EXPLANATION_COLUMNS

NAMES = [column.name for column in EXPLANATION_COLUMNS]


def run(*arguments: object) -> int:
    return run_app(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "images"
    path.mkdir()
    Image.fromarray(radio_galaxy()).save(path / "galaxy.png")
    np.save(path / "black.npy", np.zeros((150, 150), np.uint8))
    (path / "empty.fits").touch()
    return path


@pytest.fixture(scope="module")
def classifier(votes_path):
    return Classifier(votes_path)


@pytest.fixture(scope="module")
def expected(classifier):
    return classifier.explain(cutout_from_array(radio_galaxy()))


@pytest.mark.parametrize("ending", ["csv", "json", "vot", "fits", "parquet"])
def test_every_format_holds_the_explanation(folder, votes_path, tmp_path, expected, ending):
    output = tmp_path / f"r.{ending}"
    assert run("classify", folder, "--model", votes_path, "--explain", "--output", output) == 0
    if ending == "json":
        rows = json.loads(output.read_text())["sources"]
    else:
        rows = Table.read(output)
        assert rows.colnames[-6:] == NAMES
    by_file = {str(row["path"]).rsplit("/", 1)[-1]: row for row in rows}
    found = by_file["galaxy.png"]
    main = expected.components[0]
    assert found["explanation"] == repr(expected)
    assert found["main_component"] == main.name
    assert found["main_share"] == pytest.approx(main.share, abs=1e-6)
    assert found["p_without_main"] == pytest.approx(main.p_without, abs=1e-6)
    listed = json.loads(found["components"])
    assert [one["name"] for one in listed] == [one.name for one in expected.components]
    assert sum(abs(one["share"]) for one in listed) == pytest.approx(1)
    assert found["label"] == expected.classification.label
    assert found["p_frii"] == pytest.approx(expected.classification.p_frii, abs=1e-6)
    assert "nothing to explain" in by_file["black.npy"]["explanation"]
    empty = by_file["black.npy"]["main_share"]
    assert empty is None or np.ma.is_masked(empty) or np.isnan(empty)
    assert by_file["empty.fits"]["label"] == "error"


def test_the_table_on_standard_output_has_the_columns(folder, votes_path, capsys):
    arguments = ["classify", folder / "galaxy.png", "--model", votes_path]
    assert run(*arguments, "--explain") == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert set(NAMES) <= set(row)
    assert run(*arguments) == 0
    (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
    assert not set(NAMES) & set(row)


def test_a_model_without_evidence_is_refused_before_anything_is_written(
    folder, model_path, tmp_path, capsys
):
    output, pictures = tmp_path / "r.csv", tmp_path / "pictures"
    options = ["--model", model_path, "--explain", "--output", output, "--attention", pictures]
    assert run("classify", folder, *options) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images"]


def test_the_refusal_says_what_to_do(model_path):
    with pytest.raises(
        InputError, match="tiny gives no evidence: use agcnn_survey, agcnn_evidence"
    ):
        Classifier(model_path).explain(cutout_from_array(radio_galaxy()))


def test_the_mean_over_rotations_is_not_explained(folder, votes_path, capsys):
    assert run("classify", folder, "--model", votes_path, "--explain", "--tta", 4) == 2
    assert "leave out --tta" in capsys.readouterr().err


def test_a_run_without_explanations_does_not_go_on_with_them(
    folder, votes_path, tmp_path, monkeypatch, capsys
):
    def interrupted(*_):
        raise KeyboardInterrupt

    options = ["--model", votes_path, "--output", tmp_path / "r.csv", "--workers", 1]
    with monkeypatch.context() as patch:
        patch.setattr(command, "write_results", interrupted)
        assert run("classify", folder, *options) != 0
    assert run("classify", folder, *options, "--explain", "--resume") == 2
    assert "the interrupted run had another explain" in capsys.readouterr().err


def test_an_interrupted_run_keeps_its_explanations(folder, votes_path, tmp_path, monkeypatch):
    options = ["--model", votes_path, "--output", tmp_path / "r.csv", "--workers", 1, "--explain"]

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "write_results", interrupted)
        assert run("classify", folder, *options) != 0
    assert run("classify", folder, *options, "--resume") == 0
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = {row["path"].rsplit("/", 1)[-1]: row for row in csv.DictReader(file)}
    assert rows["galaxy.png"]["explanation"].startswith(rows["galaxy.png"]["label"])


@pytest.fixture(scope="module")
def pictured(votes_path, tmp_path_factory):
    """A FITS map's picture and maps, with and without an explanation."""
    path = next(path for path in sample_paths() if path.name == "frii.fits")
    folder = tmp_path_factory.mktemp("pictured")
    for name, options in (("plain", []), ("explained", ["--explain"])):
        output = ["--output", folder / f"{name}.json", "--attention", folder / name]
        assert run("classify", path, "--model", votes_path, *output, *options) == 0
    return path, folder


def test_the_extension_evidence_adds_up_to_the_logits_on_the_sky(pictured, classifier):
    path, folder = pictured
    cutout = read_fits(path)
    logits = classifier.predict(cutout.network_input[np.newaxis])["logits"][0]
    with fits.open(folder / "plain" / "frii.fits.attention.fits") as hdus:
        evidence, header = hdus["EVIDENCE"].data, hdus["EVIDENCE"].header
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "EVIDENCE"]
    places = [[0.0, 0.0], [149.0, 20.0]]
    on_the_sky = WCS(header).wcs_pix2world(places, 0)
    np.testing.assert_allclose(on_the_sky, cutout.wcs.wcs_pix2world(places, 0), atol=1e-9)
    assert evidence.dtype == np.dtype(">f4")
    assert evidence.sum(dtype=float) == pytest.approx(logits[1] - logits[0], abs=1e-4)
    assert header["BTYPE"] == "evidence"
    assert header["FRLABEL"] == classifier.classify(cutout).label
    # Evidence lies where the source is, and nowhere else.
    assert not evidence[cutout.pixels == 0].any()


def test_explained_pictures_have_a_panel_with_the_components(pictured):
    _, folder = pictured
    sizes = {}
    for name in ("plain", "explained"):
        with Image.open(folder / name / "frii.fits.png") as picture:
            sizes[name] = picture.size
    assert sizes["explained"][0] == sizes["plain"][0]
    assert sizes["explained"][1] > sizes["plain"][1] + 250


@pytest.fixture
def certain(monkeypatch):
    """A survey of one source, FRII for sure."""
    path = next(path for path in sample_paths() if path.name == "frii.fits")
    chosen = [Source(7, 180.0, 30.0, str(path), "FRII", 0.99, 0.01)]
    monkeypatch.setattr(results, "most_certain", lambda folder, count: chosen)
    monkeypatch.setattr(results, "cut_again", lambda *_: read_fits(path))
    return chosen


@pytest.mark.parametrize("tta", [1, 2])
def test_the_pictures_of_a_survey_are_explained(certain, votes_path, tmp_path, tta):
    settings = SurveySettings(
        Path("catalogue.csv"), ("tiles",), tmp_path, model=str(votes_path), tta=tta
    )
    write_best_attention(tmp_path, settings, 1, Console(quiet=True))
    names = sorted(path.name for path in (tmp_path / "_attention").iterdir())
    assert names == ["FRII-000000007.attention.fits", "FRII-000000007.png"]
    assert fits.getdata(tmp_path / "_attention" / names[0], "EVIDENCE").any()
    with Image.open(tmp_path / "_attention" / names[1]) as picture:
        width, height = picture.size
    # The panel with the components belongs to an answer for one image, not to a mean.
    assert (height > 0.4 * width) == (tta == 1)


def test_the_sheets_of_a_survey_show_the_evidence(certain, classifier, model_path, monkeypatch):
    drawn = []
    whole = survey_plots.attention_sheet
    monkeypatch.setattr(
        survey_plots,
        "attention_sheet",
        lambda *given, **options: drawn.append(options) or whole(*given, **options),
    )
    cutout = read_fits(certain[0].path)
    for network in (classifier, Classifier(model_path)):
        survey_summary._sheet(certain, network, lambda source: cutout, "most certain")
    expected = classifier.attention(cutout).evidence
    np.testing.assert_array_equal(drawn[0]["evidence"], expected[np.newaxis])
    assert "FRII orange" in drawn[0]["title"]
    assert drawn[1]["evidence"] is None
    assert "orange" not in drawn[1]["title"]


def test_attention_holds_the_evidence(classifier):
    found = classifier.attention(radio_galaxy())
    outputs = classifier.predict(cutout_from_array(radio_galaxy()).network_input[np.newaxis])
    first, second = outputs["evidence"][0, ..., 0], outputs["evidence"][0, ..., 1]
    np.testing.assert_array_equal(found.evidence, second - first)
    assert found.evidence.any()


def test_attention_of_a_network_without_votes_holds_none(model_path):
    assert Classifier(model_path).attention(radio_galaxy()).evidence is None


def test_the_effect_of_a_component_is_that_of_painting_it_black(classifier, expected):
    pixels = radio_galaxy()
    one = expected.components[0]
    without = classifier.classify(np.where(one.pixels, 0, pixels))
    likelier = int(expected.classification.p_frii > 0.5)
    assert one.p_without == pytest.approx((without.p_fri, without.p_frii)[likelier], abs=1e-5)
