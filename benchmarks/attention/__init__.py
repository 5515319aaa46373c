"""What a network's attention is worth: `python -m benchmarks.attention`."""
