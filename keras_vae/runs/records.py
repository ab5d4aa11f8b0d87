"""A run's JSON files, checked as they are read: one that was cut, exchanged or edited by hand is named in one line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_vae.errors import InputError
from keras_vae.files import UNREADABLE
from keras_vae.memory import check_unpacked_size

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Pattern", "check_record", "read_arrays", "read_record"]

Pattern = Any
"""What a value must look like.

`str`, `bool`, `int` and `float` stand for a value of that type: a whole number is a `float` too, a truth value is no
number, and every number is finite. None stands for none, `object` for anything. A list of one pattern is a list of such
values. A mapping names what must be there, or may be there where the name ends in `?`; its key `str` is the pattern of
all other values, which are otherwise not looked at. A tuple lists patterns of which one must hold.
"""

WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", None: "none"}
LARGEST = 1e300  # in magnitude: sums and formats of more are not finite


def read_record(path: Path, pattern: Pattern, remedy: str) -> Any:
    """Read a JSON file that must look as it was written.

    Args:
        path: the file.
        pattern: what it must hold.
        remedy: what the user can do about a damaged one, such as "evaluate again".

    Raises:
        InputError: it is missing, is no JSON, or does not hold that; the message says where.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(f"There is no {path}: {remedy}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({' '.join(str(error).split())}): {remedy}.") from error
    check_record(path, content, pattern, remedy)
    return content


def read_arrays(path: Path, remedy: str) -> dict[str, np.ndarray]:
    """Read all arrays of a `.npz` file.

    Raises:
        InputError: it is missing or damaged, or unpacks to more than the memory holds.
    """
    import numpy as np  # which whoever asks for help does not wait for

    check_unpacked_size(path)
    try:
        with np.load(path, allow_pickle=False) as saved:
            return {name: saved[name] for name in saved.files}
    except (*UNREADABLE, AttributeError, MemoryError) as error:  # a single array has no files
        raise InputError(f"{path} is damaged ({' '.join(str(error).split())}): {remedy}.") from error


def check_record(path: Path, content: Any, pattern: Pattern, remedy: str) -> None:
    """See that what a file holds looks as it must.

    Raises:
        InputError: it does not; as for `read_record`.
    """
    if wrong := _difference(content, pattern, ""):
        raise InputError(f"{path} is damaged ({wrong}): {remedy}.")


def _difference(value: Any, pattern: Pattern, place: str) -> str:
    """Where a value leaves its pattern, in words; empty where it does not."""
    if isinstance(pattern, tuple):
        found = [_difference(value, each, place) for each in pattern]
        return "" if "" in found else found[0]
    if isinstance(pattern, Mapping):
        return _difference_of_mapping(value, pattern, place)
    if isinstance(pattern, list):
        if not isinstance(value, list):
            return f"{place or 'it'} is no list"
        return next(
            filter(None, (_difference(each, pattern[0], f"{place}[{at}]") for at, each in enumerate(value))), ""
        )
    if pattern is object or (pattern is None and value is None):
        return ""
    if pattern is float and type(value) is int:
        value = float(value) if abs(value) < LARGEST else math.inf
    if type(value) is not pattern:
        return f"{place or 'it'} is not {WORDS[pattern]}"
    return f"{place} is not finite" if pattern is float and not abs(value) < LARGEST else ""


def _difference_of_mapping(value: Any, pattern: Mapping[Any, Pattern], place: str) -> str:
    if not isinstance(value, dict):
        return f"{place or 'it'} has no parts with names"
    named = {name.removesuffix("?"): each for name, each in pattern.items() if name is not str}
    for name, each in named.items():
        inside = f"{place}.{name}" if place else name
        if name in value:
            if wrong := _difference(value[name], each, inside):
                return wrong
        elif f"{name}?" not in pattern:
            return f"{inside} is missing"
    for name in value.keys() - named.keys() if str in pattern else ():
        if wrong := _difference(value[name], pattern[str], f"{place}.{name}" if place else name):
            return wrong
    return ""
