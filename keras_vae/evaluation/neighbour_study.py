"""Whether images of one class are neighbours in the latent space."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from keras_vae.evaluation.subject import Results, Subject
from keras_vae.model import posterior_means

__all__ = ["measure_neighbours"]

NEIGHBOURS = 5
MOST = 50_000  # training images
LEAST = 1_000  # images of a split, however small the memory budget is


def measure_neighbours(subject: Subject) -> Results:
    """The share of images of the class that most of their nearest training images have; none where there is one class.

    Both are as they are, whatever the protocol: in grey.
    """
    data, split = subject.data, subject.split
    affordable = max(LEAST, subject.run.config.memory_budget * 2**20 // int(np.prod(data.image_shape)))
    references, count = (min(each, affordable) for each in (MOST, subject.count))
    known = data.labels("train", references)
    if len(np.unique(known)) < 2 or len(known) < NEIGHBOURS:
        return {}, {}
    classifier = KNeighborsClassifier(NEIGHBOURS, algorithm="brute")
    classifier.fit(posterior_means(subject.model, data.images("train", references)), known)
    means, labels = posterior_means(subject.model, data.images(split, count)), data.labels(split, count)
    share = float(np.mean(classifier.predict(means) == labels))
    details = f"of {len(labels):,} {split} images by their {NEIGHBOURS} nearest of {len(known):,} training images"
    measurement = subject.measurement(share, "share, 0 to 1", images=len(labels), protocol="grey", details=details)
    return {"neighbours.accuracy": measurement}, {}
