"""Two-dimensional points with classes -> scatter plots with names, thumbnails and a legend."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from scipy.ndimage import uniform_filter

from keras_vae.plotting.style import DOTS_PER_INCH, INK, TEXT_POINTS, add_titles

__all__ = ["CLASS_COLOURS", "chart_bare_map", "chart_contingency", "chart_map", "chart_maps", "colour_of"]

# The muted scheme of Tol 2021 (https://sronpersonalpages.nl/~pault) and black: colour-blind readers tell them apart.
CLASS_COLOURS = (
    "#cc6677", "#332288", "#ddcc77", "#117733", "#88ccee", "#882255", "#44aa99", "#999933", "#aa4499", "#000000",
)  # fmt: skip
BINS = 40  # of a histogram in which the densest place of a class is found
LARGE_INCHES = 7.0
SMALL_INCHES = 3.0
MOST_CLASSES = 40  # that a table has words and numbers of


def chart_map(
    points: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    title: str,
    note: str = "",
    images: np.ndarray | None = None,
    thumbnails: int = 90,
) -> Figure:
    """Draw one map, large: a dot for each point, the name of each class where it is densest, thumbnails between.

    Args:
        points: `(n, 2)`.
        labels: `(n,)`.
        class_names: one for each label.
        title: stands above.
        note: stands below in grey.
        images: `(n, h, w, c)` uint8; None draws no thumbnails.
        thumbnails: at most so many, spread evenly over the map.
    """
    height = LARGE_INCHES + 0.95
    figure = Figure(figsize=(LARGE_INCHES, height), dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.add_axes((0.02, 0.6 / height, 0.96, (LARGE_INCHES - 0.1) / height))
    _scatter(axes, points, labels, size=5.0 * _larger(points), opacity=0.35 if images is not None else 0.6)
    if images is not None:
        for index in _spread(points, thumbnails):
            colour = colour_of(int(labels[index]))
            picture = OffsetImage(_tinted(images[index], colour), zoom=_zoom(images.shape[1]), interpolation="nearest")
            axes.add_artist(AnnotationBbox(picture, points[index], frameon=False, pad=0.0))
    _name_classes(axes, points, labels, class_names, TEXT_POINTS + 1, (LARGE_INCHES, LARGE_INCHES))
    add_titles(figure, title, note)
    _legend(figure, labels, class_names)
    return figure


def chart_maps(
    maps: Mapping[str, np.ndarray], labels: np.ndarray, class_names: Sequence[str], *, title: str, note: str = ""
) -> Figure:
    """Draw several maps of the same points beside each other.

    Args:
        maps: `(n, 2)` for each title.
        labels: `(n,)`.
        class_names: one for each label.
        title: stands above all.
        note: stands below in grey.
    """
    width, height = SMALL_INCHES * len(maps) + 0.2, SMALL_INCHES + 1.25
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    for number, (name, points) in enumerate(maps.items()):
        left = (0.1 + number * SMALL_INCHES) / width
        axes = figure.add_axes((left, 0.6 / height, (SMALL_INCHES - 0.1) / width, (SMALL_INCHES - 0.05) / height))
        _scatter(axes, points, labels, size=1.6 * _larger(points), opacity=0.5)
        _name_classes(axes, points, labels, class_names, TEXT_POINTS - 2, (SMALL_INCHES, SMALL_INCHES))
        axes.set_title(name, size=TEXT_POINTS, color=INK, pad=3)
    add_titles(figure, title, note)
    _legend(figure, labels, class_names)
    return figure


def chart_bare_map(
    points: np.ndarray, labels: np.ndarray, class_names: Sequence[str], size: tuple[float, float]
) -> Figure:
    """Draw one small map without title and legend: for a page that has words of its own.

    Args:
        points: `(n, 2)`.
        labels: `(n,)`.
        class_names: one for each label; none leaves them out.
        size: width and height, inches.
    """
    figure = Figure(figsize=size, dpi=2 * DOTS_PER_INCH, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    _scatter(axes, points, labels, size=1.0 * _larger(points), opacity=0.5, ratio=size[0] / size[1])
    if class_names:
        _name_classes(axes, points, labels, class_names, TEXT_POINTS, size)
    return figure


def chart_contingency(table: np.ndarray, class_names: Sequence[str], title: str) -> Figure:
    """Draw how the classes are spread over clusters: by colour alone where there are many.

    Args:
        table: `(classes, clusters)` counts.
        class_names: one for each row.
        title: stands above.
    """
    rows, columns = table.shape
    has_words = max(rows, columns) <= MOST_CLASSES
    left = 0.35 + (0.075 * max(map(len, class_names)) if has_words else 0.0)
    cell = 0.42 * min(1.0, MOST_CLASSES / max(rows, columns))
    width, height = max(left + cell * columns + 0.2, 0.09 * len(title) + 0.3), cell * rows + 1.0
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    axes = figure.add_axes((left / width, 0.5 / height, cell * columns / width, cell * rows / height))
    share = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    if has_words:
        for row, column in zip(*np.nonzero(table), strict=True):
            ink, count = "white" if share[row, column] > 0.55 else INK, f"{table[row, column]:,}"
            axes.text(column, row, count, ha="center", va="center", size=TEXT_POINTS - 2, color=ink)
        axes.set_yticks(range(rows), class_names)
        axes.set_xticks(range(columns), [str(number + 1) for number in range(columns)])
    else:
        axes.set(xticks=[], yticks=[], ylabel="class")
    axes.tick_params(length=0, labelsize=TEXT_POINTS, labelcolor=INK)
    axes.set_frame_on(False)
    axes.set_xlabel("cluster", size=TEXT_POINTS, color=INK)
    add_titles(figure, title)
    return figure


def colour_of(label: int) -> str:
    """The colour of a class, `#rrggbb`; after ten classes they begin anew."""
    return CLASS_COLOURS[label % len(CLASS_COLOURS)]


def _larger(points: np.ndarray) -> float:
    """How much larger dots are than those of 10,000 points: the fewer there are, the more room each has."""
    return float(np.clip(math.sqrt(10_000 / len(points)), 0.5, 8.0))


def _scatter(
    axes: Axes, points: np.ndarray, labels: np.ndarray, *, size: float, opacity: float, ratio: float = 1.0
) -> None:
    # In random order, so that no class lies on top of all others; as pixels, because 10,000 dots make a large SVG.
    order = np.random.default_rng(0).permutation(len(points))
    colours = np.array([to_rgb(colour_of(int(label))) for label in labels])
    x, y = points[order].T
    axes.scatter(x, y, s=size, c=colours[order], alpha=opacity, linewidths=0, rasterized=True)
    low, high = points.min(axis=0), points.max(axis=0)
    wide, tall = high - low
    reach = 0.52 * max(float(tall), float(wide) / ratio, 1e-6)
    middle_x, middle_y = (low + high) / 2.0
    axes.set(xlim=(middle_x - ratio * reach, middle_x + ratio * reach), ylim=(middle_y - reach, middle_y + reach))
    axes.set_axis_off()


def _name_classes(
    axes: Axes,
    points: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    text_points: float,
    size: tuple[float, float],
) -> None:
    """Write each class's name where the class is densest, moved up or down to where no other name stands.

    A single class needs no name.
    """
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    unit = (right - left) / (72.0 * size[0]) * text_points  # the height of a letter, in units of the map
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    placed: list[tuple[float, float, float]] = []
    if len(class_names) < 2:
        return
    for label in np.unique(labels):
        x, y = _densest(points[labels == label])
        width = 0.68 * unit * len(class_names[label])
        x = min(max(x, left + width / 2), max(right - width / 2, left + width / 2))
        steps = (0.35 * unit * number * sign for number in range(60) for sign in (1, -1))
        free = (y + step for step in steps if _is_free(x, y + step, width, unit, placed))
        y = next((place for place in free if bottom + 0.7 * unit < place < top - 0.7 * unit), y)
        placed.append((x, y, width))
        axes.text(
            x, y, class_names[label], size=text_points, color=INK, weight="bold", ha="center", va="center",
            path_effects=halo, zorder=5,
        )  # fmt: skip


def _is_free(x: float, y: float, width: float, unit: float, placed: Sequence[tuple[float, float, float]]) -> bool:
    return all(abs(x - other) > (width + wide) / 2 or abs(y - height) > 1.3 * unit for other, height, wide in placed)


def _densest(points: np.ndarray) -> np.ndarray:
    """The middle of the points in and around the fullest field of a grid."""
    counts, *edges = np.histogram2d(points[:, 0], points[:, 1], bins=BINS)
    around = uniform_filter(counts, 3, mode="constant")
    place = np.unravel_index(np.argmax(around), around.shape)
    low = np.array([edges[axis][max(0, at - 1)] for axis, at in enumerate(place)])
    high = np.array([edges[axis][min(BINS, at + 2)] for axis, at in enumerate(place)])
    inside = np.all((points >= low) & (points <= high), axis=1)
    return points[inside].mean(axis=0)


def _spread(points: np.ndarray, most: int) -> np.ndarray:
    """Indices of points that are far from each other: one in each field of a grid that has any."""
    low, extent = points.min(axis=0), np.ptp(points, axis=0).max() or 1.0
    side = math.ceil(1.6 * math.sqrt(most))
    while True:
        fields = np.floor((points - low) / extent * (side - 1e-9)).astype(int)
        _, first = np.unique(fields, axis=0, return_index=True)
        if len(first) <= most or side == 1:
            break
        side -= 1
    middles = (fields[first] + 0.5) / side * extent + low
    nearest = []
    for middle, field in zip(middles, fields[first], strict=True):
        members = np.flatnonzero(np.all(fields == field, axis=1))
        nearest.append(members[np.argmin(np.sum((points[members] - middle) ** 2, axis=1))])
    return np.array(nearest)


def _tinted(image: np.ndarray, colour: str) -> np.ndarray:
    """A thumbnail whose black is transparent and whose white has the colour of its class; colour images as they are."""
    if image.shape[-1] == 3:
        return image
    shade = image[..., 0] / 255.0
    tinted = np.empty((*shade.shape, 4))
    tinted[..., :3] = np.array(to_rgb(colour)) * 0.85
    tinted[..., 3] = shade
    return tinted


def _zoom(side: int) -> float:
    return 0.34 * 72.0 / side


def _legend(figure: Figure, labels: np.ndarray, class_names: Sequence[str]) -> None:
    if len(class_names) < 2:
        return
    shown = np.unique(labels)[: 2 * len(CLASS_COLOURS)]
    handles = [
        Line2D([], [], marker="o", ls="", ms=5, mew=0, color=colour_of(int(label)), label=class_names[label])
        for label in shown
    ]
    _, height = figure.get_size_inches()
    figure.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.2 / height), ncols=math.ceil(len(shown) / 2),
        frameon=False, fontsize=TEXT_POINTS - 1, labelcolor=INK, handletextpad=0.1, columnspacing=1.0,
    )  # fmt: skip
