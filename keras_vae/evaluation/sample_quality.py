"""How close generated images are to real ones, from the features of both: pure functions on arrays."""

from typing import NamedTuple

import numpy as np
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

__all__ = [
    "KernelDistance",
    "PrecisionRecall",
    "frechet_distance",
    "kernel_distance",
    "precision_recall",
]


class KernelDistance(NamedTuple):
    """Mean over blocks of features, and the standard error of that mean."""

    value: float
    standard_error: float


class PrecisionRecall(NamedTuple):
    """Shares between 0 and 1: of the generated images that look real, and of the real ones that could be generated."""

    precision: float
    recall: float


def frechet_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Frechet distance of the Gaussians fitted to two sets of features (Heusel et al. 2017, equation 6).

    `|m - m'|^2 + tr(C + C' - 2 (C C')^(1/2))`. By features of the original Inception network it is the FID. Small
    sets are biased upwards: compare sets of the same number of images only.

    Args:
        real: `(n, k)`, at least two.
        generated: `(m, k)`, at least two.

    Returns:
        At least 0 up to rounding, in squared units of the features.

    Raises:
        ValueError: the sizes do not fit.
    """
    _check(real, generated, least=2)
    mean, covariance = _moments(real)
    other_mean, other_covariance = _moments(generated)
    # tr (C C')^(1/2) = tr (C^(1/2) C' C^(1/2))^(1/2), whose matrix is symmetric: its eigenvalues are real.
    root = _square_root(covariance)
    eigenvalues = np.linalg.eigvalsh(root @ other_covariance @ root)
    cross = np.sqrt(np.clip(eigenvalues, 0.0, None)).sum()
    return float(np.sum((mean - other_mean) ** 2) + np.trace(covariance) + np.trace(other_covariance) - 2.0 * cross)


def kernel_distance(real: np.ndarray, generated: np.ndarray, block: int = 1000, seed: int = 0) -> KernelDistance:
    """Squared maximum mean discrepancy with the kernel `(x y / k + 1)^3` (Binkowski et al. 2018, section 4).

    By features of the original Inception network it is the KID. The estimate of each block is unbiased, so that it may
    be below 0.

    Args:
        real: `(n, k)`, at least two.
        generated: `(m, k)`, at least two.
        block: features of each set in a block; the blocks do not overlap, what does not fill one is left out.
        seed: seed of the order in which features come into blocks, so that none holds one class alone.

    Returns:
        Mean over the blocks and its standard error, NaN if there is only one.

    Raises:
        ValueError: the sizes do not fit.
    """
    _check(real, generated, least=2)
    size = min(block, len(real), len(generated))
    count = min(len(real), len(generated)) // size
    rng = np.random.default_rng(seed)
    blocks = [np.split(rng.permutation(features)[: count * size], count) for features in (real, generated)]
    values = [_squared_discrepancy(*pair) for pair in zip(*blocks, strict=True)]
    error = np.std(values, ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return KernelDistance(float(np.mean(values)), float(error))


def precision_recall(real: np.ndarray, generated: np.ndarray, neighbours: int = 3) -> PrecisionRecall:
    """Improved precision and recall (Kynkaanniemi et al. 2019, equations 1 to 3).

    A set is taken to fill the balls around its features that reach to their `neighbours`-th nearest neighbour.

    Args:
        real: `(n, k)`, more than `neighbours`.
        generated: `(m, k)`, more than `neighbours`.
        neighbours: how far a ball reaches.

    Returns:
        Precision: share of `generated` within the balls of `real`. Recall: share of `real` within those of `generated`.

    Raises:
        ValueError: the sizes do not fit.
    """
    _check(real, generated, least=neighbours + 1)
    return PrecisionRecall(_share_within(real, generated, neighbours), _share_within(generated, real, neighbours))


def _moments(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = features.astype(np.float64)
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T


def _squared_discrepancy(first: np.ndarray, second: np.ndarray) -> float:
    """The unbiased estimate: pairs of a feature with itself are left out (Gretton et al. 2012, equation 3)."""
    size, width = first.shape
    first, second = first.astype(np.float64), second.astype(np.float64)
    kernels = [_kernel(each, each, width) for each in (first, second)]
    within = sum(kernel.sum() - np.trace(kernel) for kernel in kernels)
    return float(within / (size * (size - 1)) - 2.0 * _kernel(first, second, width).mean())


def _kernel(first: np.ndarray, second: np.ndarray, width: int) -> np.ndarray:
    return (first @ second.T / width + 1.0) ** 3


def _share_within(centers: np.ndarray, points: np.ndarray, neighbours: int) -> float:
    distances, _ = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(centers).kneighbors()
    radii = distances[:, -1]
    within = pairwise_distances_chunked(points, centers, reduce_func=lambda chunk, _: (chunk <= radii).any(axis=1))
    return float(np.concatenate(list(within)).mean())


def _check(real: np.ndarray, generated: np.ndarray, least: int) -> None:
    if real.ndim != 2 or generated.ndim != 2 or real.shape[1] != generated.shape[1]:
        raise ValueError(f"Features must be (n, k) and (m, k), not {real.shape} and {generated.shape}.")
    if min(len(real), len(generated)) < least:
        raise ValueError(f"Both sets need at least {least} features, not {len(real)} and {len(generated)}.")
