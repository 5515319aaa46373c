"""Run `astroattn` by `python -m keras_astroattn.cli`."""

from . import main

main()
