"""Figures of many runs -> a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from keras_vae.plotting.style import DOTS_PER_INCH, INK, TEXT_POINTS, add_titles, plain_axes

__all__ = ["chart_rate_distortion"]

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
    for number, (name, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        rates, rate_spreads = zip(*((np.mean(rate), np.std(rate)) for _, rate, _ in points), strict=True)
        distortions, spreads = zip(*((np.mean(each), np.std(each)) for *_, each in points), strict=True)
        axes.errorbar(
            rates, distortions, xerr=rate_spreads, yerr=spreads, color=colour, marker="o", ms=3.5, lw=1.0, label=name
        )
        for (label, *_), rate, distortion in zip(points, rates, distortions, strict=True):
            axes.annotate(
                label, (rate, distortion), xytext=(5, 5), textcoords="offset points", size=TEXT_POINTS - 1, color=colour
            )
    plain_axes(axes)
    axes.margins(x=0.15, y=0.15)
    left, right = axes.get_xlim()
    longest = max((len(label) for points in lines.values() for label, *_ in points), default=0)
    axes.set_xlim(left, right + (right - left) * LETTER * longest)  # labels stand to the right of their points
    axes.set_xlabel("rate: KL, nats per image", size=TEXT_POINTS, color=INK)
    axes.set_ylabel("distortion: MSE per pixel", size=TEXT_POINTS, color=INK)
    if any(lines):
        axes.legend(frameon=False, fontsize=TEXT_POINTS - 1, labelcolor=INK)
    add_titles(figure, "Rate against distortion", "Validation images; mean and standard deviation over seeds.")
    return figure
