"""Classify the sources of a catalogue from the tiles of a survey, on Dask."""

import warnings

import lazy_loader

_attribute, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "catalogue": ["Catalogue", "open_catalogue"],
        "column_mapping": ["ADAPTERS", "ColumnMapping", "map_columns"],
        "run": ["run_survey"],
        "settings": ["SurveySettings"],
        "tiles": ["Footprints", "Tile", "find_tiles", "index_tiles"],
    },
)
_RENAMED = {"Roles": "ColumnMapping", "find_roles": "map_columns"}


def __getattr__(name: str) -> object:
    if name in _RENAMED:
        warnings.warn(
            f"keras_astroattn.survey.{name} is deprecated: use {_RENAMED[name]}",
            DeprecationWarning,
            stacklevel=2,
        )
        name = _RENAMED[name]
    return _attribute(name)
