"""Degraded copies of real sources, and weights by measured size."""

import dataclasses

import numpy as np
import pytest

from keras_astroattn.datasets import load_sources
from keras_astroattn.datasets.simulation import simulate
from keras_astroattn.datasets.simulation.many_beams import SOFT_BELOW
from keras_astroattn.images import cutout_from_array
from train import degradation
from train.batches import training_batches
from train.configuration import TrainConfig
from train.degradation import SMALLEST, _field, degraded_cutout, with_copies
from train.sources import LARGEST_WEIGHT, size_weights, split_sources


@pytest.fixture(scope="module")
def sources(small_cache):
    return load_sources("simulated", "train", cache_dir=small_cache).select(slice(0, 6))


def test_the_field_of_an_image_has_its_pixels_above_three_sigma(sources):
    image = sources.image[0]
    field = _field(image, np.random.default_rng(0))
    middle = field[75:225, 75:225]
    lit = image > 0
    assert middle[lit].min() == pytest.approx(3.0)
    np.testing.assert_allclose(middle[lit] / middle[lit].max(), image[lit] / 255, atol=1e-6)
    assert field[:75].std() == pytest.approx(1.0, abs=0.1)


def test_a_copy_is_the_same_source_smaller_in_beams(sources):
    both = with_copies(sources, 1, seed=0)
    count = len(sources)
    assert len(both) == 2 * count
    np.testing.assert_array_equal(both.image[:count], sources.image)
    np.testing.assert_array_equal(both.label[count:], sources.label)
    sizes = np.array([cutout_from_array(image).size_in_beams for image in both.image])
    # A wide beam may merge a source with a neighbour; then it is larger.
    assert (sizes[count:] < sizes[:count]).sum() >= count - 1
    assert np.median(sizes[count:]) < 0.8 * np.median(sizes[:count])
    small = sizes[count:] < SOFT_BELOW - 1.5
    assert not both.confident[count:][small].any()


def test_a_copy_depends_on_its_source_alone(sources):
    both = with_copies(sources, 2, seed=0)
    last = with_copies(sources.select(slice(5, 6)), 2, seed=0)
    np.testing.assert_array_equal(both.image[5::6], last.image)
    assert not np.array_equal(both.image[11], both.image[17])
    other = with_copies(sources.select(slice(5, 6)), 1, seed=1)
    assert not np.array_equal(other.image[1], last.image[1])


def test_a_black_image_stays_black(sources):
    black = sources.select(slice(0, 1))
    black = dataclasses.replace(black, image=np.zeros_like(black.image))
    assert not with_copies(black, 1, seed=0).image.any()


def test_a_run_trains_on_the_copies_of_its_training_sources(small_data):
    plain = split_sources(TrainConfig(data="simulated", train_limit=8), "simulated")
    options = TrainConfig(data="simulated", train_limit=8, degraded_copies=1)
    found = split_sources(options, "simulated")
    assert len(found.training) == 2 * len(plain.training)
    np.testing.assert_array_equal(found.validation.image, plain.validation.image)
    assert set(found.training.name) == set(plain.training.name)


@pytest.mark.slow
def test_simulated_sources_are_mixed_in(small_data):
    options = TrainConfig(data="simulated", train_limit=8, observation="many-beams")
    plain = split_sources(options, "simulated").training
    mixed = dataclasses.replace(options, mixed_simulated=5)
    found = split_sources(mixed, "simulated").training
    assert len(found) == len(plain) + 5
    expected = simulate(5, seed=20201204, observation="many-beams")
    np.testing.assert_array_equal(found.image[-5:], expected.image)
    assert found.checksum.startswith(plain.checksum + "+")


def _doubles(separations):
    """Two points on a black sky: their size is their separation, in pixels."""
    images = np.zeros((len(separations), 150, 150), np.uint8)
    for image, apart in zip(images, separations, strict=True):
        for middle in (75 - apart // 2, 75 - apart // 2 + apart):
            image[74:77, middle - 1 : middle + 2] = 200
    return images


def test_weights_make_both_classes_count_equally_at_each_size():
    # Three small sources, one of them FRI, and four large ones, one of them FRII.
    images = _doubles([15, 15, 15, 45, 45, 45, 45])
    labels = np.array([0, 1, 1, 0, 0, 0, 1])
    expected = [3 / 2, 3 / 4, 3 / 4, 4 / 6, 4 / 6, 4 / 6, 2]
    np.testing.assert_allclose(size_weights(images, labels), expected, rtol=1e-6)


def test_no_weight_is_larger_than_the_largest():
    weights = size_weights(_doubles([15] * 11), np.array([0] + [1] * 10))
    assert weights[0] == LARGEST_WEIGHT
    np.testing.assert_allclose(weights[1:], 11 / 20, rtol=1e-6)


def test_batches_hold_the_weight_of_each_image():
    images = np.zeros((4, 150, 150), np.uint8)
    targets = np.eye(2, dtype=np.float32)[[0, 1, 0, 1]]
    weights = np.array([1, 2, 1, 2], np.float32)
    options = {"passes": 1, "batch_size": 4, "seed": 0, "epochs": range(1)}
    ((_, target, weight),) = training_batches(images, targets, weights, **options)
    np.testing.assert_array_equal(weight, 1 + target[:, 1])
    assert len(next(iter(training_batches(images, targets, **options)))) == 2


def test_three_of_four_copies_get_more_noise(monkeypatch):
    """Of 40 copies 30 +- 2.7 do; 22 to 38 are within three standard deviations."""
    (image,) = _doubles([60])
    image[75, 75] = 4  # of 3 sigma, so the points are of 150
    noisier = []

    def with_noise(field, ratio, rng, beam):
        noisier[-1] = True
        return field

    monkeypatch.setattr(degradation, "with_noise", with_noise)
    for seed in range(40):
        noisier.append(False)
        degraded_cutout(image, np.random.default_rng(seed))
    assert 22 <= sum(noisier) <= 38


def test_no_copy_is_smaller_than_a_beam():
    # 15 pixels of 1.8 arcsec are 27 arcsec: less than many of the beams, of up to 45 arcsec.
    (image,) = _doubles([15])
    image[75, 75] = 4  # of 3 sigma, so the points are of 150
    found = [degraded_cutout(image, np.random.default_rng(seed)) for seed in range(12)]
    assert min(one.size_in_beams for one in found) >= SMALLEST


@pytest.mark.slow
def test_copies_and_weights_train_and_are_kept_in_the_options(command, small_data, tmp_path):
    options = "--data simulated --gates 1 --epochs 1 --train-limit 8 --batch-size 4"
    folder = tmp_path / "run"
    status, _, err = command(options, "--degraded-copies 1 --balance-sizes --output", folder)
    assert status == 0, err
    config = (folder / "config.json").read_text()
    assert '"degraded_copies": 1' in config
    assert '"balance_sizes": true' in config
