"""Benchmarks: what is timed against other software."""
