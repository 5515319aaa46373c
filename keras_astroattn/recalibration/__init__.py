"""Labels of a survey's own sources: choose sources to label, and recalibrate with the labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "apply": ["recalibrate_table"],
        "estimates": ["Estimate", "calibration_error", "estimate_shares"],
        "fit": ["fit_calibration", "fit_odds"],
        "label_files": ["read_labels"],
        "labels": ["LABELS", "Agreed", "GivenLabel", "agree"],
        "sample": ["SAMPLES", "Chosen", "choose_sample"],
    },
)
