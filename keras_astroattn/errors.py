"""The exception for errors that a user can correct."""


class InputError(ValueError):
    """An input of the program is invalid.

    The message is one line that states what is wrong with which input, and what to do. The
    command-line programs print it without a traceback and end with exit status 2.
    """
