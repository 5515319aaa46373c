"""Tables of classified sources: columns, rows, and one writer for each format."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["writers"],
    submod_attrs={
        "batches": ["batches_of"],
        "columns": ["COLUMNS", "EXPLANATION_COLUMNS", "OF_CATALOGUE", "PICTURE", "Column"],
        "text_writers": ["stream_csv"],
        "parquet_writer": ["astropy_metadata", "longest_text", "parquet_field"],
        "rows": ["Row", "explanation_values", "failed_row", "scored_row"],
        "text": ["encodable"],
        "writers": ["WRITERS", "require_writer", "write_table"],
    },
)
