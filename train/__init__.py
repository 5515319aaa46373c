"""Training programs; they run from a checkout (`python -m train.run`)."""
