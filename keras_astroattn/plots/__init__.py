"""Figures: each function takes NumPy arrays and returns a matplotlib Figure."""

import lazy_loader

from keras_astroattn.deprecation import former_names

_lazy, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["sheets"],
    submod_attrs={
        "accuracy_time": ["accuracy_time_figure"],
        "attention": ["attention_figure", "attention_progress", "map_grid"],
        "classified_source": ["classified_source_figure"],
        "confusion": ["confusion_figure"],
        "deletion": ["deletion_figure"],
        "losses": ["loss_figure"],
        "metrics": ["enrichment_figure", "metric_figure", "metric_grid"],
        "misclassification": ["false_rate_figure", "group_rates_figure"],
        "equivariance": ["equivariance_figure"],
        "reliability": ["reliability_figure"],
        "roc": ["roc_figure"],
        "sky_marks": ["Sky"],
        "source": ["draw_source", "flux_levels", "source_figure"],
        "source_maps": ["patches_figure", "source_maps_figure"],
        "style": ["COLUMN_WIDTH", "TEXT_WIDTH", "new_figure", "save_figure", "styled"],
    },
)
__getattr__ = former_names(
    __name__, {"moves_figure": "equivariance_figure", "reading_figure": "source_maps_figure"}, _lazy
)
