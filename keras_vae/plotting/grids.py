"""Arrays of images -> mosaics and labelled grids."""

import contextlib
import io
import math
from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.typing import ArrayLike
from PIL import Image

from keras_vae.plotting.style import DOTS_PER_INCH, INK, TEXT_POINTS

__all__ = ["as_picture", "enlarge", "labelled_grid", "mosaic", "png", "rendered", "svg", "tiles"]

TILE_PIXELS = 75


def mosaic(images: ArrayLike, *, gap: int = 2, background: int = 255) -> np.ndarray:
    """Put images side by side in rows and columns.

    Args:
        images: `(rows, columns, h, w, c)`, floats in [0, 1] or uint8; c is 1 or 3.
        gap: pixels between images.
        background: grey value of the gaps, 0 to 255.

    Returns:
        `(H, W, c)` uint8, with no border around.
    """
    images = _as_bytes(images)
    rows, columns, height, width, channels = images.shape
    canvas = np.full((rows, height + gap, columns, width + gap, channels), background, np.uint8)
    canvas[:, :height, :, :width] = images.transpose(0, 2, 1, 3, 4)
    whole = canvas.reshape(rows * (height + gap), columns * (width + gap), channels)
    return whole[: whole.shape[0] - gap, : whole.shape[1] - gap]


def enlarge(image: np.ndarray, factor: int) -> np.ndarray:
    """Repeat each pixel, so that a small image stays crisp on a large screen.

    Args:
        image: `(h, w, c)`.
        factor: at least 1.

    Returns:
        `(h * factor, w * factor, c)`.
    """
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def tiles(images: ArrayLike, pixels: int = 112) -> np.ndarray:
    """Put images side by side without a word, large enough to be printed: for a page that has words of its own.

    Args:
        images: `(rows, columns, h, w, c)`, floats in [0, 1] or uint8; c is 1 or 3.
        pixels: least height of an image.

    Returns:
        `(H, W, c)` uint8.
    """
    return enlarge(mosaic(images, gap=1), max(1, math.ceil(pixels / np.shape(images)[2])))


def labelled_grid(
    images: ArrayLike,
    *,
    title: str,
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    note: str = "",
    gap: int = 2,
) -> Figure:
    """Draw a mosaic with a title, and labels at its rows and columns.

    Args:
        images: `(rows, columns, h, w, c)`, floats in [0, 1] or uint8.
        title: stands above, on the left.
        row_labels: one text for each row.
        column_labels: one text for each column.
        note: stands below in grey, on the left.
        gap: pixels between images.

    Returns:
        A chart that draws each pixel of an image as a square of the same whole number of dots.
    """
    rows, columns, height, width = np.shape(images)[:4]
    picture = mosaic(images, gap=gap)
    scale = max(1, math.ceil(TILE_PIXELS / (height + gap)))
    inches_high, inches_wide = (scale * side / DOTS_PER_INCH for side in picture.shape[:2])
    left = 0.15 + (0.065 * max(len(label) for label in row_labels) if row_labels else 0.0)
    top, bottom = 0.38 + (0.22 if column_labels else 0.0), 0.12 + (0.22 if note else 0.0)
    title_inches = 0.085 * len(title) + 0.3
    total = max(left + inches_wide + 0.15, title_inches), top + inches_high + bottom

    figure = Figure(figsize=total, dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.add_axes((left / total[0], bottom / total[1], inches_wide / total[0], inches_high / total[1]))
    axes.imshow(
        picture,
        cmap="gray",
        vmin=0,
        vmax=255,
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_frame_on(False)
    axes.tick_params(length=0, labelsize=TEXT_POINTS, labelcolor=INK, pad=3)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", labelsize=TEXT_POINTS - 1)
    axes.set_yticks(_centers(rows, height, gap) if row_labels else [], row_labels or [])
    axes.set_xticks(_centers(columns, width, gap) if column_labels else [], column_labels or [])
    figure.text(0.15 / total[0], 1.0 - 0.08 / total[1], title, size=TEXT_POINTS + 2, color=INK, weight="bold", va="top")
    if note:
        figure.text(0.15 / total[0], 0.1 / total[1], note, size=TEXT_POINTS - 1, color="#666666", va="bottom")
    return figure


def rendered(figure: Figure) -> np.ndarray:
    """Draw a chart into an array.

    Returns:
        `(h, w, 3)` uint8.
    """
    canvas = FigureCanvasAgg(figure)
    with _text_as_written(figure):
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def png(image: np.ndarray) -> bytes:
    """Encode an image as PNG.

    Args:
        image: `(h, w, c)` uint8; c is 1 or 3.
    """
    buffer = io.BytesIO()
    as_picture(image).save(buffer, "PNG")
    return buffer.getvalue()


def as_picture(image: np.ndarray) -> Image.Image:
    """An image as Pillow has it, grey or in colour.

    Args:
        image: `(h, w, c)` uint8; c is 1 or 3.
    """
    return Image.fromarray(image.squeeze(-1) if image.shape[-1] == 1 else image)


def svg(figure: Figure) -> bytes:
    """Encode a chart as SVG, its text as outlines; what has tens of thousands of dots may hold pixels."""
    buffer = io.BytesIO()
    # A salt of its own: the same chart gives the same file.
    with _text_as_written(figure), matplotlib.rc_context({"svg.hashsalt": "keras_vae"}):
        figure.savefig(buffer, format="svg", dpi=2 * DOTS_PER_INCH, metadata={"Date": None})
    return buffer.getvalue()


@contextlib.contextmanager
def _text_as_written(figure: Figure) -> Iterator[None]:
    """Draw names as they are: between dollar signs matplotlib would read a formula, and fail where it is none."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    with matplotlib.rc_context({"text.parse_math": False}):  # for what is made while it draws
        yield


def _as_bytes(images: ArrayLike) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype == np.uint8:
        return images
    return np.rint(255.0 * np.clip(images, 0.0, 1.0)).astype(np.uint8)


def _centers(count: int, size: int, gap: int) -> list[float]:
    return [index * (size + gap) + size / 2 - 0.5 for index in range(count)]
