"""What is seen on paths through latent space, how even and how real it is, and the shift from one class to another."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.metrics import pairwise_distances_argmin_min

from keras_vae.latent_space.paths import along, squared_steps

__all__ = [
    "ClassSeen",
    "PriorDensity",
    "class_shares",
    "class_shift",
    "classes_seen",
    "distance_to_real_images",
    "path_energy",
    "path_length",
    "prior_density",
    "unevenness",
]


class ClassSeen(NamedTuple):
    """One stretch of a path: the most probable class there, and the share of the path's steps in it, above 0."""

    label: int
    share: float


class PriorDensity(NamedTuple):
    """How likely the prior finds the points of each path.

    Attributes:
        log_density: `(pairs, steps)` nats.
        lowest: `(pairs,)` nats, at most 0: the lowest log density on the way, relative to that of the lower end.
    """

    log_density: np.ndarray
    lowest: np.ndarray


def path_energy(images: ArrayLike) -> np.ndarray:
    """Energy of each path: the sum of its squared steps. Compare it between paths of the same number of steps only.

    It is at least `path_length^2 / (steps - 1)`, and just that at constant speed.

    Args:
        images: `(pairs, steps, ...)` decoded points.

    Returns:
        `(pairs,)`, in squared units of the images.

    Raises:
        ValueError: the shape does not fit.
    """
    return np.sum(squared_steps(_points(images)), axis=1)


def path_length(images: ArrayLike) -> np.ndarray:
    """Length of each path: the sum of the Euclidean lengths of its steps.

    Args:
        images: `(pairs, steps, ...)` decoded points.

    Returns:
        `(pairs,)`, in units of the images.

    Raises:
        ValueError: the shape does not fit.
    """
    return np.sum(np.sqrt(squared_steps(_points(images))), axis=1)


def unevenness(features: ArrayLike) -> np.ndarray:
    """Largest step over mean step of each path, in a space of features that does not depend on the model.

    Args:
        features: `(pairs, steps, ...)` of the decoded points.

    Returns:
        `(pairs,)` from 1, for even steps or none at all, to `steps - 1`, for a single jump.

    Raises:
        ValueError: the shape does not fit.
    """
    lengths = np.sqrt(squared_steps(_points(features)))
    mean = lengths.mean(axis=1)
    return np.divide(lengths.max(axis=1), mean, out=np.ones_like(mean), where=mean > 0.0)


def distance_to_real_images(features: ArrayLike, real_features: ArrayLike) -> np.ndarray:
    """Mean distance of the inner points of each path to the nearest real image, in a space of features.

    Args:
        features: `(pairs, steps, k)` of the decoded points; at least 3 steps.
        real_features: `(n, k)` of real images.

    Returns:
        `(pairs,)` Euclidean distances: smaller is more real.

    Raises:
        ValueError: the shapes do not fit.
    """
    features, real_features = _points(features, least=3), np.asarray(real_features)
    if features.ndim != 3 or real_features.ndim != 2 or features.shape[2] != real_features.shape[1]:
        shapes = f"{features.shape} and {real_features.shape}"
        raise ValueError(f"Features must be (pairs, steps, k) and those of real images (n, k), not {shapes}.")
    inner = features[:, 1:-1].reshape(-1, features.shape[2])
    _, distances = pairwise_distances_argmin_min(inner, real_features)
    return distances.reshape(len(features), -1).mean(axis=1)


def prior_density(path: ArrayLike, log_density: Callable[[Any], Any]) -> PriorDensity:
    """Log density of the prior along each path. Under N(0, I), a straight line is nowhere below its lower end.

    Args:
        path: `(pairs, steps, d)` latents.
        log_density: a function from latents `(n, d)` to nats `(n,)`.

    Raises:
        ValueError: the shape does not fit.
    """
    values = along(_points(path), log_density)
    return PriorDensity(values, values.min(axis=1) - np.minimum(values[:, 0], values[:, -1]))


def class_shares(logits: ArrayLike) -> np.ndarray:
    """Probability of each class along each path.

    Args:
        logits: `(pairs, steps, classes)` of a classifier that sees the decoded points.

    Returns:
        `(pairs, steps, classes)` in [0, 1]; their sum over the classes is 1.

    Raises:
        ValueError: the shape does not fit.
    """
    return softmax(_points(logits), axis=-1)


def classes_seen(shares: ArrayLike) -> list[list[ClassSeen]]:
    """Which class is the most probable along each path, as in 'Sneaker, then Sandal, then Ankle boot'.

    Args:
        shares: `(pairs, steps, classes)`, probabilities or logits.

    Returns:
        For each path its stretches in their order; a class that comes back has several.

    Raises:
        ValueError: the shape does not fit.
    """
    labels = _points(shares).argmax(axis=-1)
    steps = labels.shape[1]
    return [
        [ClassSeen(int(label), len(list(stretch)) / steps) for label, stretch in itertools.groupby(row)]
        for row in labels
    ]


def class_shift(means: ArrayLike, labels: ArrayLike, first: int, second: int) -> np.ndarray:
    """What to add to the latent of an image of one class to make it one of another: attribute arithmetic.

    Args:
        means: `(n, d)` posterior means.
        labels: `(n,)` integers.
        first: the class to take away.
        second: the class to add.

    Returns:
        `(d,)`: mean of the latents of `second` minus that of `first`.

    Raises:
        ValueError: the shapes do not fit, or a class has no image.
    """
    means, labels = np.asarray(means), np.asarray(labels)
    if means.ndim != 2 or labels.shape != means.shape[:1]:
        raise ValueError(f"Means must be (n, d) and labels (n,), not {means.shape} and {labels.shape}.")
    for label in (first, second):
        if not np.any(labels == label):
            raise ValueError(f"None of the {len(labels)} images is of class {label}.")
    return means[labels == second].mean(axis=0) - means[labels == first].mean(axis=0)


def _points(values: ArrayLike, least: int = 2) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim < 3 or values.shape[1] < least:
        raise ValueError(f"Paths must be (pairs, steps, ...) with at least {least} steps, not {values.shape}.")
    return values
