"""Cross-validated accuracy, and results on the official test sets."""
