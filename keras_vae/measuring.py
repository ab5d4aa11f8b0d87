"""The three parts of an evaluation: a subject -> figures with their units, and charts."""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import euclidean_distances
from tqdm import tqdm

from keras_vae.charts import (
    chart_aggregate_posterior,
    chart_error_by_class,
    chart_kl_by_latent,
    chart_neighbours,
    chart_reconstructions,
)
from keras_vae.data import ImageData
from keras_vae.distributions import gaussian_sample
from keras_vae.generation import frechet_distance, kernel_distance, precision_recall
from keras_vae.likelihood import (
    ACTIVE_VARIANCE,
    active_units,
    aggregate_posterior,
    elbo_terms,
    importance_weighted_bounds,
)
from keras_vae.metrics import Measurement, finite
from keras_vae.pictures import draw_plain
from keras_vae.reconstruction import RECONSTRUCTION_UNITS, fit_pca, reconstruct_by_pca, reconstruction_errors
from keras_vae.runs import write_atomically
from keras_vae.subject import BATCH, Subject

__all__ = [
    "measure_generation",
    "measure_likelihood",
    "measure_reconstruction",
    "nearest_images",
    "partial_bounds",
    "plain_pictures",
]

PICTURED_SAMPLES = 20
PICTURED_EXTREMES = 10
PICTURED_CLASSES = 10

Results = tuple[dict[str, Measurement], dict[str, Figure]]


# ---- reconstruction ----


def measure_reconstruction(subject: Subject) -> Results:
    """Errors of reconstructions of the test images, in all and by class, beside those of PCA."""
    model, seed = subject.model, subject.config.seed
    encode = tf.function(model.encode, autograph=False)
    decode = tf.function(model.decode, autograph=False, reduce_retracing=True)

    def through_mean(images: Any, _: Any) -> Any:
        return decode(encode(images)[0])

    def through_sample(images: Any, batch_seed: Any) -> Any:
        mean, log_var = encode(images)
        return decode(gaussian_sample(mean, log_var, tf.random.stateless_normal(tf.shape(mean), batch_seed)))

    pca = _fitted_pca(subject)
    origin = "" if subject.is_own_data else f" of {subject.data.name}"
    fitted = f"{pca.n_components_} components of {pca.n_samples_:,} training images{origin}, clipped to [0, 1]"
    methods = {
        "reconstruction.mean": (through_mean, "through the mean of the posterior"),
        "reconstruction.sample": (through_sample, "through one sample of the posterior"),
        "pca": (lambda images, _: reconstruct_by_pca(pca, images), fitted),
    }
    measurements, errors = {}, {}
    for method, (reconstruct, details) in methods.items():
        errors[method] = reconstruction_errors(subject.batches("test"), reconstruct, seed=seed)
        for name, unit in RECONSTRUCTION_UNITS.items():
            # PCA's values are no probabilities: their cross-entropy would only measure where they are clipped.
            if not (method == "pca" and name == "cross_entropy"):
                values = errors[method][name]
                measurements[f"{method}.{name}"] = subject.mean_of(values, unit, by_class=True, details=details)
    own = reconstruction_errors(subject.batches("test"), lambda images, _: images)["cross_entropy"]
    unit, entropy = RECONSTRUCTION_UNITS["cross_entropy"], "entropy of the images' own grey values"
    measurements["real_images.cross_entropy"] = subject.mean_of(own, unit, details=entropy)

    by_class = {
        name: measurements[f"{method}.mse_per_pixel"].by_class or {}
        for name, method in ((f"PCA, {pca.n_components_}", "pca"), (subject.run.name, "reconstruction.mean"))
    }
    figures = {
        "error_by_class": chart_error_by_class(
            by_class, f"Reconstruction error of {subject.data.counts['test']:,} test images, by class"
        ),
        "reconstruction_extremes": _chart_extremes(subject, through_mean, errors["reconstruction.mean"]),
    }
    return measurements, figures


def _fitted_pca(subject: Subject) -> PCA:
    data, batches = subject.data, subject.batches("train")
    affordable = subject.run.config.memory_budget * 2**20 // (8 * BATCH * int(np.prod(data.image_shape)))
    batches = batches.take(max(1, affordable))
    return fit_pca(batches.as_numpy_iterator(), subject.model.latent_dim)


def _chart_extremes(subject: Subject, reconstruct: Callable[[Any, Any], Any], errors: dict[str, np.ndarray]) -> Figure:
    error = errors["mse_per_pixel"]
    order = np.argsort(error)
    each = min(PICTURED_EXTREMES, len(order))
    middle = (len(order) - each) // 2
    groups = {"best": order[:each], "typical": order[middle : middle + each], "worst": order[::-1][:each]}
    images = _pick(subject.batches("test"), np.concatenate(list(groups.values())))
    shape = (len(groups), each, *images.shape[1:])
    copies = np.asarray(reconstruct(images, None))
    ranges = [f"{name}: {error[chosen].min():.4f} to {error[chosen].max():.4f}" for name, chosen in groups.items()]
    return chart_reconstructions(images.reshape(shape), copies.reshape(shape), ranges)


def plain_pictures(subject: Subject) -> dict[str, np.ndarray]:
    """The first test image of each class above its reconstruction, and as many samples in a row, without words."""
    _, first = np.unique(subject.labels, return_index=True)
    return draw_plain(subject.model, _pick(subject.batches("test", grey=True), first[:PICTURED_CLASSES]))


# ---- likelihood ----


def measure_likelihood(subject: Subject) -> Results:
    """The ELBO of the test images and what it consists of, and a tighter bound on their likelihood."""
    model, config = subject.model, subject.config
    terms = elbo_terms(model, subject.batches("test"), seed=config.seed)
    kl = terms.kl.sum(axis=1)
    negative_elbo = terms.reconstruction + kl
    active = active_units(terms.mean)
    aggregate = aggregate_posterior(terms.mean, terms.log_var, model.prior.log_density, config.seed)
    bounds, speed = _bounds(subject)
    worst = int(negative_elbo.argmax())
    one = f"one posterior sample an image, {model.likelihood} likelihood"
    many = f"importance-weighted, {config.importance_samples:,} samples an image, {model.likelihood} likelihood"
    if config.protocol == "grey" and model.likelihood == "bernoulli":
        many += "; grey values are probabilities: it bounds the mean over binarised versions of the image"
    burda = f"variance of the posterior mean over images above {ACTIVE_VARIANCE}"
    least = kl.mean() - math.log(len(kl))
    mixture = f"mixture of the posteriors of {len(kl):,} test images, with which it cannot come out below {least:.2f}"
    nats = "nats per image"
    measurements = {
        "likelihood.negative_elbo": subject.mean_of(negative_elbo, nats, by_class=True, details=one),
        "likelihood.reconstruction": subject.mean_of(terms.reconstruction, nats, by_class=True, details=one),
        "likelihood.kl": subject.mean_of(kl, nats, by_class=True, details="in closed form"),
        "likelihood.kl_by_latent": subject.figure(terms.kl.mean(axis=0).tolist(), nats),
        "likelihood.largest_negative_elbo": subject.figure(
            float(negative_elbo[worst]), nats, details=f"of the test image of number {worst}, counted from 0"
        ),
        "likelihood.importance_weighted_nll": subject.mean_of(-bounds, nats, by_class=True, details=many),
        "likelihood.image_samples_per_second": subject.figure(finite(speed), "image samples of the bound a second"),
        "likelihood.active_units": subject.figure(int(active.sum()), "latents", details=burda),
        "likelihood.aggregate_kl_lower_bound": subject.figure(
            aggregate.lower_bound, "nats", details="Gaussian of the mean and covariance of all test images' posteriors"
        ),
        "likelihood.aggregate_kl_upper_bound": subject.figure(aggregate.upper_bound, "nats", details=mixture),
    }
    figures = {
        "kl_by_latent": chart_kl_by_latent(terms.kl.mean(axis=0), active),
        "aggregate_posterior": chart_aggregate_posterior(aggregate.samples, terms.kl.mean(axis=0), terms.log_var),
    }
    return measurements, figures


def _bounds(subject: Subject) -> tuple[np.ndarray, float]:
    """The bound for every image and image-samples a second; taken up again where it was interrupted."""
    config, samples = subject.config, subject.config.importance_samples
    path = partial_bounds(subject)
    bounds = np.array(json.loads(path.read_text())) if path.is_file() else np.empty(0)
    first = -(-len(bounds) // BATCH)
    taken, start = 0, time.perf_counter()

    def progress(count: int) -> None:
        nonlocal taken
        taken += count
        bar.update(count)

    batches = importance_weighted_bounds(
        subject.model, subject.batches("test"), samples, seed=config.seed, first_batch=first, progress=progress
    )
    with tqdm(
        desc="  bound", total=subject.data.counts["test"] * samples, initial=len(bounds) * samples, unit=" samples",
        unit_scale=True, file=sys.stdout, mininterval=0.5 if sys.stdout.isatty() else 30.0,
    ) as bar:  # fmt: skip
        try:
            for batch in batches:
                bounds = np.concatenate([bounds, batch])
                write_atomically(path, json.dumps(bounds.tolist()))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"The bound is kept for {len(bounds):,} images: the same command goes on from there."
            ) from None
    return bounds, taken / (time.perf_counter() - start) if taken else math.nan


def partial_bounds(subject: Subject) -> Path:
    """File of the bounds that are done while others are not; whoever has written the metrics removes it."""
    config = subject.config
    key = (subject.digest, subject.data.name, config.protocol, config.importance_samples, config.seed, BATCH)
    return subject.run.folder / f".bounds-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.json"


# ---- generated images ----


def measure_generation(subject: Subject) -> Results:
    """Generated images against test images, beside training images; none where there are no features."""
    model, data, config = subject.model, subject.data, subject.config
    count = data.counts["test"]
    sample = tf.function(model.sample, autograph=False, reduce_retracing=True)

    def samples() -> Iterable[Any]:
        for number, start in enumerate(range(0, count, BATCH)):
            # Not the seeds of the posterior samples, whose first number is not negative.
            yield sample(tf.constant(min(BATCH, count - start)), tf.constant((-1 - config.seed, number), tf.int32))

    figures = {}
    if subject.is_own_data:
        shown = np.asarray(next(iter(samples())))[:PICTURED_SAMPLES]
        neighbours = nearest_images(shown, subject.batches("train", grey=True))
        figures["nearest_training_images"] = chart_neighbours(shown, neighbours)
    if subject.features is None:
        return {}, figures
    real, generated = subject.features(subject.batches("test", grey=True)), subject.features(samples())
    training = subject.features(_some_training_images(data, min(count, data.counts["train"]), config.seed))
    names = {"classifier": "the classifier of this project: not the FID", "inception": "Keras's InceptionV3"}
    against = f"against {count:,} grey test images, by features of {names[config.features]}"
    measurements = {
        **_compare(subject, "generation", real, generated, f"{count:,} expected images {against}"),
        **_compare(subject, "real_images", real, training, f"{len(training):,} training images {against}"),
    }
    return measurements, figures


def nearest_images(images: np.ndarray, batches: Iterable[Any]) -> np.ndarray:
    """For each image that of others which is nearest to it, by the squared distance of their pixels.

    Args:
        images: `(n, h, w, c)`.
        batches: of other images.

    Returns:
        `(n, h, w, c)`.
    """
    found, smallest = np.empty_like(images), np.full(len(images), np.inf)
    for batch in map(np.asarray, batches):
        distances = euclidean_distances(images.reshape(len(images), -1), batch.reshape(len(batch), -1), squared=True)
        nearer = distances.min(axis=1) < smallest
        smallest = np.where(nearer, distances.min(axis=1), smallest)
        found[nearer] = batch[distances.argmin(axis=1)[nearer]]
    return found


def _compare(subject: Subject, group: str, real: np.ndarray, other: np.ndarray, details: str) -> dict[str, Measurement]:
    kernel, shares = kernel_distance(real, other, seed=subject.config.seed), precision_recall(real, other)
    values = {
        "frechet_distance": (frechet_distance(real, other), "squared unit of the features"),
        "kernel_distance": (kernel.value, "squared maximum mean discrepancy"),
        "precision": (shares.precision, "share, 0 to 1"),
        "recall": (shares.recall, "share, 0 to 1"),
    }
    errors = {"kernel_distance": finite(kernel.standard_error)}
    # What is generated are expected grey values, whatever the protocol: they are compared with grey test images.
    return {
        f"{group}.{subject.config.features}.{name}": subject.figure(
            value, unit, standard_error=errors.get(name), details=details, protocol="grey"
        )
        for name, (value, unit) in values.items()
    }


def _some_training_images(data: ImageData, count: int, seed: int) -> Iterable[np.ndarray]:
    """Batches of training images drawn at random, or the first ones where they are streamed from disk."""
    chosen = np.sort(np.random.default_rng(seed).permutation(data.counts["train"])[:count])
    images = data.images("train")[chosen] if data.in_memory else data.images("train", count)
    return (images[start : start + BATCH] / np.float32(255) for start in range(0, count, BATCH))


def _pick(batches: Iterable[Any], indices: np.ndarray) -> np.ndarray:
    """The images of some numbers, in their order, without keeping the others."""
    found: dict[int, np.ndarray] = {}
    start = 0
    for batch in batches:
        for index in indices[(indices >= start) & (indices < start + len(batch))]:
            found[int(index)] = np.asarray(batch[index - start])
        start += len(batch)
    return np.stack([found[int(index)] for index in indices])
