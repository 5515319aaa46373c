"""The `astroattn` command, and how every command of the project ends."""

import sys
from collections.abc import Sequence

import cyclopts
from rich.console import Console

from keras_astroattn.errors import InputError

app = cyclopts.App(
    name="astroattn",
    help="Classify radio galaxies (FRI or FRII) and show where the network looked.",
    version_flags=["--version"],
)
# Named, not imported: a command is loaded when it is called.
for _command in ("classify", "survey", "check", "survey-summary", "info", "benchmark"):
    _name = _command.replace("-", "_")
    app.command(f"keras_astroattn.cli.{_name}:{_name}", name=_command)


def run_app(app: cyclopts.App, arguments: Sequence[str] | None = None) -> int:
    """Run a cyclopts app and give its exit status.

    What a user can mend (bad options, `InputError`) is one line on the standard error
    and exit status 2, without a traceback.
    """
    app.suppress_keyboard_interrupt = False  # else cyclopts ends the process by itself
    try:
        status = app(
            arguments,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except (cyclopts.CycloptsError, InputError) as error:
        message = " ".join(str(error).split())
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"error: {message}", markup=False
        )
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return status if isinstance(status, int) else 0


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run_app(app))
