"""Thresholds of the classes by size and signal-to-noise ratio, from simulated surveys."""
