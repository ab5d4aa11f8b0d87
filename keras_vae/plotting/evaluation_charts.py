"""Measured arrays -> charts: matplotlib figures that need no model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_vae.plotting.grids import labelled_grid
from keras_vae.plotting.style import BLUE, DOTS_PER_INCH, GREY, INK, TEXT_POINTS, add_titles, plain_axes, text_inches

__all__ = [
    "chart_aggregate_posterior",
    "chart_error_by_class",
    "chart_error_map",
    "chart_kl_by_latent",
    "chart_neighbours",
    "chart_reconstructions",
]

SMALLEST_KL = 0.01  # nats, below which a latent tells nothing
CHANNELS = ("red", "green", "blue")
MAP_INCHES = 2.2  # the side of an error map
MOST_LATENTS = 64  # bars that can still be told apart


def chart_error_by_class(errors: Mapping[str, Mapping[str, Mapping[str, Any]]], title: str) -> Figure:
    """Draw the error of each class as a dot and twice its standard error as a bar, of two methods in one row.

    Args:
        errors: for each method and class the `value` of the MSE per pixel and its `standard_error`, None for a single
            image; the second method decides the order of the classes.
        title: stands above.
    """
    methods = list(errors)
    first = errors[methods[-1]]
    classes = sorted(first, key=lambda name: -first[name]["value"])
    note = "bars: two standard errors to each side"
    figure, axes = _figure(6.4, 1.5 + 0.27 * len(classes), title, note, left=0.35 + 0.075 * max(map(len, classes)))
    rows = np.arange(len(classes))
    for method, colour, marker in zip(methods, (GREY, BLUE), "Do", strict=True):
        means = [errors[method][name]["value"] for name in classes]
        bars = [2.0 * (errors[method][name]["standard_error"] or 0.0) for name in classes]
        axes.errorbar(means, rows, xerr=bars, label=method, fmt=marker, ms=5, color=colour, elinewidth=1.2, capsize=2)
    axes.set_yticks(rows, classes)
    axes.set_ylim(-0.6, len(classes) - 0.4)
    axes.set_xlim(0)
    axes.grid(axis="y", color="#eeeeee")
    axes.set_xlabel("MSE per pixel, values in [0, 1]", size=TEXT_POINTS, color=INK)
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.99), borderpad=0.0, ncols=2, frameon=False, fontsize=TEXT_POINTS
    )
    return figure


def chart_error_map(errors: np.ndarray, of: str) -> Figure:
    """Draw where in the image reconstructions err, each channel by itself.

    Args:
        errors: `(h, w, c)`, mean squared error at each pixel; c is 1 or 3.
        of: the images that it is the mean over, in words.
    """
    channels = errors.shape[2]
    title, note = "Where reconstructions err", f"mean squared error at each pixel, values in [0, 1], of {of}"
    width = max(channels * (MAP_INCHES + 0.15) + 1.0, text_inches(title, note))
    height = MAP_INCHES + (0.95 if channels > 1 else 0.75)
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    add_titles(figure, title, note)
    for channel in range(channels):
        left = 0.15 + channel * (MAP_INCHES + 0.15)
        axes = figure.add_axes((left / width, 0.35 / height, MAP_INCHES / width, MAP_INCHES / height))
        drawn = axes.imshow(errors[..., channel], cmap="magma", vmin=0.0, vmax=max(errors.max(), 1e-12))
        axes.set_axis_off()
        if channels > 1:
            mean = errors[..., channel].mean()
            axes.set_title(f"{CHANNELS[channel]}: {mean:.5f} in the mean", size=TEXT_POINTS, color=INK, pad=3)
    left += MAP_INCHES + 0.1
    scale = figure.add_axes((left / width, 0.35 / height, 0.1 / width, MAP_INCHES / height))
    figure.colorbar(drawn, cax=scale).outline.set_visible(False)
    scale.tick_params(labelsize=TEXT_POINTS - 1, labelcolor=INK, color="#999999", length=2)
    return figure


def chart_kl_by_latent(kl: np.ndarray, active: np.ndarray, reference: str = "N(0, 1)") -> Figure:
    """Draw the mean KL of each latent, the largest first; unused ones are grey.

    Args:
        kl: `(d,)` nats.
        active: `(d,)` booleans.
        reference: what the KL is to, in words.
    """
    order = np.argsort(-kl)[:MOST_LATENTS]
    title = f"{active.sum()} of {len(kl)} latents are active"
    note = f"KL to {reference}, together {kl.sum():.2f} nats"
    note += f"; the {MOST_LATENTS} largest are shown" if len(kl) > MOST_LATENTS else ""
    figure, axes = _figure(max(3.2, 1.2 + 0.24 * len(order)), 2.6, title, note)
    axes.bar(np.arange(len(order)), kl[order], color=np.where(active[order], BLUE, "#bbbbbb"), width=0.75)
    axes.set_xticks(np.arange(len(order)), order, size=TEXT_POINTS - (1 if len(order) <= 32 else 3))
    axes.set_xlim(-0.7, len(order) - 0.3)
    axes.set_ylim(0.0, 1.05 * max(0.1, kl.max()))
    axes.set_xlabel("latent", size=TEXT_POINTS, color=INK)
    axes.set_ylabel("mean KL, nats", size=TEXT_POINTS, color=INK)
    return figure


def chart_aggregate_posterior(
    latents: np.ndarray, prior: np.ndarray, kl: np.ndarray, log_var: np.ndarray, first: int = 0, most: int = 11
) -> Figure:
    """Draw where the posteriors of all images lie together, against the prior.

    Args:
        latents: `(n, d)`, one sample of each posterior.
        prior: `(m, d)`, samples of the prior.
        kl: `(d,)` mean KL of each latent to N(0, 1), which orders the panels.
        log_var: `(n, d)`, of the posteriors.
        first: the number of the first latent, where those before it are a lower level's.
        most: latents shown, of those that are not simply N(0, 1); the last panel is the distance from the origin.
    """
    order = np.argsort(-kl)[: max(1, min(most, np.sum(kl > SMALLEST_KL)))]
    columns = min(4, len(order) + 1)
    rows = math.ceil((len(order) + 1) / columns)
    title = "Latents of all images together, against the prior"
    note = "nats: mean KL of the latent to N(0, 1); width: typical standard deviation of one image's posterior"
    width, height = max(1.85 * columns, text_inches(title, note)), 1.5 * rows + 1.0
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    figure.subplots_adjust(left=0.03, right=0.97, top=1.0 - 0.66 / height, bottom=0.55 / height, hspace=0.55)
    add_titles(figure, title, note)
    for place, latent in enumerate(order):
        axes = figure.add_subplot(rows, columns, place + 1)
        deviation = math.exp(0.5 * float(log_var[:, latent].mean()))
        _density(axes, latents[:, latent], prior[:, latent])
        name = f"latent {first + latent}: {kl[latent]:.2f} nats, width {deviation:.2f}"
        axes.set_title(name, size=TEXT_POINTS - 1, color=INK)
    axes = figure.add_subplot(rows, columns, len(order) + 1)
    _density(axes, np.linalg.norm(latents, axis=1), np.linalg.norm(prior, axis=1))
    axes.set_title("distance from the origin", size=TEXT_POINTS - 1, color=INK)
    axes.legend(loc="best", frameon=False, fontsize=TEXT_POINTS - 2, labelcolor=INK, handlelength=1.0)
    return figure


def chart_reconstructions(
    images: np.ndarray, reconstructions: np.ndarray, ranges: Sequence[str], split: str = "test"
) -> Figure:
    """Draw groups of images, each above its reconstruction.

    Args:
        images: `(groups, n, h, w, c)` in [0, 1].
        reconstructions: the same shape.
        ranges: says of each group what it is, and its errors.
        split: that the images are of.
    """
    rows = np.stack([images, reconstructions], axis=1).reshape(-1, *images.shape[1:])
    labels = [label for name in ranges for label in (name, "reconstruction")]
    title = f"{split.capitalize()} images and their reconstructions: best, typical, worst"
    return labelled_grid(
        rows, title=title, row_labels=labels, note="numbers: MSE per pixel, through the posterior mean"
    )


def chart_neighbours(samples: np.ndarray, neighbours: np.ndarray, columns: int = 10) -> Figure:
    """Draw generated images, each above the training image that is nearest to it.

    Args:
        samples: `(n, h, w, c)` in [0, 1].
        neighbours: the same shape.
        columns: images in a row; what does not fill one is left out.
    """
    columns = min(columns, len(samples))
    used = len(samples) // columns * columns
    pairs = np.stack([each[:used].reshape(-1, columns, *each.shape[1:]) for each in (samples, neighbours)], axis=1)
    return labelled_grid(
        pairs.reshape(-1, *pairs.shape[2:]),
        title="Generated images, each above the nearest training image",
        row_labels=["generated", "training"] * len(pairs),
        note="nearest by the squared distance of pixels, among all training images",
    )


def _figure(width: float, height: float, title: str, note: str, left: float = 0.6) -> tuple[Figure, Axes]:
    width = max(width, text_inches(title, note))
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    bottom = 0.5 + (0.2 if note else 0.0)
    axes = figure.add_axes((left / width, bottom / height, 1.0 - (left + 0.2) / width, 1.0 - (bottom + 0.42) / height))
    plain_axes(axes)
    add_titles(figure, title, note)
    return figure, axes


def _density(axes: Axes, samples: np.ndarray, prior: np.ndarray) -> None:
    plain_axes(axes)
    lowest, highest = np.quantile(np.concatenate([samples, prior]), (0.0005, 0.9995))
    values = np.linspace(lowest, highest, 81)
    axes.hist(samples, bins=list(values), density=True, color=BLUE, alpha=0.55, label="images")
    axes.hist(prior, bins=list(values), density=True, color=INK, lw=1.2, histtype="step", label="prior")
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlim(values[0], values[-1])
    axes.tick_params(labelsize=TEXT_POINTS - 1)
