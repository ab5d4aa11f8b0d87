"""A small classifier of Fashion-MNIST: its features compare sets of images, its verdicts say what an image shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.evaluation.known_images import IMAGE_SHAPE
from keras_vae.files import BUNDLED, typed_command
from keras_vae.model import AdamW

__all__ = [
    "CLASSIFIER_WEIGHTS",
    "build_classifier",
    "classifier_accuracy",
    "feature_extractor",
    "load_classifier",
    "train_classifier",
]

CLASSIFIER_WEIGHTS = BUNDLED / "classifier" / "classifier.weights.h5"

CLASSES = 10
LARGEST_SIDE = 64
FEATURE_SIZE = 128
BATCH_SIZE = 125
LARGEST_SHIFT = 1  # pixels, to each side
PEAK_LEARNING_RATE = 3e-3


def build_classifier(
    seed: int = 0, image_shape: tuple[int, int, int] = IMAGE_SHAPE, classes: int = CLASSES
) -> keras.Model:
    """Make the untrained network: four convolutions with batch normalisation, then two dense layers.

    Args:
        seed: seed of the initial weights and of dropout.
        image_shape: `(h, w, c)`; larger images than 64 x 64 are first made smaller.
        classes: how many are told apart.

    Returns:
        A model from images `(n, h, w, c)`, float32 in [0, 1], to logits `(n, classes)`; its layer `features` gives
        `(n, 128)`, none negative.
    """
    seeds = itertools.count(1000 * seed)
    images = keras.Input(image_shape, dtype="float32", name="images")
    hidden = images
    if max(image_shape[:2]) > LARGEST_SIDE:
        sides = [min(side, LARGEST_SIDE) for side in image_shape[:2]]
        hidden = keras.layers.Resizing(*sides, antialias=True, data_format="channels_last")(hidden)
    hidden = keras.layers.Rescaling(2.0, offset=-1.0)(hidden)
    hidden = _convolution(hidden, 32, seeds, kernel=5, strides=2)
    hidden = _convolution(hidden, 64, seeds)
    hidden = _convolution(hidden, 64, seeds)
    hidden = keras.layers.MaxPooling2D()(hidden)
    hidden = _convolution(hidden, 128, seeds)
    hidden = keras.layers.MaxPooling2D(padding="same")(hidden)
    hidden = keras.layers.Dropout(0.3, seed=next(seeds))(keras.layers.Flatten()(hidden))
    initializer = keras.initializers.HeNormal(next(seeds))
    features = keras.layers.Dense(FEATURE_SIZE, "relu", kernel_initializer=initializer, name="features")(hidden)
    hidden = keras.layers.Dropout(0.3, seed=next(seeds))(features)
    initializer = keras.initializers.GlorotUniform(next(seeds))
    logits = keras.layers.Dense(classes, kernel_initializer=initializer, name="logits")(hidden)
    return keras.Model(images, logits, name="classifier")


def feature_extractor(classifier: keras.Model) -> keras.Model:
    """The part of a classifier that ends in its features: from `(n, 28, 28, 1)` to `(n, 128)`."""
    return keras.Model(classifier.inputs[0], classifier.get_layer("features").output, name="features")


def train_classifier(data: ImageData, epochs: int = 15, seed: int = 0) -> keras.Model:
    """Train the classifier on the training split, its images mirrored and shifted by up to one pixel at random.

    Args:
        data: images of 28 x 28 grey pixels in ten classes; the validation split is only watched.
        epochs: passes over the training images.
        seed: seed of the weights, the order of the images and their changes.

    Returns:
        The classifier, with the moving average of its weights.

    Raises:
        InputError: the data have another shape or number of classes.
    """
    if data.image_shape != IMAGE_SHAPE or len(data.class_names) != CLASSES:
        raise InputError(f"The classifier takes images of 28 x 28 x 1 in ten classes; {data.name} has others.")
    steps = data.steps_per_epoch(BATCH_SIZE)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * steps - steps, warmup_target=PEAK_LEARNING_RATE, warmup_steps=steps
    )
    classifier = build_classifier(seed)
    classifier.compile(
        AdamW(rate, weight_decay=0.05, use_ema=True, ema_momentum=0.995),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA has no fast convolutions on a CPU
    )
    validation = tf.data.Dataset.from_tensor_slices((data.images("validation"), data.labels("validation")))
    classifier.fit(
        _training_batches(data, seed),
        epochs=epochs,
        validation_data=validation.batch(500).map(lambda images, labels: (_as_float(images), labels)),
        shuffle=False,
        verbose=2,
    )
    trained = build_classifier(seed)  # without the optimizer, whose state is three times as large as the weights
    trained.set_weights(classifier.get_weights())
    return trained


def classifier_accuracy(classifier: keras.Model, data: ImageData, split: str) -> float:
    """Share of the images of a split whose largest logit is that of their label, between 0 and 1."""
    logits = classifier.predict(data.batches(split, 500), verbose=0)
    return float((logits.argmax(axis=1) == data.labels(split)).mean())


def load_classifier(path: Path | str = CLASSIFIER_WEIGHTS) -> keras.Model:
    """Load a trained classifier; by default the one that this project ships.

    Args:
        path: weights, `.weights.h5`, that the command `train-classifier` wrote.

    Raises:
        InputError: there are none, or they are not those of this network.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no classifier at {path}: {typed_command('train-classifier')} makes one.")
    classifier = build_classifier()
    try:
        classifier.load_weights(path)
    except Exception as error:  # whatever h5py and Keras stumble over in a damaged file
        raise InputError(f"{path} does not hold the weights of the classifier: train it anew.") from error
    return classifier


def _convolution(inputs: Any, channels: int, seeds: Iterator[int], *, kernel: int = 3, strides: int = 1) -> Any:
    initializer = keras.initializers.HeNormal(next(seeds))
    hidden = keras.layers.Conv2D(
        channels, kernel, strides, padding="same", use_bias=False, kernel_initializer=initializer
    )(inputs)
    return keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.98)(hidden))


def _training_batches(data: ImageData, seed: int) -> tf.data.Dataset:
    generator = tf.random.Generator.from_seed(seed)
    pad = [[0, 0], [LARGEST_SHIFT, LARGEST_SHIFT], [LARGEST_SHIFT, LARGEST_SHIFT], [0, 0]]
    height, width, _ = IMAGE_SHAPE

    def change(images: Any, labels: Any) -> tuple[Any, Any]:
        mirrored = generator.uniform((tf.shape(images)[0], 1, 1, 1)) < 0.5
        images = tf.pad(tf.where(mirrored, images[:, :, ::-1], images), pad)
        down, right = tf.unstack(generator.uniform((2,), 0, 2 * LARGEST_SHIFT + 1, tf.int32))
        return _as_float(images[:, down : down + height, right : right + width]), labels

    images, labels = data.images("train"), data.labels("train")
    shuffled = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images), seed)
    options = tf.data.Options()
    options.autotune.enabled = False  # its thread may sleep for a minute, for which the end of the training would wait
    return shuffled.batch(BATCH_SIZE, drop_remainder=True).map(change).prefetch(2).with_options(options)


def _as_float(pixels: Any) -> Any:
    return tf.cast(pixels, tf.float32) / 255.0
