"""The three parts of an exploration: the latent space of a run -> maps, clusters, ways between classes."""

from __future__ import annotations

import dataclasses
import time
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from keras_vae.classifier import feature_extractor, load_classifier
from keras_vae.clusters import (
    Clustering,
    agreement_over_seeds,
    class_scores,
    cluster,
    nearest_centroids,
    trustworthiness_of,
)
from keras_vae.config import ExplorationConfig
from keras_vae.contingency import confusions, contingency, interpretation
from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.figures import labelled_grid
from keras_vae.likelihood import active_units
from keras_vae.map_charts import chart_map, chart_maps
from keras_vae.maps import MAPS, Map, make_map
from keras_vae.model import VAE
from keras_vae.path_charts import animation, chart_contingency, chart_paths, chart_sheet
from keras_vae.path_measures import (
    class_shares,
    class_shift,
    classes_seen,
    path_energy,
    path_length,
    prior_density,
    realism,
    smoothness,
)
from keras_vae.paths import along, geodesic, spherical, straight
from keras_vae.pictures import draw_traversal, posterior_means
from keras_vae.runs import Run

__all__ = ["Findings", "Space", "explore_clusters", "explore_maps", "explore_paths"]

MAP_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
REFERENCES = 50_000  # training images at most, to which neighbours and probes are fitted
PLACED = 5_000  # training images at most, placed in a map
FRAMES = 24  # of an animation, one way


@dataclasses.dataclass
class Findings:
    """What a part of an exploration has found.

    Attributes:
        numbers: for `latent.json`.
        figures: charts by their names.
        pictures: `(h, w, 1 or 3)` uint8 by their names.
        animations: GIF files by their names.
    """

    numbers: dict[str, Any]
    figures: dict[str, Figure]
    pictures: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    animations: dict[str, bytes] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Space:
    """The latent space of a run, and the images in it.

    Attributes:
        run: that is explored.
        config: what is shown.
        model: of the run.
        data: the run's own.
    """

    run: Run
    config: ExplorationConfig
    model: VAE
    data: ImageData

    def check(self) -> None:
        """Find out whatever the options and the data could stop later.

        Raises:
            InputError: the images are fewer than an option asks for, of one class, or not those of `--from` and `--to`.
        """
        config, count = self.config, len(self.labels)
        for flag, needed in (
            ("--neighbours", config.neighbours + 1),
            ("--perplexity", int(3 * config.perplexity) + 1),
        ):
            if count < needed:
                raise InputError(
                    f"{flag} takes at least {needed} test images, {self.data.name} has {count}: give less."
                )
        if len(np.unique(self.labels)) < 2:
            raise InputError(f"The test images of {self.data.name} are of one class: there is nothing to compare.")
        self.ends  # noqa: B018 (asks for the images of --from and --to)

    @cached_property
    def ends(self) -> tuple[int, int]:
        """Numbers of the test images of `--from` and `--to`, or of the first and the last class."""
        names, present = self.data.class_names, np.unique(self.labels)
        start, end = self.config.start or names[present[0]], self.config.end or names[present[-1]]
        return _image_of(self, start, "--from"), _image_of(self, end, "--to")

    @cached_property
    def images(self) -> np.ndarray:
        """Test images, `(n, h, w, c)` uint8."""
        return self.data.images("test", self.config.points)

    @cached_property
    def labels(self) -> np.ndarray:
        """Their classes, `(n,)`."""
        return self.data.labels("test", self.config.points)

    @cached_property
    def means(self) -> np.ndarray:
        """Their posterior means, `(n, d)`."""
        return posterior_means(self.model, self.images)

    @cached_property
    def references(self) -> tuple[np.ndarray, np.ndarray]:
        """Training images drawn at random, and their labels."""
        chosen = np.sort(np.random.default_rng(self.config.seed).permutation(self.data.counts["train"])[:REFERENCES])
        return self.data.images("train")[chosen], self.data.labels("train")[chosen]

    @cached_property
    def reference_means(self) -> np.ndarray:
        """Posterior means of the training images drawn, `(n, d)`."""
        return posterior_means(self.model, self.references[0])


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
            perplexity=config.perplexity,
            seed=config.seed,
        )
        seconds[name] = round(time.perf_counter() - start, 1)
        print(f"  {MAP_NAMES[name]} of {len(space.means):,} points in {seconds[name]:.0f} s", flush=True)
    count = f"{len(space.means):,} test images"
    notes = {
        "umap": f"UMAP: {config.neighbours} neighbours, least distance {config.min_distance:g}, seed {config.seed}",
        "tsne": f"t-SNE: perplexity {config.perplexity:g}, seed {config.seed}",
        "pca": "the two principal components of the means",
    }
    figures = {
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
    figures["maps"] = chart_maps(
        {MAP_NAMES[name]: each.points for name, each in maps.items()},
        space.labels,
        names,
        title=f"Posterior means of {count}",
        note=f"run {space.run.name}; {notes['umap']}; {notes['tsne']}",
    )
    if space.model.latent_dim == 2:
        figures["latents"] = chart_map(
            space.means,
            space.labels,
            names,
            title=f"The two latents of {count}",
            note=f"run {space.run.name}; posterior means as they are",
            images=space.images,
        )
    return Findings({"seconds": seconds, "points": len(space.means)}, figures), maps


# ---- clusters ----


def explore_clusters(space: Space, maps: dict[str, Map]) -> Findings:
    """Score how well classes are separated, with and without knowing them, in the latent space and elsewhere."""
    references, reference_labels = space.references
    placed = slice(0, PLACED)
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
    scores = {}
    for space_name, (train, train_labels, test) in spaces.items():
        scores[space_name] = {
            "training_images": len(train),
            "test_images": len(test),
            **class_scores(train, train_labels, test, space.labels, seed=space.config.seed),
            "trustworthiness": trustworthiness_of(flat, test, seed=space.config.seed),
        }
        print(f"  {space_name}: 5-NN accuracy {scores[space_name]['knn_5']:.3f}", flush=True)
    count = len(space.data.class_names)
    seeds = range(space.config.seed, space.config.seed + space.config.repeats)
    clusterings = {}
    tried: tuple[tuple[Clustering, str, np.ndarray], ...] = (
        ("k_means", "means", space.means),
        ("gaussian_mixture", "means", space.means),
        ("gaussian_mixture", "UMAP map", maps["umap"].points),
        ("hdbscan", "UMAP map", maps["umap"].points),
    )
    for name, where, points in tried:
        found = agreement_over_seeds(name, points, space.labels, count, seeds)
        clusterings[f"{name} of the {where}"] = {kind: each._asdict() for kind, each in found.items()}
        print(f"  {name} of the {where}: accuracy {found['mean'].accuracy:.3f}", flush=True)
    labels = cluster("gaussian_mixture", space.means, count, space.config.seed)
    table = contingency(labels, space.labels, count)
    numbers = {
        "spaces": scores,
        "clusterings": {"images": len(space.means), "seeds": len(seeds), **clusterings},
        "contingency": {
            "clustering": "gaussian_mixture of the means",
            "seed": space.config.seed,
            "rows": list(space.data.class_names),
            "table": table.table.tolist(),
        },
        "confusions": [{"classes": pair[:2], "overlap": pair[2]} for pair in confusions(table, space.data.class_names)],
        "nearest_centroids": [
            {"class": name, "nearest": other, "distance": distance}
            for name, other, distance in nearest_centroids(space.means, space.labels, space.data.class_names)
        ],
        "interpretation": interpretation(table, space.data.class_names),
    }
    title = "Classes in the clusters of a Gaussian mixture of the latents"
    return Findings(numbers, {"clusters": chart_contingency(table.table, space.data.class_names, title)})


# ---- ways from one class to another ----


def explore_paths(space: Space) -> Findings:
    """Travel between images of different classes: by straight, spherical and shortest paths."""
    judge = _Judge(space)
    numbers = {"between_random_pairs": _compare_ways(space, judge)}
    start, end = space.ends
    findings = Findings(numbers, {})
    _draw_ways(space, judge, start, end, findings)
    _draw_sheet(space, findings)
    active = int(active_units(space.means).sum())
    findings.pictures["traversals"] = draw_traversal(space.model, space.images, most=max(1, active))
    findings.figures["shifts"] = _chart_shifts(space)
    return findings


class _Judge:
    """The classifier of the evaluation, where it takes images of this shape."""

    def __init__(self, space: Space) -> None:
        classifier = load_classifier()
        self.fits = classifier.input_shape[1:] == space.data.image_shape and len(space.data.class_names) == 10
        extractor, head = feature_extractor(classifier), classifier.get_layer("logits")
        self.features = tf.function(lambda images: extractor(images, training=False), autograph=False)
        self.logits = head
        self.real = np.concatenate(
            [self.features(batch) for batch in space.data.batches("test", 500)] if self.fits else [np.empty((0, 1))]
        )


def _ways(space: Space, start: np.ndarray, end: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    return {
        "straight": straight(start, end, steps),
        "spherical": spherical(start, end, steps),
        "geodesic": geodesic(start, end, steps, space.model.decode),
    }


def _compare_ways(space: Space, judge: _Judge) -> dict[str, Any]:
    """Means over random pairs of images of different classes, with standard errors."""
    rng = np.random.default_rng(space.config.seed)
    pairs = rng.integers(0, len(space.labels), (20 * space.config.pairs, 2))
    pairs = pairs[space.labels[pairs[:, 0]] != space.labels[pairs[:, 1]]][: space.config.pairs]
    results: dict[str, Any] = {"pairs": len(pairs), "steps": space.config.steps}
    for kind, path in _ways(space, space.means[pairs[:, 0]], space.means[pairs[:, 1]], space.config.steps).items():
        images = along(path, space.model.decode)
        values = {
            "energy": path_energy(images),
            "length": path_length(images),
            "log_prior_density": prior_density(path, space.model.prior.log_density).log_density.mean(axis=1),
            "lowest_prior_density": prior_density(path, space.model.prior.log_density).lowest,
        }
        if judge.fits:
            features = along(path, lambda latents: judge.features(space.model.decode(latents)))
            values["smoothness"] = smoothness(features)
            values["realism"] = realism(features, judge.real)
        results[kind] = {
            name: {"value": float(each.mean()), "standard_error": float(each.std(ddof=1) / np.sqrt(len(each)))}
            for name, each in values.items()
        }
        print(f"  {kind}: length {results[kind]['length']['value']:.2f}", flush=True)
    return results


def _image_of(space: Space, wanted: str, flag: str) -> int:
    names = list(space.data.class_names)
    if wanted in names:
        members = np.flatnonzero(space.labels == names.index(wanted))
        if len(members):
            return int(members[0])
        raise InputError(f"{flag} {wanted!r}: none of the {len(space.labels):,} test images is of this class.")
    if wanted.isdecimal():
        if int(wanted) < len(space.labels):
            return int(wanted)
        raise InputError(f"{flag} {wanted} is no test image: they are numbered from 0 to {len(space.labels) - 1}.")
    raise InputError(f"{flag} {wanted!r} is no class: give one of {', '.join(names)}, or the number of a test image.")


def _draw_ways(space: Space, judge: _Judge, start: int, end: int, findings: Findings) -> None:
    names, labels = space.data.class_names, space.labels
    ways = _ways(space, space.means[[start]], space.means[[end]], space.config.steps)
    images = {kind: along(path, space.model.decode)[0] for kind, path in ways.items()}
    shares: dict[str, np.ndarray] = {}
    if judge.fits:
        for kind, path in ways.items():
            logits = along(path, lambda latents: judge.logits(judge.features(space.model.decode(latents))))
            shares[kind] = class_shares(logits)[0]
    title = f"From test image {start} ({names[labels[start]]}) to {end} ({names[labels[end]]})"
    findings.figures["path"] = chart_paths(images, shares, names, title=title)
    findings.numbers["path"] = {
        "from": {"image": start, "class": names[labels[start]]},
        "to": {"image": end, "class": names[labels[end]]},
        "classes_seen": {
            kind: [{"class": names[each.label], "share": each.share} for each in classes_seen(share[np.newaxis])[0]]
            for kind, share in shares.items()
        },
    }
    density = {kind: prior_density(path, space.model.prior.log_density).log_density[0] for kind, path in ways.items()}
    findings.numbers["path"]["log_prior_density"] = {kind: values.tolist() for kind, values in density.items()}
    smooth = _ways(space, space.means[[start]], space.means[[end]], FRAMES)
    frames = np.stack([along(path, space.model.decode)[0] for path in smooth.values()], axis=1)
    findings.animations["path"] = animation(frames[:, np.newaxis], scale=6)


def _draw_sheet(space: Space, findings: Findings) -> None:
    """Every class to every other one, still and in motion."""
    present = np.unique(space.labels)[:10]
    names = [space.data.class_names[label] for label in present]
    ends = np.stack([space.means[np.flatnonzero(space.labels == label)[0]] for label in present])
    count = len(ends)
    first, second = np.repeat(ends, count, axis=0), np.tile(ends, (count, 1))
    path = straight(first, second, FRAMES + 1)
    images = along(path, space.model.decode).reshape(count, count, FRAMES + 1, *space.data.image_shape)
    findings.figures["sheet"] = chart_sheet(images[:, :, FRAMES // 2], names)
    findings.animations["sheet"] = animation(np.moveaxis(images, 2, 0))


def _chart_shifts(space: Space) -> Figure:
    """Add the difference of two classes' means to images of the first."""
    present = np.unique(space.labels)[:10]
    names = space.data.class_names
    pairs = list(zip(present, np.roll(present, -3 if len(present) > 3 else -1), strict=True))
    amounts = np.linspace(0.0, 1.5, 7)
    rows = []
    for first, second in pairs:
        latent = space.means[np.flatnonzero(space.labels == first)[0]]
        rows.append(latent + amounts[:, np.newaxis] * class_shift(space.means, space.labels, first, second))
    images = along(np.stack(rows).astype(np.float32), space.model.decode)
    return labelled_grid(
        images,
        title="Arithmetic: an image's latent plus the difference of two classes' means",
        row_labels=[f"{names[first]} + ({names[second]} - {names[first]})" for first, second in pairs],
        column_labels=[f"x {amount:.2f}" for amount in amounts],
    )


def _pixels(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1) / np.float32(255)
