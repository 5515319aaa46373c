"""What a run leaves in its folder."""

import csv
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from support.html_elements import Elements

from keras_astroattn.datasets import load_sources
from keras_astroattn.images import to_network_units
from keras_astroattn.models import EquivariantAGCNN

Command = Callable[..., tuple[int, str, str]]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_every_file_and_no_other(reference_run) -> None:
    files = {
        str(path.relative_to(reference_run.folder))
        for path in reference_run.folder.rglob("*")
        if path.is_file() and "tensorboard" not in path.parts
    }
    snapshots = {f"attention/epoch_000{n}.{suffix}" for n in (1, 2, 3) for suffix in ("npz", "png")}
    assert files == {
        "config.json",
        "history.csv",
        "losses.png",
        "best.keras",
        "last.keras",
        "evaluation.json",
        "report.html",
        "attention/progress.png",
        *snapshots,
    }


def test_config_json_holds_options_versions_and_the_checksum(reference_run, small_cache) -> None:
    saved = json.loads((reference_run.folder / "config.json").read_text())
    assert saved["config"]["seed"] == 3
    assert saved["config"]["dropout"] == 0.3
    assert saved["config"]["recipe"] == "fast"
    assert saved["versions"]["keras"] == version("keras")
    assert saved["versions"]["tensorflow"] == version("tensorflow")
    sources = load_sources("simulated", "train", cache_dir=small_cache)
    assert saved["data"] == {
        "name": "simulated",
        "checksum": sources.checksum,
        "training": 16,
        "validation": 4,
        "fri_share": 0.625,
    }


def test_the_history_has_a_row_an_epoch(reference_run) -> None:
    rows = rows_of(reference_run.folder)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {"epoch", "seconds", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())


def test_snapshots_hold_every_gates_map_of_both_classes(reference_run) -> None:
    with np.load(reference_run.folder / "attention" / "epoch_0002.npz") as snapshot:
        assert snapshot["label"].tolist() == [0, 1]
        assert snapshot["image"].dtype == np.uint8
        shapes = {name: snapshot[name].shape for name in snapshot.files}
        assert all(np.isfinite(snapshot[f"attention_{gate}"]).all() for gate in (1, 2, 3))
    # Gate k's map has the size of stage 4 - k.
    assert shapes["attention_1"] == (2, 37, 37)
    assert shapes["attention_2"] == (2, 75, 75)
    assert shapes["attention_3"] == (2, 150, 150)
    assert shapes["attention_mean"] == shapes["image"] == (2, 150, 150)


@pytest.mark.parametrize(
    "name", ["losses.png", "attention/progress.png", "attention/epoch_0001.png"]
)
def test_pictures_can_be_opened_and_are_not_blank(reference_run, name: str) -> None:
    with Image.open(reference_run.folder / name) as picture:
        low, high = picture.convert("L").getextrema()
        assert min(picture.size) > 200
    assert high - low > 100


def test_the_report_shows_every_epoch_and_every_misclassified_source(reference_run) -> None:
    text = (reference_run.folder / "report.html").read_text()
    data = json.loads(Elements(text).texts[1])
    assert data["epochs"] == [1, 2, 3]
    assert [one["label"] for one in data["probes"]] == ["FRI", "FRII"]
    with np.load(reference_run.folder / "attention" / "epoch_0002.npz") as snapshot:
        odds = snapshot["logits"][:, 1] - snapshot["logits"][:, 0]
    found = [one["p_frii"][1] for one in data["probes"]]
    assert found == pytest.approx((1 / (1 + np.exp(-odds))).tolist(), abs=1e-4)
    names = ["mean attention", "gate 1", "gate 2", "gate 3"]
    assert [list(one["maps"]) for one in data["probes"]] == [names, names]
    saved = json.loads((reference_run.folder / "evaluation.json").read_text())["clean"]
    assert len(data["wrong"]) == round((1 - saved["accuracy"]) * saved["images"])
    for row in data["wrong"]:
        source = dict(zip(data["fields"], row, strict=True))
        assert (source["p_frii"] > 0.5) == (source["label"] == "FRI")
        assert source["picture"]
        assert source["attention"]
    assert "validation, one clean pass" in text
    assert text.count("<svg") == 2  # losses and accuracies


def test_the_saved_model_gives_the_saved_accuracy(reference_run, small_cache) -> None:
    model = keras.models.load_model(reference_run.folder / "best.keras")
    saved = json.loads((reference_run.folder / "evaluation.json").read_text())
    assert saved["sources"] == "validation"
    names = set(load_sources("simulated", "train", cache_dir=small_cache).name)
    # Which four were held out, the run does not say: split them as it did, from its seed.
    from train.configuration import TrainConfig
    from train.sources import split_sources

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_ASTROATTN_CACHE", str(small_cache))
        split = split_sources(TrainConfig(data="simulated", seed=3), "simulated")
    held_out = split.validation
    assert set(held_out.name) | set(split.training.name) == names
    assert not set(held_out.name) & set(split.training.name)
    logits = np.asarray(model(to_network_units(held_out.image)[..., None]))
    right = float((logits.argmax(-1) == held_out.label).mean())
    assert saved["clean"]["accuracy"] == pytest.approx(right, abs=1e-9)
    # The best epoch's validation loss, manually from the logits.
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    loss = -log_probabilities[np.arange(4), held_out.label].mean()
    best = min(float(row["val_loss"]) for row in rows_of(reference_run.folder))
    assert loss == pytest.approx(best, rel=1e-4)


def test_tensorboard_has_the_losses_and_the_attention(reference_run) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (
        TENSORS,
        EventAccumulator,
    )
    from tensorflow import make_ndarray

    def events(part: str) -> EventAccumulator:
        folder = str(reference_run.folder / "tensorboard" / part)
        return EventAccumulator(folder, size_guidance={TENSORS: 0}).Reload()

    rows = rows_of(reference_run.folder)
    for part, column in (("train", "loss"), ("validation", "val_loss")):
        logged = [float(make_ndarray(e.tensor_proto)) for e in events(part).Tensors("epoch_loss")]
        assert logged == pytest.approx([float(row[column]) for row in rows], rel=1e-5)
    images = events("attention").Tensors("attention")
    assert [image.step for image in images] == [0, 1, 2]
    # An image summary is width, height, PNG.
    assert make_ndarray(images[0].tensor_proto)[2].startswith(b"\x89PNG")


def test_no_gates_no_validation_tested_in_both_protocols(
    command: Command, small_data: Path, tmp_path: Path
) -> None:
    status, out, err = command(
        "--data simulated --gates 0 --epochs 2 --batch-size 8 --train-limit 8",
        "--validation-fraction 0 --evaluate test --protocol-repeats 2",
        "--optimizer",
        "sgd",
        "--output",
        tmp_path / "run",
    )
    assert (status, err) == (0, "")
    assert not (tmp_path / "run" / "attention").exists()
    saved = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert saved["sources"] == "test"
    assert (saved["clean"]["images"], saved["clean"]["predictions"]) == (8, 8)
    assert (saved["pooled"]["images"], saved["pooled"]["predictions"]) == (8, 16)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["data"]["training"], config["data"]["validation"]) == (8, 0)
    assert "val_loss" not in rows_of(tmp_path / "run")[0]
    # Without validation the best is the last.
    best, last = (
        keras.models.load_model(tmp_path / "run" / f"{n}.keras") for n in ("best", "last")
    )
    for one, other in zip(best.get_weights(), last.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert "test, one clean pass" in out
    assert str(tmp_path / "run" / "best.keras") in out


def test_the_papers_training_can_be_shortened(
    command: Command, small_data: Path, tmp_path: Path
) -> None:
    status, _, err = command(
        "--data simulated --recipe paper --gates 1 --scope batch --epochs 1 --passes 1",
        "--validation-passes",
        "2",
        "--output",
        tmp_path / "run",
    )
    assert (status, err) == (0, "")
    network = keras.models.load_model(tmp_path / "run" / "best.keras")
    assert (network.normalization, network.aggregation) == ("range_norm", "ft")
    assert (network.pooling, network.scope) == ("sum", "batch")
    assert len(rows_of(tmp_path / "run")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(
    command: Command, small_data: Path, tmp_path: Path, policy: str
) -> None:
    status, _, err = command(
        *f"--data simulated --gates 1 --epochs 1 --dtype-policy {policy}".split(),
        "--batch-size",
        "8",
        "--optimizer",
        "sgd",
        "--output",
        tmp_path / "run",
    )
    assert (status, err) == (0, "")
    network = keras.models.load_model(tmp_path / "run" / "best.keras")
    assert network.get_layer("stage_1_block_1_conv").compute_dtype == policy.split("_")[1]
    assert network(np.zeros((1, 150, 150, 1), np.float32)).dtype.name == "float32"
    assert np.isfinite(float(rows_of(tmp_path / "run")[0]["loss"]))


def test_float16_scales_its_loss() -> None:
    from train.configuration import TrainConfig
    from train.loop import build

    model = build(TrainConfig(gates=0, dtype_policy="mixed_float16"), sources=10)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert not isinstance(
        build(TrainConfig(gates=0), sources=10).optimizer, keras.optimizers.LossScaleOptimizer
    )


@pytest.mark.slow
def test_a_training_that_diverges_says_so(
    command: Command, small_data: Path, tmp_path: Path
) -> None:
    status, _, err = command(
        "--data simulated --gates 0 --epochs 2 --learning-rate 1e30 --optimizer sgd",
        "--batch-size",
        "4",
        "--output",
        tmp_path / "run",
    )
    assert status == 2
    assert err.count("\n") == 1
    assert "lower --learning-rate" in err
    assert not (tmp_path / "run" / "evaluation.json").exists()


def test_a_network_with_symmetry_trains_on_all_sources(
    command: Command, small_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "p4m"
    status, out, _ = command(
        "--data simulated --symmetry p4m --split all --epochs 1 --batch-size 8 --output", folder
    )
    assert status == 0
    assert "p4m, 3 gates" in out
    network = keras.models.load_model(folder / "best.keras")
    assert type(network) is EquivariantAGCNN
    data = json.loads((folder / "config.json").read_text())["data"]
    everything = load_sources("simulated", "all", cache_dir=small_data)
    training = load_sources("simulated", "train", cache_dir=small_data)
    assert data["training"] + data["validation"] == len(everything) > len(training)
    with np.load(folder / "attention" / "epoch_0001.npz") as maps:
        shapes = {maps[name].shape[-2:] for name in maps.files}
    assert {(18, 18), (37, 37), (75, 75)} <= shapes
