"""Networks built from the layers."""

# See layers/__init__.py.
import keras  # noqa: F401  isort: skip

import lazy_loader

from .ag_cnn import AGCNN, attention_model
from .calibrated_model import calibrated_model
from .classic_cnn import ClassicCNN
from .equivariant_ag_cnn import EquivariantAGCNN
from .turned_model import turned_model

# Only on use: the module is also a command (`python -m keras_astroattn.models.published`).
__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "presets": ["from_preset", "list_presets", "preset_metadata"],
        "published": ["load_published"],
    },
)

__all__ = [
    "AGCNN",
    "ClassicCNN",
    "EquivariantAGCNN",
    "attention_model",
    "calibrated_model",
    "from_preset",
    "list_presets",
    "load_published",
    "preset_metadata",
    "turned_model",
]
