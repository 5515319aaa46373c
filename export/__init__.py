"""From a trained Keras model to SavedModel and LiteRT files: `python -m export.run`."""
