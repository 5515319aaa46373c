"""From the stages of a backbone to logits: gates, pooled vectors and their aggregation."""

import keras

from keras_astroattn.layers.aggregation import AGGREGATIONS
from keras_astroattn.layers.attention_gate import AttentionGate
from keras_astroattn.layers.attention_pooling import POOLINGS, AttentionPooling
from keras_astroattn.layers.normalization import NORMALIZATIONS, SCOPES
from keras_astroattn.layers.registration import require_choice

POOLED = {"data_format": "channels_last", "dtype": "float32"}
"""Options of the layers that pool a whole feature map."""


def require_head(normalization: str, aggregation: str, pooling: str, scope: str) -> None:
    """Raise ValueError, naming the option, for one that no head has."""
    require_choice("normalization", normalization, NORMALIZATIONS)
    require_choice("aggregation", aggregation, AGGREGATIONS)
    require_choice("pooling", pooling, POOLINGS)
    require_choice("scope", scope, SCOPES)


def gate_vectors(
    finer: list,
    g,
    *,
    normalization: str,
    scope: str,
    pooling: str,
    aggregation: str,
    psi_bias: float,
    intermediate_channels: int,
    dtype,
) -> list:
    """One vector a gate, coarsest first; with `concat_gating` also the mean and maximum of g.

    Args:
        finer: feature maps x of the gated stages, finest first.
        g: gating signal.
        normalization: see `AGCNN`, as for the other options.
        scope: ..
        pooling: ..
        aggregation: ..
        psi_bias: ..
        intermediate_channels: of the gates.
        dtype: dtype policy of the gates.
    """
    vectors = []
    for gate, x in enumerate(reversed(finer), start=1):
        attended, a = AttentionGate(
            normalization,
            scope,
            intermediate_channels=intermediate_channels,
            psi_bias=psi_bias,
            dtype=dtype,
            name=f"gate_{gate}",
        )((x, g))
        vectors.append(AttentionPooling(pooling, name=f"pooling_{gate}")((attended, a)))
    if vectors and aggregation == "concat_gating":
        vectors.append(keras.layers.GlobalAveragePooling2D(**POOLED, name="g_mean")(g))
        vectors.append(keras.layers.GlobalMaxPooling2D(**POOLED, name="g_max")(g))
    return vectors


def classified(vectors: list, aggregation: str, dropout: float, num_classes: int):
    """The layer `logits` on the vectors, each behind its dropout."""
    if dropout:
        vectors = [
            keras.layers.Dropout(dropout, dtype="float32", name=f"dropout_{number}")(vector)
            for number, vector in enumerate(vectors, start=1)
        ]
    return AGGREGATIONS[aggregation](num_classes, name="logits")(vectors)
