"""What a program makes of an input: it takes it, or refuses it in one line."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_vae.errors import InputError
from keras_vae.reliability.processes import Main

__all__ = ["REFUSED", "TAKEN", "TRAINED", "Subject", "Try", "outcome", "refusing"]

TAKEN, TRAINED, REFUSED = "taken", "trained", "refused"

Try = Callable[[np.random.Generator], str]


class Subject(NamedTuple):
    """What is fuzzed.

    Attributes:
        name: what it is.
        share: of all tries.
        prepare: from the console program and an empty folder to a function that tries one input, and returns what came
            of it; it raises where the promise is broken.
    """

    name: str
    share: float
    prepare: Callable[[Main, Path], Try]


def outcome(main: Main, words: list[str]) -> tuple[int, str]:
    """The exit code of a command line; what it printed, or where that is not 0, its errors."""
    output, errors, code = io.StringIO(), io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, (errors if code else output).getvalue()


class _Answer:
    outcome = TAKEN


@contextlib.contextmanager
def refusing() -> Iterator[_Answer]:
    """Take `InputError` for a refusal, as long as it is one line that can be printed."""
    answer = _Answer()
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield answer
    except InputError as error:
        if "\n" in str(error) or not str(error):
            raise AssertionError(f"the message is no line: {str(error)!r}") from error
        answer.outcome = REFUSED
