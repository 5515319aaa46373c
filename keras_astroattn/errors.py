"""The exception for errors that a user can correct, and the reasons that libraries give."""

import re


class InputError(ValueError):
    """An input of the program is invalid.

    The message is one line that states the input, its fault, and the remedy. The
    command-line programs print it without a traceback and end with exit status 2.
    """


def reason_of(error: Exception, longest: int = 200) -> str:
    """Return the reason that a library gives, in one line and without names of its classes.

    Args:
        error: the library's exception.
        longest: largest number of characters.
    """
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"\b\w+Exception: ", "", " ".join(text.split()))[:longest]
