"""The command `python -m benchmarks.survey`: speed and memory of `astroattn survey`."""

from collections.abc import Sequence

from keras_astroattn.command import new_app, run_app

from .agreement import agree
from .memory import memory
from .speed import speed

app = new_app(name="python -m benchmarks.survey")
for command in (speed, memory, agree):
    app.command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit status."""
    return run_app(app, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
