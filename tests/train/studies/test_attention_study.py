"""What attention does, on simulated sources and an untrained network."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_astroattn.datasets import Sources
from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.errors import InputError
from keras_astroattn.evaluation import EQUIVARIANCE_TESTS
from keras_astroattn.images import to_network_units
from keras_astroattn.models import AGCNN, ClassicCNN, EquivariantAGCNN
from train.cross_validation import folds
from train.studies.attention.__main__ import MARKS, _sources, main
from train.studies.attention.document import document, faithfulness_table, findings
from train.studies.attention.legend import COLUMNS
from train.studies.attention.maps import ORDERS, for_class, gradient_times_activation, value_patches
from train.studies.attention.measure import TitledNetwork, measure, open_network
from train.studies.attention.measured import pooled
from train.studies.attention.records import by_source, tabulate
from train.studies.attention.region_perturbation import INSTALL, region_perturbation


@pytest.fixture(scope="module")
def equivariant(tmp_path_factory):
    """A file of an untrained network, and its model."""
    keras.utils.set_random_seed(2)
    model = EquivariantAGCNN(name="untrained")
    path = tmp_path_factory.mktemp("model") / "untrained.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def sources():
    return simulate(4, seed=3)


def measured_by(network, sources):
    """Measure with the last test of every group, to save time."""
    last = tuple({one.group: one for one in EQUIVARIANCE_TESTS}.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.studies.attention.measure.EQUIVARIANCE_TESTS", last)
        return measure(network, sources.image, sources.label, sources.name, 4, 2, quantus=False)


@pytest.fixture(scope="module")
def measured(equivariant, sources):
    return measured_by(open_network(str(equivariant)), sources)


@pytest.fixture(scope="module")
def with_votes(sources):
    """Measurements of an untrained network with votes; gradients, which take long, are noise."""
    keras.utils.set_random_seed(3)
    network = TitledNetwork(
        "votes",
        AGCNN(aggregation="votes", normalization="sigmoid", psi_bias=0.0, dropout=0.0),
    )
    noise = np.random.default_rng(0).random(sources.image.shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "train.studies.attention.maps.gradient_maps",
            lambda *_, methods, **__: dict.fromkeys(methods, noise),
        )
        return measured_by(network, sources)


def test_maps_of_an_equivariant_network_turn_with_the_image_exactly(measured):
    for one in measured.transformed:
        if one.test.group == "8 symmetries":
            np.testing.assert_array_equal(one.predicted, measured.predicted)
            for name, followed in one.followed.items():
                np.testing.assert_allclose(followed, 1, atol=1e-4, err_msg=name)
            np.testing.assert_allclose(one.common, 1, atol=1e-3)


def test_all_orders_begin_and_end_alike(measured):
    by_order = [*measured.highest.values(), *measured.lowest.values(), *measured.random]
    ends = {(one[0].probability[0], one[0].probability[-1]) for one in by_order}
    assert len(ends) == 1
    assert len(measured.random) == 2
    assert set(measured.highest) == set(ORDERS) - {"evidence, patch sums", "evidence, patch means"}
    for row, losses in enumerate(measured.losses):
        for deletions in by_order:
            assert len(deletions[row].deleted) == len(losses) + 2


def test_lowest_first_is_highest_first_of_the_other_map(measured):
    """The deletion of all but the lowest patch is a step of both directions."""
    for order, highest in measured.highest.items():
        for one, other in zip(highest, measured.lowest[order], strict=True):
            steps = np.diff(one.deleted)[:-1]
            np.testing.assert_allclose(np.diff(other.deleted)[:-1], steps[::-1], atol=1e-12)


def test_the_oracle_begins_with_the_patch_that_takes_most_alone(measured):
    for losses, one in zip(measured.losses, measured.highest["oracle"], strict=True):
        assert one.margin[0] - one.margin[1] == pytest.approx(losses.max(), abs=1e-5)
    known = np.array([len(losses) > 2 for losses in measured.losses])
    np.testing.assert_allclose(measured.faithfulness["oracle"].rank[known], 1)


def test_evidence_gives_two_orders_in_place_of_the_gradient(with_votes):
    assert set(with_votes.highest) == set(ORDERS) - {"gradient x activation"}
    assert "evidence" in with_votes.flipping
    table = faithfulness_table(tabulate(with_votes).faithfulness)
    assert "| evidence, patch sums | all (4) |" in table
    assert "Quantus" not in table
    assert "Consistency training" in document([tabulate(with_votes)], "simulated sources")


def test_evidence_is_that_of_the_predicted_class_summed_or_averaged():
    signed = np.array([[[3.0, 1.0, -2.0, 0.0]], [[3.0, 1.0, -2.0, 0.0]]])
    patches = np.array([[[1, 1, 2, 0]]] * 2)
    images = np.array([[[4, 2, 6, 0]]] * 2, np.uint8)
    maps = for_class({"evidence": signed, "mean": signed}, np.array([1, 0]))
    found = value_patches(images, patches, maps)
    np.testing.assert_array_equal(found["evidence, patch sums"], [[4, -2], [-4, 2]])
    np.testing.assert_array_equal(found["evidence, patch means"], [[2, -2], [-2, 2]])
    np.testing.assert_array_equal(found["attention"], [[2, -2]] * 2)
    np.testing.assert_array_equal(found["brightness"], [[3, 6]] * 2)


def test_networks_of_one_title_are_averaged_source_by_source(measured):
    assert pooled([measured]) is measured
    twice = pooled([measured, measured])
    assert twice.networks == 2
    one, both = tabulate(measured), tabulate(twice)
    assert both.sources == one.sources == 4
    for name in ("equivariance", "regions", "faithfulness"):
        for first, second in zip(getattr(one, name), getattr(both, name), strict=True):
            assert first == pytest.approx(second, nan_ok=True)


def test_means_and_rows_by_source():
    values = np.array([1.0, 5.0, 3.0, np.nan, np.nan])
    means, rows = by_source(values, np.array(["b", "a", "b", "a", "c"]))
    np.testing.assert_array_equal(means, [5, 2])
    np.testing.assert_array_equal(rows, [1, 0])


def test_gradient_x_activation_of_a_linear_head_adds_up_to_the_margin(sources):
    """The paper's `concat`: logits = W [v_1, v_2, v_3] + b, and b is 0 to begin with."""
    keras.utils.set_random_seed(1)
    model = AGCNN(normalization="sigmoid", aggregation="concat")
    logits = model.predict(to_network_units(sources.image[..., np.newaxis]), verbose=0)
    found = gradient_times_activation(model, sources.image, np.array([0, 1, 0, 1]))
    margins = logits[:, 0] - logits[:, 1]
    # bilinear resizing keeps a sum but for the edges of the coarse maps
    np.testing.assert_allclose(
        found.sum(axis=(1, 2)), margins * [1, -1, 1, -1], atol=0.05 * np.abs(margins).max()
    )


def test_the_document_compares_the_orders_of_deletion(measured):
    tables = tabulate(measured)
    text = document([tables], "simulated sources")
    for heading in (
        "## untrained",
        "### Does attention follow",
        "### Does attention lie",
        "### Does the class depend",
    ):
        assert heading in text
    lines = findings(tables)
    assert sum("compared with random order" in line for line in lines) == len(measured.highest)
    named = {f"predicted {name}" for name in ("FRI", "FRII")}
    said = {name for name in named if f"for sources {name}:" in text}
    assert said == {f"predicted {('FRI', 'FRII')[one]}" for one in set(measured.predicted)}
    rows = {row["order"]: row for row in tables.faithfulness if row["class"] == "whole"}
    low, high = (rows["attention"][f"deletion_{end}"] for end in ("low", "high"))
    verdict = "falls faster" if high < 0 else "falls more slowly" if low > 0 else "does not differ"
    assert f"Deletion by attention, compared with random order: the probability {verdict}" in text
    assert rows["oracle"]["of_oracle"] == pytest.approx(1, nan_ok=True)
    assert "deletion" not in rows["random"]
    assert "flipping" in rows["random"]
    for _, title, _, meaning in COLUMNS:
        assert f"- *{title}*: {meaning}" in text


def test_a_second_call_measures_nothing_again(
    equivariant, measured, sources, tmp_path, small_cache, monkeypatch
):
    from keras_astroattn.datasets import load_sources

    calls = []

    def measuring(network, images, labels, names, patches, draws, quantus, on_step):
        calls.append((len(names), patches, draws, quantus))
        return measured

    monkeypatch.setattr("train.studies.attention.__main__.measure", measuring)
    monkeypatch.setattr(
        "train.studies.attention.__main__.load_sources",
        lambda data, split, folder: load_sources(data, split, cache_dir=small_cache),
    )
    # The gradients of the networks in the figures take long.
    monkeypatch.setattr(
        "train.studies.attention.figures.read_gradients",
        lambda model, images, classes: {"Grad-CAM": images.astype(np.float32)},
    )
    page = tmp_path / "attention.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    call = [str(equivariant), "--data", "simulated", "--limit", "4", "--patches", "3"]
    call += ["--output", str(tmp_path / "out"), "--document", str(page), "--no-quantus"]
    call += ["--figures", str(tmp_path / "figures")]
    assert main(call) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "## untrained" in text
    assert (tmp_path / "figures" / "attention_deletion.png").is_file()
    assert main(call) == 0
    assert page.read_text() == text
    assert calls == [(4, 3, 5, False)]
    monkeypatch.setattr("train.studies.attention.__main__.save_figures", lambda *_: None)
    assert main([*call, "--draws", "2"]) == 0
    assert calls[1:] == [(4, 3, 2, False)]


def test_what_cannot_be_measured(tmp_path, capsys):
    with pytest.raises(InputError, match="nowhere"):
        open_network("nowhere")
    ClassicCNN().save(tmp_path / "classic.keras")
    with pytest.raises(InputError, match="no attention gates"):
        open_network(str(tmp_path / "classic.keras"))
    assert main(["--document", str(tmp_path / "none.md")]) == 2
    assert "has no lines" in capsys.readouterr().err
    assert main(["--data", "simulated", "--fold", "0"]) == 2
    assert "--fold must be 0 to 4, with --data mirabest-confident" in capsys.readouterr().err
    assert main(["one", "--fold", "0", "--fold", "1"]) == 2
    assert "--fold is given 2 times for 1 networks" in capsys.readouterr().err


def test_held_out_sources_are_those_of_the_cross_validation(monkeypatch):
    """Part 1 of the sources outside of the test batch."""
    count = 50
    labels = np.arange(count) % 2
    columns = {field.name: np.zeros(count) for field in dataclasses.fields(Sources)}
    split = np.where(np.arange(count) % 5 == 0, "test", "train")
    name, image = np.arange(count).astype(str), np.ones((count, 2, 2), np.uint8)
    columns |= {"label": labels, "split": split, "name": name, "image": image, "checksum": ""}
    asked = []

    def loading(data, split, folder):
        asked.append((data, split))
        return Sources(**columns)

    monkeypatch.setattr("train.studies.attention.__main__.load_sources", loading)
    found = _sources("mirabest-confident", "train", 1, None, None)
    assert asked == [("mirabest-confident", "all")]
    held_out = folds(labels)[1]
    assert found.name.tolist() == [str(row) for row in held_out if row % 5]


@pytest.mark.slow
def test_quantus_agrees_that_the_bright_square_matters():
    pytest.importorskip("quantus", reason=f"{INSTALL} to measure region perturbation")
    images = np.zeros((2, 40, 40), np.uint8)
    images[:, 5:8, 5:8], images[:, 35:38, 15:18] = 255, 100
    # logit 1 less logit 0: the mean of the pixels in the first quarter of the frame.
    frame = keras.Input((40, 40, 1))
    part = keras.layers.Cropping2D(((0, 20), (0, 20)))(frame)
    pooled_part = keras.layers.GlobalAveragePooling2D()(part)
    model = keras.Model(frame, keras.layers.Dense(2, name="logits")(pooled_part))
    model.get_layer("logits").set_weights([np.array([[0.0, 40.0]]), np.array([0.0, 39.0])])
    logit = 40 * (2 * 9 / 400 - 1) + 39  # 0.8; -1 without the square
    loss = 1 / (1 + np.exp(-logit)) - 1 / (1 + np.exp(1))
    first, second = np.zeros((2, 40, 40)), np.zeros((2, 40, 40))
    first[:, 0:10, 0:10], first[:, 30:40, 10:20] = 2, 1
    second[:, 0:10, 0:10], second[:, 30:40, 10:20] = 1, 2
    maps = np.stack([first[0], second[0]])
    found = region_perturbation(model, images, np.array([1, 1]), maps, 2)
    # The square that matters goes at once, or as the second of two.
    np.testing.assert_allclose(found, [loss, loss / 2], rtol=1e-5)
