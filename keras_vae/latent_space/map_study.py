"""The latent space of a run as maps, and whether clusters in it correspond to the classes."""

from __future__ import annotations

import time

import numpy as np
from sklearn.decomposition import PCA

from keras_vae.latent_space.class_overlap import Contingency, confusions, contingency, describe_overlap
from keras_vae.latent_space.clusters import (
    Clustering,
    agreement_over_seeds,
    class_scores,
    cluster,
    nearest_centroids,
    trustworthiness_of,
    with_each_class,
)
from keras_vae.latent_space.maps import MAPS, Map, flatten, make_map
from keras_vae.latent_space.space import Findings, Space
from keras_vae.latent_space.spectral import spectral_coordinates
from keras_vae.model import active_units
from keras_vae.plotting import chart_contingency, chart_map, chart_maps

__all__ = ["explore_clusters", "explore_maps"]

MAP_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
FLAT, FLAT_NEIGHBOURS = 10, 20  # dimensions and neighbours of the UMAP in which clusters are looked for
PLACED = 10_000  # training images at most, placed in a map


# ---- maps ----


def explore_maps(space: Space) -> tuple[Findings, dict[str, Map]]:
    """Draw the posterior means of the test images in two dimensions, as they are where there are no more."""
    config, names = space.config, space.data.class_names
    maps: dict[str, Map] = {}
    seconds: dict[str, float] = {}
    for name in MAPS:
        start = time.perf_counter()
        maps[name] = make_map(
            name,
            space.means,
            neighbours=config.neighbours,
            min_distance=config.min_distance,
            perplexity=space.perplexity,
            seed=config.seed,
        )
        seconds[name] = round(time.perf_counter() - start, 1)
        print(f"  {MAP_NAMES[name]} of {len(space.means):,} points in {seconds[name]:.0f} s", flush=True)
    count = f"{len(space.means):,} test images"
    notes = {
        "umap": f"UMAP: {config.neighbours} neighbours, least distance {config.min_distance:g}, seed {config.seed}",
        "tsne": f"t-SNE: perplexity {space.perplexity:g}, seed {config.seed}",
        "pca": "the two principal components of the means",
    }
    charts = {
        f"map_{name}": chart_map(
            each.points,
            space.labels,
            names,
            title=f"{MAP_NAMES[name]} of the posterior means of {count}",
            note=f"run {space.run.name}; {notes[name]}",
            images=space.images,
        )
        for name, each in maps.items()
    }
    charts["maps"] = chart_maps(
        {MAP_NAMES[name]: each.points for name, each in maps.items()},
        space.labels,
        names,
        title=f"Posterior means of {count}",
        note=f"run {space.run.name}; {notes['umap']}; {notes['tsne']}",
    )
    if space.model.latent_dim == 2:
        charts["latents"] = chart_map(
            space.means,
            space.labels,
            names,
            title=f"The two latents of {count}",
            note=f"run {space.run.name}; posterior means as they are",
            images=space.images,
        )
    numbers = {"seconds": seconds, "points": len(space.means), "perplexity": space.perplexity}
    return Findings(numbers, charts), maps


# ---- clusters ----


def explore_clusters(space: Space, maps: dict[str, Map]) -> Findings:
    """Score how well classes are separated, with and without knowing them, in the latent space and elsewhere.

    Where there are no classes, only how far neighbours stay neighbours.
    """
    is_judged = space.has_classes and len(np.unique(space.references[1])) > 1
    scores = _space_scores(space, maps, is_judged)
    if not is_judged:
        without = {"images": len(space.means), "seeds": 0}
        words = f"The {len(space.means):,} test images have no classes that clusters could be compared with."
        return Findings({"spaces": scores, "clusterings": without, "interpretation": words}, {})
    names, seed = space.data.class_names, space.config.seed
    # Of latents that are not in use all means are about 0: a mixture would take its time to fit what is left of them.
    active = active_units(space.means)
    used = active if active.any() else np.ones_like(active)
    means = space.means[:, used]
    # Training images make both graphs, the spectral one and that of UMAP, truer; their labels are not looked at.
    all_means = np.concatenate([means, space.reference_means[:, used]])
    directions = spectral_coordinates(all_means, len(names))[: len(means)]
    clusterings = _clusterings(space, maps["umap"].points, means, directions, all_means)
    table = contingency(cluster("spectral", directions, len(names), seed), space.labels, len(names))
    numbers = {
        "spaces": scores,
        "clusterings": {"images": len(means), "latents": means.shape[1], "seeds": space.config.repeats, **clusterings},
        "contingency": {
            "clustering": "spectral of the means",
            "seed": seed,
            "rows": list(names),
            "table": table.table.tolist(),
        },
        "confusions": [{"classes": pair[:2], "overlap": pair[2]} for pair in confusions(table, names)],
        "nearest_centroids": [
            {"class": name, "nearest": other, "distance": distance}
            for name, other, distance in nearest_centroids(space.means, space.labels, names)
        ],
        "interpretation": _interpretation(space, table),
    }
    title = "Classes in spectral clusters of the latents"
    return Findings(numbers, {"clusters": chart_contingency(table.table, names, title)})


def _space_scores(space: Space, maps: dict[str, Map], is_judged: bool) -> dict[str, dict[str, float]]:
    """How well classes are separated in each space, if there are any, and how far neighbours stay neighbours."""
    references, reference_labels = space.references
    seed = space.config.seed
    placed = with_each_class(np.random.default_rng(seed).permutation(len(references))[:PLACED], reference_labels)
    flat, flat_references = _pixels(space.images), _pixels(references)
    pca = PCA(min(space.model.latent_dim, *flat_references.shape), random_state=0).fit(flat_references)
    spaces = {
        "latent": (space.reference_means, reference_labels, space.means),
        **{
            name: (each.place(space.reference_means[placed]), reference_labels[placed], each.points)
            for name, each in maps.items()
        },
        "pixels": (flat_references, reference_labels, flat),
        "pca_of_pixels": (pca.transform(flat_references), reference_labels, pca.transform(flat)),
    }
    scores: dict[str, dict[str, float]] = {}
    shown, title = ("knn_5", "5-NN accuracy") if is_judged else ("trustworthiness", "trustworthiness")
    for name, (train, train_labels, test) in spaces.items():
        scores[name] = {
            "training_images": len(train),
            "test_images": len(test),
            **(class_scores(train, train_labels, test, space.labels, seed=seed) if is_judged else {}),
            "trustworthiness": trustworthiness_of(flat, test, seed=seed),
        }
        if name in maps:
            scores[name]["trustworthiness_to_latent"] = trustworthiness_of(space.means, test, seed=seed)
        print(f"  {name}: {title} {scores[name][shown]:.3f}", flush=True)
    return scores


def _clusterings(
    space: Space, umap: np.ndarray, means: np.ndarray, directions: np.ndarray, all_means: np.ndarray
) -> dict[str, dict[str, dict[str, float]]]:
    """How well the clusters of each way to find some agree with the classes, over the seeds."""
    seeds = range(space.config.seed, space.config.seed + space.config.repeats)
    flat = flatten(all_means, FLAT, min(FLAT_NEIGHBOURS, len(all_means) - 1), space.config.seed)
    tried: tuple[tuple[Clustering, str, np.ndarray], ...] = (
        ("k_means", "means", means),
        ("gaussian_mixture", "means", means),
        ("spectral", "means", directions),
        ("gaussian_mixture", "UMAP map", umap),
        ("hdbscan", "UMAP map", umap),
        ("gaussian_mixture", f"{FLAT}-d UMAP", flat[: len(means)]),
    )
    clusterings = {}
    for name, where, points in tried:
        found = agreement_over_seeds(name, points, space.labels, len(space.data.class_names), seeds)
        clusterings[f"{name} of the {where}"] = {kind: each._asdict() for kind, each in found.items()}
        print(f"  {name} of the {where}: accuracy {found['mean'].accuracy:.3f}", flush=True)
    return clusterings


def _interpretation(space: Space, table: Contingency) -> str:
    if not space.has_findings:
        return f"{len(space.labels):,} test images are too few to say which classes the clusters tell apart."
    overlap = describe_overlap(table, space.data.class_names)
    return f"By spectral clusters of the posterior means: {overlap}"


def _pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)
