"""Whether clusters in a space correspond to the classes: scores, clusterings, and what they say in plain words."""

import warnings
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import mode
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, silhouette_score
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from keras_vae.latent_space.class_overlap import assigned, contingency

__all__ = [
    "CLUSTERINGS",
    "PROBE_POINTS",
    "SILHOUETTE_POINTS",
    "TRUSTED_NEIGHBOURS",
    "TRUSTED_POINTS",
    "Agreement",
    "Clustering",
    "agreement",
    "agreement_over_seeds",
    "class_scores",
    "cluster",
    "nearest_centroids",
    "smallest_cluster",
    "trustworthiness_of",
    "with_each_class",
]

Clustering = Literal["k_means", "gaussian_mixture", "hdbscan", "spectral"]
CLUSTERINGS: tuple[Clustering, ...] = get_args(Clustering)

STARTS = 3  # of k-means and of the mixture, which both stop at a local optimum
SPECTRAL_STARTS = 50  # of k-means where it takes no time: by ten of them some seeds miss the best optimum
DENSITY_NEIGHBOURS = 10  # a point's density is that of the ball around its ten nearest, itself included

PROBE_POINTS = 20_000  # keeps a probe of 784 pixels within 15 seconds of one core
PROBE_STEPS = 100
PROBE_PENALTY = 0.005  # without one, the probe of pixels gets worse the longer it is fitted
SILHOUETTE_POINTS = 5_000
TRUSTED_NEIGHBOURS, TRUSTED_POINTS = 15, 3_000


class Agreement(NamedTuple):
    """How well clusters agree with classes: 1 for clusters that are the classes."""

    accuracy: float
    normalised_mutual_information: float
    adjusted_rand: float


def class_scores(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray, seed: int = 0
) -> dict[str, float]:
    """Score how well known classes are separated in a space.

    Args:
        train: `(n, k)`, at least five.
        train_labels: `(n,)` integers, at least two different ones.
        test: `(m, k)`, at least three.
        test_labels: `(m,)` integers, at least two different ones.
        seed: seed of what is drawn where points are many.

    Returns:
        knn_1, knn_5: share of `test` whose class is that of the nearest point of `train`, or of most of the nearest
            five; the lowest label wins a tie.
        linear_probe: share of `test` that a logistic regression on standardised coordinates names rightly, fitted to
            `train` or to 20,000 points drawn from it: at most 100 steps of L-BFGS on the mean cross-entropy in nats
            plus 0.0025 times the squared norm of the weights.
        silhouette: mean by the true classes over `test` or 5,000 points drawn from it, from -1 to 1 (Rousseeuw 1987).

    Raises:
        ValueError: the arrays do not fit, or points or classes are too few.
    """
    _check(train, train_labels, least=5, classes=2)
    _check(test, test_labels, least=3, classes=2)
    # Both scores are read off one search, which takes most of the time.
    nearest = NearestNeighbors(n_neighbors=5).fit(train).kneighbors(test, return_distance=False)
    votes = train_labels[nearest]
    probed = with_each_class(_draw(len(train), PROBE_POINTS, seed), train_labels)
    sampled = with_each_class(_draw(len(test), SILHOUETTE_POINTS, seed), test_labels)
    return {
        "knn_1": float(np.mean(votes[:, 0] == test_labels)),
        "knn_5": float(np.mean(mode(votes, axis=1).mode == test_labels)),
        "linear_probe": _probe(train[probed], train_labels[probed], test, test_labels),
        "silhouette": float(silhouette_score(test[sampled], test_labels[sampled])),
    }


def with_each_class(drawn: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Add to points that are drawn the first point of each class that none of them has.

    Args:
        drawn: `(k,)`, numbers of points.
        labels: `(n,)`, the classes of all points.
    """
    present, first = np.unique(labels, return_index=True)
    return np.concatenate([drawn, first[~np.isin(present, labels[drawn])]])


def trustworthiness_of(
    original: np.ndarray,
    embedded: np.ndarray,
    neighbours: int = TRUSTED_NEIGHBOURS,
    most: int = TRUSTED_POINTS,
    seed: int = 0,
) -> float:
    """How far neighbours in a map are neighbours in the space that it shows (Venna & Kaski 2001).

    It depends on the number of points: compare scores of the same number and the same `neighbours` only.

    Args:
        original: `(n, k)`, more than twice as many as `neighbours`.
        embedded: `(n, l)`, the same points in the map.
        neighbours: how many of each point count.
        most: larger sets are subsampled to this size. Memory grows with its square: 3,000 points take about 0.2 GB.
        seed: seed of the points drawn.

    Returns:
        From 0 to 1, which says that no neighbour in the map is a stranger in the space.

    Raises:
        ValueError: the arrays do not fit, or points are too few.
    """
    for points in (original, embedded):
        _check(points, least=2 * neighbours + 1)
    if len(original) != len(embedded):
        raise ValueError(f"Space and map must hold the same points, not {len(original)} and {len(embedded)}.")
    if most <= 2 * neighbours:
        raise ValueError(f"{neighbours} neighbours need more than {2 * neighbours} points, not {most}.")
    drawn = _draw(len(original), most, seed)
    return float(trustworthiness(original[drawn], embedded[drawn], n_neighbors=neighbours))


def cluster(name: Clustering, points: np.ndarray, clusters: int, seed: int = 0) -> np.ndarray:
    """Find clusters without knowing the classes.

    Args:
        name: `k_means`; `gaussian_mixture`, with full covariances; `hdbscan` (Campello et al. 2015); or `spectral`,
            which is k-means too, of the coordinates that `spectral_coordinates` gives. The first two are the best of
            three starts, it is that of fifty.
        points: `(n, k)`, at least `clusters`.
        clusters: how many. HDBSCAN finds their number itself: it is only told the `smallest_cluster`.
        seed: seed of the starts; HDBSCAN draws nothing.

    Returns:
        `(n,)` integers from 0, and -1 for what HDBSCAN calls noise.

    Raises:
        ValueError: the name is unknown, or points are too few.
    """
    _check(points, least=max(clusters, 2))
    points = points.astype(np.float64)  # in float32, rounding may leave a covariance that is not positive definite
    if name == "k_means":
        return KMeans(clusters, n_init=STARTS, random_state=seed).fit_predict(points)
    if name == "gaussian_mixture":
        return GaussianMixture(clusters, n_init=STARTS, max_iter=500, random_state=seed).fit_predict(points)
    if name == "hdbscan":
        smallest, neighbours = smallest_cluster(len(points), clusters), min(DENSITY_NEIGHBOURS, len(points))
        return HDBSCAN(min_cluster_size=smallest, min_samples=neighbours, copy=True).fit_predict(points)
    if name == "spectral":
        return KMeans(clusters, n_init=SPECTRAL_STARTS, random_state=seed).fit_predict(points)
    raise ValueError(f"There is no clustering {name!r}: give one of {', '.join(CLUSTERINGS)}.")


def smallest_cluster(points: int, clusters: int) -> int:
    """The fewest points to be called a cluster: 1/14 of an even share, at least 2.

    It is the proportion that the guide of umap-learn takes for clustering a map of MNIST.
    """
    return max(2, points // (14 * clusters))


def agreement(labels: np.ndarray, classes: np.ndarray) -> Agreement:
    """Compare clusters with classes; how either are numbered makes no difference.

    Args:
        labels: `(n,)` integers, the cluster of each point; -1 is noise.
        classes: `(n,)` integers from 0.

    Returns:
        Accuracy: share of the points in the cluster of their class by the best one-to-one matching (Xie et al. 2016);
            noise counts as wrong, and so do clusters left without a class and classes left without a cluster.
        Mutual information over the mean of both entropies, and Rand index adjusted for chance (Hubert & Arabie 1985):
            here noise is a cluster like any other.

    Raises:
        ValueError: the arrays do not fit.
    """
    counts = assigned(contingency(labels, classes, int(np.max(classes, initial=0)) + 1))
    return Agreement(
        float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(classes)),
        float(normalized_mutual_info_score(classes, labels)),
        float(adjusted_rand_score(classes, labels)),
    )


def agreement_over_seeds(
    name: Clustering, points: np.ndarray, classes: np.ndarray, clusters: int, seeds: Sequence[int]
) -> dict[str, Agreement]:
    """Cluster with several seeds and compare each time; arguments as in `cluster` and `agreement`.

    Returns:
        The `mean` of each measure, and its `standard_deviation` from seed to seed: NaN for one seed, 0 for HDBSCAN.

    Raises:
        ValueError: the arrays do not fit, points are too few, or there is no seed.
    """
    if len(seeds) == 0:
        raise ValueError("Give at least one seed.")
    tried, of_one = (seeds[:1], 0.0) if name == "hdbscan" else (seeds, np.nan)
    rows = np.array([agreement(cluster(name, points, clusters, seed), classes) for seed in tried])
    deviations = rows.std(axis=0, ddof=1) if len(rows) > 1 else np.full(rows.shape[1], of_one)
    return {"mean": Agreement(*rows.mean(axis=0).tolist()), "standard_deviation": Agreement(*deviations.tolist())}


def nearest_centroids(
    points: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> list[tuple[str, str, float]]:
    """For each class the nearest other one, by the Euclidean distance of their means.

    Args:
        points: `(n, k)`.
        labels: `(n,)` integers, the class of each point, of at least two classes.
        class_names: one for each class.

    Returns:
        Class, nearest other class and distance in units of the space, for each class that has points, in their order.

    Raises:
        ValueError: the arrays or the names do not fit, or there is only one class.
    """
    _check(points, labels, least=2, classes=2)
    present = np.unique(labels)
    if present[0] < 0 or present[-1] >= len(class_names):
        raise ValueError(f"There are {len(class_names)} class names for classes {present[0]} to {present[-1]}.")
    centroids = np.stack([points[labels == label].mean(axis=0, dtype=np.float64) for label in present])
    distances, indices = NearestNeighbors(n_neighbors=1).fit(centroids).kneighbors()
    rows = zip(present, present[indices[:, 0]], distances[:, 0], strict=True)
    return [(class_names[label], class_names[nearest], float(distance)) for label, nearest, distance in rows]


def _probe(train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray) -> float:
    # scikit-learn weighs the penalty against a sum over the points; against their mean it is the same for any number.
    regression = LogisticRegression(C=1.0 / (PROBE_PENALTY * len(train)), max_iter=PROBE_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # to stop after these steps is part of the definition
        return float(make_pipeline(StandardScaler(), regression).fit(train, train_labels).score(test, test_labels))


def _draw(count: int, most: int, seed: int) -> np.ndarray:
    return np.arange(count) if count <= most else np.random.default_rng(seed).choice(count, most, replace=False)


def _check(points: np.ndarray, labels: np.ndarray | None = None, *, least: int, classes: int = 1) -> None:
    if points.ndim != 2:
        raise ValueError(f"Points must be (n, k), not {points.shape}.")
    if not np.isfinite(points).all():
        raise ValueError("Points must be finite.")
    if len(points) < least:
        raise ValueError(f"At least {least} points are needed, not {len(points)}.")
    if labels is not None and labels.shape != points.shape[:1]:
        raise ValueError(f"Labels must be (n,) for points of {points.shape}, not {labels.shape}.")
    if labels is not None and len(np.unique(labels)) < classes:
        raise ValueError(f"Labels must be of at least {classes} classes.")
