"""Each callback by itself, on a network of a few weights."""

import io
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from keras_astroattn.callbacks import (
    AttentionSnapshots,
    Checkpoints,
    EpochSeed,
    FiniteLoss,
    HistoryFile,
    TrainingProgress,
    attention_snapshots,
    committed,
    draw_progress,
    read_history,
    remove_committed,
)
from keras_astroattn.errors import InputError
from keras_astroattn.models import AGCNN


@pytest.fixture
def model() -> keras.Model:
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)], name="network")
    image = keras.Input((3,))
    fitted = keras.Model(image, network(keras.layers.Dropout(0.5)(image)))
    fitted.compile("sgd", "mse")
    return fitted


def first_weight(path: Path) -> float:
    return float(keras.models.load_model(path).get_weights()[1][0])


def set_bias(network: keras.Model, value: float) -> None:
    kernel, _ = network.get_weights()
    network.set_weights([kernel, np.array([value], np.float32)])


def test_best_is_of_the_lowest_loss_and_last_of_the_last(model, tmp_path: Path) -> None:
    network = model.get_layer("network")
    callback = Checkpoints(network, tmp_path)
    callback.set_model(model)
    for epoch, loss in enumerate([0.9, 0.4, 0.4, 0.6]):
        set_bias(network, epoch)
        callback.on_epoch_end(epoch, {"val_loss": loss})
    assert first_weight(tmp_path / "best.keras") == 1
    assert first_weight(tmp_path / "last.keras") == 3
    assert committed(tmp_path) == {4: tmp_path / "resume_0004.keras"}
    remove_committed(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.keras", "last.keras"]


def test_without_validation_best_is_the_last(model, tmp_path: Path) -> None:
    callback = Checkpoints(model.get_layer("network"), tmp_path)
    callback.set_model(model)
    for epoch in range(2):
        set_bias(callback.network, epoch)
        callback.on_epoch_end(epoch, {"loss": 1.0 + epoch})
    assert first_weight(tmp_path / "best.keras") == 1


def test_the_best_before_a_resume_is_kept(model, tmp_path: Path) -> None:
    callback = Checkpoints(model.get_layer("network"), tmp_path, best=0.5)
    callback.set_model(model)
    callback.on_epoch_end(7, {"val_loss": 0.6})
    assert not (tmp_path / "best.keras").exists()
    callback.on_epoch_end(8, {"val_loss": 0.3})
    assert (tmp_path / "best.keras").exists()


def test_files_of_another_name_are_no_commits(tmp_path: Path) -> None:
    for name in ("resume_.keras", "resume_0003.keras.bak", ".1a.partial.resume_0009.keras"):
        (tmp_path / name).touch()
    (tmp_path / "resume_12345.keras").touch()
    assert list(committed(tmp_path)) == [12345]


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_kill_between_the_renames_leaves_whole_files(
    model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed_at: int
) -> None:
    class Killed(BaseException):
        pass

    network = model.get_layer("network")
    callback = Checkpoints(network, tmp_path)
    callback.set_model(model)
    set_bias(network, 1)
    callback.on_epoch_end(0, {"val_loss": 0.9})
    rename, renamed = os.replace, []

    def replace(source, target):
        renamed.append(Path(target).name)
        if len(renamed) == killed_at:
            raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    set_bias(network, 2)
    with pytest.raises(Killed):
        callback.on_epoch_end(1, {"val_loss": 0.8})
    monkeypatch.undo()
    assert renamed == ["best.keras", "last.keras", "resume_0002.keras"][:killed_at]
    assert first_weight(tmp_path / "best.keras") == (1 if killed_at == 1 else 2)
    assert first_weight(tmp_path / "last.keras") == (1 if killed_at <= 2 else 2)
    assert list(committed(tmp_path)) == [1]


def test_an_epochs_random_numbers_depend_on_seed_and_epoch_alone(model) -> None:
    def drawn(seed: int, epoch: int) -> np.ndarray:
        callback = EpochSeed(seed)
        callback.set_model(model)
        callback.on_epoch_begin(epoch)
        return np.asarray(model.layers[1](np.ones((8, 50), np.float32), training=True))

    first = drawn(1, 4)
    assert not np.array_equal(drawn(1, 5), first)
    assert not np.array_equal(drawn(2, 4), first)
    np.testing.assert_array_equal(drawn(1, 4), first)


def test_the_history_is_on_disk_after_each_epoch_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    loss = float(np.float32(0.1))
    callback = HistoryFile(path)
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, {"loss": loss, "val_loss": 0.25})
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,seconds,loss,val_loss"
    assert lines[1].startswith("1,")
    (row,) = read_history(path)
    assert (row["loss"], row["val_loss"]) == (loss, 0.25)  # to the last bit

    resumed = HistoryFile(path, read_history(path))
    resumed.on_epoch_begin(1)
    resumed.on_epoch_end(1, {"loss": 0.5, "val_loss": 0.5})
    again = path.read_text().splitlines()
    assert again[:2] == lines
    assert again[2].startswith("2,")


def test_no_history_has_no_rows(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.csv") == []


@pytest.mark.parametrize("text", ["epoch,loss\n1,x\n", "epoch,loss\n1\n", "loss\n1\n", "\0"])
def test_a_damaged_history_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(text if text != "\0" else "epoch,loss\n1,\0\n")
    with pytest.raises(InputError, match=r"history\.csv is damaged"):
        read_history(path)


@pytest.mark.parametrize(
    ("logs", "said"),
    [
        ({"loss": float("nan")}, "the loss of epoch 3 is nan"),
        ({"loss": 1.0, "val_loss": float("inf")}, "the validation loss of epoch 3 is inf"),
    ],
)
def test_a_loss_that_is_no_number_ends_the_training(logs: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        FiniteLoss().on_epoch_end(2, logs)
    FiniteLoss().on_epoch_end(2, {"loss": 3.0})


def test_in_a_log_file_progress_is_a_line_an_epoch() -> None:
    text = io.StringIO()
    callback = TrainingProgress(2, console=Console(file=text, width=200))
    callback.set_params({"steps": 5})
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    callback.on_train_batch_end(0, {"loss": 0.5})
    callback.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.25, "learning_rate": 1e-3})
    callback.on_train_end()
    assert text.getvalue() == "epoch    1/2  loss 0.5000  validation loss 0.2500\n"


def test_at_a_terminal_there_is_a_bar_and_the_cursor_comes_back() -> None:
    text = io.StringIO()
    callback = TrainingProgress(2, 1, Console(file=text, width=200, force_terminal=True))
    callback.set_params({"steps": 5})
    callback.on_train_begin()
    callback.on_epoch_begin(1)
    callback.on_train_batch_end(0, {"loss": 0.5})
    callback.on_train_end()
    callback.on_train_end()
    assert "epoch 2/2" in text.getvalue()
    assert "6/10" in text.getvalue()
    assert text.getvalue().count("\x1b[?25h") >= text.getvalue().count("\x1b[?25l") > 0


IMAGES = np.random.default_rng(0).integers(0, 256, (2, 32, 32), np.uint8)


def test_snapshots_are_drawn_every_so_many_epochs(tmp_path: Path) -> None:
    network = AGCNN(gates=2, input_shape=(32, 32, 1))
    callback = AttentionSnapshots(network, IMAGES, np.array([0, 1]), tmp_path / "maps", every=3)
    for epoch in range(6):
        callback.on_epoch_end(epoch)
    callback.on_train_end()
    names = {path.name for path in (tmp_path / "maps").iterdir()}
    assert names == {f"epoch_000{n}.{suffix}" for n in (1, 3, 6) for suffix in ("npz", "png")}
    with np.load(tmp_path / "maps" / "epoch_0003.npz") as snapshot:
        np.testing.assert_array_equal(snapshot["image"], IMAGES)
        shapes = {name: snapshot[name].shape for name in snapshot.files}
        logits = snapshot["logits"]
    assert shapes == {
        "image": (2, 32, 32),
        "label": (2,),
        "logits": (2, 2),
        "attention_1": (2, 8, 8),
        "attention_2": (2, 16, 16),
        "attention_mean": (2, 32, 32),
    }
    network_input = (IMAGES[..., None] / 255 - 0.5) / 0.5
    expected = np.asarray(network(network_input.astype(np.float32)))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)

    picture = draw_progress(tmp_path / "maps")
    assert picture == tmp_path / "maps" / "progress.png"
    with Image.open(picture) as drawn:
        assert drawn.width > drawn.height


def test_snapshots_of_a_network_with_votes_hold_evidence(tmp_path: Path) -> None:
    import tensorflow as tf

    network = AGCNN(gates=1, input_shape=(32, 32, 1), aggregation="votes", padding="sky")
    log = tmp_path / "log"
    callback = AttentionSnapshots(network, IMAGES, np.array([0, 1]), tmp_path / "maps", log)
    callback.on_epoch_end(0)
    callback.on_train_end()
    with np.load(tmp_path / "maps" / "epoch_0001.npz") as snapshot:
        evidence, logits = snapshot["evidence"], snapshot["logits"]
    assert evidence.shape == (2, 32, 32, 2)
    np.testing.assert_allclose(evidence.sum(axis=(1, 2)), logits, rtol=1e-4, atol=1e-5)
    network_input = (IMAGES[..., None] / 255 - 0.5) / 0.5
    expected = np.asarray(network(network_input.astype(np.float32)))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    with Image.open(tmp_path / "maps" / "epoch_0001.png") as drawn:
        picture = drawn.convert("RGB").size
    # TensorBoard gets the same picture, with its panel of evidence.
    (events,) = log.iterdir()
    (summary,) = (
        value
        for record in tf.data.TFRecordDataset(str(events))
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value
        if value.tag == "attention"
    )
    assert tf.io.decode_png(summary.tensor.string_val[2]).shape[1::-1] == picture
    assert draw_progress(tmp_path / "maps") == tmp_path / "maps" / "progress.png"


def test_progress_of_a_network_with_votes_is_drawn_from_its_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = np.random.default_rng(1).normal(size=(2, 32, 32, 2)).astype(np.float32)
    np.savez(
        tmp_path / "epoch_0005.npz",
        image=IMAGES,
        label=[0, 1],
        attention_mean=np.zeros((2, 32, 32)),
        evidence=evidence,
    )
    drawn = []
    whole = attention_snapshots.attention_progress
    monkeypatch.setattr(
        attention_snapshots,
        "attention_progress",
        lambda *given, **options: drawn.append((given, options)) or whole(*given, **options),
    )
    draw_progress(tmp_path)
    for row, ((image, maps, label), options) in enumerate(drawn):
        np.testing.assert_array_equal(image, IMAGES[row])
        np.testing.assert_array_equal(maps[5], evidence[row, ..., 1] - evidence[row, ..., 0])
        assert (label, options["signed"]) == (row, True)
    assert len(drawn) == 2


def test_a_network_without_gates_has_no_snapshots(tmp_path: Path) -> None:
    network = AGCNN(gates=0, input_shape=(32, 32, 1))
    AttentionSnapshots(network, IMAGES, np.array([0, 1]), tmp_path / "maps").on_epoch_end(0)
    assert not (tmp_path / "maps").exists()
    assert draw_progress(tmp_path / "maps") is None
