"""The attention gate: which pixels of x agree with the gating signal g."""

import keras
from keras import ops

from .normalization import AttentionNormalization
from .registration import register


@register
class AttentionGate(keras.layers.Layer):
    """Weight features x by their agreement with a coarser gating signal g.

        s = psi(relu(theta(x) + upsample(phi(g))))
        a = normalize(s)
        gate(x, g) = x * a, a

    theta, phi and psi are 1 x 1 convolutions to `intermediate_channels`,
    `intermediate_channels` and 1 channels; only psi has a bias; `upsample` is bilinear
    with half-pixel centres.

    Shapes: x (batch, height, width, channels) and g (batch, h, w, gating channels) to
    attended features (batch, height, width, channels), in the compute dtype, and the
    attention map (batch, height, width), float32.

    Args:
        normalization: of the scores s; see `AttentionNormalization`.
        scope: `"sample"` or `"batch"`; see `AttentionNormalization`.
        intermediate_channels: channels in which x and g are compared.
        psi_bias: initial bias of psi. The paper's 10 leaves `sigmoid` and `tanh` saturated,
            a map of ones that hardly learns; 0 does not.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: for an unknown normalization or scope.

    Source: Bowles et al. 2020 (arXiv 2012.01248), after Jetley et al. 2018 and
    Schlemper et al. 2018 (grid attention).
    """

    def __init__(
        self,
        normalization: str = "range_norm",
        scope: str = "sample",
        intermediate_channels: int = 64,
        psi_bias: float = 10.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.intermediate_channels = intermediate_channels
        self.psi_bias = psi_bias
        self.theta = self._one_by_one(intermediate_channels, "theta", use_bias=False)
        self.phi = self._one_by_one(intermediate_channels, "phi", use_bias=False)
        self.psi = self._one_by_one(
            1, "psi", bias_initializer=keras.initializers.Constant(psi_bias)
        )
        self.normalize = AttentionNormalization(normalization, scope, name="normalize")

    def _one_by_one(self, channels: int, name: str, **kwargs) -> keras.layers.Conv2D:
        return keras.layers.Conv2D(
            channels,
            1,
            kernel_initializer="he_normal",
            data_format="channels_last",
            dtype=self.dtype_policy,
            name=name,
            **kwargs,
        )

    def build(self, input_shape):
        """Make the weights of theta, phi and psi."""
        x_shape, g_shape = input_shape
        self.theta.build(x_shape)
        self.phi.build(g_shape)
        self.psi.build((*x_shape[:-1], self.intermediate_channels))

    def scores(self, inputs):
        """Give the compatibility scores s (batch, height, width) for inputs (x, g)."""
        x, g = inputs
        gating = ops.image.resize(
            self.phi(g), x.shape[1:3], interpolation="bilinear", data_format="channels_last"
        )
        return ops.squeeze(self.psi(ops.relu(self.theta(x) + gating)), axis=-1)

    def call(self, inputs):
        """Give (x * a, a) for inputs (x, g)."""
        x, _ = inputs
        a = self.normalize(self.scores(inputs))
        return x * ops.expand_dims(ops.cast(a, x.dtype), axis=-1), a

    def compute_output_spec(self, inputs):
        """The shape and compute dtype of x, and the float32 map without its channel axis."""
        x, _ = inputs
        return (
            keras.KerasTensor(x.shape, dtype=self.compute_dtype),
            keras.KerasTensor(x.shape[:-1], dtype="float32"),
        )

    def get_config(self):
        """What `__init__` took."""
        return {
            **super().get_config(),
            "normalization": self.normalize.normalization,
            "scope": self.normalize.scope,
            "intermediate_channels": self.intermediate_channels,
            "psi_bias": self.psi_bias,
        }
