"""The `astroattn` command."""

import contextlib
import sys

from keras_astroattn.process import ended_by_signals

_GO_ON = "interrupted: give the same command with --resume to go on"


def main() -> None:
    """Entry point of the console script.

    `astroattn survey` ends at once, with one line, whenever a signal interrupts it, also while
    it is being imported. What it has written is complete or absent at any moment.
    """
    is_survey = sys.argv[1:2] == ["survey"]
    with ended_by_signals(_GO_ON) if is_survey else contextlib.nullcontext():
        try:
            from .app import main as run
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)
        run()
