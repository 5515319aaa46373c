"""Classify images with a .tflite file; needs NumPy and ai-edge-litert, no TensorFlow, no Keras."""

import lazy_loader

from keras_astroattn.presets import DEFAULT_PRESET, list_presets

__getattr__, __dir__, _lazy = lazy_loader.attach(
    __name__,
    submod_attrs={
        "calibration": ["Calibration", "read_calibration"],
        "classification": ["Attention", "Classification", "scored_row"],
        "classifications": ["Classifications"],
        "classifier": ["Classifier"],
        "explanation": ["Component", "Explanation", "explanation_values"],
        "labels": ["COMPACT_BELOW_BEAMS", "LABELS", "LabelRules"],
        "model_file": ["ModelFile", "open_model"],
        "results": ["Result", "read_result"],
        "rows": ["failed_row"],
    },
)

__all__ = [*_lazy, "DEFAULT_PRESET", "list_presets"]
