"""Images -> one picture that holds all of them as tiles."""

from __future__ import annotations

import io
import math

import numpy as np
from PIL import Image

__all__ = ["EXACT_VALUES", "SHADES", "make_sprite"]

# Of more pixel values than these, grey values are rounded to fewer shades: 10,000 images of 28 x 28 then take 2.7 MB
# where they took 4.0, and no eye tells them apart.
EXACT_VALUES = 4_000_000
SHADES = 52  # steps of five grey values


def make_sprite(images: np.ndarray, has_shades: bool = False) -> tuple[bytes, int]:
    """Lay images out in rows, as a lossless WebP picture.

    Args:
        images: `(n, h, w, 1 or 3)` uint8.
        has_shades: whether grey values are rounded to shades.

    Returns:
        The file, and how many images a row holds.
    """
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count * height / width))
    rows = math.ceil(count / columns)
    tiles = np.zeros((rows * columns, height, width, channels), np.uint8)
    tiles[:count] = _rounded(images) if has_shades else images
    picture = tiles.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    picture = picture.reshape(rows * height, columns * width, channels)
    content = io.BytesIO()
    Image.fromarray(picture[..., 0] if channels == 1 else picture).save(
        content, "WEBP", lossless=True, quality=60, method=3
    )
    return content.getvalue(), columns


def _rounded(images: np.ndarray) -> np.ndarray:
    values = np.arange(256) / 255.0
    shades = np.round(np.round(values * (SHADES - 1)) / (SHADES - 1) * 255.0).astype(np.uint8)
    return shades[images]
