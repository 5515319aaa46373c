"""FITS, PNG, NPY -> the network's input; neither Keras nor TensorFlow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "conventions": [
            "BEAM",
            "BLACK",
            "CLASS_NAMES",
            "IMAGE_SIZE",
            "PIXEL_SCALE",
            "to_network_units",
        ],
        "preprocessing": [
            "crop_centre",
            "mask_noise",
            "measure_noise",
            "preprocess",
            "scale_to_uint8",
        ],
    },
)
