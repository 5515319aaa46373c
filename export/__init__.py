"""Export trained Keras models as SavedModel and LiteRT files: `python -m export.run`."""
