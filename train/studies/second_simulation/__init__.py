"""Labels of a simulation that shares no code with that of the training."""
