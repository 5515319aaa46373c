"""Keras layers of the attention-gated CNN, written with `keras.ops` alone.

They run on TensorFlow, JAX and PyTorch; all are registered and serializable.
"""

# First of all: importing Keras makes the package register its models, which need the
# modules below one by one.
import keras  # noqa: F401  isort: skip

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
from .batch_normalization import FoldedBatchNormalization
from .calibrated_softmax import CalibratedSoftmax
from .normalization import NORMALIZATIONS, SCOPES, AttentionNormalization
from .p4m import P4MConv2D, P4MGroupPool, P4MLifting, P4MMaxPool
from .random_affine import RandomAffine
from .source_correlation import SourceCorrelation
from .stretch import STRETCHES, Stretch
from .turn import Turn

__all__ = [
    "AGGREGATIONS",
    "NORMALIZATIONS",
    "POOLINGS",
    "SCOPES",
    "STRETCHES",
    "AttentionGate",
    "AttentionMean",
    "AttentionNormalization",
    "AttentionPooling",
    "CalibratedSoftmax",
    "ConcatAggregation",
    "ConcatGatingAggregation",
    "DeepSupervisionAggregation",
    "FineTunedAggregation",
    "FoldedBatchNormalization",
    "MeanAggregation",
    "P4MConv2D",
    "P4MGroupPool",
    "P4MLifting",
    "P4MMaxPool",
    "RandomAffine",
    "SourceCorrelation",
    "Stretch",
    "Turn",
]
