"""Decoded paths and their measures -> strips with curves, sheets and animations."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_vae.plotting.grids import as_picture, enlarge, labelled_grid, mosaic
from keras_vae.plotting.map_charts import colour_of
from keras_vae.plotting.style import DOTS_PER_INCH, INK, TEXT_POINTS, add_titles

__all__ = ["animation", "chart_midpoints", "chart_paths"]

LEAST_SHARE = 0.1  # of a class somewhere on the way, to have a curve and a name
STRIP_INCHES = 8.0
FRAME_MILLISECONDS = 80


def chart_paths(
    images: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray], class_names: Sequence[str], *, title: str
) -> Figure:
    """Draw several paths between the same two images, each as a strip above the classes that are seen on it.

    Args:
        images: for each kind of path `(steps, h, w, c)` in [0, 1].
        shares: for each kind of path `(steps, classes)`, probabilities of the classes.
        class_names: one for each class.
        title: stands above.
    """
    steps, height, width = next(iter(images.values())).shape[:3]
    tile = STRIP_INCHES / steps
    strip, curves, gap = tile * height / width, 0.8 if shares else 0.0, 0.42 if shares else 0.1
    total, wide = 0.5 + len(images) * (strip + curves + gap) + (0.3 if shares else 0.0), STRIP_INCHES + 1.4
    figure = Figure(figsize=(wide, total), dpi=DOTS_PER_INCH, facecolor="white")
    add_titles(figure, title)
    for number, (kind, pictures) in enumerate(images.items()):
        top = total - 0.5 - number * (strip + curves + gap)
        axes = figure.add_axes((1.15 / wide, (top - strip) / total, STRIP_INCHES / wide, strip / total))
        axes.imshow(mosaic(pictures[np.newaxis], gap=1), cmap="gray", vmin=0, vmax=255, aspect="auto")
        axes.set_axis_off()
        figure.text(0.15 / wide, (top - strip / 2) / total, kind, size=TEXT_POINTS, color=INK, va="center")
        if shares:
            bottom = (top - strip - curves) / total
            middles = figure.add_axes(
                ((1.15 + tile / 2) / wide, bottom, (STRIP_INCHES - tile) / wide, (curves - 0.06) / total)
            )
            _draw_shares(middles, shares, kind, class_names)
            text = "probability\nof classes"
            figure.text(
                0.15 / wide, bottom + curves / 2 / total, text, size=TEXT_POINTS - 1, color="#666666", va="center"
            )
    if shares:
        handles, labels = middles.get_legend_handles_labels()
        columns = min(6, max(1, len(labels)))
        figure.legend(
            handles, labels, loc="lower center", ncols=columns, frameon=False, fontsize=TEXT_POINTS - 1, labelcolor=INK
        )
    return figure


def chart_midpoints(images: np.ndarray, class_names: Sequence[str], *, between: str = "classes") -> Figure:
    """Draw what lies between every two classes, or images.

    Args:
        images: `(classes, classes, h, w, c)`, floats in [0, 1] or uint8: half way from the row's class to the column's.
        class_names: one for each row and column.
        between: what the names are of.
    """
    return labelled_grid(
        images,
        title=f"Half way on the straight lines between {between}",
        row_labels=[f"from {name}" for name in class_names],
        column_labels=list(class_names),
        note="on the diagonal: reconstructions of the images between which the lines run",
    )


def animation(frames: np.ndarray, scale: int = 2) -> bytes:
    """Encode frames as a GIF that runs there and back without end.

    Args:
        frames: `(n, rows, columns, h, w, c)`, floats in [0, 1] or uint8: a mosaic in each frame.
        scale: how often each pixel is repeated.
    """
    there = [enlarge(mosaic(frame, gap=1), scale) for frame in frames]
    pictures = [as_picture(each) for each in there + there[-2:0:-1]]
    pause = [FRAME_MILLISECONDS] * len(pictures)
    pause[0] = pause[len(there) - 1] = 8 * FRAME_MILLISECONDS
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=pause, loop=0)
    return buffer.getvalue()


def _draw_shares(axes: Axes, shares: Mapping[str, np.ndarray], kind: str, class_names: Sequence[str]) -> None:
    """Draw the probability of every class that any of the paths comes across."""
    largest = np.max([each.max(axis=0) for each in shares.values()], axis=0)
    places = np.linspace(0.0, 1.0, len(shares[kind]))
    for label in np.flatnonzero(largest >= LEAST_SHARE):
        axes.plot(places, shares[kind][:, label], color=colour_of(int(label)), lw=1.6, label=class_names[int(label)])
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.03), xticks=[], yticks=[0.0, 1.0])
    axes.tick_params(labelsize=TEXT_POINTS - 1, labelcolor=INK, color="#999999")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
