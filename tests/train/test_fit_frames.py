"""Training in frames: which frame an image needs, the batches, and runs."""

import dataclasses
import logging
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from test_bad_input import assert_one_line
from test_interruption import assert_same_run

from keras_astroattn.images import to_network_units
from keras_astroattn.layers import RandomAffine
from keras_astroattn.models.framed_network import FramedNetwork
from train.batches import training_batches
from train.configuration import TrainConfig
from train.frames import FRAMES, GROUP, FramedTraining, frames_before
from train.loop import augmentation, build, build_consistency, network_of

CONFIG = TrainConfig(
    gates=1, symmetry="p4m", aggregation="votes", padding="sky", fit_frames=True, batch_size=2
)
OPTIONS = "--data simulated --symmetry p4m --aggregation votes --padding sky --source-alone"


def discs(radii):
    """White discs in the middle of black images, (n, 150, 150) uint8."""
    y, x = np.mgrid[:150, :150] - 74.5
    return np.stack([np.where(np.hypot(x, y) <= radius, 255, 0) for radius in radii]).astype(
        "uint8"
    )


def test_the_frame_before_a_transform_computed_manually():
    # The farthest pixels of these discs are 0.7, 14.3 and 64.0 pixels from the middle.
    augment = {"zoom": 0.1, "shift": 2.0}
    # (14.3 + 1.41) 1.1 + 2 = 19.3 pixels need more than 34 / 2.
    np.testing.assert_array_equal(frames_before(discs([1, 14.4, 64]), augment), [26, 50, 150])
    still = {"zoom": 0.0, "shift": 0.0}
    np.testing.assert_array_equal(frames_before(discs([1, 14.4, 64]), still), [26, 34, 150])
    np.testing.assert_array_equal(frames_before(discs([0]), augment), [26])


def test_no_transform_leaves_the_frame():
    images = discs([3, 11, 19, 27])
    images[:, :75] = 0  # far from round
    augment = {"zoom": 0.2, "shift": 3.0}
    frames = frames_before(images, augment)
    assert sorted(set(frames)) == [26, 50, 66, 82]
    transform = RandomAffine(**augment, seed=1)
    for _ in range(20):
        moved = transform(to_network_units(images)[..., np.newaxis], training=True)
        for image, frame in zip(keras.ops.convert_to_numpy(moved), frames, strict=True):
            border = (150 - frame) // 2
            image[border : 150 - border, border : 150 - border] = -1
            assert image.max() <= -1 + 1e-6


def batches_of(images, epochs, **more):
    targets = np.arange(len(images), dtype="float32")[:, np.newaxis].repeat(2, axis=1)
    found = training_batches(
        images, targets, passes=1, seed=5, epochs=epochs, augment={"shift": 1.0}, **more
    )
    return [(batch, column[:, 0].astype(int)) for batch, column in found.as_numpy_iterator()]


def test_batches_hold_every_source_in_the_smallest_frame():
    images = discs(np.linspace(4, 60, 24))
    found = batches_of(images, range(2), batch_size=4)
    assert len(found) == 12
    for epoch in (found[:6], found[6:]):
        assert sorted(np.concatenate([rows for _, rows in epoch])) == list(range(24))
        sizes = [batch.shape[1] for batch, _ in epoch]
        assert min(sizes) == 26
        assert max(sizes) == 150
        assert sizes != sorted(sizes)
        for batch, rows in epoch:
            lit = (batch > -1).sum(axis=(1, 2, 3))
            # Neither a zoom of up to 10 % nor a cut changes the area more.
            areas = (images[rows] > 0).sum(axis=(1, 2))
            assert np.all(lit > 0.75 * areas)
            reached = (batch > -1).any(axis=(0, 3))
            smaller = [size for size in FRAMES if size < batch.shape[1]]
            if smaller:
                border = (batch.shape[1] - smaller[-1]) // 2
                reached[border:-border, border:-border] = False
                assert reached.any(), "a smaller frame would do"
    assert not np.array_equal(found[0][1], found[6][1])


def test_an_epoch_has_the_same_batches_after_a_resume():
    images = discs(np.linspace(4, 60, 2 * (GROUP + 1)))
    whole = batches_of(images, range(2), batch_size=2)[GROUP + 1 :]
    resumed = batches_of(images, range(1, 2), batch_size=2)
    for (one, rows), (other, same) in zip(whole, resumed, strict=True):
        np.testing.assert_array_equal(rows, same)
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("", "--symmetry p4m --aggregation votes --padding sky"),
        (f"{OPTIONS} --normalization softmax", "--normalization sigmoid"),
        ("--symmetry p4m --aggregation votes", "--padding sky"),
    ],
)
def test_networks_without_constant_sky_are_refused(command, tmp_path, options, said):
    result = command(options, "--fit-frames", "--output", tmp_path / "run")
    assert_one_line(result, "--fit-frames needs", f"give {said}\n")
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_resumed_without_the_option_keeps_it(tmp_path):
    saved = CONFIG.to_json()
    assert saved["fit_frames"] is True
    del saved["fit_frames"]  # a run of an earlier version
    assert TrainConfig.from_json(saved).fit_frames is False


def test_the_consistency_training_has_whole_images():
    config = dataclasses.replace(CONFIG, consistency=0.1)
    model = build(config, sources=4)
    assert isinstance(model, FramedTraining)
    shown = logging.getLogger("tensorflow").filter
    assert not shown(logging.makeLogRecord({"msg": "a step triggered tf.function retracing"}))
    assert shown(logging.makeLogRecord({"msg": "another warning"}))
    last = build_consistency(config, network_of(model), sources=4)
    assert not isinstance(last, FramedTraining)
    assert last.input.shape[1] == 150


@pytest.mark.slow
def test_a_step_is_traced_once_for_each_frame(monkeypatch):
    traced = []
    call = FramedNetwork.call

    def counted(self, images, training=False):
        if training:
            traced.append(images.shape[1])
        return call(self, images, training)

    monkeypatch.setattr(FramedNetwork, "call", counted)
    model = build(CONFIG, sources=8)
    options = {"passes": 2, "batch_size": 2, "seed": 0, "augment": augmentation(CONFIG)}
    images, targets = discs([4, 5, 9, 10, 12, 13, 14, 20]), np.eye(2, dtype="float32")[[0, 1] * 4]
    for start in (0, 1):
        batches = training_batches(images, targets, epochs=range(start, start + 1), **options)
        model.fit(batches, steps_per_epoch=8, shuffle=False, verbose=0)
    assert sorted(traced) == [26, 34, 50]


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_the_same(
    command, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    options = f"{OPTIONS} --fit-frames --epochs 2 --batch-size 8 --dropout 0.2 --seed 3"
    assert command(options, "--output", tmp_path / "whole")[0] == 0
    rename = os.replace

    def stop(source, target):
        if Path(target).name == "resume_0002.keras":
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", stop)
        assert command(options, "--output", tmp_path / "run")[0] != 0
    assert command("--resume", "--output", tmp_path / "run")[0] == 0
    assert_same_run(tmp_path / "run", tmp_path / "whole")
