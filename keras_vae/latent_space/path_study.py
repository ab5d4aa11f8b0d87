"""The latent space of a run as paths from one class to another, and what is seen on them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from keras_vae.evaluation import classifier_knows, feature_extractor, load_classifier
from keras_vae.latent_space.path_measures import (
    class_shares,
    class_shift,
    classes_seen,
    distance_to_real_images,
    path_energy,
    path_length,
    prior_density,
    unevenness,
)
from keras_vae.latent_space.paths import along, geodesic, spherical, straight
from keras_vae.latent_space.space import Findings, Space
from keras_vae.model import active_units, log_densities
from keras_vae.plotting import animation, chart_midpoints, chart_paths, draw_traversal, labelled_grid, tiles

__all__ = ["REAL_IMAGES", "explore_paths"]

FRAMES = 24  # of an animation, in one direction
REAL_IMAGES = 10_000  # training images, among which the nearest is looked for
PAIRS_AT_ONCE = 100  # where the memory budget allows them
TIMES_KEPT = 10  # of the images of a path, while it is bent or measured
MOST_TRAVERSALS = 64


def explore_paths(space: Space) -> Findings:
    """Travel between images of different classes, or just between images: by straight, spherical and shortest paths."""
    judge = _Judge(space) if classifier_knows(space.data.name, space.data.image_shape) else None
    numbers = {"between_random_pairs": _compare_paths(space, judge)}
    start, end = space.ends
    findings = Findings(numbers, {})
    _draw_paths(space, judge, start, end, findings)
    _draw_lines(space, judge, findings)
    _draw_midpoints(space, findings)
    findings.arrays = _shortest_paths(space, (start, end))
    active = int(active_units(space.means).sum())
    findings.pictures["traversals"] = draw_traversal(
        space.model, space.images, most=min(max(1, active), MOST_TRAVERSALS)
    )
    if space.has_classes:
        findings.charts["shifts"] = _chart_shifts(space)
    return findings


class _Judge:
    """The classifier of the evaluation, which knows the classes of Fashion-MNIST and no others."""

    def __init__(self, space: Space) -> None:
        classifier = load_classifier()
        extractor = feature_extractor(classifier)
        self.features = tf.function(lambda images: extractor(images, training=False), autograph=False)
        self.head = classifier.get_layer("logits")
        real = space.references[0][:REAL_IMAGES] / np.float32(255)
        self.real = np.concatenate([self.features(real[at : at + 500]) for at in range(0, len(real), 500)])

    def shares(self, images: np.ndarray) -> np.ndarray:
        """Probabilities of the classes at each point of each path, from what the points were decoded to."""
        return class_shares(along(images, lambda points: self.head(self.features(points))))


def _paths(space: Space, start: np.ndarray, end: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    return {
        "straight": straight(start, end, steps),
        "spherical": spherical(start, end, steps),
        "geodesic": _geodesics(space, start, end, steps),
    }


def _geodesics(space: Space, start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    parts = _parts(space, len(start), steps)
    return np.concatenate([geodesic(start[part], end[part], steps, space.model.decode) for part in parts])


def _parts(space: Space, pairs: int, steps: int) -> list[slice]:
    """As many pairs at once as the memory budget has room for."""
    budget = space.run.config.memory_budget * 2**20
    of_a_pair = TIMES_KEPT * steps * np.dtype(np.float32).itemsize * math.prod(space.data.image_shape)
    at_once = min(PAIRS_AT_ONCE, max(1, budget // of_a_pair))
    return [slice(at, at + at_once) for at in range(0, pairs, at_once)]


def _compare_paths(space: Space, judge: _Judge | None) -> dict[str, Any]:
    """Means over random pairs of images, of different classes where there are any, with standard errors."""
    rng = np.random.default_rng(space.config.seed)
    first = rng.integers(0, len(space.labels), space.config.pairs)
    kinds = space.labels if space.has_classes else np.arange(len(space.labels))
    second = [rng.choice(np.flatnonzero(kinds != kinds[each])) for each in first]
    results: dict[str, Any] = {"pairs": len(first), "steps": space.config.steps}
    steps = space.config.steps
    for kind, paths in _paths(space, space.means[first], space.means[second], steps).items():
        measured = [_measure(space, judge, paths[part]) for part in _parts(space, len(paths), steps)]
        values = {name: np.concatenate([each[name] for each in measured]) for name in measured[0]}
        results[kind] = {
            name: {"value": float(each.mean()), "standard_error": float(each.std(ddof=1) / np.sqrt(len(each)))}
            for name, each in values.items()
        }
        print(f"  {kind}: length {results[kind]['length']['value']:.2f}", flush=True)
    return results


def _measure(space: Space, judge: _Judge | None, path: np.ndarray) -> dict[str, np.ndarray]:
    """Every measure of each path, `(pairs,)`; in the classifier's features where it knows the classes."""
    images = along(path, space.model.decode)
    density = prior_density(path, partial(log_densities, space.model.prior))
    values = {
        "energy": path_energy(images),
        "length": path_length(images),
        "log_prior_density": density.log_density.mean(axis=1),
        "lowest_prior_density": density.lowest,
    }
    if judge is not None:
        features = along(images, judge.features)
        values |= {
            "unevenness": unevenness(features),
            "distance_to_real_images": distance_to_real_images(features, judge.real),
        }
    return values


def _draw_paths(space: Space, judge: _Judge | None, start: int, end: int, findings: Findings) -> None:
    names = space.data.class_names
    paths = _paths(space, space.means[[start]], space.means[[end]], space.config.steps)
    images = {kind: along(path, space.model.decode)[0] for kind, path in paths.items()}
    shares = {kind: judge.shares(each[np.newaxis])[0] for kind, each in images.items()} if judge else {}
    known = [f" ({space.name_of(each)})" if space.has_classes else "" for each in (start, end)]
    title = f"From test image {start}{known[0]} to {end}{known[1]}"
    findings.charts["path"] = chart_paths(images, shares, names, title=title)
    findings.numbers["path"] = {
        "from": {"image": start, "class": space.name_of(start)},
        "to": {"image": end, "class": space.name_of(end)},
        "classes_seen": {kind: _seen(share, names) for kind, share in shares.items()},
        "measures": {
            kind: {name: float(each[0]) for name, each in _measure(space, judge, path).items()}
            for kind, path in paths.items()
        },
    }
    findings.plain["path"] = tiles(np.stack(list(images.values())))
    log_density = partial(log_densities, space.model.prior)
    density = {kind: prior_density(path, log_density).log_density[0] for kind, path in paths.items()}
    findings.numbers["path"]["log_prior_density"] = {kind: values.tolist() for kind, values in density.items()}
    smooth = _paths(space, space.means[[start]], space.means[[end]], FRAMES)
    frames = np.stack([along(path, space.model.decode)[0] for path in smooth.values()], axis=1)
    findings.animations["path"] = animation(frames[:, np.newaxis], scale=6)


def _draw_lines(space: Space, judge: _Judge | None, findings: Findings) -> None:
    """Draw straight lines that take each class, or some image, once, as far as there are two of them."""
    names, first = space.data.class_names, list(space.examples)
    half = len(first) // 2
    starts, ends = first[:half], first[half : 2 * half]
    path = straight(space.means[starts], space.means[ends], space.config.steps)
    images = along(path, space.model.decode)
    shares = judge.shares(images) if judge else None
    findings.plain["lines"] = tiles(images)
    findings.numbers["lines"] = [
        {
            "from": {"image": start, "class": space.name_of(start)},
            "to": {"image": end, "class": space.name_of(end)},
            "classes_seen": _seen(shares[row], names) if shares is not None else [],
        }
        for row, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def _seen(shares: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"class": names[each.label], "share": each.share} for each in classes_seen(shares[np.newaxis])[0]]


def _draw_midpoints(space: Space, findings: Findings) -> None:
    """Every class, or some image, to every other one, still and in motion."""
    names = list(space.examples.values())
    ends = space.means[list(space.examples)]
    count = len(ends)
    first, second = np.repeat(ends, count, axis=0), np.tile(ends, (count, 1))
    path = straight(first, second, FRAMES + 1)
    parts = [along(path[part], space.model.decode) for part in _parts(space, len(path), FRAMES + 1)]
    images = np.concatenate([np.rint(255.0 * part).astype(np.uint8) for part in parts])
    images = images.reshape(count, count, FRAMES + 1, *space.data.image_shape)
    findings.charts["midpoints"] = chart_midpoints(
        images[:, :, FRAMES // 2], names, between="classes" if space.has_classes else "test images"
    )
    findings.animations["midpoints"] = animation(np.moveaxis(images, 2, 0))


def _shortest_paths(space: Space, ends: tuple[int, int]) -> dict[str, np.ndarray]:
    """Shortest paths between the ends of the path, and between the first images of any two of ten classes.

    `path_ends` is `(n, 2)`, numbers of test images; `shortest_paths` is `(n, steps, d)`, the latents in between.
    """
    first = [int(np.flatnonzero(space.labels == label)[0]) for label in np.unique(space.labels)[:10]]
    pairs = np.array([ends, *(pair for pair in itertools.combinations(first, 2) if {*pair} != {*ends})], np.int32)
    paths = _geodesics(space, space.means[pairs[:, 0]], space.means[pairs[:, 1]], space.config.steps)
    return {"path_ends": pairs, "shortest_paths": paths}


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
