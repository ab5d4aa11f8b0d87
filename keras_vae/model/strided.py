"""The convolutional network of versions before 0.3.0, so that their runs open, are measured and go on as they were."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_vae.model.convolutions import margins_of
from keras_vae.model.distributions import Tensor
from keras_vae.model.layers import LayerMaker, silu

__all__ = ["strided", "upsampled"]


def strided(layers: LayerMaker, images: Tensor, widths: Sequence[int]) -> Tensor:
    """Go from images through convolutions of stride 2 and residual blocks.

    Args:
        layers: makes initial weights, and says which type is computed in.
        images: `(n, h, w, c)`.
        widths: channels of each resolution, from the image inwards.

    Returns:
        `(n, h', w', widths[-1])`.
    """
    hidden, margins = images, margins_of(images.shape[1:], 2 ** len(widths))
    if np.any(margins):
        hidden = keras.layers.ZeroPadding2D(margins, data_format="channels_last", dtype="float32")(hidden)
    for width in widths:
        hidden = _residual(layers, _convolution(layers, width, strides=2)(hidden), width)
    return hidden


def upsampled(layers: LayerMaker, latents: Tensor, image_shape: tuple[int, int, int], widths: Sequence[int]) -> Tensor:
    """Go from latents to logits of the pixels, `(n, h, w, c)`, by sub-pixel convolutions (Shi et al. 2016)."""
    margins = margins_of(image_shape, 2 ** len(widths))
    height, width = ((side + sum(more)) >> len(widths) for side, more in zip(image_shape[:2], margins, strict=True))
    hidden = layers.dense(height * width * widths[-1], silu)(latents)
    hidden = keras.layers.Reshape((height, width, widths[-1]), dtype=layers.dtype)(hidden)
    for channels in reversed(widths):
        hidden = _residual(layers, hidden, hidden.shape[-1])
        hidden = _doubled(_convolution(layers, 4 * channels, kernel=1, activation=None)(hidden), channels)
    logits = _convolution(layers, image_shape[2], activation=None, dtype="float32")(hidden)
    if np.any(margins):
        logits = keras.layers.Cropping2D(margins, data_format="channels_last", dtype="float32")(logits)
    return logits


def _convolution(
    layers: LayerMaker, channels: int, *, strides: int = 1, kernel: int = 3, **options: Any
) -> keras.layers.Layer:
    options = {
        "activation": silu,
        "padding": "same",
        "data_format": "channels_last",
        "dtype": layers.dtype,
        **options,
    }
    return keras.layers.Conv2D(channels, kernel, strides, kernel_initializer=layers.initializer(), **options)


def _residual(layers: LayerMaker, hidden: Tensor, channels: int) -> Tensor:
    branch = _convolution(layers, channels)(hidden)
    branch = _convolution(layers, channels, kernel=1, activation=None)(branch)
    return keras.layers.Add(dtype=branch.dtype)([hidden, branch])


def _doubled(hidden: Tensor, channels: int) -> Tensor:
    height, width = hidden.shape[1:3]
    hidden = keras.layers.Reshape((height, width, 2, 2, channels), dtype=hidden.dtype)(hidden)
    hidden = keras.layers.Permute((1, 3, 2, 4, 5), dtype=hidden.dtype)(hidden)
    return keras.layers.Reshape((2 * height, 2 * width, channels), dtype=hidden.dtype)(hidden)
