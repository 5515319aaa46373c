import numpy as np


def brightness_network(gate_scores=None):
    """A network of one gate on 16 x 16 pixels; its weights are whatever they start as."""
    import keras

    from keras_astroattn.models import AGCNN

    keras.utils.set_random_seed(1)
    return AGCNN(gates=1, normalization="range_norm", input_shape=(16, 16, 1), psi_bias=0.0)


def test_sums_by_true_and_predicted_class_are_those_of_the_single_images():
    """Against one image at a time through the library's own protocol."""
    from keras_astroattn.evaluation import augmented_views, predict_pooled
    from keras_astroattn.images import to_network_units
    from keras_astroattn.models import attention_model
    from train.paper.passes import walk

    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 16, 16), dtype=np.uint8)
    labels = np.array([0, 0, 1, 1, 1])
    network = brightness_network()
    options = {"repeats": 3, "seed": 4, "batch_size": 2}
    (one,) = walk(network, images, labels, images[:1], scopes=("sample",), **options).values()

    expected = predict_pooled(network, images, **options)
    np.testing.assert_allclose(one.views, expected, atol=1e-6)
    maps = attention_model(network)
    image_sums, map_sums = np.zeros((2, 2, 16, 16)), np.zeros((2, 2, 4, 4))
    counts = np.zeros((2, 2), int)
    for views, probabilities in zip(augmented_views(images, 3, 4), expected, strict=True):
        for view, label, p in zip(views, labels, probabilities, strict=True):
            cell = label, int(p[1] > p[0])
            counts[cell] += 1
            image_sums[cell] += view
            outputs = maps(to_network_units(view[np.newaxis, ..., np.newaxis]))
            map_sums[cell] += np.asarray(outputs["attention_1"])[0]
    np.testing.assert_array_equal(one.counts, counts)
    np.testing.assert_allclose(one.images, image_sums, rtol=1e-6)
    np.testing.assert_allclose(one.attention[0], map_sums, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one.mean_image(1), image_sums[1].sum(axis=0) / 9, rtol=1e-6)


def test_more_repeats_add_to_what_is_known():
    from train.paper.passes import walk

    random = np.random.default_rng(1)
    images = random.integers(0, 256, (3, 16, 16), dtype=np.uint8)
    arguments = (brightness_network(), images, np.array([0, 1, 1]), images[:1])
    options = {"scopes": ("sample",), "seed": 2, "batch_size": 2}
    predicted = []
    two = walk(*arguments, repeats=2, **options)
    more = walk(*arguments, repeats=5, known=two, on_views=predicted.append, **options)["sample"]
    at_once = walk(*arguments, repeats=5, **options)["sample"]
    assert sum(predicted) == 3 * len(images)
    np.testing.assert_array_equal(more.views[:2], two["sample"].views)
    np.testing.assert_allclose(more.views, at_once.views, atol=1e-6)
    np.testing.assert_array_equal(more.counts, at_once.counts)
    np.testing.assert_allclose(more.images, at_once.images)
    np.testing.assert_allclose(more.attention[0], at_once.attention[0], rtol=1e-4, atol=1e-4)


def test_saved_passes_come_back_and_damaged_ones_do_not(tmp_path):
    from train.paper.passes import ScopePass, read_passes, save_passes

    random = np.random.default_rng(2)
    one = ScopePass(
        views=random.random((2, 3, 2)).astype(np.float32),
        clean=random.random((3, 2)).astype(np.float32),
        counts=np.array([[1, 2], [3, 0]]),
        images=np.ones((2, 2, 4, 4)),
        attention=(np.full((2, 2, 2, 2), 0.5),),
        examples=(np.full((2, 2, 2), 0.25, np.float32),),
    )
    path = tmp_path / "one.npz"
    save_passes(path, {"sample": one})
    back = read_passes(path, ("sample",))["sample"]
    np.testing.assert_array_equal(back.views, one.views)
    np.testing.assert_array_equal(back.attention[0], one.attention[0])
    assert back.mean_attention(1, 1) is None
    np.testing.assert_array_equal(back.mean_image(0, 1), np.full((4, 4), 0.5))
    path.write_bytes(path.read_bytes()[:200])
    assert read_passes(path, ("sample",)) is None
