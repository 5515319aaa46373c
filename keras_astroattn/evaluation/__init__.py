"""Evaluation of predictions and attention maps; every function returns numbers."""

import lazy_loader

from keras_astroattn.deprecation import former_names

_lazy, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "attention": [
            "REGIONS",
            "AttentionStatistics",
            "above_minimum",
            "attention_statistics",
            "frame_regions",
            "mean_map",
            "named_maps",
            "pairwise_agreement",
            "region_enrichment",
            "resize_maps",
        ],
        "calibration": ["CalibrationBins", "confidence_bins", "uncertainty_bins"],
        "deletion": ["Deletion", "delete", "deletion_order", "patch_values"],
        "ensemble": [
            "EnsemblePrediction",
            "combined",
            "mutual_information",
            "predict_ensemble",
        ],
        "equivariance": [
            "EQUIVARIANCE_TESTS",
            "EquivarianceTest",
            "apply_transform",
            "correlation",
            "overlap",
            "undo_transform",
        ],
        "faithfulness": [
            "Faithfulness",
            "flipping_area",
            "flipping_groups",
            "map_faithfulness",
            "oracle_share",
            "rank_correlation",
        ],
        "intervals": ["bootstrap_interval", "effective_sample_size", "wilson_interval"],
        "metrics": ["Evaluation", "evaluate_predictions"],
        "protocol": [
            "augmented_views",
            "draw_transforms",
            "predict_clean",
            "predict_pooled",
            "softmax",
            "transform_images",
        ],
        "saliency": [
            "GRADIENT_METHODS",
            "feature_layer",
            "gradient_maps",
        ],
        "temperature": [
            "Threshold",
            "calibrated",
            "confidence_threshold",
            "fit_entropy_temperature",
            "fit_temperature",
        ],
    },
)
__getattr__ = former_names(
    __name__,
    {
        "REST": "keras_astroattn.images.REST",
        "flux_patches": "keras_astroattn.images.flux_patches",
        "MOVES": "EQUIVARIANCE_TESTS",
        "Move": "EquivarianceTest",
        "move_back": "undo_transform",
        "move_images": "apply_transform",
        "transformed_turns": "augmented_views",
    },
    _lazy,
)
