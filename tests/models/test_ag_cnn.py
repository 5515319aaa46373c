import doctest

import keras
import numpy as np
import pytest
from support.life_cycle import assert_model_life_cycle, save_and_load
from support.pairwise import pairs, pairwise
from support.small_networks import IMAGES, LABELS, SHAPE, to_numpy, with_statistics

import keras_astroattn
from keras_astroattn.layers import (
    AGGREGATIONS,
    NORMALIZATIONS,
    POOLINGS,
    SCOPES,
    STRETCHES,
    AttentionGate,
)
from keras_astroattn.models import (
    AGCNN,
    ClassicCNN,
    EquivariantAGCNN,
    attention_model,
    calibrated_model,
    evidence_model,
    images_seen_by,
)

pytestmark = pytest.mark.backend

OPTIONS = {
    "normalization": tuple(NORMALIZATIONS),
    "aggregation": tuple(AGGREGATIONS),
    "gates": (0, 1, 2, 3),
    "pooling": POOLINGS,
    "scope": SCOPES,
    "stretch": STRETCHES,
}
ROWS = pairwise(OPTIONS)
# These already hold every value of every option.
FIRST_ROWS = 8


def small(**options):
    """A small network whose logits depend on its image.

    Those of `ft` may not before it has learned: the votes of random weights can all be
    negative, and end in its ReLU.
    """
    return AGCNN(**{"aggregation": "concat", "input_shape": SHAPE, **options})


def rows_to_test():
    for number, row in enumerate(ROWS):
        marks = [pytest.mark.slow] if number >= FIRST_ROWS else []
        yield pytest.param(row, marks=marks, id="-".join(map(str, row.values())))


def test_the_rows_hold_every_pair_and_the_first_every_value():
    values = {(name, value) for name, choices in OPTIONS.items() for value in choices}
    assert {item for row in ROWS[:FIRST_ROWS] for item in row.items()} == values
    expected = {frozenset((one, other)) for one in values for other in values if one[0] != other[0]}
    assert {frozenset(pair) for row in ROWS for pair in pairs(OPTIONS, row)} == expected


@pytest.mark.parametrize("row", list(rows_to_test()))
def test_life_cycle(row, tmp_path):
    assert_model_life_cycle(small(**row), IMAGES, LABELS, tmp_path)


# By hand: convolutions 84,800; batch normalizations 580; gates 6,209, 5,185 and 4,545;
# vectors of 32, 16 and 6 values; without gates 9 x 9 x 64 values.
@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, 101_447),
        ({"aggregation": "concat"}, 101_319 + 54 * 2 + 2),
        ({"aggregation": "mean"}, 101_319 + 54 * 2 + 6),
        ({"aggregation": "deep_sup"}, 101_319 + 54 * 2 + 6 + 54 * 2 + 2),
        ({"aggregation": "concat_gating"}, 101_319 + 2 * 182 + 182 * 2 + 2),
        ({"gates": 2}, 96_774 + 48 * 2 + 4 + 4 * 2 + 2),
        ({"gates": 1}, 91_589 + 32 * 2 + 2 + 2 * 2 + 2),
        ({"gates": 0}, 85_380 + 9 * 9 * 64 * 2 + 2),
    ],
    ids=str,
)
def test_number_of_trainable_parameters(options, weights):
    model = AGCNN(**options)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == weights
    assert model.input.shape == (None, 150, 150, 1)
    assert model.output.shape == (None, 2)


def test_batch_normalization_follows_the_convolution_and_precedes_relu():
    model = small()
    for stage, blocks in ((1, 3), (2, 3), (3, 3), (4, 2)):
        for block in range(1, blocks + 1):
            convolution, norm, relu = (
                model.get_layer(f"stage_{stage}_block_{block}_{part}")
                for part in ("conv", "norm", "relu")
            )
            assert norm.input is convolution.output
            assert relu.input is norm.output
            assert convolution.activation is keras.activations.linear
            assert (norm.epsilon, norm.momentum) == (1e-5, 0.9)


def test_stages_have_the_papers_sizes():
    model = AGCNN()
    shapes = [model.get_layer(f"gate_{k}").input[0].shape[1:] for k in (1, 2, 3)]
    assert shapes == [(37, 37, 32), (75, 75, 16), (150, 150, 6)]
    assert {model.get_layer(f"gate_{k}").input[1].shape[1:] for k in (1, 2, 3)} == {(18, 18, 64)}


@pytest.mark.parametrize("options", [{}, {"gates": 0}, {"aggregation": "concat_gating"}], ids=str)
def test_prediction_of_sample_scope_does_not_depend_on_the_batch(options):
    model = with_statistics(small(**options))
    others = np.concatenate([IMAGES[:1], np.flip(IMAGES[1:], axis=1) ** 3])
    one, other = to_numpy(model(IMAGES)), to_numpy(model(others))
    np.testing.assert_array_equal(one[0], other[0])
    assert np.abs(one[1:] - other[1:]).max() > 1e-4
    # In another batch size only the order of the sums may differ.
    np.testing.assert_allclose(to_numpy(model(IMAGES[:1])), one[:1], rtol=1e-4, atol=1e-4)


def test_prediction_of_batch_scope_does():
    model = with_statistics(small(scope="batch"))
    alone, together = to_numpy(model(IMAGES[:1])), to_numpy(model(IMAGES))
    assert np.abs(alone - together[:1]).max() > 1e-2


def test_dropout_acts_while_training_alone():
    model = small(dropout=0.5)
    np.testing.assert_array_equal(to_numpy(model(IMAGES)), to_numpy(model(IMAGES)))
    # Batch normalization of the batch is the same twice; what differs is the dropout.
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    one, other = (to_numpy(model(IMAGES, training=True)) for _ in range(2))
    assert np.abs(one - other).max() > 1e-3
    still = small(dropout=0.0)
    assert not [layer for layer in still.layers if isinstance(layer, keras.layers.Dropout)]


def test_stretch_is_that_of_the_image():
    model = with_statistics(small(stretch="sqrt"))
    plain = small()
    plain.set_weights(model.get_weights())
    image = np.abs(IMAGES) - 0.5
    stretched = 2 * np.sqrt((image + 1) / 2) - 1
    np.testing.assert_allclose(to_numpy(model(image)), to_numpy(plain(stretched)), atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_the_head_in_float32(policy, tmp_path):
    model = small(aggregation="concat_gating", pooling="weighted_mean", dtype=policy)
    assert model.get_layer("stage_4_block_1_conv").compute_dtype == policy.removeprefix("mixed_")
    assert model.get_layer("gate_1").compute_dtype == policy.removeprefix("mixed_")
    for name in ("pooling_1", "g_mean", "g_max", "dropout_1", "logits"):
        assert model.get_layer(name).compute_dtype == "float32"
    assert model.output.dtype == "float32"
    assert keras.backend.standardize_dtype(model(IMAGES).dtype) == "float32"
    for name, tensor in keras_astroattn.models.attention_model(model).output.items():
        assert tensor.dtype == "float32", name
    assert_model_life_cycle(model, IMAGES, LABELS, tmp_path)


@pytest.fixture
def global_policy():
    """Set the global dtype policy; it is put back afterwards."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


def test_loading_under_another_global_policy_keeps_the_saved_one(global_policy, tmp_path):
    model = with_statistics(small())
    global_policy("mixed_bfloat16")
    loaded = save_and_load(model, tmp_path)
    # `Input` has no policy to choose; its images are float32 under any.
    _, *layers = loaded.layers
    assert {layer.dtype_policy.name for layer in (loaded, *layers)} == {"float32"}
    np.testing.assert_allclose(to_numpy(loaded(IMAGES)), to_numpy(model(IMAGES)), rtol=1e-5)


def test_global_policy_is_taken_and_saved(global_policy, tmp_path):
    global_policy("mixed_bfloat16")
    model = small()
    assert model.get_layer("gate_2").dtype_policy.name == "mixed_bfloat16"
    global_policy("float32")
    loaded = save_and_load(model, tmp_path)
    assert loaded.get_layer("gate_2").dtype_policy.name == "mixed_bfloat16"
    assert loaded.output.dtype == "float32"


@pytest.mark.parametrize("family", [AGCNN, ClassicCNN])
@pytest.mark.parametrize("policy", ["mixed_float16", "float32"])
def test_the_models_own_policy_decides_on_loss_scaling(family, policy, global_policy):
    """Unscaled, small gradients vanish in float16; `compile` asks the model's policy."""
    global_policy("float32" if policy == "mixed_float16" else "mixed_float16")
    model = family(dtype=policy)
    model.compile("sgd", "mse")
    assert model.dtype_policy.name == policy
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")


def test_trains_through_fit_behind_the_augmentation():
    """Compiled, as `train` does it; the network must separate the classes after a few steps."""
    images = np.full((16, *SHAPE), -1, "float32")
    images[::2, 8:16, 8:16] = 1
    labels = np.arange(16) % 2
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    augmented = keras_astroattn.layers.RandomAffine(seed=0)(image)
    network = small(
        gates=1, normalization="sigmoid", aggregation="concat_gating", psi_bias=0.0, dropout=0.0
    )
    model = keras.Model(image, network(augmented))
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    history = model.fit(images, labels, batch_size=16, epochs=6, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gates": 4}, "gates must be one of 0, 1, 2, 3; got 4"),
        ({"gates": -1}, "gates must be one of"),
        ({"gates": "3"}, "gates must be one of"),
        ({"normalization": "minmax"}, "normalization must be one of .*got 'minmax'"),
        ({"aggregation": "vote"}, "aggregation must be one of .*got 'vote'"),
        ({"pooling": "max"}, "pooling must be one of .*got 'max'"),
        ({"scope": "image"}, "scope must be one of .*got 'image'"),
        ({"stretch": "log"}, "stretch must be one of .*got 'log'"),
        ({"dropout": 1.5}, r"dropout must be in \[0, 1\); got 1.5"),
        ({"dropout": -0.1}, "dropout must be in"),
        ({"num_classes": 0}, "num_classes must be at least 1; got 0"),
        ({"input_shape": (15, 24, 1)}, "input_shape must be .*16 x 16 pixels; got"),
        ({"input_shape": (24, 24)}, "input_shape must be .height, width, channels.*got"),
        ({"input_shape": (None, None, 1)}, "input_shape must be"),
    ],
    ids=str,
)
@pytest.mark.parametrize("gates", [0, 3])
def test_impossible_options_are_named(options, message, gates):
    with pytest.raises(ValueError, match=message):
        small(**{"gates": gates, **options})


def test_options_may_be_positional():
    model = AGCNN(1, "sigmoid", "mean", "sum", "batch", 0.1, 3, SHAPE)
    assert (model.gates, model.normalization, model.aggregation) == (1, "sigmoid", "mean")
    assert model.output.shape == (None, 3)


@pytest.mark.parametrize(
    "documented",
    [
        AGCNN, EquivariantAGCNN, AttentionGate, attention_model, calibrated_model, evidence_model,
        images_seen_by,
    ],
)  # fmt: skip
def test_the_docstrings_example_runs(documented):
    (example,) = doctest.DocTestFinder(recurse=False).find(documented, globs={})
    assert len(example.examples) >= 4
    assert doctest.DocTestRunner().run(example).failed == 0


def test_frozen_it_stays_frozen_when_it_is_loaded(tmp_path):
    model = AGCNN(gates=1, input_shape=(32, 32, 1))
    model.trainable = False
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.trainable_variables == []
    assert not any(variable.trainable for variable in again.variables)
