"""The `astroattn` command."""

import contextlib
import os
import sys

from keras_astroattn.process import ended_by_signals

_GO_ON = "interrupted: give the same command with --resume to go on"


def main() -> None:
    """Run the `astroattn` command of the console script.

    A signal ends `astroattn survey` at once, with one line, also during its imports. Its written
    files are complete or absent at any moment.
    """
    # NumPy's BLAS starts its threads when it is imported, which takes 0.1 s of processor time in
    # this process and in each worker. Work is divided among processes.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    is_survey = sys.argv[1:2] == ["survey"]
    with ended_by_signals(_GO_ON) if is_survey else contextlib.nullcontext():
        try:
            from .app import main as run
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)
        run()
