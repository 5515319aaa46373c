"""`python -m keras_astroattn.cli` is `astroattn`."""

from . import main

main()
