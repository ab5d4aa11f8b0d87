"""Points of a latent space -> maps of two dimensions: UMAP, t-SNE and principal components."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

__all__ = ["MAPS", "Map", "MapName", "flatten", "make_map"]

MapName = Literal["umap", "tsne", "pca"]
MAPS: tuple[MapName, ...] = get_args(MapName)
FEW_POINTS = 2_000  # of which the interpolation of t-SNE's forces makes a single one, and a tree is as fast
EARLY_STEPS, LATE_STEPS = 250, 500  # openTSNE's own


class Map(NamedTuple):
    """A map, and how to find one's way in it.

    Attributes:
        points: `(n, 2)` float32, where each point came to lie.
        place: a function from other points `(m, d)` of the same space to `(m, 2)`.
        arrays: of principal components, by which a place of the map is a point: their `mean`, `(d,)`, which lies at
            the origin, and `components`, `(2, d)`, orthonormal. Other maps have none.
    """

    points: np.ndarray
    place: Callable[[np.ndarray], np.ndarray]
    arrays: Mapping[str, np.ndarray] = MappingProxyType({})


def make_map(
    name: MapName,
    points: np.ndarray,
    *,
    neighbours: int = 15,
    min_distance: float = 0.1,
    perplexity: float = 30.0,
    seed: int = 0,
) -> Map:
    """Lay points out in a plane.

    Args:
        name: `umap` (McInnes, Healy & Melville 2018), `tsne` (van der Maaten & Hinton 2008; forces by
            interpolation, Linderman et al. 2019, and then by a tree, van der Maaten 2014) or `pca`.
        points: `(n, d)`.
        neighbours: neighbours of each point in the graph of UMAP.
        min_distance: between points of the UMAP map, in its units.
        perplexity: effective number of neighbours of t-SNE.
        seed: seed of UMAP and t-SNE; the same seed gives the same map on the same machine.

    Raises:
        ValueError: there are too few points for so many neighbours.
    """
    points = np.asarray(points, np.float32)
    needed = {"umap": neighbours + 1, "tsne": int(3 * perplexity) + 1, "pca": 2}[name]
    if len(points) < needed:
        raise ValueError(f"{name} needs at least {needed} points, not {len(points)}: ask for fewer neighbours.")
    if name == "umap":
        return _umap(points, neighbours, min_distance, seed)
    return _tsne(points, perplexity, seed) if name == "tsne" else _pca(points, seed)


def flatten(points: np.ndarray, dimensions: int = 10, neighbours: int = 20, seed: int = 0) -> np.ndarray:
    """Lay points out by UMAP where clusters are dense and apart: in more than two dimensions, with no least distance.

    A Gaussian mixture then finds clusters that one of the points themselves does not (N2D, McConville et al. 2021).

    Args:
        points: `(n, d)`, more than `neighbours`.
        dimensions: of the result.
        neighbours: neighbours of each point in the graph.
        seed: seed of UMAP.

    Returns:
        `(n, dimensions)` float32.
    """
    return _umap(np.asarray(points, np.float32), neighbours, 0.0, seed, dimensions).points


def _umap(points: np.ndarray, neighbours: int, min_distance: float, seed: int, dimensions: int = 2) -> Map:
    import umap  # takes seconds: only where a map is asked for

    # Exact neighbours: for some 10,000 points they are found in a second, where the search that UMAP brings along is
    # compiled for most of a minute first.
    search = NearestNeighbors(n_neighbors=neighbours).fit(points)
    mapper = umap.UMAP(
        n_neighbors=neighbours,
        n_components=dimensions,
        min_dist=min_distance,
        metric="precomputed",
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*precomputed metric.*", category=UserWarning)
        found = mapper.fit_transform(_neighbour_graph(search, neighbours))

    def place(others: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*precomputed metric.*", category=UserWarning)
            return mapper.transform(search.kneighbors_graph(others, mode="distance"))

    return Map(found, place)


def _neighbour_graph(search: NearestNeighbors, neighbours: int) -> csr_matrix:
    """Distances to the nearest neighbours, of which each point itself is the first, made symmetric as UMAP wants it."""
    graph = search.kneighbors_graph(n_neighbors=neighbours - 1, mode="distance").tocoo()
    itself = np.arange(graph.shape[0])
    rows = np.concatenate([graph.row, graph.col, itself])
    columns = np.concatenate([graph.col, graph.row, itself])
    distances = np.concatenate([graph.data, graph.data, np.zeros(len(itself))])
    _, once = np.unique(rows.astype(np.int64) * len(itself) + columns, return_index=True)
    return csr_matrix((distances[once], (rows[once], columns[once])), shape=graph.shape)


def _tsne(points: np.ndarray, perplexity: float, seed: int) -> Map:
    from openTSNE import TSNE

    is_small = len(points) <= FEW_POINTS
    start = "pca" if points.shape[1] > 1 else "random"  # a single latent has no two components to begin with
    # Forces by a tree: interpolated on a grid, they are slower once the map is large.
    tsne = TSNE(
        perplexity=perplexity,
        initialization=start,
        neighbors="exact",
        negative_gradient_method="bh",
        random_state=seed,
        n_jobs=1 if is_small else -1,
    )
    embedding = tsne.prepare_initial(points)
    # As long as the map is small, the grid is faster.
    early = "bh" if is_small else "fft"
    embedding.optimize(EARLY_STEPS, exaggeration=12, momentum=0.5, negative_gradient_method=early, inplace=True)
    embedding.optimize(LATE_STEPS, momentum=0.8, inplace=True)
    embedding -= (embedding.max(axis=0) + embedding.min(axis=0)) / 2.0  # else the first placing would move it there
    return Map(np.array(embedding, np.float32), lambda others: np.asarray(embedding.transform(others), np.float32))


def _pca(points: np.ndarray, seed: int) -> Map:
    pca = PCA(min(2, points.shape[1]), random_state=seed).fit(points)
    missing = 2 - len(pca.components_)  # a single latent lies on a line

    def place(others: np.ndarray) -> np.ndarray:
        return np.pad(pca.transform(others).astype(np.float32), ((0, 0), (0, missing)))

    components = np.pad(pca.components_, ((0, missing), (0, 0)))
    return Map(place(points), place, {"mean": pca.mean_, "components": components})
