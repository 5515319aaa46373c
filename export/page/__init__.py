"""The browser page: classify a radio map without an installation."""
