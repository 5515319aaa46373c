"""Frames: the outputs of the whole image, from a part of it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.votes_network import OPTIONS, votes_network

from export.conversion import convert
from export.export_source import ExportSource
from export.frame_graph import MEAN_MAP, computed_sizes, frames_of
from export.inference_graph import inference_outputs
from export.metadata import describe, with_metadata
from export.verification import differing_frames, reference_of, verify_litert
from keras_astroattn.edge import open_model
from keras_astroattn.edge.network import Network
from keras_astroattn.models import AGCNN, EquivariantAGCNN
from keras_astroattn.models.framed_network import can_have_frames


@pytest.fixture(scope="module")
def model():
    return votes_network(EquivariantAGCNN)


def full_frame(size: int) -> np.ndarray:
    """An image whose source fills a frame up to its border; the rest is black."""
    image = np.full((1, 150, 150, 1), -1, np.float32)
    first = (150 - size) // 2
    pixels = np.random.default_rng(size).uniform(-0.9, 1, (size, size, 1))
    image[0, first : first + size, first : first + size] = pixels
    return image


def in_the_middle(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A map (1, h, w, ...) in the middle of zeros."""
    whole = np.zeros(shape, part.dtype)
    first, end = (shape[1] - part.shape[1]) // 2, (shape[1] + part.shape[1]) // 2
    whole[:, first:end, first:end] = part
    return whole


# 90 pixels and more reach the border in the last stages, where the sky is continued.
@pytest.mark.parametrize("size", [26, 90])
def test_a_frame_gives_what_the_whole_image_gives(model, size):
    image = full_frame(size)
    first = (150 - size) // 2
    part = image[:, first : first + size, first : first + size]
    expected = inference_outputs(model)(tf.constant(image))
    given = inference_outputs(model, frame=size)(tf.constant(part))
    assert set(given) == set(expected)
    for name, values in expected.items():
        found = given[name].numpy()
        if found.ndim > 2:
            found = in_the_middle(found, tuple(values.shape))
        largest = np.abs(values).max()
        np.testing.assert_allclose(found, values, atol=2e-5 * largest, err_msg=name)


def test_evidence_in_a_frame_adds_up_to_the_logits(model):
    part = full_frame(50)[:, 50:100, 50:100]
    given = inference_outputs(model, half=True, frame=50)(tf.constant(part))
    sums = given["evidence"].numpy().sum(axis=(1, 2))
    np.testing.assert_allclose(sums, given["logits"], atol=1e-5)


def test_a_black_frame_gives_the_bias(model):
    given = inference_outputs(model, frame=26)(tf.fill((1, 26, 26, 1), -1.0))
    np.testing.assert_array_equal(given["logits"], [[0.25, -0.5]])


def test_sizes_of_the_parts(model):
    """Computed manually for 26 pixels.

    13 pixels of the half resolution become 15 and 17 by two convolutions. Windows of 3, two
    apart, touch 17 pixels from 9 places; two convolutions make 13, and windows of 3 touch them
    from 8 places of the 18. Three convolutions make 14, which windows of 2, at even places,
    touch from 7 of the 9.

    The source has votes in pixels whose centres are nearer to it than their width: 13 + 2 of
    2 pixels, 9 of 4.05, 4 of 8.33, 3 of 16.7. The gates of these read g in 3 pixels, so the last
    convolutions need 3 and 5.
    """
    sizes = computed_sizes(model, 26)
    wanted = {
        "half_resolution": 13,
        "stage_1_block_1_conv": 15,
        "stage_1_block_2_conv": 17,
        "stage_1_group_pool": 15,
        "stage_2_block_1_conv": 11,
        "stage_2_block_2_conv": 13,
        "stage_2_group_pool": 9,
        "stage_3_block_1_conv": 10,
        "stage_3_block_2_conv": 12,
        "stage_3_block_3_conv": 14,
        "stage_3_group_pool": 4,
        "stage_4_block_1_conv": 5,
        "stage_4_block_2_conv": 3,
        "stage_4_group_pool": 3,
        # 4 pixels of 8.33, read by pixels of the image up to a width beyond their centres.
        MEAN_MAP: 42,
    }
    assert {name: sizes[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("network", "options", "possible"),
    [
        (EquivariantAGCNN, {}, True),
        (EquivariantAGCNN, {"padding": "zeros"}, False),
        (EquivariantAGCNN, {"normalization": "softmax"}, False),
        (EquivariantAGCNN, {"aggregation": "concat_gating"}, False),
        (AGCNN, {}, False),
    ],
)
def test_networks_that_can_have_frames(network, options, possible):
    assert can_have_frames(network(**OPTIONS | options)) == possible


def test_only_networks_that_see_the_source_alone_have_frames():
    alone = EquivariantAGCNN(**OPTIONS, source_alone=True)
    assert frames_of(alone, "float32") == frames_of(alone, "float16") != ()
    assert frames_of(alone, "dynamic") == ()
    assert frames_of(EquivariantAGCNN(**OPTIONS), "float32") == ()
    assert frames_of(keras.Sequential([keras.layers.Dense(2)]), "float32") == ()


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_file_with_frames_stores_the_weights_once_and_is_verified(model, precision, tmp_path):
    source = ExportSource("framed", model)
    whole, framed = (convert(source, precision, frames=sizes) for sizes in ((), (26, 50, 66, 90)))
    assert len(framed) < 1.3 * len(whole)
    path = tmp_path / "framed.tflite"
    path.write_bytes(with_metadata(framed, describe(source, precision)))
    images = np.concatenate([full_frame(size) for size in (26, 40, 90, 110)])
    reference = reference_of(source, images, np.array([0, 1, 0, 1]))
    found = verify_litert(path, reference, precision, attention=True)
    assert found.passed, found.failures
    network = Network(open_model(path), threads=1)
    assert network.sizes == [26, 50, 66, 90, 150]
    evidence = network.run(images)["evidence"]
    assert evidence.shape == (4, 150, 150, 2)
    np.testing.assert_allclose(evidence.sum(axis=(1, 2)), network.run(images)["logits"], atol=1e-4)


class Altered:
    """A file whose frame gives another logit than the whole image."""

    def __init__(self, error: float):
        self.sizes, self.error = [50, 150], error

    def run_in_frame(self, images: np.ndarray, size: int) -> dict[str, np.ndarray]:
        return {"logits": np.array([[2.0, -4.0 + self.error * (size < 150)]])}


def test_a_frame_that_differs_is_refused():
    images = full_frame(150)
    assert differing_frames(Altered(1e-5), images) == ()
    (failure,) = differing_frames(Altered(0.04), images)
    assert failure == "the frame of 50 pixels differs from the whole image by 1.0e-02 (> 0.001)"
