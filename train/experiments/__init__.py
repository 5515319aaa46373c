"""The paper's five experiments: `python -m train.experiments NAME`."""
