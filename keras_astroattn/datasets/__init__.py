"""Data sets: TFDS builders `mirabest`, `frdeep`, `first_galaxies`, `simulated`; `load_sources`.

Importing this package registers the builders for `tfds.builder` and `tfds.load` without importing
TFDS or TensorFlow: the registration happens when TFDS itself is imported, earlier or later.
"""

import importlib

import lazy_loader

from keras_astroattn.deprecation import former_names
from keras_astroattn.import_hook import when_imported

_lazy, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["simulated", "simulation"],
    submod_attrs={
        "archives": ["Archive", "Batch", "read_batches"],
        "classes": ["HYBRID", "LABEL_NAMES", "SOURCE_CLASSES", "UNKNOWN_CLASS", "SourceClass"],
        "first_galaxies": ["FirstGalaxies"],
        "frdeep": ["FRDeep"],
        "mirabest": ["MiraBest"],
        "simulation.survey": ["SimulatedSurvey", "simulate_survey"],
        "sources": ["DATA_NAMES", "Sources", "how_to_get", "is_at_hand", "join", "load_sources"],
    },
)
__getattr__ = former_names(__name__, {"cache_folder": "keras_astroattn.files.cache_folder"}, _lazy)


def _register_builders() -> None:
    """Import the builders: TFDS registers a builder when its class is created."""
    for module in ("mirabest", "frdeep", "first_galaxies", "simulated"):
        importlib.import_module(f"{__name__}.{module}")


when_imported("tensorflow_datasets", _register_builders)
