"""Thresholds of the classes by neighbours, size and S/N, from simulated surveys."""
