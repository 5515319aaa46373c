"""Classify the sources of a catalogue from the tiles of a survey, on Dask."""

import lazy_loader

from keras_astroattn.deprecation import former_names

_lazy, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalogue": ["Catalogue", "open_catalogue"],
        "column_mapping": ["ADAPTERS", "ColumnMapping", "map_columns"],
        "run": ["run_survey"],
        "settings": ["SurveySettings"],
        "tiles": ["Footprints", "Tile", "find_tiles", "index_tiles"],
    },
)
__getattr__ = former_names(__name__, {"Roles": "ColumnMapping", "find_roles": "map_columns"}, _lazy)
