"""Labels of a survey's own sources: choose what to label, and recalibrate with the labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "sample": ["SAMPLES", "Chosen", "choose_sample"],
    },
)
