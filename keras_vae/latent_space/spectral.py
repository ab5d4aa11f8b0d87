"""Clusters as what hangs together in a graph of mutual neighbours."""

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors, kneighbors_graph
from sklearn.preprocessing import normalize

__all__ = ["DIFFUSION_STEPS", "MUTUAL_NEIGHBOURS", "spectral_clusters"]

MUTUAL_NEIGHBOURS = 20
MORE_EIGENVECTORS = 3  # than clusters
DIFFUSION_STEPS = 20
STARTS = 50  # of k-means, by ten of which some seeds miss the best optimum


def spectral_clusters(points: np.ndarray, clusters: int, smallest: int, seed: int = 0) -> np.ndarray:
    """Cluster points by k-means of the leading eigenvectors of a graph of them (Ng, Jordan & Weiss 2001).

    Two points are joined where each is among the nearest of the other (Brito et al. 1997). What hangs together with too
    few others to be a cluster goes with its nearest point, as it would take an eigenvector for itself. There are more
    of these than clusters, since the best of them need not come first (Rebagliati & Verri 2011), and each counts by
    what is left of it after some steps of a random walk (Coifman & Lafon 2006): one not needed, next to nothing.

    Args:
        points: `(n, k)` float64, at least `clusters`.
        clusters: how many, at least 1.
        smallest: points that must hang together for not being left to their nearest point, at least 2.
        seed: seed of the starts.

    Returns:
        `(n,)` integers from 0. Where nothing hangs together that could be clusters, those of k-means of the points.
    """
    near = kneighbors_graph(points, max(1, min(MUTUAL_NEIGHBOURS, len(points) // clusters, len(points) - 1)))
    graph = near.minimum(near.T)
    component = connected_components(graph, directed=False)[1]
    joined = np.bincount(component)[component] >= smallest
    k_means = KMeans(clusters, n_init=STARTS, random_state=seed)
    if np.count_nonzero(joined) <= clusters:
        return k_means.fit_predict(points)
    found = k_means.fit_predict(_leading_eigenvectors(graph[joined][:, joined], clusters + MORE_EIGENVECTORS, seed))
    nearest = NearestNeighbors(n_neighbors=1).fit(points[joined]).kneighbors(points, return_distance=False)
    return found[nearest[:, 0]]


def _leading_eigenvectors(graph: csr_matrix, count: int, seed: int) -> np.ndarray:
    """Where each point lies in those of the normalised graph, as directions."""
    scale = diags(1.0 / np.sqrt(np.asarray(graph.sum(axis=1)).ravel()))
    start = np.random.default_rng(seed).random(graph.shape[0])
    values, vectors = eigsh(scale @ graph @ scale, k=min(count, graph.shape[0] - 1), which="LA", v0=start)
    return normalize(vectors * np.maximum(values, 0.0) ** DIFFUSION_STEPS)
