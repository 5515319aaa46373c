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
# Named, not imported: a command is loaded when it is called. So its help stands here.
for _command, _help in {
    "classify": """Classify radio sources in image files as FRI or FRII.

        Ends with status 0 if any image could be classified (an image that cannot be read is
        a row with an error), and 2 if none could.""",
    "survey": """Classify every source of a catalogue from the tiles of its survey.

        The result is a folder of Parquet files, one a chunk, in which every row of the
        catalogue stands once: its own columns, then those of `astroattn classify` with the
        prefix aa_. A row that cannot be scored says why. A run that was interrupted goes on
        with --resume to the same table. `astroattn check` says beforehand what to expect.""",
    "check": "Look at a catalogue and its tiles before a survey is scored.",
    "survey-summary": "Show what a survey found, and write it as one table.",
    "info": "Show what a model says of itself.",
    "benchmark": "Time a model on this machine.",
}.items():
    _name = _command.replace("-", "_")
    app.command(f"keras_astroattn.cli.{_name}:{_name}", name=_command, help=_help)


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
