"""Classification with a .tflite file: numpy and ai-edge-litert, no TensorFlow, no Keras."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "classifier": ["Attention", "Classification", "Classifier"],
        "labels": ["COMPACT_BELOW_BEAMS", "LABELS", "LabelRules"],
        "model_file": ["DEFAULT_PRESET", "ModelFile", "list_presets", "open_model"],
    },
)
