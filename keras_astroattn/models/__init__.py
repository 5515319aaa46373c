"""Networks built from the layers."""

# See layers/__init__.py.
import keras  # noqa: F401  isort: skip

from .ag_cnn import AGCNN, attention_model
from .classic_cnn import ClassicCNN

__all__ = ["AGCNN", "ClassicCNN", "attention_model"]
