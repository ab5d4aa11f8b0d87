"""Seconds until this project is as good as plain Keras: on the same images, by the same measures."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from keras_vae.benchmark.peers.keras_alone import PlainVAE, example_decoder, example_encoder
from keras_vae.data import ImageData
from keras_vae.model import elbo_terms
from keras_vae.training import LatentEncoder

__all__ = ["Quality", "quality_table", "times_to_quality"]

LATENTS = (2, 16)
EPOCHS = 30  # as in Keras's example
TRIED = (1, 2, 3, 5, 8, 13, 21, 34, 54)  # epochs of this project, each a training of its own
NEIGHBOURS = 5
BATCH_OF_EXAMPLE, BATCH = 128, 1000

# What makes a preset a model of grey Bernoulli pixels by the ELBO, as the example is.
BERNOULLI = {"likelihood": "bernoulli", "beta": 1.0, "prior": "standard_normal"}
PRESETS_FOR = {2: "manifold"}  # by their latents; the default for others


@dataclasses.dataclass(frozen=True)
class Quality:
    """How good each of two trainings became, and what it took.

    Attributes:
        measure: what was measured, with the unit.
        latents: of the network in plain Keras.
        reached: by plain Keras.
        seconds: of its training, compilation included.
        own: of the shortest training of this project that is as good; of its longest one where none is.
        own_seconds: of that training, compilation and fitted prior included.
        own_epochs: of that training.
        is_reached: whether it is as good.
    """

    measure: str
    latents: int
    reached: float
    seconds: float
    own: float
    own_seconds: float
    own_epochs: int
    is_reached: bool


@dataclasses.dataclass(frozen=True)
class _Trained:
    seconds: float
    mse: float
    accuracy: float
    negative_elbo: float


def times_to_quality(
    data: ImageData, latents: Sequence[int] = LATENTS, epochs: int = EPOCHS, tried: Sequence[int] = TRIED, seed: int = 0
) -> Iterator[Quality]:
    """Train the network of Keras's VAE example in plain Keras, and presets of this project until they are as good.

    Both learn from the training split and are measured on the validation split: the squared error of a pixel through
    the posterior mean, the share of images of the class that most of their 5 nearest training images have, and minus
    the ELBO of grey images as Bernoulli probabilities. This project trains its default; for the last measure with
    Bernoulli pixels, N(0, I) and as many latents too, and where these are two by the preset `manifold`. Its shortest
    training that is as good counts: each is a whole one, of its number of epochs.

    Args:
        data: images with classes.
        latents: of the network in plain Keras.
        epochs: of its training.
        tried: epochs of this project's trainings, the shortest first.
        seed: of weights, order and noise.

    Yields:
        A result for each measure and each number of latents.
    """

    @functools.cache  # the same for each number of latents
    def of_default(count: int) -> _Trained:
        return _train_own(data, "default", count, seed)

    for size in latents:
        plain = _train_plain(data, size, epochs, seed)

        def of_bernoulli(count: int, size: int = size) -> _Trained:
            preset = PRESETS_FOR.get(size, "default")
            return _train_own(data, preset, count, seed, latent_dim=size, **BERNOULLI)

        yield _shortest("MSE per pixel", size, plain, of_default, "mse", tried)
        yield _shortest("5-NN accuracy", size, plain, of_default, "accuracy", tried)
        yield _shortest("-ELBO, nats per image", size, plain, of_bernoulli, "negative_elbo", tried)


def quality_table(results: Iterable[Quality]) -> Iterator[str]:
    """Rows in Markdown, each as soon as it is known."""
    columns = ("measure", "latents", "plain Keras", "after, s", "this project", "epochs", "after, s", "times as fast")
    yield f"| {' | '.join(columns)} |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for each in results:
        digits = 5 if each.measure.startswith("MSE") else 4 if each.measure.startswith("5-NN") else 2
        times = f"{each.seconds / each.own_seconds:.1f}" if each.is_reached else "not reached"
        yield (
            f"| {each.measure} | {each.latents} | {each.reached:.{digits}f} | {each.seconds:.1f} "
            f"| {each.own:.{digits}f} | {each.own_epochs} | {each.own_seconds:.1f} | {times} |"
        )


def _shortest(
    measure: str, latents: int, plain: _Trained, own: Callable[[int], _Trained], name: str, tried: Sequence[int]
) -> Quality:
    wanted, sign = getattr(plain, name), -1.0 if name == "accuracy" else 1.0
    for epochs in tried:
        trained = own(epochs)
        found = getattr(trained, name)
        if sign * found <= sign * wanted:
            break
    is_reached = sign * found <= sign * wanted
    return Quality(measure, latents, wanted, plain.seconds, found, trained.seconds, epochs, is_reached)


def _train_plain(data: ImageData, latents: int, epochs: int, seed: int) -> _Trained:
    keras.utils.set_random_seed(seed)
    images = data.images("train").astype(np.float32) / 255
    encoder, decoder = example_encoder(data.image_shape, latents), example_decoder(data.image_shape, latents)
    model = PlainVAE("example", encoder, decoder, seed)
    model.compile(optimizer=keras.optimizers.Adam())
    start = time.perf_counter()
    model.fit(images, batch_size=BATCH_OF_EXAMPLE, epochs=epochs, verbose=0)
    seconds = time.perf_counter() - start

    rng = np.random.default_rng(seed)
    negative_elbo = []
    for batch in _batches(data):
        mean, log_var = (np.asarray(each) for each in model.encoder(batch))
        sample = mean + np.exp(0.5 * log_var) * rng.standard_normal(mean.shape, np.float32)
        crossentropy = keras.losses.binary_crossentropy(batch, model.decoder(sample))
        kl = 0.5 * np.sum(mean**2 + np.exp(log_var) - 1.0 - log_var, axis=1)
        negative_elbo.append(np.sum(crossentropy, axis=(1, 2)) + kl)

    def encode(batch: Any) -> Any:
        return model.encoder(batch)[0]

    return _measured(data, seconds, encode, model.decoder, float(np.mean(np.concatenate(negative_elbo))))


def _train_own(data: ImageData, preset: str, epochs: int, seed: int, **options: Any) -> _Trained:
    # A tenth of the training images is what it validates by: the validation split is for the measures.
    encoder = LatentEncoder(preset, epochs=epochs, random_state=seed, **options)
    images = data.images("train")[..., 0] if data.image_shape[2] == 1 else data.images("train")
    start = time.perf_counter()
    encoder.fit(images)
    seconds = time.perf_counter() - start
    model = encoder.model_
    negative_elbo = math.nan
    if options:
        terms = elbo_terms(model, _batches(data), seed=seed)
        negative_elbo = float(np.mean(terms.reconstruction + terms.kl))
    return _measured(data, seconds, lambda batch: model.encode(batch)[0], model.decode, negative_elbo)


def _measured(
    data: ImageData, seconds: float, encode: Callable[[Any], Any], decode: Callable[[Any], Any], negative_elbo: float
) -> _Trained:
    errors = [np.mean((batch - np.asarray(decode(encode(batch)))) ** 2, axis=(1, 2, 3)) for batch in _batches(data)]
    references, means = (
        np.concatenate([np.asarray(encode(batch)) for batch in _batches(data, split)])
        for split in ("train", "validation")
    )
    neighbours = KNeighborsClassifier(NEIGHBOURS, algorithm="brute").fit(references, data.labels("train"))
    accuracy = float(np.mean(neighbours.predict(means) == data.labels("validation")))
    return _Trained(seconds, float(np.mean(np.concatenate(errors))), accuracy, negative_elbo)


def _batches(data: ImageData, split: str = "validation") -> Iterator[np.ndarray]:
    images = data.images(split)
    for at in range(0, len(images), BATCH):
        yield images[at : at + BATCH] / np.float32(255)
