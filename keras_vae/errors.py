"""The one error that a user can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    r"""What the user gave cannot be used: the message is one line that names the thing and the remedy.

    Scripts print the line alone and exit with code 2; every other exception is a bug and keeps its traceback.

    Args:
        message: the line. Characters in it that cannot be printed come from what the user gave, such as a name within
            a file, and are shown as their escapes, a line break as `\n`.
    """

    def __init__(self, message: str) -> None:
        shown = (each if each.isprintable() else each.encode("unicode_escape").decode() for each in message)
        super().__init__("".join(shown))
