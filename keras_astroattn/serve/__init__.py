"""Serve a result of millions of sources as a page: rows, pictures and labels on demand."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "access": ["LOCAL"],
        "application": ["Served", "web_application"],
        "label_file": ["LabelFile"],
        "server": ["listen", "run"],
        "sources": ["Query", "SourceTable", "read_sources"],
    },
)
