"""What all charts have in common: ink, sizes of text, titles and axes."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["BLUE", "DOTS_PER_INCH", "GREY", "INK", "TEXT_POINTS", "add_titles", "plain_axes", "text_inches"]

INK = "#222222"
BLUE, GREY = "#0072b2", "#888888"  # told apart by colour-blind readers, and in print
DOTS_PER_INCH = 150
TEXT_POINTS = 8


def add_titles(figure: Figure, title: str, note: str = "") -> None:
    """Write a title at the top and a note in grey at the bottom of a chart, both on the left."""
    width, height = figure.get_size_inches()
    figure.text(0.15 / width, 1.0 - 0.1 / height, title, size=TEXT_POINTS + 2, color=INK, weight="bold", va="top")
    if note:
        figure.text(0.15 / width, 0.1 / height, note, size=TEXT_POINTS - 1, color="#666666", va="bottom")


def text_inches(title: str, note: str) -> float:
    """The width that title and note take, inches."""
    return 0.3 + max(0.09 * len(title), 0.058 * len(note))


def plain_axes(axes: Axes) -> None:
    """Leave axes only the lines that are read, in grey."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#999999")
    axes.tick_params(labelsize=TEXT_POINTS, labelcolor=INK, color="#999999")
    axes.set_axisbelow(True)
