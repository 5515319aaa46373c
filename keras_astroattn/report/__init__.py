"""Markdown, CSV and terminal tables of evaluations and of attention, and HTML reports."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "evaluations": [
            "SPREAD_BY",
            "evaluation_markdown",
            "evaluation_table",
            "network_title",
            "results_markdown",
            "spread_markdown",
            "spread_records",
            "spread_table",
        ],
        "html_page": ["Section"],
        "html_report": ["MOST_SOURCES", "Shown", "report_html"],
        "formats": [
            "Record",
            "csv_table",
            "markdown_table",
            "mean_and_spread",
            "percentage",
            "with_interval",
        ],
    },
)
