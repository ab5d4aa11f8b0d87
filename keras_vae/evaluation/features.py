"""Networks whose features compare images: this project's classifier, one of the run's own, or Keras's InceptionV3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.evaluation.classifier import feature_extractor, load_classifier
from keras_vae.evaluation.own_features import own_features
from keras_vae.model import over_devices

__all__ = ["FeatureName", "FeatureNetwork", "open_features", "train_features"]

FeatureName = Literal["classifier", "inception", "own"]

INCEPTION_SIDE = 299


@dataclass(frozen=True)
class FeatureNetwork:
    """A network that maps images to features.

    Attributes:
        name: `classifier`, `inception`, or `own`.
        model: from images `(n, h, w, c)` in [0, 1] to features `(n, k)`.
        images_at_once: by the model; more only take memory.
    """

    name: FeatureName
    model: keras.Model
    images_at_once: int

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the weights, which decide what a distance of features means."""
        weights = hashlib.sha256()
        for each in self.model.get_weights():
            weights.update(np.ascontiguousarray(each).tobytes())
        return weights.hexdigest()

    def __call__(self, batches: Iterable[Any], devices: Sequence[str] | None = None) -> np.ndarray:
        """The features of all images of batches `(n, h, w, c)` in [0, 1], `(total, k)`.

        Args:
            batches: the images.
            devices: as `over_devices` takes them.
        """
        parts = (
            tf.convert_to_tensor(images[start : start + self.images_at_once])
            for images in batches
            for start in range(0, len(images), self.images_at_once)
        )
        features = self._features
        return np.concatenate(list(over_devices(lambda part: features(part).numpy(), parts, devices)))

    @cached_property
    def _features(self) -> Callable[[Any], Any]:
        return tf.function(lambda images: self.model(images, training=False), autograph=False, reduce_retracing=True)


def open_features(
    name: Literal["classifier", "inception"], image_shape: tuple[int, int, int], weights: Path | str | None = None
) -> FeatureNetwork:
    """Load a feature network for images of one shape.

    Args:
        name: `classifier` (28 x 28 x 1 only; `(n, 128)`) or `inception` (any grey or colour image, enlarged to 299 x
            299; `(n, 2048)`).
        image_shape: `(h, w, c)`.
        weights: a file of weights for InceptionV3 without its top; None lets Keras find or download its own.

    Raises:
        InputError: the network does not take such images, or its weights cannot be had.
    """
    if name == "classifier":
        return FeatureNetwork(name, _classifier(image_shape), 500)
    return FeatureNetwork(name, _inception(weights), 50)


def train_features(data: ImageData, file: Path) -> FeatureNetwork:
    """Train a feature network on the training split, or load the one that was trained before.

    Args:
        data: the run's own images.
        file: where its weights are kept, `.weights.h5`.
    """
    return FeatureNetwork("own", own_features(data, file), 500)


def _classifier(image_shape: tuple[int, int, int]) -> keras.Model:
    classifier = load_classifier()
    if classifier.input_shape[1:] != image_shape:
        taken, given = (" x ".join(map(str, shape)) for shape in (classifier.input_shape[1:], image_shape))
        raise InputError(
            f"--features classifier takes images of {taken}, not of {given}: "
            "give --features own, which trains a network on the run's images, or --features inception."
        )
    return feature_extractor(classifier)


def _inception(weights: Path | str | None) -> keras.Model:
    if weights is not None and not Path(weights).is_file():
        raise InputError(f"There are no weights at {weights}: give --inception-weights the path of a .h5 file.")
    try:
        inception = keras.applications.InceptionV3(
            include_top=False, weights="imagenet" if weights is None else str(weights), pooling="avg"
        )
    except Exception as error:  # Keras raises a plain Exception where a download fails
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        remedy = (
            "connect to the network, or give the path of a file by --inception-weights"
            if weights is None
            else "it must hold Keras's InceptionV3 without its top"
        )
        raise InputError(f"InceptionV3 cannot have its weights ({reason}): {remedy}.") from error
    images = keras.Input((None, None, None), dtype="float32")
    return keras.Model(images, inception(_Enlarge()(images)))


class _Enlarge(keras.layers.Layer):
    """Grey or colour images in [0, 1] to colour images of Inception's size in [-1, 1]."""

    def call(self, images: Any) -> Any:
        enlarged = tf.image.resize(images, (INCEPTION_SIDE, INCEPTION_SIDE), method="bilinear")
        colour = tf.broadcast_to(enlarged, (*tf.unstack(tf.shape(enlarged)[:3]), 3))
        return 2.0 * colour - 1.0
