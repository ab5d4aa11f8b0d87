"""What arguments meant when they were written: names of networks have changed since."""

from collections.abc import Mapping
from typing import Any

__all__ = ["FORMAT", "as_named_today"]

# Counts the meanings that written arguments have had. Format 1, which was not written, called a network of strided
# convolutions `convolutional`.
FORMAT = 2


def as_named_today(written: Mapping[str, Any]) -> dict[str, Any]:
    """Read the arguments of a network, or of a training of it, as they were meant.

    Args:
        written: arguments with the `format` that they were written in, where they have any.

    Returns:
        The arguments without it; `network` is called what it is called today.
    """
    arguments = dict(written)
    if arguments.pop("format", 1) == 1 and arguments.get("network") == "convolutional":
        arguments["network"] = "strided"
    return arguments
