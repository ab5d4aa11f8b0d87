"""Convolutional networks: squares of pixels become channels, so that nothing is convolved at full resolution.

Where a square of 2 x 2 values, or of 4 x 4 pixels of a large image, is one place with as many channels (Shi et al. 2016
the other way round), a processor multiplies larger matrices, and carries less between its memory and them, than in
convolutions of stride 2 from and to few channels: docs/colour.md has what that brings.
"""

import itertools
from collections.abc import Sequence

import keras
import numpy as np

from keras_vae.model.distributions import Tensor
from keras_vae.model.layers import LayerMaker

__all__ = ["ACTIVATION", "convolved", "first_square", "from_small", "largest_depth", "margins_of", "small_shape"]

LARGE = 48  # pixels: the shorter side from which on the first squares are of 4 x 4
ACTIVATION = "relu"  # SiLU has a gradient that CPUs are slow at in bfloat16

Margins = tuple[tuple[int, int], tuple[int, int]]


def convolved(layers: LayerMaker, images: Tensor, widths: Sequence[int]) -> Tensor:
    """Go from images through residual blocks at ever smaller sides.

    Args:
        layers: makes the layers.
        images: `(n, h, w, c)`; sides that do not divide are filled up with zeros.
        widths: channels of each resolution, from the image inwards.

    Returns:
        `(n, *small_shape(...))`, in bfloat16 where layers round.
    """
    image_shape = images.shape[1:]
    hidden, margins = images, margins_of(image_shape, _step(image_shape, widths))
    if np.any(margins):
        hidden = keras.layers.ZeroPadding2D(margins, data_format="channels_last", dtype="float32")(hidden)
    for number, width in enumerate(widths):
        hidden = _space_to_depth(hidden, 2 if number else first_square(image_shape))
        hidden = layers.convolution(width, 1 if number else 3, ACTIVATION)(hidden)
        hidden = _residual(layers, hidden)
    return hidden


def from_small(layers: LayerMaker, hidden: Tensor, image_shape: tuple[int, int, int], widths: Sequence[int]) -> Tensor:
    """Go the way of `convolved` back.

    Args:
        layers: makes the layers.
        hidden: `(n, *small_shape(image_shape, widths))`.
        image_shape: `(h, w, c)`.
        widths: as for `convolved`.

    Returns:
        Logits of the pixels, `(n, h, w, c)` float32.
    """
    for _, width in itertools.pairwise(reversed(widths)):
        hidden = _residual(layers, hidden)
        hidden = _depth_to_space(layers.convolution(4 * width, 1, ACTIVATION)(hidden), 2)
    hidden = _residual(layers, hidden)
    square = first_square(image_shape)
    logits = _depth_to_space(layers.convolution(square**2 * image_shape[2], 3, exact=True)(hidden), square)
    margins = margins_of(image_shape, _step(image_shape, widths))
    if np.any(margins):
        logits = keras.layers.Cropping2D(margins, data_format="channels_last", dtype="float32")(logits)
    return logits


def small_shape(image_shape: Sequence[int], widths: Sequence[int]) -> tuple[int, int, int]:
    """Height, width and channels of what `convolved` gives."""
    step = _step(image_shape, widths)
    height, width = (-(-side // step) for side in image_shape[:2])
    return height, width, widths[-1]


def first_square(image_shape: Sequence[int]) -> int:
    """The side of the squares of pixels that become channels at first."""
    return 4 if min(image_shape[:2]) >= LARGE else 2


def largest_depth(image_shape: Sequence[int]) -> int:
    """How many widths leave at least one place of the longer side that is not filled up."""
    depth, side = 1, max(image_shape[:2]) // first_square(image_shape)
    while side > 1:
        depth, side = depth + 1, side // 2
    return depth


def margins_of(image_shape: Sequence[int], step: int) -> Margins:
    """Pixels before and after each side that make it a multiple of a step."""
    missing = [-side % step for side in image_shape[:2]]
    first, second = ((pixels // 2, pixels - pixels // 2) for pixels in missing)
    return first, second


def _step(image_shape: Sequence[int], widths: Sequence[int]) -> int:
    return int(first_square(image_shape) * 2 ** (len(widths) - 1))


def _residual(layers: LayerMaker, hidden: Tensor) -> Tensor:
    channels = hidden.shape[-1]
    branch = layers.convolution(channels, 3, ACTIVATION)(hidden)
    branch = layers.convolution(channels, 1)(branch)
    return keras.layers.Add(dtype="float32", autocast=False)([hidden, branch])


def _space_to_depth(hidden: Tensor, square: int) -> Tensor:
    height, width, channels = hidden.shape[1:]
    shape = (height // square, square, width // square, square, channels)
    return _rearranged(hidden, shape, (height // square, width // square, square**2 * channels))


def _depth_to_space(hidden: Tensor, square: int) -> Tensor:
    height, width, channels = hidden.shape[1:]
    channels //= square**2
    return _rearranged(hidden, (height, width, square, square, channels), (square * height, square * width, channels))


def _rearranged(hidden: Tensor, parts: tuple[int, ...], result: tuple[int, ...]) -> Tensor:
    """The second axis of parts and the third one in each other's place."""
    as_given = {"dtype": "float32", "autocast": False}
    hidden = keras.layers.Reshape(parts, **as_given)(hidden)
    hidden = keras.layers.Permute((1, 3, 2, 4, 5), **as_given)(hidden)
    return keras.layers.Reshape(result, **as_given)(hidden)
