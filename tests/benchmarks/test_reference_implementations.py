"""The PyTorch network that Keras is timed against is the same network."""

import keras
import numpy as np
import pytest

from keras_astroattn.models import attention_model, load_published

torch = pytest.importorskip("torch")
implementations = pytest.importorskip("benchmarks.reference_implementations")


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    network = implementations.ReferenceAGCNN()
    # One training step gives the batch normalizations statistics of their own.
    network.train()(torch.rand(4, 1, 150, 150) * 2 - 1)
    return network.eval()


def published_names(network):
    """The reference's state dict under the names of the paper's checkpoints."""
    tensors = {}
    for stage, layers in enumerate(network.stages, start=1):
        for block in range(len(layers) // 3):
            parts = {"conv": layers[3 * block], "bnorm": layers[3 * block + 1]}
            for part, module in parts.items():
                for name, tensor in module.state_dict().items():
                    tensors[f"{part}{stage}{'abc'[block]}.{name}"] = tensor
    modules = {f"attention{k}": gate for k, gate in enumerate(network.gates, start=1)}
    modules |= {f"classifiers.{k}": dense for k, dense in enumerate(network.dense_per_gate)}
    modules["classifier"] = network.dense
    for prefix, module in modules.items():
        tensors |= {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
    return tensors


def test_peer_has_the_papers_number_of_parameters(reference):
    assert sum(parameter.numel() for parameter in reference.parameters()) == 101_447


def test_peer_and_keras_agree_on_the_same_weights(reference, tmp_path):
    torch.save(published_names(reference), tmp_path / "0.pt")
    model = load_published(tmp_path, gates=3, normalization="range_norm", aggregation="ft")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 150, 150, 1)).astype("float32")
    outputs = attention_model(model)(images)
    with torch.no_grad():
        logits, maps = reference.forward_with_attention(
            torch.from_numpy(images.transpose(0, 3, 1, 2))
        )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs["logits"]), logits, rtol=1e-3, atol=1e-3
    )
    for number, a in enumerate(maps, start=1):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(outputs[f"attention_{number}"]), a, rtol=0, atol=2e-4
        )


def test_augmentation_without_a_transform_leaves_images_alone():
    images = torch.rand(2, 1, 150, 150) * 2 - 1
    unchanged = implementations.random_affine(images, rotation=0, shift=0, zoom=0)
    torch.testing.assert_close(unchanged, images, rtol=0, atol=1e-4)


def test_augmentation_fills_with_black():
    torch.manual_seed(0)
    turned = implementations.random_affine(torch.ones(4, 1, 150, 150), rotation=45, shift=0, zoom=0)
    assert turned.amin() == -1
    torch.testing.assert_close(turned[:, 0, 75, 75], torch.ones(4))
