"""Figures of many runs -> a chart."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from keras_vae.plotting.style import DOTS_PER_INCH, INK, TEXT_POINTS, add_titles, plain_axes

__all__ = ["chart_rate_distortion"]

# From a point to its label, in points of the page: where it is tried, in this order.
OFFSETS = [
    (reach * right, reach * up)
    for reach in (5, 10, 16, 24)
    for right, up in ((1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
]
LETTER = 0.013  # of the width of the axes
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe & Ito


def chart_rate_distortion(lines: Mapping[str, Sequence[tuple[str, Sequence[float], Sequence[float]]]]) -> Figure:
    """Draw what runs keep of an image against what they lose of it (Alemi et al. 2018): down and left is better.

    Args:
        lines: by its name the points of each line: a label, the rates of some seeds (KL, nats per image), and their
            distortions (MSE per pixel).
    """
    figure = Figure(figsize=(5.6, 3.8), dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.subplots()
    figure.subplots_adjust(left=0.14, right=0.97, top=0.88, bottom=0.19)
    texts: list[Annotation] = []
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        rates, rate_spreads = zip(*((np.mean(rate), _deviation(rate)) for _, rate, _ in points), strict=True)
        distortions, spreads = zip(*((np.mean(each), _deviation(each)) for *_, each in points), strict=True)
        axes.errorbar(
            rates, distortions, xerr=rate_spreads, yerr=spreads, color=colour, marker="o", ms=3.5, lw=1.0, label=name
        )
        texts += [
            axes.annotate(label, place, OFFSETS[0], textcoords="offset points", size=TEXT_POINTS - 1, color=colour)
            for (label, *_), place in zip(points, zip(rates, distortions, strict=True), strict=True)
        ]
    plain_axes(axes)
    axes.margins(x=0.15, y=0.15)
    left, right = axes.get_xlim()
    longest = max((len(label) for points in lines.values() for label, *_ in points), default=0)
    axes.set_xlim(left, right + (right - left) * LETTER * longest)  # where a label stands to the right of its point
    axes.set_xlabel("rate: KL, nats per image", size=TEXT_POINTS, color=INK)
    axes.set_ylabel("distortion: MSE per pixel", size=TEXT_POINTS, color=INK)
    legend = axes.legend(frameon=False, fontsize=TEXT_POINTS - 1, labelcolor=INK) if any(lines) else None
    add_titles(figure, "Distortion against rate", "Validation images; mean and standard deviation over seeds.")
    _set_apart(figure, axes, texts, legend)
    return figure


def _deviation(values: Sequence[float]) -> float:
    """The standard deviation as the tables of a sweep have it; 0 for a single seed."""
    return statistics.stdev(values) if len(values) > 1 else 0.0


def _set_apart(figure: Figure, axes: Axes, texts: Sequence[Annotation], legend: Legend | None) -> None:
    """Put each label where it covers the least of lines, legend and other labels, near its point."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    within = axes.bbox
    drawn = np.concatenate([_along(np.asarray(line.get_xydata())) for line in axes.lines] or [np.empty((0, 2))])
    drawn = axes.transData.transform(drawn)
    taken = [legend.get_window_extent(renderer)] if legend else []

    def covered(box: Bbox) -> float:
        around = box.padded(2.0)
        is_outside = box.x0 < within.x0 or box.x1 > within.x1 or box.y0 < within.y0 or box.y1 > within.y1
        lies_in = (drawn > around.min) & (drawn < around.max)
        return 1e3 * is_outside + 1e2 * sum(around.overlaps(other) for other in taken) + lies_in.all(axis=1).sum()

    for text in texts:
        boxes = []
        for offset in OFFSETS:
            _place(text, offset)
            boxes.append(text.get_window_extent(renderer))
        best = int(np.argmin([covered(box) for box in boxes]))
        _place(text, OFFSETS[best])
        taken.append(boxes[best])


def _along(corners: np.ndarray) -> np.ndarray:
    """Places along a line, close to each other."""
    return np.concatenate([np.linspace(*pair, 60) for pair in itertools.pairwise(corners)] or [corners])


def _place(text: Annotation, offset: tuple[int, int]) -> None:
    text.xyann = offset
    right, up = offset
    text.set_horizontalalignment("left" if right > 0 else "right" if right < 0 else "center")
    text.set_verticalalignment("bottom" if up > 0 else "top" if up < 0 else "center")
