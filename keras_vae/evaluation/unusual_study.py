"""What the likelihood of a model is good for: whether it, or what it consists of, tells unusual images apart."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.evaluation.subject import BATCH, Results, Subject
from keras_vae.evaluation.unusual_images import SCORES, UNUSUAL_IMAGES, auroc, unusual_images

__all__ = ["measure_unusual_images"]

IMAGES = 2_000
LEAST = 200
COPIES = 6  # of the images, usual and unusual, that are in memory at a time
SAMPLES = 20


def measure_unusual_images(subject: Subject) -> Results:
    """The area under the ROC curve of each score for each kind of unusual images, against as many usual ones."""
    data = subject.data
    if subject.config.protocol == "binarized":  # whose grey images are measured under the grey protocol
        return {}, {}
    seed = subject.config.seed
    of_an_image = COPIES * np.dtype(np.float32).itemsize * math.prod(data.image_shape)
    count = min(IMAGES, max(LEAST, subject.run.config.memory_budget * 2**20 // of_an_image))
    usual, held_out = (data.drawn(split, count, seed)[0] / np.float32(255) for split in (subject.split, "validation"))
    scores = _Scores(subject, held_out)
    of_usual = scores(usual)
    measurements = {}
    for kind, images in unusual_images(usual, seed).items():
        of_unusual = scores(images)
        for score, words in SCORES.items():
            measurements[f"unusual_images.{kind}.{score}"] = subject.measurement(
                auroc(of_usual[score], of_unusual[score]),
                "area under the ROC curve, 0.5 by chance",
                protocol="grey",
                images=len(usual),
                details=f"{UNUSUAL_IMAGES[kind]}, against {len(usual):,} {subject.split} images, by the {words}",
            )
    return measurements, {}


class _Scores:
    """Scores of images, the higher the more unusual."""

    def __init__(self, subject: Subject, held_out: np.ndarray) -> None:
        self._model, self._seed = subject.model, subject.config.seed
        self._of_batch = tf.function(self._compute, autograph=False, reduce_retracing=True)
        own = self._own(held_out)
        self._moments = {score: _moments(own[score]) for score in ("latent", "error")}

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        own = self._own(images)
        combined = sum((own[score] - mean) / deviation for score, (mean, deviation) in self._moments.items())
        return {**own, "combined": np.asarray(combined)}

    def _own(self, images: np.ndarray) -> dict[str, np.ndarray]:
        starts = range(0, len(images), BATCH)
        rows = [self._of_batch(images[at : at + BATCH], tf.constant((self._seed, at))) for at in starts]
        return {score: np.concatenate([row[score] for row in rows]).astype(np.float64) for score in rows[0]}

    def _compute(self, images: Any, seed: Any) -> dict[str, Any]:
        mean, _ = self._model.encode(images)
        return {
            "nll": -self._model.log_likelihood(images, tf.constant(SAMPLES), seed),
            "latent": -self._model.prior.log_density(mean),
            "error": tf.reduce_sum(tf.square(images - self._model.decode(mean)), axis=(1, 2, 3)),
        }


def _moments(scores: np.ndarray) -> tuple[float, float]:
    """Mean and deviation of those that are finite: less an infinite mean, no score would be a number."""
    finite = scores[np.isfinite(scores)]
    return (float(finite.mean()), float(finite.std()) or 1.0) if len(finite) else (0.0, 1.0)
