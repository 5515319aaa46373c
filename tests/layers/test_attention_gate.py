import keras
import numpy as np
import pytest
from scipy import special
from support.backends import gradient
from support.half_pixel import resize
from support.life_cycle import assert_layer_life_cycle

from keras_astroattn.layers import NORMALIZATIONS, SCOPES, AttentionGate

pytestmark = pytest.mark.backend

RANDOM = np.random.default_rng(1)
# 9 rows from 4 and 7 columns from 3, as 37 from 18: not whole factors
X = RANDOM.normal(size=(2, 9, 7, 5)).astype("float32")
G = RANDOM.normal(size=(2, 4, 3, 8)).astype("float32")
THETA = RANDOM.normal(size=(5, 6)).astype("float32")
PHI = RANDOM.normal(size=(8, 6)).astype("float32")
PSI = RANDOM.normal(size=(6,)).astype("float32")
BIAS = 0.3


def make_gate(theta=THETA, phi=PHI, psi=PSI, bias=BIAS, **options):
    gate = AttentionGate(intermediate_channels=6, **options)
    gate.build((X.shape, G.shape))
    gate.theta.kernel.assign(theta.reshape(1, 1, 5, 6))
    gate.phi.kernel.assign(phi.reshape(1, 1, 8, 6))
    gate.psi.kernel.assign(psi.reshape(1, 1, 6, 1))
    gate.psi.bias.assign([bias])
    return gate


def scores_of_the_paper(x, g):
    """s = psi(relu(theta(x) + upsample(phi(g)))), a 1 x 1 convolution being a product."""
    phi_g = g.astype("float64") @ PHI
    upsampled = np.stack([resize(phi_g[..., c], x.shape[1:3]) for c in range(6)], axis=-1)
    return np.maximum(x @ THETA + upsampled, 0) @ PSI + BIAS


def normalized(s, normalization, scope):
    axes = (1, 2) if scope == "sample" else (0, 1, 2)
    low, high = s.min(axes, keepdims=True), s.max(axes, keepdims=True)
    return {
        "softmax": special.softmax(s, axis=(1, 2)),
        "sigmoid": special.expit(s),
        "tanh": np.tanh(s),
        "range_norm": (s - low) / (high - low),
        "std_mean_norm": ((s - low) / high - 0.5) / 0.25,
    }[normalization]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_gate_is_that_of_the_paper(normalization, scope):
    attended, a = make_gate(normalization=normalization, scope=scope)((X, G))
    expected = normalized(scores_of_the_paper(X, G), normalization, scope)
    assert tuple(a.shape) == (2, 9, 7)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(a), expected, rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(attended), X * expected[..., None], rtol=1e-4, atol=5e-5
    )


def test_upsampling_has_half_pixel_centres():
    """By hand: (0, 1) at twice the size is (0, 1/4, 3/4, 1), not (0, 1/3, 2/3, 1)."""
    gate = AttentionGate("tanh", intermediate_channels=1, psi_bias=0.0)
    x, g = np.zeros((1, 1, 4, 1), "float32"), np.array([0, 1], "float32").reshape(1, 1, 2, 1)
    gate.build((x.shape, g.shape))
    for convolution in (gate.theta, gate.phi, gate.psi):
        convolution.kernel.assign(np.ones((1, 1, 1, 1)))
    _, a = gate((x, g))
    expected = np.tanh([[[0, 0.25, 0.75, 1]]])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(a), expected, rtol=1e-6)


def test_only_psi_has_a_bias_and_it_starts_at_ten():
    gate = AttentionGate()
    gate.build((X.shape, G.shape))
    shapes = [tuple(w.shape) for w in gate.trainable_weights]
    assert shapes == [(1, 1, 5, 64), (1, 1, 8, 64), (1, 1, 64, 1), (1,)]
    assert keras.ops.convert_to_numpy(gate.psi.bias).tolist() == [10.0]


def test_convolutions_start_with_kaiming_variance():
    """Kaiming He et al. 2015: zero mean, variance 2 / fan-in."""
    gate = AttentionGate(intermediate_channels=200)
    gate.build(((1, 4, 4, 100), (1, 2, 2, 100)))
    for convolution in (gate.theta, gate.phi):
        kernel = keras.ops.convert_to_numpy(convolution.kernel)
        assert abs(kernel.mean()) < 0.005
        assert kernel.var() == pytest.approx(2 / 100, rel=0.05)


@pytest.mark.parametrize("bias", [10.0, 0.0])
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_constant_scores_keep_output_and_gradient_finite(normalization, bias):
    gate = make_gate(0 * THETA, 0 * PHI, 0 * PSI, bias, normalization=normalization)
    attended, a = gate((X, G))
    assert np.isfinite(keras.ops.convert_to_numpy(attended)).all()
    assert np.ptp(keras.ops.convert_to_numpy(a)) == 0
    slope = gradient(lambda x: keras.ops.sum(gate((x, G))[0]), X)
    assert np.isfinite(slope).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_map_is_float32_and_features_have_the_compute_dtype(policy):
    gate = make_gate(dtype=policy)
    attended, a = gate((X, G))
    assert keras.backend.standardize_dtype(a.dtype) == "float32"
    assert keras.backend.standardize_dtype(attended.dtype) == policy.removeprefix("mixed_")
    symbolic = gate((keras.Input(X.shape[1:]), keras.Input(G.shape[1:])))
    for tensor, eager in zip(symbolic, (attended, a), strict=True):
        assert keras.backend.standardize_dtype(eager.dtype) == tensor.dtype
        assert tensor.shape[1:] == tuple(eager.shape[1:])
    # ranges reach both ends exactly, whatever the scores were rounded to
    a = keras.ops.convert_to_numpy(a)
    np.testing.assert_allclose(a.min(axis=(1, 2)), 0, atol=1e-7)
    np.testing.assert_allclose(a.max(axis=(1, 2)), 1, atol=1e-6)


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match=r"normalization must be one of .*got 'relu'"):
        AttentionGate(normalization="relu")
    with pytest.raises(ValueError, match="scope must be one of sample, batch; got 'all'"):
        AttentionGate(scope="all")


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("normalization", ["softmax", "range_norm"])
def test_life_cycle(normalization, scope, tmp_path):
    gate = AttentionGate(normalization, scope, intermediate_channels=3, psi_bias=1.0)
    assert_layer_life_cycle(gate, [(6, 5, 2), (3, 2, 4)], tmp_path, as_list=True)


def test_life_cycle_keeps_its_policy(tmp_path):
    gate = AttentionGate(intermediate_channels=3, dtype="mixed_float16")
    assert_layer_life_cycle(gate, [(6, 5, 2), (3, 2, 4)], tmp_path, as_list=True)
    assert AttentionGate.from_config(gate.get_config()).dtype_policy.name == "mixed_float16"
