"""How every command of the project runs and reports errors."""

import sys
from collections.abc import Sequence

import cyclopts
from rich.console import Console

from keras_astroattn.errors import InputError


def run_app(app: cyclopts.App, arguments: Sequence[str] | None = None) -> int:
    """Run a cyclopts app and return its exit status.

    An error that the user can correct (a wrong option, an `InputError`) is printed as one line
    on the standard error, without a traceback.

    Args:
        app: the command.
        arguments: arguments of the command line; by default those of this process.

    Returns:
        The integer that the command returned, else 0; 2 after an error that the user can
        correct; 130 after Ctrl-C.
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
