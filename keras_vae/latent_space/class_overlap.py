"""How classes are spread over clusters: the table, which classes merge, and what that says in plain words."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import squareform
from sklearn.metrics.cluster import contingency_matrix

__all__ = ["NOISE", "Contingency", "assigned", "confusions", "contingency", "describe_overlap"]

NOISE = -1  # scikit-learn's label of a point that HDBSCAN leaves out of all clusters

SEPARATE = 0.8
MERGE = 0.5


class Contingency(NamedTuple):
    """Points of each class in each cluster, `(classes, columns)`, and the cluster of each column, `(columns,)`."""

    table: np.ndarray
    order: np.ndarray


def contingency(labels: np.ndarray, classes: np.ndarray, class_count: int) -> Contingency:
    """Count the points of each class in each cluster.

    Args:
        labels: `(n,)` integers, the cluster of each point; -1 is noise.
        classes: `(n,)` integers from 0, below `class_count`.
        class_count: rows of the table.

    Returns:
        The table, and for each column the cluster that it shows. First stand the clusters that the best one-to-one
        matching gives to classes, in the order of these classes, so that the diagonal shows; where clusters are fewer,
        it skips the classes left without one. Then follow other clusters, by the class that they hold most of, and
        last the noise, -1, if there is any.

    Raises:
        ValueError: the arrays do not fit.
    """
    if labels.ndim != 1 or labels.shape != classes.shape or not len(labels):
        raise ValueError(f"Clusters and classes must both be (n,), not {labels.shape} and {classes.shape}.")
    if classes.min() < 0 or classes.max() >= class_count:
        raise ValueError(f"Classes must be from 0 to {class_count - 1}, not {classes.min()} to {classes.max()}.")
    found = np.unique(labels)
    table = np.zeros((class_count, len(found)), np.int64)  # classes without points have rows too
    table[np.unique(classes)] = contingency_matrix(classes, labels)
    rank = class_count + np.argmax(table, axis=0)
    rank[found == NOISE] = 2 * class_count
    clusters = np.flatnonzero(found != NOISE)
    for label, column in zip(*linear_sum_assignment(table[:, clusters], maximize=True), strict=True):
        if table[label, clusters[column]]:  # the matching also pairs those left over, which have nothing in common
            rank[clusters[column]] = label
    order = np.argsort(rank, kind="stable")
    return Contingency(table[:, order], found[order])


def assigned(counts: Contingency) -> np.ndarray:
    """The table without the noise, `(classes, clusters)`."""
    return counts.table[:, counts.order != NOISE]


def confusions(counts: Contingency, class_names: Sequence[str]) -> list[tuple[str, str, float]]:
    """The pairs of classes that share clusters, those that share most first.

    Args:
        counts: what `contingency` returned.
        class_names: one for each row.

    Returns:
        Two classes and the overlap of their distributions over the clusters: 1 for classes spread alike, 0 for those
        that have no cluster in common, which are left out. Noise is no cluster that classes could share.

    Raises:
        ValueError: the names are not as many as the classes.
    """
    overlaps = _overlaps(counts, class_names)
    pairs = np.argwhere(np.triu(overlaps, 1) > 0.0)
    named = [(class_names[first], class_names[second], float(overlaps[first, second])) for first, second in pairs]
    return sorted(named, key=lambda pair: -pair[2])


def describe_overlap(counts: Contingency, class_names: Sequence[str]) -> str:
    """Say in two or three sentences which classes separate and which merge.

    Classes merge if the distributions of any two of them over the clusters overlap by at least 50% (see `confusions`).
    A class has a cluster of its own if it does not merge, at least 80% of its points lie in one cluster, and at least
    80% of that cluster are of this class. Shares are rounded down.

    Args:
        counts: what `contingency` returned. Classes without points are not counted.
        class_names: one for each row.

    Returns:
        Plain English, class names as they are given.

    Raises:
        ValueError: the names are not as many as the classes, or fewer than two classes have points.
    """
    overlaps, count = _overlaps(counts, class_names), int(np.count_nonzero(counts.table.any(axis=1)))
    if count < 2:
        raise ValueError(f"Whether classes separate takes at least two that have points, not {count}.")
    groups = _merging(overlaps)
    merged = {label for group, _ in groups for label in group}
    own = {label: share for label, share in _own_shares(counts).items() if label not in merged}
    held = [f"{_percent(own[label])} of {class_names[label]}" for label in sorted(own, key=lambda label: -own[label])]
    within = {frozenset((one, other)) for group, _ in groups for one in group for other in group}
    beside = [
        f"{class_names[one]} and {class_names[other]} ({_percent(overlaps[one, other])})"
        for one, other in np.argwhere(np.triu(overlaps, 1) >= MERGE)
        if frozenset((one, other)) not in within
    ]
    sentences = [_separation(held, count), _merger(groups, class_names)]
    if beside:
        sentences.append(f"These pairs overlap as much: {', '.join(beside)}.")
    return " ".join(sentences)


def _shares(counts: Contingency) -> np.ndarray:
    """Of each class the share in each cluster, `(classes, clusters)`: what is noise lacks in the sum of a row."""
    return assigned(counts) / np.maximum(counts.table.sum(axis=1, keepdims=True), 1)


def _overlaps(counts: Contingency, class_names: Sequence[str]) -> np.ndarray:
    """`(classes, classes)`: the sum over the clusters of the smaller one of both classes' shares."""
    if len(class_names) != len(counts.table):
        raise ValueError(f"There are {len(class_names)} class names for {len(counts.table)} classes.")
    shares = _shares(counts)
    return np.minimum(shares[:, None], shares[None]).sum(axis=2)


def _own_shares(counts: Contingency) -> dict[int, float]:
    """Of each class that fills one cluster nearly alone, the share in that cluster."""
    shares, purities = _shares(counts), assigned(counts) / np.maximum(assigned(counts).sum(axis=0), 1)
    own = np.argwhere((shares >= SEPARATE) & (purities >= SEPARATE))
    return {int(label): float(shares[label, column]) for label, column in own}


def _merging(overlaps: np.ndarray) -> list[tuple[list[int], float]]:
    """Groups of classes of which any two overlap enough, with the least overlap of two; the largest first."""
    distances = squareform(1.0 - overlaps, checks=False)
    # Complete linkage: a chain of classes, each like the next, is no group if its ends are unlike.
    numbers = fcluster(linkage(distances, "complete"), 1.0 - MERGE + 1e-9, "distance")
    members = [np.flatnonzero(numbers == number) for number in np.unique(numbers)]
    groups = [(group.tolist(), float(overlaps[np.ix_(group, group)].min())) for group in members if len(group) > 1]
    return sorted(groups, key=lambda group: -group[1])


def _separation(held: list[str], count: int) -> str:
    if not held:
        return f"{'Neither' if count == 2 else 'None'} of the {count} classes has a cluster of its own."
    if len(held) == 1:
        return f"One of the {count} classes has a cluster of its own, which holds {held[0]}."
    which = f"{len(held)} of the {count}" if len(held) < count else "Both" if count == 2 else f"All {count}"
    return f"{which} classes have clusters of their own, which hold {_listed(held)}."


def _merger(groups: list[tuple[list[int], float]], class_names: Sequence[str]) -> str:
    if not groups:
        return "No two classes merge."
    named = [_listed([class_names[label] for label in group]) for group, _ in groups]
    shares = [f"{'at least ' if len(group) > 2 else ''}{_percent(share)}" for group, share in groups]
    if len(groups) == 1:
        return f"{named[0]} merge: their distributions over the clusters overlap by {shares[0]}."
    listed = "; ".join(f"{names} ({share})" for names, share in zip(named, shares, strict=True))
    return (
        f"{len(groups)} groups of classes merge, with the overlap of their distributions over the clusters: {listed}."
    )


def _percent(share: float) -> str:
    # Rounded down, so that 'at least' stays true and 100% means all; the small term is there since 100 * 0.29 < 29.
    return f"{math.floor(100.0 * share + 1e-9)}%"


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
