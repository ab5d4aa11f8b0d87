"""Weights in as few bits as what they compute allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import numpy as np

__all__ = ["Bits", "Rounded", "fewest_bits", "round_weights"]

BITS = range(8, 14)  # with more, a deflated array is no smaller than one in half precision


class Bits(NamedTuple):
    """In how many bits the parts of a model are kept; None keeps a part as it is.

    Attributes:
        decoder: of each weight of its kernels.
        encoder: likewise.
        prior: of each number below the diagonals of a mixture's factors, of which there are the most.
    """

    decoder: int | None = None
    encoder: int | None = None
    prior: int | None = None


class Rounded(NamedTuple):
    """A matrix of whole numbers, each column with a scale of its own.

    Attributes:
        codes: `(..., columns)` int16.
        scale: `(columns,)` float32; the values are `codes * scale`.
    """

    codes: np.ndarray
    scale: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """The numbers that these stand for, float32."""
        return self.codes.astype(np.float32) * self.scale


def round_weights(weights: np.ndarray, bits: int) -> Rounded:
    """Round weights to equal steps, as many as some bits tell apart, from the largest of a column to its negative.

    Args:
        weights: `(..., columns)` float32, of one unit or filter in a column.
        bits: of each weight, 2 to 16.
    """
    top = 2 ** (bits - 1) - 1
    scale = np.abs(weights).max(axis=tuple(range(weights.ndim - 1))) / np.float32(top)
    steps = np.divide(weights, scale, out=np.zeros_like(weights), where=scale > 0)
    return Rounded(np.round(steps).astype(np.int16), scale.astype(np.float32))


def fewest_bits(weights: Sequence[keras.Variable], compute: Callable[[], np.ndarray], bound: float) -> int | None:
    """Find in how few bits weights may be kept.

    Args:
        weights: matrices or kernels, which are at the end what they were.
        compute: gives something that depends on them, with the values that they then have.
        bound: largest difference that is allowed in it.

    Returns:
        The number of bits; None where none is enough.
    """
    expected, exact = compute(), [keras.ops.convert_to_numpy(each).copy() for each in weights]
    try:
        for bits in BITS:
            for weight, values in zip(weights, exact, strict=True):
                weight.assign(round_weights(values, bits).values)
            if np.abs(compute() - expected).max() <= bound:
                return bits
    finally:
        for weight, values in zip(weights, exact, strict=True):
            weight.assign(values)
    return None
