"""Attention-gated CNNs for radio galaxies (Bowles et al. 2021) in Keras 3.

The import is light: subpackages load when they are first used, and Keras only with those that
need it. The layers and models of this package are registered with Keras when Keras is imported,
earlier or later, so that `keras.models.load_model` opens a file without `custom_objects`.
"""

import importlib

import lazy_loader

from keras_astroattn.import_hook import when_imported
from keras_astroattn.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "callbacks",
        "cli",
        "datasets",
        "edge",
        "errors",
        "evaluation",
        "files",
        "images",
        "layers",
        "models",
        "outputs",
        "plots",
        "presets",
        "recalibration",
        "report",
        "survey",
        "tables",
    ],
)


def _register_with_keras() -> None:
    """Import the layers and models, which Keras must know to load a saved model."""
    importlib.import_module("keras_astroattn.layers")
    importlib.import_module("keras_astroattn.models")


when_imported("keras", _register_with_keras)
