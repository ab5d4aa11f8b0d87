"""What a page about a latent space shows: images, where they lie, and what is usual among them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_vae.explorer.description import Arrays, describe_model, describe_network, kernels_of
from keras_vae.explorer.neighbours import Neighbours, find_neighbours, nearest_classes
from keras_vae.explorer.rounding import Bits, fewest_bits
from keras_vae.explorer.sprite import EXACT_VALUES, SHADES, make_sprite
from keras_vae.model import VAE, active_units, log_densities
from keras_vae.plotting import CLASS_COLOURS, colour_of

__all__ = ["MOST_IMAGES", "MOST_IMAGES_OF_SMALL", "Exhibition", "bits_of", "exhibit", "stratified"]

# Images that are shown at most, and values of all their pixels: what a page of some megabytes has room for.
MOST_IMAGES = 50_000
MOST_IMAGES_OF_SMALL = 3_500
MOST_VALUES = 8_000_000
LEAST_IMAGES = 20
BATCH = 1_000
SHAPES = ("disc", "square", "diamond", "triangle")  # of dots: the next one where the colours of classes begin anew
GRID = 65_535  # steps of a map in each direction
MEAN_STEPS = 128  # of a unit, to which means are rounded: less than the narrowest posterior's deviation of 0.011
QUANTILES = 101
DECIMALS = 5
# What rounded weights may change: the decoded image by a grey value, the mean and the log variance of a latent, and the
# log density of the prior, in nats.
IMAGE_BOUND = 0.9 / 255  # others may be changed by a little more
LATENT_BOUND = 0.02
DENSITY_BOUND = 1.0
EXACT_NUMBERS = 2**17  # a prior of no more is kept as it is, unless the page is a small one
CLASSIFIER_BITS = 7  # its verdict is a word
SAMPLES = 1_000  # of the prior, at most: for them, and for all images that are shown, the bounds hold


@dataclasses.dataclass(frozen=True)
class Exhibition:
    """A model and the images that are shown in its latent space.

    Attributes:
        title: name of the run.
        dataset: where the images are from.
        model: a VAE.
        images: `(n, h, w, c)` uint8.
        labels: `(n,)` integers.
        class_names: one for each label.
        maps: `(n, 2)` by name: `umap`, `tsne`, `pca`, each where there is one; two latents are a map themselves.
        pca: `mean` `(d,)` and `components` `(2, d)` of that map; None finds them by the images that are shown.
        numbers: `(n,)`, the number of each image in its split; None where they are the first ones.
        explored: images of the split that were explored, of which these are all or a part; None where all were.
        available: images of the split; None where these are all.
        path_ends: `(p, 2)`, images that a shortest path was computed between, as places in `images`.
        shortest_paths: `(p, steps, d)`, the latents along these paths, both ends included.
        classifier: judges the decoded images, from `(n, h, w, c)` in [0, 1] to logits of the classes; None judges none.
        is_small: whether encoder and prior too are rounded, for a web site.
    """

    title: str
    dataset: str
    model: VAE
    images: np.ndarray
    labels: np.ndarray
    class_names: Sequence[str]
    maps: Mapping[str, np.ndarray]
    pca: Mapping[str, np.ndarray] | None = None
    numbers: np.ndarray | None = None
    explored: int | None = None
    available: int | None = None
    path_ends: np.ndarray | None = None
    shortest_paths: np.ndarray | None = None
    classifier: keras.Model | None = None
    is_small: bool = False


def stratified(labels: np.ndarray, values_of_image: int, most: int = MOST_IMAGES) -> np.ndarray:
    """Choose images that there is room for, of each class by its share.

    Args:
        labels: `(n,)` integers.
        values_of_image: pixel values of each.
        most: images at most.

    Returns:
        Their numbers, in order; all of them where they fit.
    """
    room = min(most, max(LEAST_IMAGES, MOST_VALUES // values_of_image))
    if len(labels) <= room:
        return np.arange(len(labels))
    by_class = np.argsort(labels, kind="stable")
    return np.sort(by_class[np.linspace(0, len(labels) - 1, room).round().astype(int)])


def exhibit(exhibition: Exhibition) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Compute what the page shows.

    Args:
        exhibition: model and images.

    Returns:
        Facts as JSON has them, and arrays in parts.

    Raises:
        InputError: the model has a layer that the page cannot compute.
    """
    model, images, labels = exhibition.model, exhibition.images, np.asarray(exhibition.labels)
    count = len(images)
    mean, log_var, error = _encoded(model, images)
    neighbours = find_neighbours(mean)
    density = log_densities(model.prior, mean)
    kl = np.asarray(model.prior.kl_by_latent(mean, log_var, mean)).mean(axis=0)
    has_shades = exhibition.is_small or images.size > EXACT_VALUES
    sprite, columns = make_sprite(images, has_shades)
    bits = bits_of(model, images, mean, is_small=exhibition.is_small)
    description, parts = describe_model(model, bits)
    maps, places = _maps(exhibition, mean)
    numbers = np.arange(count) if exhibition.numbers is None else exhibition.numbers

    parts["points"] = {
        **places,
        "means": _rounded(mean),
        "labels": labels.astype(np.int32),
        "numbers": numbers.astype(np.int32),
    }
    parts["paths"] = _paths(exhibition)
    parts["images"] = {"sprite": np.frombuffer(sprite, np.uint8)}
    facts: dict[str, Any] = {
        "title": exhibition.title,
        "dataset": exhibition.dataset,
        "is_small": exhibition.is_small,
        "rounded": [part for part, count in bits._asdict().items() if count is not None],
        "images": {
            "count": count,
            "explored": exhibition.explored or exhibition.available or count,
            "available": exhibition.available or count,
            "columns": columns,
            "shades": SHADES if has_shades else 256,
        },
        "classes": _classes(labels, exhibition.class_names, mean, neighbours),
        "maps": maps,
        "latents": {
            "kl": kl.astype(np.float64).round(DECIMALS).tolist(),
            "low": mean.min(axis=0).tolist(),
            "high": mean.max(axis=0).tolist(),
            "active": active_units(mean).tolist(),
            "reference": model.prior.reference,
        },
        "usual": {
            "error": _quantiles(error),
            "density": _quantiles(density),
            "distance": _quantiles(neighbours.distances),
        },
        "model": description,
        "classifier": None,
    }
    if exhibition.classifier is not None:
        facts["classifier"], parts["classifier"] = describe_network(exhibition.classifier, CLASSIFIER_BITS)
    return facts, parts


def bits_of(model: VAE, images: np.ndarray, mean: np.ndarray, *, is_small: bool) -> Bits:
    """Find in how few bits a model may be kept for what is computed of these images, and of some samples.

    Args:
        model: a VAE.
        images: `(n, h, w, c)` uint8.
        mean: `(n, d)`, their posterior means.
        is_small: whether encoder and prior are rounded however small they are.
    """
    of_prior = None
    samples = min(SAMPLES, MOST_VALUES // math.prod(model.image_shape))
    latents = np.concatenate([mean, np.asarray(model.prior.sample(samples, (0, 0)))])

    def decoded() -> np.ndarray:
        return np.concatenate([model.decode(latents[at : at + BATCH]) for at in range(0, len(latents), BATCH)])

    def encoded() -> np.ndarray:
        return np.concatenate(_encoded(model, images)[:2])

    if model.prior_name == "mixture":
        factors: Any = model.upper_prior.off_diagonal
        if is_small or math.prod(factors.shape) > EXACT_NUMBERS:
            of_prior = fewest_bits([factors], lambda: log_densities(model.prior, latents), DENSITY_BOUND)
    return Bits(
        fewest_bits(kernels_of(model.decoder), decoded, IMAGE_BOUND),
        fewest_bits(kernels_of(model.encoder), encoded, LATENT_BOUND) if is_small else None,
        of_prior,
    )


def _encoded(model: VAE, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and log variance of each posterior, and the squared error of each reconstruction summed over the pixels."""
    means, log_vars, errors = [], [], []
    for at in range(0, len(images), BATCH):
        batch = images[at : at + BATCH] / np.float32(255)
        mean, log_var = (np.asarray(each) for each in model.encode(batch))
        means.append(mean)
        log_vars.append(log_var)
        errors.append(np.square(batch - np.asarray(model.decode(mean))).sum(axis=(1, 2, 3)))
    return np.concatenate(means), np.concatenate(log_vars), np.concatenate(errors)


def _maps(exhibition: Exhibition, mean: np.ndarray) -> tuple[list[dict[str, Any]], Arrays]:
    """Each map on a grid of whole numbers, how far its points are apart, and the line to a place where there is one."""
    found = dict(exhibition.maps)
    if mean.shape[1] == 2:
        found = {"latent": mean, **found}
    facts, places = [], {}
    for name, points in found.items():
        points = np.asarray(points, np.float64)
        low, extent = points.min(axis=0), float(np.ptp(points, axis=0).max()) or 1.0
        places[name] = np.round((points - low) / extent * GRID).astype(np.uint16)
        apart = _quantiles(find_neighbours(points / extent).distances)
        facts.append({"name": name, "low": low.tolist(), "extent": extent, "linear": None, "apart": apart})
        if name == "latent":
            facts[-1]["linear"] = {"mean": [0.0, 0.0], "components": np.eye(2).tolist()}
        if name == "pca":
            pca = exhibition.pca or _pca(mean, points)
            facts[-1]["linear"] = {name: np.asarray(values, np.float64).tolist() for name, values in pca.items()}
    return facts, places


def _pca(mean: np.ndarray, points: np.ndarray) -> dict[str, np.ndarray]:
    """What a map of principal components was made by, where its exploration has not kept that."""
    center, middle = mean.mean(axis=0, dtype=np.float64), points.mean(axis=0)
    components = np.linalg.lstsq(mean - center, points - middle, rcond=None)[0].T
    return {"mean": center - np.linalg.pinv(components) @ middle, "components": components}


def _paths(exhibition: Exhibition) -> Arrays:
    ends, points = exhibition.path_ends, exhibition.shortest_paths
    if ends is None or points is None:
        return {}
    return {"ends": ends.astype(np.int32), "shortest": _rounded(points)}


def _classes(
    labels: np.ndarray, names: Sequence[str], mean: np.ndarray, neighbours: Neighbours
) -> list[dict[str, Any]]:
    """What is told of each class that has an image: its mark, number of images, mean latent and nearest classes."""
    return [
        {
            "label": int(label),
            "name": str(names[label]),
            "colour": colour_of(int(label)),
            "shape": SHAPES[int(label) // len(CLASS_COLOURS) % len(SHAPES)],
            "count": int(np.sum(labels == label)),
            "mean": mean[labels == label].mean(axis=0, dtype=np.float64).round(DECIMALS).tolist(),
            "nearest": nearest_classes(labels, int(label), neighbours),
        }
        for label in np.unique(labels)
    ]


def _rounded(mean: np.ndarray) -> np.ndarray:
    """Means that half precision holds exactly."""
    return (np.round(mean * MEAN_STEPS) / MEAN_STEPS).astype(np.float16).astype(np.float32)


def _quantiles(values: np.ndarray) -> list[float]:
    return np.quantile(np.asarray(values, np.float64), np.linspace(0.0, 1.0, QUANTILES)).round(DECIMALS).tolist()
