"""A network in frames: which one runs, and where its maps are placed."""

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.fixed_batch import fix_batch
from export.metadata import with_metadata
from keras_astroattn.edge import Classifier, open_model
from keras_astroattn.edge.frames import (
    cut,
    frame_signature,
    frame_sizes,
    placed,
    smallest_frame,
)
from keras_astroattn.edge.network import Network
from keras_astroattn.edge.single_graph import with_one_graph
from keras_astroattn.errors import InputError

FRAMES = (26, 50, 150)


def outputs_of(size: int):
    """The sum of the light, the frame that ran, and the light as a map."""

    @tf.function(input_signature=[tf.TensorSpec((None, size, size, 1), name="image")])
    def serve(image):
        light = image + 1.0
        total = tf.reduce_sum(light, axis=(1, 2))
        logits = tf.concat([total, 0.0 * total + float(size)], axis=1)
        named = {"logits": logits, "probabilities": tf.nn.softmax(logits)}
        return named | {"attention_mean": tf.reshape(light, [-1, size, size])}

    return serve


def content_of(functions: dict, tmp_path) -> bytes:
    module = tf.Module()
    module.functions = functions
    concrete = {name: serve.get_concrete_function() for name, serve in functions.items()}
    tf.saved_model.save(module, str(tmp_path / "saved"), signatures=concrete)
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(tmp_path / "saved"), signature_keys=list(functions)
    )
    return fix_batch(converter.convert())


def write(functions: dict, model_path, folder):
    path = folder / "framed.tflite"
    metadata = open_model(model_path).metadata
    path.write_bytes(with_metadata(content_of(functions, folder), metadata))
    return path


@pytest.fixture(scope="module")
def framed(model_path, tmp_path_factory):
    functions = {
        "serving_default": outputs_of(150),
        "serving_frame_26": outputs_of(26),
        "serving_frame_50": outputs_of(50),
    }
    return write(functions, model_path, tmp_path_factory.mktemp("framed"))


def lit(*places: tuple[int, int]) -> np.ndarray:
    image = np.full((150, 150, 1), -1, np.float32)
    for row, column in places:
        image[row, column] = 1
    return image


# The frame of 26 pixels holds pixels 62 to 87, that of 50 pixels 50 to 99.
CASES = [
    (lit((62, 75), (87, 87)), 26),
    (lit((61, 75)), 50),
    (lit((75, 88)), 50),
    (lit((50, 99)), 50),
    (lit((49, 75)), 150),
    (lit((75, 100)), 150),
    (lit((0, 0)), 150),
    (lit(), 26),
]


@pytest.mark.parametrize(("image", "size"), CASES)
def test_the_smallest_frame_that_holds_the_source(image, size):
    assert smallest_frame(image, FRAMES) == size


def test_unknown_pixels_are_not_black():
    image = lit()
    image[0, 75] = np.nan
    assert smallest_frame(image, FRAMES) == 150


def test_each_image_of_a_batch_runs_in_its_frame(framed):
    network = Network(open_model(framed), 1)
    assert network.sizes == list(FRAMES)
    images = np.stack([image for image, _ in CASES])
    outputs = network.run(images)
    light = images[..., 0] + 1
    np.testing.assert_array_equal(outputs["attention_mean"], light)
    wanted = [[float(one.sum()), size] for one, (_, size) in zip(light, CASES, strict=True)]
    np.testing.assert_array_equal(outputs["logits"], wanted)


def test_a_classifier_shows_maps_of_the_whole_image(framed):
    classifier = Classifier(framed, tta=2)
    given = classifier.predict(lit((70, 80))[np.newaxis])
    assert given["attention_mean"].shape == (1, 150, 150)
    assert given["attention_mean"][0, 70, 80] == 2
    assert given["logits"][0, 1] == 26


def test_maps_are_placed_in_the_middle():
    part = np.arange(4, dtype=np.float32).reshape(1, 2, 2)
    whole = placed(part, (4, 4))
    assert whole[0, 1:3, 1:3].tolist() == [[0, 1], [2, 3]]
    assert whole.sum() == 6
    np.testing.assert_array_equal(cut(whole[..., np.newaxis], 2)[..., 0], part)
    logits = np.ones((3, 2), np.float32)
    assert placed(logits, (2,)) is logits


def test_names_of_signatures():
    names = ["serving_frame_90", "serving_default", "serving_frame_26", "serving_frame_x"]
    assert frame_sizes(names) == [26, 90]


def test_a_frame_of_another_size_than_its_name_is_refused(model_path, tmp_path):
    functions = {"serving_default": outputs_of(150), "serving_frame_50": outputs_of(26)}
    path = write(functions, model_path, tmp_path)
    with pytest.raises(InputError, match=r"framed\.tflite is another network"):
        Classifier(path)


def test_a_network_that_calls_graphs_is_refused(model_path, tmp_path):
    @tf.function(input_signature=[tf.TensorSpec((None, 150, 150, 1), name="image")])
    def serve(image):
        total = tf.reduce_sum(image, axis=(1, 2))
        (total,) = tf.while_loop(lambda t: tf.reduce_max(t) < 1.0, lambda t: (t + 1.0,), (total,))
        logits = tf.concat([total, total], axis=1)
        return {"logits": logits, "probabilities": tf.nn.softmax(logits)}

    path = write({"serving_default": serve}, model_path, tmp_path)
    with pytest.raises(InputError, match="operator WHILE calls other graphs"):
        Classifier(path)


@pytest.fixture(scope="module")
def preset():
    return open_model("agcnn_survey")


@pytest.mark.parametrize("size", [26, 90, 150])
def test_a_graph_alone_gives_the_same_outputs(preset, size):
    name = "serving_default" if size == 150 else frame_signature(size)
    image = np.random.default_rng(size).uniform(-1, 1, (1, size, size, 1)).astype(np.float32)
    alone, everything = (
        Interpreter(model_content=content, num_threads=1)
        for content in (with_one_graph(preset.content, name), preset.content)
    )
    assert list(alone.get_signature_list()) == [name]
    outputs, expected = (
        interpreter.get_signature_runner(name)(image=image) for interpreter in (alone, everything)
    )
    assert outputs.keys() == expected.keys()
    for key, values in expected.items():
        np.testing.assert_array_equal(outputs[key], values)


def test_an_absent_graph_is_refused(preset):
    with pytest.raises(ValueError, match="no signature serving_frame_51"):
        with_one_graph(preset.content, "serving_frame_51")


def test_frames_of_a_preset_are_opened_when_they_are_needed(preset, monkeypatch):
    opened = []
    interpreter = Network._interpreter

    def counted(self, content):
        opened.append(content)
        return interpreter(self, content)

    monkeypatch.setattr(Network, "_interpreter", counted)
    network = Network(preset, 1)
    sources = [lit((75, 75)), lit((60, 75)), lit((75, 75)), lit((0, 75)), lit((60, 75))]
    in_turn = [network.run(image[np.newaxis]) for image in sources]
    # To check the file, two frames alone, all frames.
    assert len(opened) == 4
    assert [content == preset.content for content in opened] == [True, False, False, True]
    for outputs, image in zip(in_turn, sources, strict=True):
        for name, values in network.run(image[np.newaxis]).items():
            np.testing.assert_array_equal(outputs[name], values)
