"""The one kind of error that a user can mend."""


class InputError(ValueError):
    """Something given to the program is wrong.

    The message is one line: what is wrong with what, and what to do. The command-line
    programs print it without a traceback and end with exit status 2.
    """
