"""The command `python -m benchmarks.survey`: speed and memory of `astroattn survey`."""

from collections.abc import Sequence

import cyclopts

from keras_astroattn.command import run_app

from .agreement import agree
from .memory import memory
from .speed import speed

app = cyclopts.App(name="python -m benchmarks.survey", version_flags=[])
for command in (speed, memory, agree):
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
