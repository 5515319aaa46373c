"""Rings and smooth round patches, and the radio galaxies that look like them."""
