"""What attention does, on simulated sources and an untrained network."""

import keras
import numpy as np
import pytest

from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.errors import InputError
from keras_astroattn.images import to_network_units
from keras_astroattn.models import AGCNN, ClassicCNN, EquivariantAGCNN
from train.studies.attention.__main__ import MARKS, main
from train.studies.attention.document import document, findings
from train.studies.attention.maps import attended_evidence
from train.studies.attention.measure import measure, open_network
from train.studies.attention.records import tabulate


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


@pytest.fixture(scope="module")
def measured(equivariant, sources):
    return measure(open_network(str(equivariant)), sources.image, sources.label, 4, 2)


def test_maps_of_an_equivariant_network_turn_with_the_image_exactly(measured):
    for one in measured.moved:
        if one.move.group == "8 symmetries":
            np.testing.assert_array_equal(one.predicted, measured.predicted)
            for name, followed in one.followed.items():
                np.testing.assert_allclose(followed, 1, atol=1e-4, err_msg=name)
            np.testing.assert_allclose(one.common, 1, atol=1e-3)


def test_all_orders_begin_and_end_alike(measured):
    ends = {
        (draw[0].probability[0], draw[0].probability[-1])
        for draws in measured.deletions.values()
        for draw in draws
    }
    assert len(ends) == 1
    assert len(measured.deletions["random"]) == 2
    for row, patches in enumerate(measured.patches.max(axis=(1, 2))):
        for draws in measured.deletions.values():
            assert len(draws[0][row].deleted) == patches + 2
        assert len(measured.alone[row]) == patches
    least, most = measured.orders["least attention"], measured.orders["attention"]
    np.testing.assert_array_equal(least[0], most[0][::-1])


def test_a_patch_deleted_alone_is_the_first_step_of_an_order(measured):
    for row, order in enumerate(measured.orders["attention"]):
        found = measured.deletions["attention"][0][row]
        lost = found.margin[0] - found.margin[1]
        assert measured.alone_margin[row][order[0] - 1] == pytest.approx(lost)
        others = np.delete(measured.alone_margin[row], order[0] - 1)
        assert measured.first_against_others("attention", margin=True)[row] == pytest.approx(
            lost - others.mean()
        )


def test_attended_evidence_of_a_linear_head_adds_up_to_the_margin(sources):
    """The paper's `concat`: logits = W [v_1, v_2, v_3] + b, and b is 0 to begin with."""
    keras.utils.set_random_seed(1)
    model = AGCNN(normalization="sigmoid", aggregation="concat")
    logits = model.predict(to_network_units(sources.image[..., np.newaxis]), verbose=0)
    found = attended_evidence(model, sources.image, np.array([0, 1, 0, 1]))
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
    told = findings(tables)
    assert sum("compared with random order" in line for line in told) == 4
    named = {f"predicted {name}" for name in ("FRI", "FRII")}
    said = {name for name in named if f"for sources {name}:" in text}
    assert said == {f"predicted {('FRI', 'FRII')[one]}" for one in set(measured.predicted)}
    rows = {row["order"]: row for row in tables.deletion if row["class"] == "whole"}
    low, high = (rows["attention"][f"probability_less_random_{end}"] for end in ("low", "high"))
    verdict = "falls faster" if high < 0 else "falls more slowly" if low > 0 else "does not differ"
    assert f"Deletion by attention, compared with random order: the probability {verdict}" in text
    assert rows["random"]["probability_less_random"] == 0


def test_a_second_call_measures_nothing_again(
    equivariant, measured, sources, tmp_path, small_cache, monkeypatch
):
    from keras_astroattn.datasets import load_sources

    calls = []

    def measuring(network, images, labels, patches, draws, on_step):
        calls.append((images.shape, patches, draws))
        return measured

    monkeypatch.setattr("train.studies.attention.__main__.measure", measuring)
    monkeypatch.setattr(
        "train.studies.attention.__main__.load_sources",
        lambda data, split, folder: load_sources(data, split, cache_dir=small_cache),
    )
    page = tmp_path / "attention.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n")
    call = [str(equivariant), "--data", "simulated", "--limit", "4", "--patches", "3"]
    call += ["--output", str(tmp_path / "out"), "--document", str(page)]
    assert main(call) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "## untrained" in text
    assert (tmp_path / "images" / "attention_deletion.png").is_file()
    assert main(call) == 0
    assert page.read_text() == text
    assert calls == [((4, 150, 150), 3, 5)]
    monkeypatch.setattr("train.studies.attention.__main__.save_figures", lambda *_: None)
    assert main([*call, "--draws", "2"]) == 0
    assert calls[1:] == [((4, 150, 150), 3, 2)]


def test_what_cannot_be_measured(tmp_path, capsys):
    with pytest.raises(InputError, match="nowhere"):
        open_network("nowhere")
    ClassicCNN().save(tmp_path / "classic.keras")
    with pytest.raises(InputError, match="no attention gates"):
        open_network(str(tmp_path / "classic.keras"))
    assert main(["--document", str(tmp_path / "none.md")]) == 2
    assert "has no lines" in capsys.readouterr().err
