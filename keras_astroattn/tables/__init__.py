"""Tables of classified sources: columns, and one writer for each format."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["writers"],
    submod_attrs={
        "astropy_table": ["to_astropy"],
        "batches": ["batches_of"],
        "columns": ["COLUMNS", "EXPLANATION_COLUMNS", "OF_CATALOGUE", "PICTURE", "Column", "Row"],
        "text_writers": ["stream_csv"],
        "parquet_writer": ["astropy_metadata", "longest_text", "parquet_field"],
        "provenance": ["Provenance", "command_line", "provenance_of", "utc_now"],
        "readers": [
            "SURVEY_PREFIX",
            "Table",
            "read_arrow",
            "read_table",
            "rows_elsewhere",
            "table_of_arrow",
        ],
        "regions_writer": [
            "REGION_COLUMNS",
            "REGION_WRITERS",
            "require_region_writer",
            "write_regions",
        ],
        "text": ["encodable", "printable"],
        "writers": ["WRITERS", "require_writer", "write_table"],
    },
)
