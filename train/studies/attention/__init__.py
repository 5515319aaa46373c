"""What a network's attention is worth: `python -m train.studies.attention`."""
