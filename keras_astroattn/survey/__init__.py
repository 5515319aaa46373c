"""Catalogue and tiles -> tasks -> Parquet, on Dask; neither Keras nor TensorFlow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalogue": ["Catalogue", "open_catalogue"],
        "roles": ["ADAPTERS", "Roles", "find_roles"],
        "run": ["SurveySettings", "run_survey"],
        "tiles": ["Footprints", "Tile", "find_tiles", "index_tiles"],
    },
)
