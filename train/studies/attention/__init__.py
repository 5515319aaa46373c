"""Study of the attention of networks: `python -m train.studies.attention`."""
