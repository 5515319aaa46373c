"""The paper's five experiments: `python -m train.paper NAME`."""
