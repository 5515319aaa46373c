"""Networks built from the layers."""

import keras_astroattn.layers  # noqa: F401  isort: skip (first: it says what to install for Keras)

import lazy_loader

from keras_astroattn.deprecation import former_names

from .ag_cnn import AGCNN
from .classic_cnn import ClassicCNN
from .consistency import ConsistentNetwork
from .equivariant_ag_cnn import EquivariantAGCNN
from .presets import from_preset, list_presets, preset_metadata
from .seen_images import images_seen_by, sees_source_alone
from .wrappers import (
    attention_model,
    calibrated_model,
    evidence_model,
    full_model,
    tta_model,
)

# Imported on use: the module is also a command (`python -m keras_astroattn.models.published`).
_lazy, _, _ = lazy_loader.attach(__name__, submod_attrs={"published": ["load_published"]})
__getattr__ = former_names(__name__, {"turned_model": "tta_model"}, _lazy)

__all__ = [
    "AGCNN",
    "ClassicCNN",
    "ConsistentNetwork",
    "EquivariantAGCNN",
    "attention_model",
    "calibrated_model",
    "evidence_model",
    "from_preset",
    "full_model",
    "images_seen_by",
    "list_presets",
    "load_published",
    "preset_metadata",
    "sees_source_alone",
    "tta_model",
]
