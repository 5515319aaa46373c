"""Thresholds by size and signal-to-noise ratio: their choice, and the command."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support import tiny_model_file

from export import thresholds as attach
from keras_astroattn.datasets.simulation import NOISE
from keras_astroattn.edge import Classifier, LabelRules, open_model
from keras_astroattn.edge.thresholds import ClassThresholds, are_thresholds
from keras_astroattn.images import BEAM, cutout_from_array
from keras_astroattn.models.presets import ORIGIN_MEMBER
from train.studies.thresholds import __main__ as study
from train.studies.thresholds import surveys
from train.studies.thresholds.choice import (
    LEAST_GIVEN,
    SIZE_EDGES,
    cell_members,
    choose_cell,
    choose_thresholds,
)
from train.studies.thresholds.populations import Population, draw_neighbours, write_population


def network(random, count: int, wrong_frii: float):
    """Answers that are right, but `wrong_frii` of the FRI get P(FRII) = 0.9 instead of 0.05."""
    is_frii = np.arange(count) % 2 == 1
    p = np.where(is_frii, 0.97, 0.05)
    p[~is_frii & (random.random(count) < wrong_frii)] = 0.9
    return np.stack([1 - p, p], axis=1), is_frii


def test_a_threshold_lies_above_the_wrong_answers():
    # At 80 % FRI, 8 % of wrong FRI are 24 % of the label FRII, and 6 % of all labels: too many.
    p, is_frii = network(np.random.default_rng(1), 4000, 0.08)
    found = choose_cell(p, is_frii, 0.7, 0.95)
    assert found.least[0] == 0.7
    assert 0.9 < found.least[1] <= 0.97
    assert found.right == (1, 1, 1)
    # All FRII, and 92 % of the FRI.
    assert found.given == pytest.approx(0.96, abs=0.01)


def test_answers_without_errors_need_enough_sources():
    """Wilson: of n right answers without an error, n / (n + 1) is the end of one standard error."""
    random = np.random.default_rng(2)
    few, many = (choose_cell(*network(random, count, 0), 0.7, 0.99) for count in (60, 400))
    assert few.least is None
    assert many.least == (0.7, 0.7)
    # With 20 % FRI, 200 of each class count as 1 / (0.2^2 / 200 + 0.8^2 / 200) = 294.
    assert many.lower[0] == pytest.approx(294.1 / 295.1, abs=1e-4)


def test_chance_gives_no_class():
    random = np.random.default_rng(3)
    p = random.random(3000)
    found = choose_cell(np.stack([1 - p, p], axis=1), random.random(3000) < 0.5, 0.7, 0.95)
    assert found.least is None


def test_a_class_that_is_hardly_ever_sure_is_not_given_alone():
    """FRI are told, and FRII only in 5 % of the cases: such a cell would hold FRI alone."""
    is_frii = np.arange(2000) % 2 == 1
    p = np.where(is_frii, 0.6, 0.01)
    p[np.flatnonzero(is_frii)[:50]] = 0.99
    assert LEAST_GIVEN > 50 / 1000
    assert choose_cell(np.stack([1 - p, p], axis=1), is_frii, 0.7, 0.95).least is None


def test_sources_below_two_beams_get_no_class_however_sure_the_network_is():
    is_frii = np.arange(4000) % 2 == 1
    p = np.where(is_frii, 0.99, 0.01)
    size = np.repeat([1.0, 1.99, 2.0, 30.0], 1000)
    members = cell_members(size, np.full(4000, 100.0))
    chosen = choose_thresholds(np.stack([1 - p, p], axis=1), is_frii, members, 0.7, 0.95)
    told = [SIZE_EDGES[row] for (row, _), cell in chosen.items() if cell.least is not None]
    assert told == [2.0, 10.0]


def test_cells_reach_from_edge_to_edge():
    members = cell_members(np.array([1.0, 1.49, 1.5, 0.2, 99]), np.array([5, 9.9, 10, 2, 1e5]))
    assert members[0, 0].tolist() == [0, 1, 3]
    assert members[1, 1].tolist() == [2]
    assert members[6, 4].tolist() == [4]
    assert sum(len(rows) for rows in members.values()) == 5


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The three files of a preset, as `export.preset` writes them."""
    import zipfile

    folder = tmp_path_factory.mktemp("preset")
    source = tiny_model_file.untrained_source()
    tiny_model_file.write_model_file(source, folder / "tiny.tflite")
    source.model.save(folder / "tiny.keras")
    metadata = dict(open_model(folder / "tiny.tflite").metadata)
    with zipfile.ZipFile(folder / "tiny.keras", "a") as archive:
        archive.writestr(ORIGIN_MEMBER, json.dumps(metadata))
    (folder / "tiny.md").write_text("# tiny\n\n## Files\n\n| `tiny.keras` | 1 | a |\n\n## Terms\n")
    return folder


STATED = {
    "size_beams": [1.0, 3.0],
    "peak_snr": [5.0, 50.0],
    "probability": [[None, None], [[0.9, 0.95], [0.7, 0.8]]],
    "fitted_on": "simulated sources",
}


def test_thresholds_are_attached_to_a_preset_and_replaced(preset, tmp_path):
    stated = tmp_path / "thresholds.json"
    before = open_model(preset / "tiny.tflite").metadata["network_sha256"]
    for first in (0.91, 0.9):
        STATED["probability"][1][0][0] = first
        stated.write_text(json.dumps({"thresholds": STATED}))
        arguments = ["tiny", str(stated), "--folder", str(preset), "--fri-share", "0.4"]
        assert attach.main(arguments) == 0
    opened = open_model(preset / "tiny.tflite")
    assert opened.metadata["network_sha256"] == before
    assert Classifier(opened, prior=0.4).rules.thresholds == ClassThresholds.from_metadata(STATED)
    from export.export_source import open_export_source

    source = open_export_source(preset / "tiny.keras")
    assert source.calibration.thresholds == STATED
    assert source.data["fri_share"] == 0.4
    card = (preset / "tiny.md").read_text()
    assert card.count("## Which sources get a class") == 1
    assert "| over 3 | 0.9000 / 0.9500 | 0.7000 / 0.8000 |" in card
    assert f"| `tiny.keras` | {(preset / 'tiny.keras').stat().st_size} |" in card
    assert card.index("## Which") < card.index("## Files") < card.index("## Terms")


def test_a_file_without_thresholds_is_refused(preset, tmp_path, capsys):
    (tmp_path / "t.json").write_text('{"thresholds": {}}')
    assert attach.main(["tiny", str(tmp_path / "t.json"), "--folder", str(preset)]) == 2
    assert "holds no thresholds" in capsys.readouterr().err


class SureNetwork:
    """A network that is right, and sure of it."""

    name, uncertain_below, run = "sure", 0.7, None

    def probabilities(self, population):
        p = np.where(population.is_frii, 0.99, 0.01)
        yield np.stack([1 - p, p], axis=1)


def test_the_command_writes_thresholds_table_and_figure(tmp_path, monkeypatch):
    count = 400
    population = Population(
        np.zeros((count, 150, 150), np.uint8),
        np.zeros((count, 150, 150), np.uint8),
        np.arange(count) % 2 == 1,
        np.full(count, 5.0),
        np.full(count, 30.0),
        np.full(count, 15.0),
    )
    write_population(tmp_path / "p.npz", population)
    monkeypatch.setattr(study, "open_network", lambda model: SureNetwork())
    output = tmp_path / "sure.json"
    assert study.main(["sure", "--output", str(output), "--cache", str(tmp_path / "p.npz")]) == 0
    found = json.loads(output.read_text())["thresholds"]
    assert are_thresholds(found)
    thresholds = ClassThresholds.from_metadata(found)
    assert thresholds.at(5, 30) == (0.7, 0.7)
    assert thresholds.at(5, 300) is None
    assert "| 4 to 6 | 20 to 50 | 400 |" in output.with_suffix(".md").read_text()
    assert output.with_suffix(".png").stat().st_size > 1000


@pytest.mark.parametrize(
    "content", [None, b"", b"text", b"PK\x03\x04 cut off"], ids=["folder", "empty", "text", "zip"]
)
def test_a_damaged_file_of_sources_is_one_line(content, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "open_network", lambda model: None)
    cache, output = tmp_path / "p.npz", tmp_path / "sure.json"
    cache.mkdir() if content is None else cache.write_bytes(content)
    assert study.main(["sure", "--output", str(output), "--cache", str(cache)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {cache} ")
    assert told.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize(("beam", "wanted"), [(5.4, 0.5), (45.0, 20.0)])
def test_neighbours_are_as_dense_as_in_first_and_nvss(beam, wanted):
    """Above 5 sigma in a frame of 50 beams; 0.5 in FIRST, 20 in NVSS (docs/notes/position.md)."""
    draws = 400
    random, counts = np.random.default_rng(6), []
    for _ in range(draws):
        found = draw_neighbours(random, beam)
        near = (abs(found.east) < 25 * BEAM) & (abs(found.north) < 25 * BEAM)
        counts.append(np.count_nonzero(near & (found.flux >= 5 * NOISE)))
    assert np.mean(counts) == pytest.approx(wanted, abs=4 * np.sqrt(wanted / draws))


def test_the_table_of_surveys_counts_with_and_without_thresholds():
    """Four sources, of 2, 2, 5 and 5 beams; the small ones are unresolved with thresholds."""
    probabilities = iter([0.1, 0.9, 0.2, 0.9])

    class Known:
        rules = LabelRules(thresholds=ClassThresholds((1.0, 4.0), (5.0,), ((None,), ((0.7, 0.7),))))

        def network_input(self, cutout):
            return cutout.network_input[np.newaxis]

        def predict(self, images):
            p = next(probabilities)
            return {"probabilities": np.array([[1 - p, p]])}

    plain = cutout_from_array(tiny_model_file.radio_galaxy())
    examples = [
        (replace(plain, largest_angular_size=size * BEAM, main_share=0.5), label)
        for size, label in ((2, 1), (2, 1), (5, 0), (5, 0))
    ]
    row = surveys.survey_row(Known(), "four", examples)
    # FRI, FRII, FRI, FRII of true FRII, FRII, FRI, FRI: two of four; then one of two.
    # Of the four pairs FRII, FRI: 0.1 < 0.2, 0.1 < 0.9, 0.9 > 0.2, 0.9 = 0.9.
    assert row[:2] == ["four", 4]
    assert row[2] == "100 %"
    assert row[3].startswith("50 % (")
    assert row[4] == "50 %"
    assert row[5].startswith("50 % (")
    assert row[6:] == ["50 %", "0.375"]
