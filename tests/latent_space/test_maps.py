"""Maps keep neighbours together, repeat with their seed, and take new points."""

import numpy as np
import pytest

from keras_vae.latent_space.maps import MAPS, flatten, make_map


def clusters(size: int = 50, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three clusters far from each other in six dimensions."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), size)
    return (30.0 * np.eye(6)[labels] + rng.standard_normal((len(labels), 6))).astype(np.float32), labels


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[] if name == "pca" else [pytest.mark.slow]) for name in MAPS],
)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def made(name):
    return make_map(name, clusters()[0], neighbours=10, perplexity=10.0, seed=3)


def test_clusters_stay_apart(made):
    _, labels = clusters()
    assert made.points.shape == (150, 2)
    centers = np.stack([made.points[labels == label].mean(axis=0) for label in range(3)])
    spread = max(made.points[labels == label].std(axis=0).max() for label in range(3))
    distances = np.linalg.norm(centers[:, None] - centers[None], axis=-1)[np.triu_indices(3, 1)]
    assert distances.min() > 2.0 * spread


def test_new_points_are_placed_among_their_like(made):
    others, labels = clusters(5, seed=1)
    _, known = clusters()
    placed = made.place(others)
    assert placed.shape == (15, 2)
    centers = np.stack([made.points[known == label].mean(axis=0) for label in range(3)])
    nearest = np.linalg.norm(placed[:, None] - centers[None], axis=-1).argmin(axis=1)
    assert np.array_equal(nearest, labels)


def test_points_that_are_hardly_moved_come_to_lie_beside_themselves(name):
    points = clusters()[0][:75]  # one cluster and a half, so that the middle of the map is not the mean of its points
    made = make_map(name, points, neighbours=10, perplexity=10.0, seed=3)
    moved = made.place(points + np.float32(1e-3)) - made.points
    assert np.all(np.abs(np.median(moved, axis=0)) < 0.05 * made.points.std(axis=0))


def test_the_same_seed_makes_the_same_map(name, made):
    again = make_map(name, clusters()[0], neighbours=10, perplexity=10.0, seed=3)
    assert np.allclose(again.points, made.points, atol=1e-4)


@pytest.mark.slow
def test_another_seed_makes_another_map():
    first, second = (make_map("umap", clusters()[0], neighbours=10, seed=seed).points for seed in (0, 1))
    assert not np.allclose(first, second, atol=0.1)


@pytest.mark.parametrize(("kind", "count"), [("umap", 10), ("tsne", 30), ("pca", 1)])
def test_too_few_points_are_refused(kind, count):
    with pytest.raises(ValueError, match=f"{kind} needs at least {count + 1} points, not {count}"):
        make_map(kind, clusters()[0][:count], neighbours=10, perplexity=10.0)


def test_a_single_latent_lies_on_a_line():
    points = np.linspace(-1.0, 1.0, 20)[:, None]
    laid = make_map("pca", points).points
    assert np.allclose(np.abs(laid[:, 0]), np.abs(points[:, 0]), atol=1e-6)
    assert not laid[:, 1].any()


def test_what_is_laid_out_for_clusters_has_its_dimensions_and_keeps_neighbours_together():
    rng = np.random.default_rng(0)
    centers = 6.0 * rng.standard_normal((3, 8))
    kinds = rng.integers(0, 3, 300)
    flat = flatten(centers[kinds] + rng.standard_normal((300, 8)), dimensions=4, neighbours=10)
    assert flat.shape == (300, 4)
    inside = max(
        np.linalg.norm(flat[kinds == kind] - flat[kinds == kind].mean(axis=0), axis=1).max() for kind in range(3)
    )
    middles = np.stack([flat[kinds == kind].mean(axis=0) for kind in range(3)])
    assert inside < min(np.linalg.norm(middles[i] - middles[j]) for i in range(3) for j in range(i))


@pytest.mark.parametrize("count", [99, 300])
def test_few_points_are_not_drawn_as_a_single_one(count):
    points = np.float32(0.05) * np.random.default_rng(0).standard_normal((count, 40), np.float32)
    made = make_map("tsne", points)
    assert np.isfinite(made.points).all()
    assert made.points.std(axis=0).min() > 0.5
