"""Build, call, fit, save, load and copy by configuration: what every layer and model passes."""

from pathlib import Path

import keras
import numpy as np


def to_numpy(structure):
    """The same structure with arrays for tensors."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, structure)


def assert_same(structure, expected, tolerance: float = 1e-6) -> None:
    """Compare two structures of arrays value by value."""
    keras.tree.assert_same_structure(structure, expected)
    for one, other in zip(keras.tree.flatten(structure), keras.tree.flatten(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def fit_one_step(model: keras.Model, inputs, targets, loss) -> None:
    """Train one step, without compiling; some weight must change and none become NaN."""
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    optimizer = keras.optimizers.SGD(1e-2)
    if model.dtype_policy.name == "mixed_float16":
        # The scale that `compile` would begin with overflows, which skips the first steps.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=8.0)
    model.compile(optimizer, loss=loss, run_eagerly=True, jit_compile=False)
    history = model.fit(
        inputs, targets, batch_size=len(keras.tree.flatten(inputs)[0]), epochs=1, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    after = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    assert all(np.isfinite(values).all() for values in after)
    assert any((one != other).any() for one, other in zip(before, after, strict=True))


def save_and_load(model: keras.Model, folder: Path) -> keras.Model:
    """The model after a round trip through a file, without custom_objects."""
    path = folder / "model.keras"
    model.save(path)
    return keras.models.load_model(path)


def assert_layer_life_cycle(layer, shapes, folder: Path, *, as_list: bool = False) -> None:
    """Put a layer through its life behind a dense layer, which gives it something to train."""
    random = np.random.default_rng(0)
    arrays = [random.uniform(-1, 1, (3, *shape)).astype("float32") for shape in shapes]

    def network(layer):
        inputs = [keras.Input(shape) for shape in shapes]
        first, *others = inputs
        first = keras.layers.Dense(first.shape[-1], dtype="float32")(first)
        outputs = layer([first, *others] if as_list else first)
        return keras.Model(inputs, keras.tree.flatten(outputs))

    model = network(layer)
    targets = [np.zeros((3, *output.shape[1:]), "float32") for output in model.outputs]
    fit_one_step(model, arrays, targets, ["mse"] * len(targets))
    expected = to_numpy(model(arrays))
    loaded = save_and_load(model, folder)
    assert_same(to_numpy(loaded(arrays)), expected)

    config = layer.get_config()
    copy = type(layer).from_config(config)
    assert copy.get_config() == config
    copied = network(copy)
    copied.set_weights(model.get_weights())
    assert_same(to_numpy(copied(arrays)), expected)


def assert_model_life_cycle(model, images, labels, folder: Path) -> None:
    """Put a classifier through its life."""
    # Its gradient never vanishes; cross-entropy's does where a random start is right and sure.
    targets = np.eye(model.output.shape[-1], dtype="float32")[labels]
    fit_one_step(model, images, targets, keras.losses.MeanAbsoluteError())
    expected = to_numpy(model(images))
    loaded = save_and_load(model, folder)
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    assert_same(to_numpy(loaded(images)), expected)

    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    assert_same(to_numpy(copy(images)), expected)
