"""Networks with votes whose large convolutions compute in 8 bits."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from support.votes_network import votes_network

from export.conversion import convert
from export.eight_bits import eight_bits, with_sky_on_a_step
from export.export_source import ExportSource
from export.inference_graph import inference_outputs
from keras_astroattn.edge.model_file import SIGNATURE
from keras_astroattn.errors import InputError
from keras_astroattn.models import AGCNN, EquivariantAGCNN, evidence_model


def images(count: int) -> np.ndarray:
    """Sources of 40 x 50 pixels on a black sky."""
    pixels = np.full((count, 150, 150, 1), -1, np.float32)
    random = np.random.default_rng(0)
    pixels[:, 50:90, 50:100] = random.uniform(-0.9, 1, (count, 40, 50, 1))
    return pixels


@pytest.fixture(scope="module")
def model():
    return votes_network(EquivariantAGCNN)


@pytest.fixture(scope="module")
def eight(model):
    return eight_bits(model, images(4))


def test_the_sky_is_a_step_of_a_range_that_is_hardly_larger():
    largest, sky = np.array([10, 10, 0, 4.0]), np.array([0.2, 0, 0, 0.01])
    # 0.2 is 5.1 of 255 steps up to 10: as 5 steps, the range is 255 x 0.2 / 5.
    np.testing.assert_allclose(with_sky_on_a_step(largest, sky), [10.2, 10, 1, 4])
    # No image with empty sky: the range reaches the sky all the same.
    np.testing.assert_allclose(with_sky_on_a_step(np.array([0.5]), np.array([1.0])), [1.0])


def test_large_kernels_have_8_bits(eight):
    # 3 x 3 x 8 x 4 = 288 channels-in by channels-out of 8 symmetries: 18,432 weights from the
    # second stage on, 9,216 before.
    blocks = {"stage_2": 2, "stage_3": 3, "stage_4": 2}
    names = {f"{stage}_block_{i + 1}" for stage, count in blocks.items() for i in range(count)}
    assert eight.convolutions == {f"{name}_conv" for name in names}
    assert set(eight.ranges) == {"stage_1_pool", *(f"{name}_relu" for name in names)}
    assert [len(one) for one in eight.ranges.values()] == [4, 8, 8, 12, 12, 12, 20, 20]


@pytest.mark.parametrize("kind", [EquivariantAGCNN, AGCNN])
def test_the_graph_is_nearly_the_same_function(kind):
    network = votes_network(kind)
    batch = images(2)
    expected = evidence_model(network)(batch, training=False)
    given = inference_outputs(network, eight=eight_bits(network, batch))(tf.constant(batch))
    for name in expected:
        largest = np.abs(expected[name]).max()
        difference = np.abs(given[name] - expected[name]).max()
        # Steps of 1/255, through nine convolutions.
        assert 1e-6 * largest < difference < 5e-2 * largest, name
    sums = given["evidence"].numpy().sum(axis=(1, 2))
    np.testing.assert_allclose(sums, given["logits"], atol=1e-5)


def test_a_black_image_has_the_maps_that_keras_gives(model, eight):
    black = np.full((1, 150, 150, 1), -1, np.float32)
    expected = evidence_model(model)(black, training=False)
    given = inference_outputs(model, eight=eight)(tf.constant(black))
    for name in ("attention_1", "attention_2", "attention_3"):
        np.testing.assert_allclose(given[name], expected[name], atol=5e-3, err_msg=name)


def test_an_offset_is_subtracted_from_the_logits_and_the_evidence(model, eight):
    batch = tf.constant(images(1))
    before = inference_outputs(model, eight=eight)(batch)
    shifted = replace(eight, offset=np.array([0.5, -0.25]))
    after = inference_outputs(model, eight=shifted)(batch)
    for values in (after["logits"] - before["logits"],
                   np.sum(after["evidence"] - before["evidence"], axis=(1, 2))):  # fmt: skip
        np.testing.assert_allclose(values, [[-0.5, 0.25]], atol=1e-5)


@pytest.mark.parametrize(
    ("activation", "chosen"),
    [
        (keras.layers.ReLU, {"second"}),  # 3 x 3 x 64 x 64 weights; the first has 3 x 3 x 64
        (lambda: keras.layers.ReLU(negative_slope=0.1), set()),
        (lambda: keras.layers.ReLU(max_value=6), set()),
        (lambda: keras.layers.Activation("linear"), set()),
    ],
)
def test_only_a_plain_relu_may_follow(activation, chosen):
    image = keras.Input((150, 150, 1))
    x = keras.layers.ReLU()(keras.layers.Conv2D(64, 3, name="first")(image))
    x = activation()(keras.layers.Conv2D(64, 3, name="second")(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    found = eight_bits(keras.Model(image, keras.layers.Dense(2)(x)), images(1))
    assert found.convolutions == chosen


def test_8_bit_borders_are_refused(model):
    with pytest.raises(InputError, match=r"must sum to the logits: leave out --int8-io"):
        convert(ExportSource("votes", model), "int8", images(2), integer_borders=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [EquivariantAGCNN, AGCNN])
def test_a_file_holds_8_bit_kernels_and_evidence_that_adds_up(kind):
    network = votes_network(kind)
    content = convert(ExportSource("votes", network), "int8", images(4))
    interpreter = Interpreter(model_content=content)
    types = [one["dtype"] for one in interpreter.get_tensor_details() if len(one["shape"]) == 4]
    assert np.int8 in types
    interpreter.allocate_tensors()
    assert [one["op_name"] for one in interpreter._get_ops_details()].count("DELEGATE") == 1
    given = interpreter.get_signature_runner(SIGNATURE)(image=images(2))
    expected = evidence_model(network)(images(2), training=False)
    largest = np.abs(expected["logits"]).max()
    np.testing.assert_allclose(given["logits"], expected["logits"], atol=2e-2 * largest)
    np.testing.assert_allclose(
        given["evidence"].sum(axis=(1, 2)), given["logits"], atol=1e-5 * largest
    )
