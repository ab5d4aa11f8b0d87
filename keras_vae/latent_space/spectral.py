"""Points -> coordinates in which what hangs together in a graph of mutual neighbours is a cluster."""

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from sklearn.neighbors import NearestNeighbors, kneighbors_graph
from sklearn.preprocessing import normalize

from keras_vae.latent_space.clusters import smallest_cluster

__all__ = ["DIFFUSION_STEPS", "MOST_NEIGHBOURS", "spectral_coordinates"]

LEAST_NEIGHBOURS, MOST_NEIGHBOURS = 20, 100  # between them, a sixtieth of what each cluster would hold
SHARE_OF_A_CLUSTER = 60
MORE_EIGENVECTORS = 3  # than clusters
DIFFUSION_STEPS = 20


def spectral_coordinates(points: np.ndarray, clusters: int) -> np.ndarray:
    """Lay points out by the leading eigenvectors of a graph of them (Ng, Jordan & Weiss 2001), for k-means to cluster.

    Two points are joined where each is among the nearest of the other (Brito et al. 1997). What hangs together with too
    few others to be a cluster goes with its nearest point, as it would take an eigenvector for itself. There are more
    of these than clusters, since the best of them need not come first (Rebagliati & Verri 2011), and each counts by
    what is left of it after some steps of a random walk (Coifman & Lafon 2006): one not needed, next to nothing.

    The more points, the truer the graph: give it all that there are, also those that are not to be clustered.

    Args:
        points: `(n, k)`, at least `clusters`.
        clusters: how many there shall be, at least 1.

    Returns:
        `(n, l)` float64 directions: rows of length 1. Where nothing hangs together that could be clusters, the points.
    """
    points = points.astype(np.float64)
    even = len(points) // clusters
    neighbours = min(max(LEAST_NEIGHBOURS, even // SHARE_OF_A_CLUSTER), MOST_NEIGHBOURS)
    near = kneighbors_graph(points, max(1, min(neighbours, even, len(points) - 1)))
    graph = near.minimum(near.T)
    component = connected_components(graph, directed=False)[1]
    joined = np.bincount(component)[component] >= smallest_cluster(len(points), clusters)
    if np.count_nonzero(joined) <= clusters:
        return points
    found = _leading_eigenvectors(graph[joined][:, joined], clusters + MORE_EIGENVECTORS)
    nearest = NearestNeighbors(n_neighbors=1).fit(points[joined]).kneighbors(points, return_distance=False)
    return found[nearest[:, 0]]


def _leading_eigenvectors(graph: csr_matrix, count: int) -> np.ndarray:
    """Where each point lies in those of the normalised graph, as directions."""
    scale = diags(1.0 / np.sqrt(np.asarray(graph.sum(axis=1)).ravel()))
    start = np.random.default_rng(0).random(graph.shape[0])
    values, vectors = eigsh(scale @ graph @ scale, k=min(count, graph.shape[0] - 1), which="LA", v0=start)
    return normalize(vectors * np.maximum(values, 0.0) ** DIFFUSION_STEPS)
