"""How close generated images are to real ones."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.metrics.pairwise import euclidean_distances

from keras_vae.data import ImageData
from keras_vae.evaluation.features import FeatureNetwork
from keras_vae.evaluation.metrics import Measurement
from keras_vae.evaluation.sample_quality import frechet_distance, kernel_distance, precision_recall
from keras_vae.evaluation.subject import BATCH, MOST_PAIRED, Results, Subject
from keras_vae.plotting import chart_neighbours

__all__ = ["measure_samples", "nearest_images"]

NETWORKS = {
    "classifier": "the classifier of this project: not the FID",
    "own": "a small network trained on the training images of this run: not the FID, and to be compared with no other",
    "inception": "Keras's InceptionV3",
}
PICTURED_SAMPLES = 20


def measure_samples(subject: Subject) -> Results:
    """Generated images against real ones, beside training images; none where there are no features."""
    model, data, config = subject.model, subject.data, subject.config
    count = min(subject.count, MOST_PAIRED)
    sample = tf.function(model.sample, autograph=False, reduce_retracing=True)

    def samples() -> Iterable[Any]:
        for number, start in enumerate(range(0, count, BATCH)):
            # Not the seeds of the posterior samples, whose first number is not negative.
            yield sample(tf.constant(min(BATCH, count - start)), tf.constant((-1 - config.seed, number), tf.int32))

    charts = {}
    if subject.is_own_data:
        shown = np.asarray(next(iter(samples())))[:PICTURED_SAMPLES]
        neighbours = nearest_images(shown, subject.batches("train", grey=True))
        charts["nearest_training_images"] = chart_neighbours(shown, neighbours)
    network = subject.features
    if network is None:
        return {}, charts
    real, generated = network(subject.spread_batches(count)), network(samples())
    training = network(_some_training_images(data, min(count, data.counts["train"]), config.seed))
    against = f"against {count:,} {subject.split} images as they are, by features of {NETWORKS[network.name]}"
    known = ", which that network has learned" if network.name == "own" else ""
    measurements = {
        **_compare(subject, network, "generation", real, generated, f"{count:,} expected images {against}"),
        **_compare(
            subject, network, "real_images", real, training, f"{len(training):,} training images {against}{known}"
        ),
    }
    return measurements, charts


def nearest_images(images: np.ndarray, batches: Iterable[Any]) -> np.ndarray:
    """For each image that of others which is nearest to it, by the squared distance of their pixels.

    Args:
        images: `(n, h, w, c)`.
        batches: batches of other images.

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


def _compare(
    subject: Subject, network: FeatureNetwork, group: str, real: np.ndarray, other: np.ndarray, details: str
) -> dict[str, Measurement]:
    kernel, shares = kernel_distance(real, other, seed=subject.config.seed), precision_recall(real, other)
    values = {
        "frechet_distance": (frechet_distance(real, other), "squared unit of the features"),
        "kernel_distance": (kernel.value, "squared maximum mean discrepancy"),
        "precision": (shares.precision, "share, 0 to 1"),
        "recall": (shares.recall, "share, 0 to 1"),
    }
    errors = {
        "kernel_distance": kernel.standard_error,
        "precision": _error_of_share(shares.precision, len(other)),
        "recall": _error_of_share(shares.recall, len(real)),
    }
    # What is generated are expected grey values, whatever the protocol: they are compared with grey images.
    return {
        f"{group}.{network.name}.{name}": subject.measurement(
            value,
            unit,
            standard_error=errors.get(name),
            images=len(real),
            details=details,
            protocol="grey",
            network_sha256=network.digest,
        )
        for name, (value, unit) in values.items()
    }


def _error_of_share(share: float, count: int) -> float:
    return math.sqrt(share * (1.0 - share) / (count - 1))


def _some_training_images(data: ImageData, count: int, seed: int) -> Iterable[np.ndarray]:
    images, _ = data.drawn("train", count, seed)
    return (images[start : start + BATCH] / np.float32(255) for start in range(0, count, BATCH))
