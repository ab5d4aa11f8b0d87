"""Latents -> the images nearest to some of them, and the classes of these."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

__all__ = ["Neighbours", "find_neighbours", "nearest_classes"]

COMPARED = 2_000  # images whose nearest other ones are looked for
NEAREST = 5  # of each
MOST_CLASSES = 6  # that are told of each class
DECIMALS = 5


class Neighbours(NamedTuple):
    """The images nearest to some images, by the Euclidean distance of their means.

    Attributes:
        chosen: `(m,)`, places of these images.
        nearest: `(m, k)`, places of the other images nearest to each, the nearest first.
        distances: `(m,)`, to the nearest one; a zero where there is no other image.
    """

    chosen: np.ndarray
    nearest: np.ndarray
    distances: np.ndarray


def find_neighbours(mean: np.ndarray) -> Neighbours:
    """Find the images nearest to some that are drawn from all, each but itself.

    Args:
        mean: `(n, d)`.
    """
    if len(mean) < 2:
        return Neighbours(np.zeros(0, int), np.zeros((0, 0), int), np.zeros(1))
    chosen = np.random.default_rng(0).permutation(len(mean))[:COMPARED]
    count = min(NEAREST, len(mean) - 1)
    distances, nearest = NearestNeighbors(algorithm="brute").fit(mean).kneighbors(mean[chosen], count + 1)
    is_other = nearest != chosen[:, np.newaxis]
    is_other[is_other.all(axis=1), -1] = False  # an image that others lie upon may be missing in its own row
    shape = (len(chosen), count)
    return Neighbours(chosen, nearest[is_other].reshape(shape), distances[is_other].reshape(shape)[:, 0])


def nearest_classes(labels: np.ndarray, label: int, neighbours: Neighbours) -> list[tuple[int, float]]:
    """Tell the classes of the images nearest to those of one class.

    Args:
        labels: `(n,)` integers.
        label: the class; its own images are among the nearest ones.
        neighbours: found among all n images.

    Returns:
        Classes and their shares, in (0, 1], the largest first; none where no image of the class was drawn.
    """
    of_class = labels[neighbours.chosen] == label
    found, counts = np.unique(labels[neighbours.nearest[of_class]], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_CLASSES]
    return [(int(found[place]), round(float(counts[place] / counts.sum()), DECIMALS)) for place in order]
