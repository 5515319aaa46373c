"""Read a map, picture or array as the network's input; without Keras and TensorFlow."""

import lazy_loader

from keras_astroattn.deprecation import former_names

_lazy, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["flags"],
    submod_attrs={
        "beam": ["Beam", "target_beam", "target_scale"],
        "conventions": [
            "BEAM",
            "BLACK",
            "CLASS_NAMES",
            "FIELD_SIZE",
            "IMAGE_SIZE",
            "PIXEL_SCALE",
            "to_network_units",
        ],
        "cutout": ["Cutout"],
        "ellipse": ["Ellipse"],
        "field_cutout": ["cutout_from_field"],
        "fits_map": ["FitsMap"],
        "fits_source": ["read_fits"],
        "flux_patches": ["REST", "flux_patches"],
        "extent": ["Extent", "measure_extent"],
        "objects": ["read_source"],
        "picture": [
            "FITS_SUFFIXES",
            "PICTURE_SUFFIXES",
            "cutout_from_array",
            "read_image",
            "source_alone",
        ],
        "position": ["parse_position"],
        "preprocessing": [
            "crop_centre",
            "mask_noise",
            "measure_noise",
            "preprocess",
            "scale_to_uint8",
        ],
        "rotation": ["rotate_image", "tta_angles"],
        "unknown": ["unknown_pixels"],
    },
)
__getattr__ = former_names(__name__, {"turn_angles": "tta_angles", "turned": "rotate_image"}, _lazy)
