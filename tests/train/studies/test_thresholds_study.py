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
from keras_astroattn.errors import InputError
from keras_astroattn.images import BEAM, cutout_from_array
from keras_astroattn.models.presets import ORIGIN_MEMBER
from train.studies.thresholds import __main__ as study
from train.studies.thresholds import surveys
from train.studies.thresholds.choice import (
    FLOORS,
    LEAST_GIVEN,
    RATIO_EDGES,
    SIZE_EDGES,
    Sample,
    cell_members,
    choose_cell,
    choose_thresholds,
    shared,
)
from train.studies.thresholds.populations import (
    LEAST_SIZE,
    POINT,
    Population,
    draw_neighbours,
    simulate_population,
    simulated_cutout,
    write_population,
)
from train.studies.thresholds.report import given_figure, totals_table


def network(random, count: int, wrong_frii: float):
    """Answers that are right, but `wrong_frii` of the FRI get P(FRII) = 0.9 instead of 0.05."""
    label = np.arange(count) % 2
    p = np.where(label == 1, 0.97, 0.05)
    p[(label == 0) & (random.random(count) < wrong_frii)] = 0.9
    return np.stack([1 - p, p], axis=1), label


def choose(p, label, target, *selections):
    """Choose the thresholds of a cell; without selections, all sources have the same weight."""
    weights = selections or [np.ones(len(label))]
    return choose_cell([Sample(p, label, one) for one in weights], 0.7, target)


def test_a_threshold_lies_above_the_wrong_answers():
    # At 80 % FRI, 8 % of wrong FRI are 24 % of the label FRII, and 6 % of all labels: too many.
    found = choose(*network(np.random.default_rng(1), 4000, 0.08), 0.95)
    assert found.least[0] == 0.7
    assert 0.9 < found.least[1] <= 0.97
    assert found.right == (1, 1, 1)
    # All FRII, and 92 % of the FRI.
    assert found.given == pytest.approx(0.96, abs=0.01)


def test_answers_without_errors_need_enough_sources():
    """Wilson: of n right answers without an error, n / (n + 1) is the end of one standard error."""
    random = np.random.default_rng(2)
    few, many = (choose(*network(random, count, 0), 0.99) for count in (60, 400))
    assert few.least is None
    assert many.least == (0.7, 0.7)
    # With 20 % FRI, 200 of each class count as 1 / (0.2^2 / 200 + 0.8^2 / 200) = 294.
    assert many.lower[0] == pytest.approx(294.1 / 295.1, abs=1e-4)


def test_chance_gives_no_class():
    random = np.random.default_rng(3)
    p = random.random(3000)
    label = (random.random(3000) < 0.5).astype(int)
    assert choose(np.stack([1 - p, p], axis=1), label, 0.95).least is None


def test_a_class_that_is_hardly_ever_sure_is_not_given_alone():
    """FRI are told, and FRII only in 5 % of the cases: such a cell would hold FRI alone."""
    label = np.arange(2000) % 2
    p = np.where(label == 1, 0.6, 0.01)
    p[np.flatnonzero(label)[:50]] = 0.99
    assert LEAST_GIVEN > 50 / 1000
    assert choose(np.stack([1 - p, p], axis=1), label, 0.95).least is None


def with_points(count: int, points: int, p_point: float):
    """Galaxies of which every answer is right, and points with one P(FRII)."""
    p, label = network(np.random.default_rng(4), count, 0)
    p = np.concatenate([p, np.tile([1 - p_point, p_point], (points, 1))])
    return p, np.concatenate([label, np.full(points, POINT)])


def test_a_point_source_with_a_class_is_wrong_in_the_selection_that_has_points():
    p, label = with_points(2000, 200, 0.9)
    is_galaxy = (label != POINT).astype(float)
    assert choose(p, label, 0.95, is_galaxy).least == (0.7, 0.7)
    # 200 points and 2000 galaxies: 91 % right below P = 0.9.
    found = choose(p, label, 0.95, is_galaxy, np.ones(2200))
    assert found.least[0] == 0.7
    assert 0.9 < found.least[1] <= 0.97
    # Points that look like galaxies leave nothing that is right often enough.
    assert choose(*with_points(2000, 200, 0.97), 0.95, is_galaxy, np.ones(2200)).least is None
    # One in twenty points: 2000 of 2010 are right.
    rare = np.where(is_galaxy == 1, 1.0, 0.05)
    found = choose(*with_points(2000, 200, 0.97), 0.95, is_galaxy, rare)
    assert found.least == (0.7, 0.7)
    assert found.right == pytest.approx([2000 / 2010] * 3)


def test_the_share_of_fris_leaves_points_in_proportion():
    label = np.array([0, 0, 0, 1, POINT, POINT])
    found = shared(np.array([1.0, 1.0, 2.0, 4.0, 2.0, 2.0]), label, 0.2)
    np.testing.assert_allclose(found, [0.05, 0.05, 0.1, 0.8, 0.25, 0.25])


def population(**changed) -> Population:
    """400 galaxies of 5 beams at 30 sigma without neighbours, and black images."""
    count = 400
    values = {
        "pixels": np.zeros((count, 150, 150), np.uint8),
        "alone": np.zeros((count, 150, 150), np.uint8),
        "label": np.arange(count) % 2,
        "true_size": np.full(count, 5.0),
        "size": np.full(count, 5.0),
        "ratio": np.full(count, 30.0),
        "neighbours": np.zeros(count, int),
    }
    return Population(**(values | changed))


def test_a_network_that_guesses_gets_no_thresholds():
    p = np.random.default_rng(5).random(400)
    with pytest.raises(InputError, match="no thresholds were found with which 95% of"):
        choose_thresholds([(np.stack([1 - p, p], axis=1), population())], 0.7, 0.95)


def test_sources_below_two_beams_get_no_class_however_sure_the_network_is():
    one = population(size=np.repeat([1.0, 1.99, 2.0, 30.0], 100))
    p = np.where(one.label == 1, 0.99, 0.01)
    chosen = choose_thresholds([(np.stack([1 - p, p], axis=1), one)], 0.7, 0.95).cells
    told = [SIZE_EDGES[size] for (_, size, _), cell in chosen.items() if cell.least is not None]
    assert told == [2.0, 10.0]


def test_a_cell_may_be_less_right_than_all_cells_together():
    """Of 2000 sources of 5 beams 92 % are right, of 2000 of 20 beams all: together 96 %."""
    label = np.arange(4000) % 2
    wrong = (np.arange(4000) < 2000) & (np.arange(4000) % 25 < 2)
    p = np.where((label == 1) != wrong, 0.99, 0.01)
    values = {
        name: np.repeat(value, 2000)
        for name, value in {"size": [5.0, 20.0], "true_size": [5.0, 5.0]}.items()
    }
    both = population(
        pixels=np.zeros((4000, 1, 1)), alone=None, label=label, ratio=np.full(4000, 30.0),
        neighbours=np.zeros(4000), **values,
    )  # fmt: skip
    answers = [(np.stack([1 - p, p], axis=1), both)]
    found = choose_thresholds(answers, 0.7, 0.95)
    assert found.floor == FLOORS[0]
    given, right = np.transpose(found.totals["galaxies of all sizes equally common"])
    np.testing.assert_allclose(given, 1)
    np.testing.assert_allclose(right, 0.96)
    # At 97 % the cell of 5 beams must do without a class: less an error, it is below 92 %.
    strict = choose_thresholds(answers, 0.7, 0.97)
    assert strict.floor == 0.92
    np.testing.assert_allclose(
        strict.totals["galaxies of all sizes equally common"], [(0.5, 1.0)] * 3
    )
    told = [cell for cell, choice in strict.cells.items() if choice.least is not None]
    assert told == [(0, SIZE_EDGES.index(10.0), RATIO_EDGES.index(20.0))]
    text = totals_table(strict.totals)
    assert (
        "| galaxies of all sizes equally common | 50 %, 100.0 % | 50 %, 100.0 % | 50 %, 100.0 % |"
        in text
    )


def degraded(**changed) -> Population:
    """The galaxies of `population`, as degraded copies."""
    return population(true_size=None, neighbours=None, **changed)


def test_degraded_copies_count_for_any_number_of_neighbours():
    """Simulated sources are told at 30 sigma, and copies only if the answer is surer."""
    p = np.where(np.arange(400) % 2 == 1, 0.99, 0.01)
    simulated = [(np.stack([1 - p, p], axis=1), population(neighbours=np.repeat([0, 20], 200)))]
    cell, crowded = ((k, SIZE_EDGES.index(4.0), RATIO_EDGES.index(20.0)) for k in (0, 1))
    without = choose_thresholds(simulated, 0.7, 0.95).cells
    assert without[cell].least == without[crowded].least == (0.7, 0.7)
    q = np.where(np.arange(400) % 4 < 2, p, np.where(p > 0.5, 0.2, 0.8))  # half wrong, below 0.8
    copies = (np.stack([1 - q, q], axis=1), degraded())
    for place in (cell, crowded):
        least = choose_thresholds([*simulated, copies], 0.7, 0.95).cells[place].least
        assert all(0.8 < one <= 0.99 for one in least)
    # Copies of another size say nothing of this one, and too few copies only all together.
    elsewhere = (copies[0], degraded(size=np.full(400, 20.0)))
    found = choose_thresholds([*simulated, elsewhere], 0.7, 0.95)
    assert found.cells[cell].least == (0.7, 0.7)
    assert np.isnan(np.array(found.totals["degraded images of MiraBest"])[:, 1]).all()
    few = degraded(size=np.where(np.arange(400) < 38, 5.0, 20.0))
    with pytest.raises(InputError, match="no thresholds were found"):
        choose_thresholds([*simulated, (copies[0], few)], 0.7, 0.95)


def test_cells_reach_from_edge_to_edge():
    neighbours, size, ratio = np.zeros(400, int), np.full(400, 0.5), np.full(400, 1.0)
    neighbours[:3], size[:4], ratio[:5] = (14, 15, 500), (2.0, 2.99, 3.0, 99), (5, 9.9, 10, 2, 1e5)
    members = cell_members(population(size=size, ratio=ratio, neighbours=neighbours))
    assert members[0, 1, 0].tolist() == [0]
    assert members[1, 1, 0].tolist() == [1]
    assert members[1, 2, 1].tolist() == [2]
    assert members[0, 5, 0].tolist() == [3]
    assert members[0, 0, 4].tolist() == [4]
    assert sum(len(rows) for rows in members.values()) == 400


def test_selections_weigh_sizes_and_points():
    one = population(
        label=np.repeat([0, 1, POINT, POINT], 100), true_size=np.repeat([2.0, 40.0, 0.0, 0.0], 100)
    )
    balanced, steep, points = one.selections().values()
    assert balanced[::100].tolist() == [1, 1, 0, 0]
    assert steep[::100].tolist() == [0.5, 1 / 40, 0, 0]
    assert points[:200].tolist() == steep[:200].tolist()
    # Of sizes uniform in the logarithm from 1 to 40, the mean of 1 / size is 0.975 / ln 40 = 0.264;
    # one point is simulated for two galaxies, and a survey has three for each.
    np.testing.assert_allclose(points[200:], 6 * 0.26431, rtol=1e-4)


def test_a_source_and_its_image_alone_are_simulated():
    drawn = [simulated_cutout(3, index) for index in range(6)]
    assert [model.label for model, _ in drawn] == 2 * [0, 1, POINT]
    found = simulate_population(6, 3)
    kept = [
        (model, cutout)
        for model, cutout in drawn
        if cutout.certain_size_in_beams >= LEAST_SIZE and "beyond_frame" not in cutout.flags
    ]
    assert len(found) == len(kept) > 1
    assert found.label.tolist() == [model.label for model, _ in kept]
    assert found.neighbours.tolist() == [cutout.neighbours for _, cutout in kept]
    for image, (_, cutout) in zip(found.images(1, source_alone=True), kept, strict=True):
        assert (image[0, ..., 0][~cutout.source_mask] == -1).all()
    for image, (_, cutout) in zip(found.images(1, source_alone=False), kept, strict=True):
        np.testing.assert_array_equal(image[0], cutout.network_input)


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
    "neighbours": [0.0, 9.0],
    "certain_size_beams": [1.0, 3.0],
    "peak_snr": [5.0, 50.0],
    "probability": [[[None, None], [[0.9, 0.95], [0.7, 0.8]]], [[None, None], [None, None]]],
    "fitted_on": "simulated sources",
}


def test_thresholds_are_attached_to_a_preset_and_replaced(preset, tmp_path):
    stated = tmp_path / "thresholds.json"
    before = open_model(preset / "tiny.tflite").metadata["network_sha256"]
    for first in (0.91, 0.9):
        STATED["probability"][0][1][0][0] = first
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
    assert "| 0 to 9 | over 3 | 0.9000 / 0.9500 | 0.7000 / 0.8000 |" in card
    assert f"| `tiny.keras` | {(preset / 'tiny.keras').stat().st_size} |" in card
    assert card.index("## Which") < card.index("## Files") < card.index("## Terms")


def test_a_file_without_thresholds_is_refused(preset, tmp_path, capsys):
    (tmp_path / "t.json").write_text('{"thresholds": {}}')
    assert attach.main(["tiny", str(tmp_path / "t.json"), "--folder", str(preset)]) == 2
    assert "holds no thresholds" in capsys.readouterr().err


class SureNetwork:
    """A network that is right, and sure of it."""

    name, uncertain_below, temperature, run = "sure", 0.7, 1.5, None

    def probabilities(self, population):
        p = np.where(population.label == 1, 0.99, 0.01)
        yield np.stack([1 - p, p], axis=1)


def test_the_command_writes_thresholds_table_and_figure(tmp_path, monkeypatch):
    write_population(tmp_path / "p.npz", population())
    monkeypatch.setattr(study, "open_network", lambda model: SureNetwork())
    output = tmp_path / "sure.json"
    assert study.main(["sure", "--output", str(output), "--cache", str(tmp_path / "p.npz")]) == 0
    found = json.loads(output.read_text())["thresholds"]
    assert are_thresholds(found)
    size, ratio = SIZE_EDGES.index(4.0), RATIO_EDGES.index(20.0)
    assert found["probability"][0][size][ratio] == [0.7, 0.7]
    assert found["probability"][0][size][ratio + 1] is None
    assert "| 0 to 15 | 4 to 6 | 20 to 50 | 400 |" in output.with_suffix(".md").read_text()
    assert output.with_suffix(".png").stat().st_size > 1000


class DoubtfulNetwork(SureNetwork):
    """It is right and sure of simulated sources; half of its answers at 0.8 for copies are not."""

    def probabilities(self, population):
        p = np.where(population.label == 1, 0.99, 0.01)
        if population.true_size is None:
            wrong = np.arange(len(population)) % 4 >= 2
            p = np.where(wrong, np.where(p > 0.5, 0.2, 0.8), p)
        yield np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize("way", [["--configuration", "p4m", "--parts", "2"], ["--trained-copies"]])
def test_a_preset_is_judged_by_degraded_copies_too(way, tmp_path, monkeypatch):
    write_population(tmp_path / "p.npz", population())
    network, copies, asked = DoubtfulNetwork(), degraded(), []
    monkeypatch.setattr(study, "open_network", lambda model: network)
    monkeypatch.setattr(study, "fold_networks", lambda folder, name, parts: [name] * parts)

    def classified(networks, temperature, data_dir, report_progress):
        asked.append((networks, temperature))
        return next(network.probabilities(copies)), copies

    monkeypatch.setattr(study, "classified_copies", classified)
    monkeypatch.setattr(study, "load_sources", lambda *_: range(3))
    monkeypatch.setattr(study, "degraded_copies", lambda sources, rows, source_done: copies)
    output = tmp_path / "sure.json"
    arguments = ["sure", "--output", str(output), "--cache", str(tmp_path / "p.npz")]
    assert study.main([*arguments, *way]) == 0
    assert asked == ([(["p4m", "p4m"], 1.5)] if way[0] == "--configuration" else [])
    size, ratio = SIZE_EDGES.index(4.0), RATIO_EDGES.index(20.0)
    found = json.loads(output.read_text())["thresholds"]
    assert all(0.8 < one <= 0.99 for one in found["probability"][0][size][ratio])
    in_sample = "of sources that the network was trained on" in found["fitted_on"]
    assert in_sample == (way == ["--trained-copies"])


def test_missing_images_are_told_before_sources_are_simulated(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "open_network", lambda model: SureNetwork())
    monkeypatch.setattr(study, "simulate_population", None)
    arguments = ["sure", "--output", str(tmp_path / "t.json"), "--trained-copies"]
    assert study.main([*arguments, "--data-dir", str(tmp_path / "nowhere")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: the data folder, ")
    assert told.count("\n") == 1


def test_out_of_fold_and_trained_copies_exclude_each_other(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "open_network", lambda model: SureNetwork())
    arguments = ["sure", "--output", str(tmp_path / "t.json"), "--configuration", "p4m"]
    assert study.main([*arguments, "--trained-copies"]) == 2
    told = capsys.readouterr().err
    assert told == "error: --configuration and --trained-copies exclude each other: give one\n"


def test_a_network_without_a_temperature_is_one_line(tmp_path, monkeypatch, capsys):
    network = SureNetwork()
    network.temperature = None
    monkeypatch.setattr(study, "open_network", lambda model: network)
    arguments = ["sure", "--output", str(tmp_path / "t.json"), "--configuration", "p4m"]
    assert study.main(arguments) == 2
    told = capsys.readouterr().err
    assert told == "error: sure states no temperature, which --configuration needs\n"


def test_the_figure_shows_percent_on_cells_and_colour_bar():
    p = np.tile([[0.99, 0.01], [0.01, 0.99]], (200, 1))
    choices = choose_thresholds([(p, population())], 0.7, 0.95).cells
    figure = given_figure(choices)
    crowded, bar = figure.axes[1], figure.axes[-1]
    size, ratio = SIZE_EDGES.index(4.0), RATIO_EDGES.index(20.0)
    texts = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert texts[ratio, size] == "100"
    assert {text.get_text() for text in crowded.texts} == {"x"}
    assert bar.get_ylim() == (0, 100)
    assert "%" in bar.get_ylabel()


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


def test_sources_are_not_simulated_for_a_folder_that_does_not_exist(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(study, "open_network", lambda model: SureNetwork())
    monkeypatch.setattr(study, "simulate_population", None)
    cache, output = tmp_path / "nowhere" / "p.npz", tmp_path / "sure.json"
    assert study.main(["sure", "--output", str(output), "--cache", str(cache)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: --cache {cache}: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize("content", [b"not JSON", b"[]", b"{}", b'{"calibration": {}}'])
def test_damaged_metadata_of_a_preset_are_one_line(preset, content, tmp_path, capsys):
    import zipfile

    damaged = tmp_path / "damaged.keras"
    with zipfile.ZipFile(preset / "tiny.keras") as old, zipfile.ZipFile(damaged, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == ORIGIN_MEMBER else old.read(member))
    assert study.main([str(damaged), "--output", str(tmp_path / "t.json")]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {damaged} has a damaged {ORIGIN_MEMBER}")
    assert told.count("\n") == 1


@pytest.mark.parametrize(("wanted", "width"), [(0.5, 100), (20.0, 100), (5.0, 200)])
def test_neighbours_have_the_wanted_density(wanted, width):
    draws = 400
    random, counts = np.random.default_rng(6), []
    for _ in range(draws):
        found = draw_neighbours(random, wanted, width)
        near = (abs(found.east) < 25 * BEAM) & (abs(found.north) < 25 * BEAM)
        counts.append(np.count_nonzero(near & (found.flux >= 5 * NOISE)))
    assert np.mean(counts) == pytest.approx(wanted, abs=4 * np.sqrt(wanted / draws))


def test_the_table_of_surveys_counts_with_and_without_thresholds():
    """Four sources, of 2, 2, 5 and 5 beams; the small ones are unresolved with thresholds."""
    probabilities = iter([0.1, 0.9, 0.2, 0.9])

    class Known:
        rules = LabelRules(
            thresholds=ClassThresholds((0.0,), (1.0, 4.0), (5.0,), (((None,), ((0.7, 0.7),)),))
        )

        def network_input(self, cutout):
            return cutout.network_input[np.newaxis]

        def predict(self, images):
            p = next(probabilities)
            return {"probabilities": np.array([[1 - p, p]])}

    plain = cutout_from_array(tiny_model_file.radio_galaxy())
    examples = [
        (replace(plain, largest_angular_size=9 * BEAM, certain_size=size * BEAM), label)
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
