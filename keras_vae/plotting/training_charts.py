"""The logs of a training -> a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from keras_vae.plotting.style import BLUE, DOTS_PER_INCH, GREY, INK, TEXT_POINTS, plain_axes

__all__ = ["chart_training"]

LEFT, NAME = 0.41, 0.58  # room for the numbers of an axis, and for the name of a curve, inches


def chart_training(history: Sequence[Mapping[str, float]], size: tuple[float, float] = (2.3, 1.5)) -> Figure:
    """Draw how the ELBO and the KL went over the epochs, without a title: for a page that has words of its own.

    Args:
        history: for each epoch its `epoch`, `elbo`, `kl` and, where there is validation, `val_elbo`, in nats per image.
        size: width and height, inches.
    """
    (width, height), points = size, TEXT_POINTS
    above: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom", "size": points}
    style: dict[str, Any] = {"lw": 1.2, "marker": "o" if len(history) < 4 else None, "ms": 2.5}
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    upper, lower = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (2.2, 1.0), "hspace": 1.05 / height}
    )
    figure.subplots_adjust(left=LEFT / width, right=1.0 - 0.05 / width, top=1.0 - 0.18 / height, bottom=0.4 / height)
    epochs = [each["epoch"] for each in history]
    for name, title, colour in (("elbo", "training", GREY), ("val_elbo", "validation", BLUE)):
        if all(name in each for each in history):
            upper.plot(epochs, [-each[name] for each in history], color=colour, label=title, **style)
    lower.plot(epochs, [each["kl"] for each in history], color=GREY, **style)
    for axes, text in ((upper, "-ELBO"), (lower, "KL")):
        # The first epochs would leave no room for the others.
        values = np.concatenate([line.get_ydata() for line in axes.lines])
        low, high = float(values.min()), float(np.quantile(values, 0.94))
        axes.set_ylim(low - 0.06 * (high - low + 0.1), high + 0.1 * (high - low + 0.1))
        plain_axes(axes)
        axes.tick_params(labelsize=points, length=2, pad=1.5)
        # Above the axes, as curves may come by anywhere in them.
        axes.annotate(f"{text}, nats", (0, 1), (-72 * LEFT, 3), color=INK, ha="left", **above)
        axes.yaxis.set_major_locator(MaxNLocator(4 if axes is upper else 2))
    lower.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    lower.set_xlabel("epoch", size=points, color=INK, labelpad=1.0)
    for each, place in zip(reversed(upper.lines), (0, -72 * NAME), strict=False):
        upper.annotate(str(each.get_label()), (1, 1), (place, 3), color=each.get_color(), ha="right", **above)
    return figure
