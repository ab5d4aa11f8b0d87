"""Edits of JSON, bytes and arrays at random: what a slip of the hand, a cut download or a bad disk makes of them."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

__all__ = ["VALUES", "edited_bytes", "edited_json", "odd_array"]

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 7, 1.5, -0.25, 1e308, -1e308, float("nan"), float("inf"), 10**30, 2**31, 2**63,
    "", " ", "a", "0", "1", "1e5", "x" * 300, "a\0b", "\udcff", "a\nb", "../..", "/", "none", "$x^2$", "<script>",
    [], [1], [None], [[]], {}, {"a": 1}, [1, "a"], [1e300] * 3,
)  # fmt: skip
DTYPES = ("uint8", "int8", "int32", "int64", "float16", "float32", "float64", "bool", "complex64", "U3")


def edited_json(content: Any, rng: np.random.Generator) -> bytes:
    """The text of a JSON value with one to three edits: something is exchanged, left out, added, or the text is cut."""
    content = copy.deepcopy(content)
    for _ in range(rng.integers(1, 4)):
        _edit(content, rng)
    text = json.dumps(content).encode()
    return edited_bytes(text, rng) if rng.random() < 0.15 else text


def edited_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """The content cut, emptied, lengthened, or with some bytes changed."""
    kind = rng.integers(0, 5)
    if kind == 0 or not content:
        return content[: int(rng.integers(0, len(content) + 1))]
    if kind == 1:
        return b""
    if kind == 2:
        return content + rng.bytes(int(rng.integers(1, 100)))
    changed = bytearray(content)
    for _ in range(rng.integers(1, 1 + min(20, len(content)))):
        changed[int(rng.integers(0, len(changed)))] = int(rng.integers(0, 256))
    return bytes(changed)


def odd_array(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """An array that may be of another shape, type or range than images are, or hold what is not finite."""
    wanted = list(shape)
    for _ in range(rng.integers(0, 3)):
        kind = rng.integers(0, 4)
        if kind == 0 and wanted:
            wanted.pop(int(rng.integers(0, len(wanted))))
        elif kind == 1 and len(wanted) < 6:
            wanted.insert(int(rng.integers(0, len(wanted) + 1)), int(rng.integers(0, 4)))
        elif kind == 2 and wanted:
            wanted[int(rng.integers(0, len(wanted)))] = int(rng.integers(0, 20))
    scale = rng.choice([1.0, 1.0, 1.0, 255.0, -1.0, 1e30])
    with np.errstate(all="ignore"):
        array = (scale * rng.random(tuple(wanted))).astype(rng.choice(DTYPES) if rng.random() < 0.5 else "float32")
    if array.size and array.dtype.kind == "f" and rng.random() < 0.3:
        array.flat[int(rng.integers(0, array.size))] = rng.choice([np.nan, np.inf, -np.inf])
    return array


def _edit(content: Any, rng: np.random.Generator) -> None:
    """Change one place of a value that is made of lists and mappings."""
    while isinstance(content, (dict, list)) and content:
        names = list(content) if isinstance(content, dict) else list(range(len(content)))
        name = names[int(rng.integers(0, len(names)))]
        inside = content[name]
        if isinstance(inside, (dict, list)) and inside and rng.random() < 0.8:
            content = inside
            continue
        kind = rng.random()
        if kind < 0.1:
            del content[name]
        elif kind < 0.15 and isinstance(content, dict):
            content[str(rng.integers(0, 1000))] = VALUES[int(rng.integers(0, len(VALUES)))]
        elif kind < 0.6 and type(inside) in (int, float):
            content[name] = type(inside)(inside * rng.normal(scale=10.0 ** rng.integers(-2, 10)))
        else:
            content[name] = VALUES[int(rng.integers(0, len(VALUES)))]
        return
