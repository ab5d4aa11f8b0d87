"""A small data set in colour that is drawn when it is opened: one shape of six before a ground of two colours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from keras_vae.data.array_store import ArraySource
from keras_vae.data.arrays import Split

__all__ = ["COLOUR_SHAPES", "colour_shapes", "draw_shapes"]

COLOUR_SHAPES = "colour_shapes"
COUNTS = {"train": 10_000, "validation": 2_000, "test": 2_000}
SIDE = 64  # pixels
SEED = 20  # with the number of the split, of all that is drawn
AT_ONCE = 250  # images, whose pixels are drawn together

# What is drawn of an image, each uniform between its bounds; lengths are shares of the shorter side.
CENTRE, RADIUS = (0.35, 0.65), (0.18, 0.32)
# Of the shape to the ground, in each channel; around the end of the scale, where white is next to black.
CONTRAST = (0.3, 0.7)
GRADIENT, LIGHT = 0.25, 0.3  # how far the ground changes colour at most, and the shape brightness


def colour_shapes(height: int = SIDE, width: int = SIDE) -> ArraySource:
    """Draw the data set: 10,000 training, 2,000 validation and 2,000 test images, always the same.

    It is this project's own, made by this function, and has the licence of the code.

    Args:
        height: pixels.
        width: pixels.
    """
    parts = {
        split: Split(*draw_shapes(count, height, width, np.random.default_rng((SEED, number))))
        for number, (split, count) in enumerate(COUNTS.items())
    }
    return ArraySource(COLOUR_SHAPES, tuple(_SHAPES), parts)


def draw_shapes(count: int, height: int, width: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw images with one shape each, of random place, size, turn, colours and light.

    Args:
        count: n.
        height: pixels.
        width: pixels.
        rng: draws everything.

    Returns:
        Images `(n, height, width, 3)` uint8, and the number of each one's shape, `(n,)` int64.
    """
    labels = rng.integers(0, len(_SHAPES), count)
    images = np.empty((count, height, width, 3), np.uint8)
    for start in range(0, count, AT_ONCE):
        images[start : start + AT_ONCE] = _drawn(labels[start : start + AT_ONCE], height, width, rng)
    return images, labels


def _drawn(labels: np.ndarray, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    count, side = len(labels), min(height, width)
    rows, columns = (np.arange(pixels, dtype=np.float32) + 0.5 for pixels in (height, width))

    def drawn(low: float, high: float, *shape: int) -> np.ndarray:
        return rng.uniform(low, high, (count, *shape)).astype(np.float32)

    centre, radius, angle = drawn(*CENTRE, 2), side * drawn(*RADIUS), drawn(0.0, 2.0 * np.pi)
    ground = drawn(0.0, 1.0, 3)
    colour = (ground + drawn(*CONTRAST, 3)) % 1.0
    gradient, light = drawn(-GRADIENT, GRADIENT, 2, 3), drawn(-LIGHT, LIGHT, 2)

    # From the centre of the image, and from that of the shape, turned and in units of its radius.
    down, right = (rows / height - 0.5)[:, np.newaxis, np.newaxis], (columns / width - 0.5)[:, np.newaxis]
    y = ((rows[np.newaxis] - height * centre[:, :1]) / radius[:, np.newaxis])[:, :, np.newaxis]
    x = ((columns[np.newaxis] - width * centre[:, 1:]) / radius[:, np.newaxis])[:, np.newaxis, :]
    cosine, sine = (turn(angle)[:, np.newaxis, np.newaxis] for turn in (np.cos, np.sin))
    place = (cosine * x - sine * y, sine * x + cosine * y)
    distance = np.empty((count, height, width), np.float32)
    for label, outside in enumerate(_SHAPES.values()):
        chosen = labels == label
        distance[chosen] = outside(place[0][chosen], place[1][chosen])
    covered = np.clip(0.5 - radius[:, np.newaxis, np.newaxis] * distance, 0.0, 1.0)[..., np.newaxis]

    spread = [gradient[:, axis, np.newaxis, np.newaxis, :] for axis in (0, 1)]
    behind = ground[:, np.newaxis, np.newaxis, :] + 2.0 * (down * spread[0] + right * spread[1])
    brightness = 1.0 + light[:, :1, np.newaxis] * place[0] + light[:, 1:, np.newaxis] * place[1]
    before = colour[:, np.newaxis, np.newaxis, :] * brightness[..., np.newaxis]
    image = np.clip(behind, 0.0, 1.0) * (1.0 - covered) + np.clip(before, 0.0, 1.0) * covered
    return np.round(255.0 * image).astype(np.uint8)


# For each shape how far a place is outside of it, in units of its radius, negative inside.


def _disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.hypot(x, y) - 1.0


def _ring(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(np.hypot(x, y) - 0.75) - 0.25


def _square(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 0.85


def _cross(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - 0.95, np.minimum(x, y) - 0.3)


def _triangle(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _beyond_sides(x, y, 3).max(axis=0)


def _star(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A place in a point of a star lies beyond one of its five lines, and of no more."""
    return np.sort(_beyond_sides(x, y, 5, np.cos(0.4 * np.pi)), axis=0)[-2]


def _beyond_sides(x: np.ndarray, y: np.ndarray, sides: int, inner: float = 0.5) -> np.ndarray:
    """How far a place is beyond each of the lines around a circle of the radius `inner`."""
    angles = 2.0 * np.pi * np.arange(sides) / sides
    return np.stack(
        [np.float32(np.cos(each)) * x + np.float32(np.sin(each)) * y - np.float32(inner) for each in angles]
    )


_SHAPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "disc": _disc,
    "ring": _ring,
    "square": _square,
    "cross": _cross,
    "triangle": _triangle,
    "star": _star,
}
