"""Labels against beam, size, signal-to-noise ratio and imaging artefacts."""
