"""Keras layers of the attention-gated CNN, written with `keras.ops` alone.

They run on TensorFlow, JAX and PyTorch; all are registered and serializable.
"""

# This import is first: when Keras is imported, the package registers its models, which import the
# modules below one by one.
try:
    import keras  # noqa: F401  isort: skip
except ModuleNotFoundError as error:
    if error.name != "keras":
        raise
    raise ModuleNotFoundError(
        f"{__name__} needs Keras: pip install 'keras-astroattn[train]'", name="keras"
    ) from None

from keras_astroattn.deprecation import former_names

from .aggregation import (
    AGGREGATIONS,
    ConcatAggregation,
    ConcatGatingAggregation,
    DeepSupervisionAggregation,
    FineTunedAggregation,
    MeanAggregation,
)
from .attention_gate import AttentionGate
from .attention_mean import AttentionMean
from .attention_pooling import POOLINGS, AttentionPooling
from .batch_normalization import FastBatchNormalization
from .normalization import NORMALIZATIONS, SCOPES, AttentionNormalization
from .p4m import P4MConv2D, P4MGroupPool, P4MLifting, P4MMaxPool
from .random_affine import RandomAffine
from .rotate import Rotate
from .sky_padding import PADDINGS, SkyPadding
from .source_deletion import SourceDeletion
from .stretch import STRETCHES, Stretch
from .temperature_scaling import TemperatureScaling
from .votes import VotesAggregation

__getattr__ = former_names(
    __name__,
    {
        "CalibratedSoftmax": "TemperatureScaling",
        "FoldedBatchNormalization": "FastBatchNormalization",
        "Turn": "Rotate",
    },
)

__all__ = [
    "AGGREGATIONS",
    "NORMALIZATIONS",
    "PADDINGS",
    "POOLINGS",
    "SCOPES",
    "STRETCHES",
    "AttentionGate",
    "AttentionMean",
    "AttentionNormalization",
    "AttentionPooling",
    "ConcatAggregation",
    "ConcatGatingAggregation",
    "DeepSupervisionAggregation",
    "FastBatchNormalization",
    "FineTunedAggregation",
    "MeanAggregation",
    "P4MConv2D",
    "P4MGroupPool",
    "P4MLifting",
    "P4MMaxPool",
    "RandomAffine",
    "Rotate",
    "SkyPadding",
    "SourceDeletion",
    "Stretch",
    "TemperatureScaling",
    "VotesAggregation",
]
