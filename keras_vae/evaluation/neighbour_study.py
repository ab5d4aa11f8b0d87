"""Whether images of one class are neighbours in the latent space."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from keras_vae.evaluation.metrics import Measurement, mean_of
from keras_vae.evaluation.subject import Results, Subject
from keras_vae.model import posterior_means

__all__ = ["measure_neighbours"]

NEIGHBOURS = 5
MOST = 50_000  # training images
LEAST = 1_000  # images of a split, however small the memory budget is


def measure_neighbours(subject: Subject) -> Results:
    """The share of images of the class that most of their nearest training images have; none where there is one class.

    The nearest by the distance of their latents, and by the angle between them: how far a latent lies from the origin
    tells less of the class than in which direction. Both are of images as they are, whatever the protocol: in grey.
    """
    data, split = subject.data, subject.split
    affordable = max(LEAST, subject.run.config.memory_budget * 2**20 // int(np.prod(data.image_shape)))
    references, count = (min(each, affordable) for each in (MOST, subject.count))
    images, known = data.drawn("train", references, subject.config.seed)
    if len(np.unique(known)) < 2 or len(known) < NEIGHBOURS:
        return {}, {}
    reference_means = posterior_means(subject.model, images)
    images, labels = data.drawn(split, count, subject.config.seed)
    means = posterior_means(subject.model, images)
    details = f"of {len(labels):,} {split} images by their {NEIGHBOURS} nearest of {len(known):,} training images"

    def accuracy(metric: str, words: str) -> Measurement:
        classifier = KNeighborsClassifier(NEIGHBOURS, algorithm="brute", metric=metric).fit(reference_means, known)
        return mean_of(
            classifier.predict(means) == labels,
            "share, 0 to 1",
            split,
            "grey",
            labels=labels,
            class_names=data.class_names,
            details=f"{details}, by the {words} of posterior means",
        )

    return {
        "neighbours.accuracy": accuracy("euclidean", "distance"),
        "neighbours.accuracy_by_angle": accuracy("cosine", "angle"),
    }, {}
