"""A small network that learns features of a run's own training images, where no other network knows them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.evaluation.classifier import build_classifier, feature_extractor
from keras_vae.files import replace_durably
from keras_vae.model import AdamW

__all__ = ["own_features"]

BATCH, EPOCHS, MOST_STEPS = 64, 20, 600
LEARNING_RATE = 1e-3
LARGEST_GRADIENT = 1.0  # norm; without it, units of large images fall silent in the first steps
SEED = 0  # always the same, so that two runs of the same images are compared by the same features
TURNS = 4
SETTLED_STEPS = 200  # after which an average of momentum 0.98 has forgotten its beginning
LEAST_KNOWN = 1_000  # of streamed images, whatever the memory budget is
SHOWN = 500  # images that must differ in their features


def own_features(data: ImageData, file: Path) -> keras.Model:
    """Train a network on the training split, or load the one that was trained before.

    It learns to tell the classes apart; where there are none, how an image was turned or mirrored (Gidaris, Singh &
    Komodakis 2018, "Unsupervised representation learning by predicting image rotations",
    https://arxiv.org/abs/1803.07728). Its features compare sets of these images with each other; their distances mean
    nothing beside those of other data.

    Args:
        data: the run's own images.
        file: where its weights are kept, `.weights.h5`.

    Returns:
        A model from images `(n, h, w, c)` in [0, 1] to features `(n, 128)`.

    Raises:
        InputError: it learned nothing: different images have the same features.
    """
    classes = len(data.class_names) if data.has_classes else TURNS
    network = build_classifier(SEED, data.image_shape, classes)
    if file.is_file():
        try:
            network.load_weights(file)
            return feature_extractor(network)
        except Exception:  # of other data or another version, or damaged: trained anew
            network = build_classifier(SEED, data.image_shape, classes)
    _train(network, data)
    features = feature_extractor(network)
    shown = data.images("train", SHOWN) / np.float32(255)
    if np.ptp(shown, axis=0).any() and not np.ptp(features.predict(shown, verbose=0), axis=0).any():
        raise InputError("A feature network learned nothing of these images: give --features inception.")
    part = file.with_name(f".part.{file.name}")
    network.save_weights(part, overwrite=True)
    replace_durably(part, file)
    return features


def turned(images: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """Turn square images by quarters; turn others by half, or mirror them on either axis.

    Args:
        images: `(n, h, w, c)`.
        turns: `(n,)` from 0, which leaves an image as it is, to 3.
    """
    result = images.copy()
    is_square = images.shape[1] == images.shape[2]
    for turn in range(1, TURNS):
        chosen = images[turns == turn]
        if is_square:
            result[turns == turn] = np.rot90(chosen, turn, axes=(1, 2))
        else:
            result[turns == turn] = np.flip(chosen, axis=((1,), (2,), (1, 2))[turn - 1])
    return result


def _train(network: keras.Model, data: ImageData) -> None:
    count, rng = data.counts["train"], np.random.default_rng(SEED)
    batch = min(BATCH, count)
    steps = min(MOST_STEPS, math.ceil(EPOCHS * count / batch))
    # Where images are streamed, the first ones: as many as are looked at, and as there is memory for.
    affordable = max(LEAST_KNOWN, data.memory_budget // math.prod(data.image_shape))
    known = count if data.in_memory else min(count, steps * batch, affordable)
    images, labels = data.images("train", known), data.labels("train", known)
    warmup = steps // 10
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps - warmup, warmup_target=LEARNING_RATE, warmup_steps=warmup)
    network.compile(
        AdamW(rate, weight_decay=0.05, global_clipnorm=LARGEST_GRADIENT),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # XLA has no fast convolutions on a CPU
    )
    order: Any = np.concatenate([rng.permutation(known) for _ in range(math.ceil(steps * batch / known))])
    for step in range(steps):
        chosen = order[step * batch : (step + 1) * batch]
        pixels, targets = images[chosen], labels[chosen]
        if not data.has_classes:
            targets = rng.integers(0, TURNS, batch)
            pixels = turned(pixels, targets)
        network.train_on_batch(pixels / np.float32(255), targets)
    if steps < SETTLED_STEPS:
        _settle(network, images[:SHOWN] / np.float32(255))


def _settle(network: keras.Model, images: np.ndarray) -> None:
    """Give normalisations the statistics of these images, where averages over few steps still know where they began."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(images, training=True)
