"""The one error that a user can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    """What the user gave cannot be used: the message is one line that names the thing and the remedy.

    Scripts print the line alone and exit with code 2; every other exception is a bug and keeps its traceback.
    """
