"""Labels against beam, size and signal-to-noise: `python -m train.studies.robustness`."""
