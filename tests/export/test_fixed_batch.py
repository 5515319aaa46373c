"""A fixed batch in the shape signatures, which browsers require; Python still takes batches."""

import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from tensorflow.lite.tools import flatbuffer_utils

from export.fixed_batch import fix_batch
from keras_astroattn.edge import Classifier, list_presets
from keras_astroattn.errors import InputError
from keras_astroattn.presets import preset_file


def signatures(content: bytes) -> list[list[int]]:
    """Shape signatures of all tensors, as LiteRT's own interpreter states them."""
    details = Interpreter(model_content=content).get_tensor_details()
    return [one["shape_signature"].tolist() for one in details]


@pytest.fixture(scope="module")
def paths(model_path, votes_path):
    return {
        **{name: preset_file(name, ".tflite") for name in list_presets()},
        "exported": model_path,
        "votes": votes_path,
    }


@pytest.mark.parametrize("name", [*list_presets(), "exported", "votes"])
def test_no_shape_of_a_file_is_dynamic(paths, name):
    found = signatures(paths[name].read_bytes())
    assert [1, 150, 150, 1] in found
    assert not any(-1 in one for one in found)


@pytest.mark.parametrize("name", list_presets())
def test_a_preset_takes_batches(paths, name):
    images = np.random.default_rng(0).uniform(-1, 1, (3, 150, 150, 1)).astype(np.float32)
    classifier = Classifier(paths[name])
    together = classifier.predict(images)
    for number, image in enumerate(images):
        alone = classifier.predict(image[np.newaxis])
        for output, values in alone.items():
            np.testing.assert_allclose(values[0], together[output][number], atol=1e-4)


def test_only_the_batch_of_the_signatures_changes(model_path):
    with zipfile.ZipFile(model_path) as archive:
        network = model_path.read_bytes()[: archive.getinfo("metadata.json").header_offset]
    # Each shape and signature in its own bytes: the exported file shares those that are equal.
    tables = flatbuffer_utils.convert_bytearray_to_object(bytearray(network))
    network = bytes(flatbuffer_utils.convert_object_to_bytearray(tables))
    assert fix_batch(network) == network
    static = np.array([1, 150, 150, 1], "<i4").tobytes()
    dynamic = np.array([-1, 150, 150, 1], "<i4").tobytes()
    before = network.replace(static, dynamic)  # both the shapes and their signatures
    after = fix_batch(before)
    assert len(after) == len(before)
    assert 0 < after.count(static) <= network.count(static) // 2
    one, other = (np.frombuffer(content, np.uint8) for content in (before, after))
    changed = np.flatnonzero(one != other)
    assert changed.size == 4 * after.count(static)
    assert set(one[changed]) == {255}


def test_another_dynamic_axis_is_refused(model_path):
    network = model_path.read_bytes()
    shape = np.array([1, 150, 150, 1], "<i4").tobytes()
    with pytest.raises(InputError, match="only the batch may be dynamic"):
        fix_batch(network.replace(shape, np.array([1, -1, 150, 1], "<i4").tobytes()))
