"""Studies of trained networks: `python -m train.studies.NAME` measures, then writes tables."""
