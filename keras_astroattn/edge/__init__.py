"""Classify images with a .tflite file; needs NumPy and ai-edge-litert, no TensorFlow, no Keras."""

import lazy_loader

from keras_astroattn.presets import DEFAULT_PRESET, list_presets

__getattr__, __dir__, _lazy = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classification": ["Attention", "Classification"],
        "classifier": ["Classifier"],
        "explanation": ["Component", "Explanation"],
        "labels": ["COMPACT_BELOW_BEAMS", "LABELS", "LabelRules"],
        "model_file": ["ModelFile", "open_model"],
        "results": ["Result", "read_result"],
        "rows": ["explanation_values", "failed_row", "scored_row"],
    },
)

__all__ = [*_lazy, "DEFAULT_PRESET", "list_presets"]
