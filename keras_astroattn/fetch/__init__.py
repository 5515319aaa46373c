"""Fetch cutouts of radio surveys from public image services."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "casda": ["Login"],
        "download": ["Downloads"],
        "run": ["FetchSettings", "fetch_cutouts"],
        "sources": ["Source"],
        "surveys": ["SURVEYS", "ImageSurvey"],
    },
)
