"""Benchmarks against other software."""
