"""The reordered graph is the same function."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from ai_edge_litert.interpreter import Interpreter
from support.tiny_model_file import untrained_model

from benchmarks.inference import reference_of
from export.conversion import convert
from export.export_source import ExportSource
from export.inference_graph import inference_outputs
from keras_astroattn.datasets import load_sources
from keras_astroattn.edge.model_file import SIGNATURE
from keras_astroattn.images import to_network_units
from keras_astroattn.layers import NORMALIZATIONS
from keras_astroattn.models import EquivariantAGCNN, attention_model, load_published
from keras_astroattn.outputs import resize_matrix

CONFIDENT = "0709Exp1-range_norm-MiraBestNOUNCAdam-AGRadGalNetft-5e-05"


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (count, 150, 150, 1)).astype(np.float32)


def assert_same(model: keras.Model, integer: bool = False) -> None:
    batch = images(2)
    expected = attention_model(model)(batch, training=False)
    given = inference_outputs(model, integer=integer)(tf.constant(batch))
    assert set(given) == set(expected)
    for name in expected:
        # Sums over 22,500 pixels: a relative tolerance for logits of untrained networks.
        np.testing.assert_allclose(given[name], expected[name], rtol=2e-4, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_normalization_gives_what_keras_gives(normalization):
    assert_same(untrained_model(normalization=normalization, psi_bias=0.0, pooling="weighted_mean"))


@pytest.mark.parametrize("gates", [0, 1, 2])
def test_fewer_gates_give_what_keras_gives(gates):
    assert_same(untrained_model(gates=gates, aggregation="mean", pooling="weighted_mean"))


def test_a_stretched_input_and_batch_scope_are_kept():
    assert_same(untrained_model(stretch="sqrt", scope="batch", aggregation="concat_gating"))


@pytest.mark.parametrize("integer", [False, True])
def test_group_convolutions_become_ordinary_ones(integer):
    assert_same(untrained_model(EquivariantAGCNN), integer=integer)


def test_the_graph_for_integers_is_the_same_function():
    assert_same(untrained_model(aggregation="concat_gating", pooling="weighted_mean"), integer=True)


def test_kernels_in_float16_are_nearly_the_same_function():
    model = untrained_model(aggregation="concat_gating", pooling="weighted_mean")
    batch = images(2)
    expected = attention_model(model)(batch, training=False)
    given = inference_outputs(model, half=True)(tf.constant(batch))
    for name in expected:
        # Eleven bits of a weight.
        np.testing.assert_allclose(given[name], expected[name], atol=5e-3, err_msg=name)
    assert np.abs(given["logits"] - expected["logits"]).max() > 1e-5


def test_a_blank_image_has_finite_attention():
    model = untrained_model(pooling="weighted_mean")
    blank = tf.fill((1, 150, 150, 1), -1.0)
    assert all(np.isfinite(v).all() for v in inference_outputs(model)(blank).values())


def test_attention_can_be_left_out():
    assert set(inference_outputs(untrained_model(), attention=False)(tf.constant(images(1)))) == {
        "logits"
    }


def test_a_layer_that_is_used_twice_is_refused():
    image = keras.Input((150, 150, 1))
    convolution = keras.layers.Conv2D(1, 3, padding="same", name="twice")
    x = keras.layers.Flatten()(convolution(convolution(image)))
    with pytest.raises(ValueError, match="twice"):
        inference_outputs(keras.Model(image, keras.layers.Dense(2)(x)))


def test_resizing_two_pixels_to_four_has_half_pixel_centres():
    # Centres of four pixels at -1/4, 1/4, 3/4, 5/4 of the two; the ends are clamped.
    expected = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(resize_matrix(2, 4), expected)


@pytest.mark.parametrize("size", [18, 37, 75])
def test_resizing_is_tensorflows(size):
    line = np.random.default_rng(1).normal(size=size).astype(np.float32)
    expected = tf.image.resize(line[np.newaxis, :, np.newaxis], (1, 150))[0, :, 0]
    np.testing.assert_allclose(line @ resize_matrix(size, 150).T, expected, atol=1e-5)


def test_the_sky_takes_no_digits_off_logits_of_hundreds(published_dir, data_dir):
    """Beside PyTorch in float64; its logits reach 226, and Keras in float32 errs by 7e-3."""
    folder = published_dir / "checkpoints" / CONFIDENT
    model = load_published(folder)
    batch = to_network_units(load_sources("mirabest-confident", "test", data_dir).image[:8])
    content = convert(ExportSource("published", model), "float32")
    serve = Interpreter(model_content=content).get_signature_runner(SIGNATURE)
    given = np.concatenate(
        [serve(image=one[np.newaxis, ..., np.newaxis])["logits"] for one in batch]
    )
    reference = reference_of(model).double()
    with torch.inference_mode():
        expected, *_ = reference(torch.from_numpy(batch[:, np.newaxis]).double())
    np.testing.assert_allclose(given, expected.numpy(), rtol=0, atol=2e-3)
