"""`python -m keras_astroattn.cli` is `astroattn`."""

from .app import main

main()
