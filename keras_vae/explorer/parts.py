"""Arrays -> bytes: in the smallest type that holds them, compressed; and bytes as text, 15 bits a character."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from keras_vae.explorer.rounding import Rounded

__all__ = ["FIRST_CHARACTER", "Part", "as_text", "pack"]

# 2^15 characters in a row from here on are none that HTML, JSON or UTF-16 treat in any way of their own. A page in
# UTF-16 takes two bytes for each, so that megabytes of weights grow by a fifteenth, where base64 adds a third.
FIRST_CHARACTER = 0x0800
BITS = 15
STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED)  # the second is better for numbers that hardly repeat


class Part(NamedTuple):
    """Some arrays, packed.

    Attributes:
        manifest: how long the compressed and the plain bytes are, and each array's name, type, shape and first byte.
        content: the compressed bytes.
    """

    manifest: dict[str, Any]
    content: bytes


def pack(arrays: Mapping[str, np.ndarray | Rounded]) -> Part:
    """Pack arrays, each in half precision where that holds it exactly; of rounded ones the entry names the scale.

    The first bytes of all numbers of an array come first, then all the second ones: exponents resemble each other.

    Args:
        arrays: of any shapes, float32, int32, int16, uint16 or uint8; or rounded.
    """
    entries, content = [], bytearray()
    plain = {name: array.codes if isinstance(array, Rounded) else array for name, array in arrays.items()}
    scales = {f"{name} scale": array.scale for name, array in arrays.items() if isinstance(array, Rounded)}
    for name, array in {**plain, **scales}.items():
        stored = _smallest(np.asarray(array))
        entries.append({"name": name, "type": stored.dtype.name, "shape": list(stored.shape), "start": len(content)})
        if f"{name} scale" in scales:
            entries[-1]["scale"] = f"{name} scale"
        little = np.ascontiguousarray(stored).astype(stored.dtype.newbyteorder("<"))
        content += little.reshape(-1, 1).view(np.uint8).T.tobytes()
    compressed = min((_compressed(bytes(content), way) for way in STRATEGIES), key=len)
    manifest = {"compressed": len(compressed), "plain": len(content), "arrays": entries}
    return Part(manifest, compressed)


def _compressed(content: bytes, strategy: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, strategy)
    return compressor.compress(content) + compressor.flush()


def as_text(content: bytes) -> str:
    """Bytes as characters of 15 bits each, the highest first; the last is filled with zeros."""
    units = -(-len(content) * 8 // BITS)
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    rows = np.pad(bits, (0, units * BITS - len(bits))).reshape(-1, BITS)
    numbers = np.packbits(np.pad(rows, ((0, 0), (1, 0))), axis=1).view(">u2")
    return (numbers.astype("<u2") + np.uint16(FIRST_CHARACTER)).tobytes().decode("utf-16-le")


def _smallest(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.float32:
        return array
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and so differs
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), array) else array
