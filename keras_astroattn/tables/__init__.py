"""A classified source as the row of a table: what `cli` and `survey` write alike."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "columns": ["COLUMNS", "PICTURE", "Column"],
        "rows": ["Row", "failed_row", "scored_row"],
        "text": ["encodable", "xml_cell"],
    },
)
