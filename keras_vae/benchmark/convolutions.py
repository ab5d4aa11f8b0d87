"""How fast the convolutional network trains beside strided convolutions of about as many multiply-adds."""

from __future__ import annotations

import contextlib
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_vae.benchmark.peers.clock import Clock
from keras_vae.benchmark.peers.keras_alone import PlainVAE
from keras_vae.benchmark.speed import Training
from keras_vae.data import ImageData
from keras_vae.model import VAE
from keras_vae.runs import TrainConfig

__all__ = ["SHAPES", "Convolutions", "convolution_speeds", "convolution_table", "multiply_adds"]

SHAPES = ((64, 64, 3), (28, 28, 1))
IMAGES, BATCH, LATENTS = 1_000, 100, 40
SMALLEST = 7  # pixels of a side that plain Keras's network goes down to
STEP, LARGEST = 8, 128  # channels of the first convolution that are tried
STEPS_AT_ONCE = 2

# How each computes; the names of policies are Keras's.
FLOAT32, WITH_XLA, BFLOAT16 = ("float32", "float32, XLA", "mixed_bfloat16")


class Convolutions(NamedTuple):
    """A training with convolutions.

    Attributes:
        network: what it is called.
        computes: type, and whether with XLA.
        widths: channels from the image inwards.
        weights: that are trained.
        multiply_adds: of one image forwards, through encoder and decoder.
        images_per_second: of each round.
        images_per_processor_second: of each round: seconds of all cores together, which other work on the machine
            changes less.
    """

    network: str
    computes: str
    widths: Sequence[int]
    weights: int
    multiply_adds: int
    images_per_second: list[float]
    images_per_processor_second: list[float]


def convolution_speeds(
    shape: tuple[int, int, int], *, batch: int = BATCH, seconds: float = 1.0, rounds: int = 3
) -> list[Convolutions]:
    """Train on noise, which costs what images cost, in turn: plain Keras, the network of earlier versions, and this.

    The others get the widths whose multiply-adds are the nearest to those of the convolutional network.

    Args:
        shape: `(h, w, c)` of the images.
        batch: images in a step.
        seconds: how long each is measured in a round, roughly.
        rounds: how often.
    """
    pixels = np.random.default_rng(0).integers(0, 256, (max(IMAGES, batch), *shape), np.uint8)
    data = ImageData.of_pixels(pixels, pixels[:1])
    target = multiply_adds(*_networks(VAE(shape, LATENTS, "convolutional")))
    plain = _nearest(target, lambda widths: _plain_networks(shape, widths), _plain_depth(shape))
    strided = _nearest(target, lambda widths: _networks(VAE(shape, LATENTS, "strided", widths)), 2)
    tried: list[_Plain | _Own] = [
        *(_Plain(shape, plain, computes, pixels[:batch]) for computes in (FLOAT32, WITH_XLA, BFLOAT16)),
        *(_Own("strided", strided, computes, data, batch) for computes in (FLOAT32, BFLOAT16)),
        *(_Own("convolutional", None, computes, data, batch) for computes in (FLOAT32, WITH_XLA, BFLOAT16)),
    ]
    counts = [max(1, round(seconds / each.seconds(1))) for each in tried]
    for _ in range(rounds):
        for each, count in zip(tried, counts, strict=True):
            before = time.process_time()
            each.result.images_per_second.append(count * each.images / each.seconds(count))
            used = time.process_time() - before
            each.result.images_per_processor_second.append(count * each.images / used)
    return [each.result for each in tried]


def convolution_table(results: Sequence[Convolutions]) -> Iterator[str]:
    """Rows in Markdown: medians of the rounds, and of how many times as fast as the first one each is in a round."""
    yield "| network | computes in | widths | weights, M | multiply-adds, M | images/s | ratio | by processor time |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |"
    first = results[0]
    for each in results:
        ratio = _ratio(each.images_per_second, first.images_per_second)
        by_processor = _ratio(each.images_per_processor_second, first.images_per_processor_second)
        yield (
            f"| {each.network} | {each.computes} | {', '.join(map(str, each.widths))} | {each.weights / 1e6:.2f} | "
            f"{each.multiply_adds / 1e6:.1f} | {statistics.median(each.images_per_second):,.0f} | {ratio:.2f} | "
            f"{by_processor:.2f} |"
        )


def multiply_adds(*networks: keras.Model) -> int:
    """Of one image through the convolutions and dense layers of some networks, forwards."""
    total = 0
    for layer in (layer for network in networks for layer in network.layers):
        if isinstance(layer, layers.Conv2DTranspose):
            total += math.prod(layer.kernel.shape) * math.prod(layer.input.shape[1:3])
        elif isinstance(layer, layers.Conv2D):
            total += math.prod(layer.kernel.shape) * math.prod(layer.output.shape[1:3])
        elif isinstance(layer, layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total


class _Own:
    """A training of this project."""

    def __init__(self, network: Any, widths: Sequence[int] | None, computes: str, data: ImageData, batch: int) -> None:
        config = TrainConfig(
            network=network,
            widths=None if widths is None else tuple(widths),
            latent_dim=LATENTS,
            prior="standard_normal",
            batch_size=batch,
            augmentation=0.0,
            steps_per_execution=STEPS_AT_ONCE,
            xla="on" if computes == WITH_XLA else "updates",
            mixed_precision="on" if computes == BFLOAT16 else "off",
        )
        self.seconds = Training(config, data)
        model, self.images = self.seconds.model, self.seconds.images
        name = "convolutional" if network == "convolutional" else "strided, of versions before 0.3.0"
        self.result = Convolutions(
            name, computes, model.widths, _weights(model), multiply_adds(*_networks(model)), [], []
        )


class _Plain:
    """A VAE in plain Keras: convolutions of stride 2, and transposed ones."""

    def __init__(self, shape: tuple[int, int, int], widths: Sequence[int], computes: str, pixels: np.ndarray) -> None:
        with _policy(BFLOAT16 if computes == BFLOAT16 else FLOAT32):
            encoder, decoder = _plain_networks(shape, widths)
        self.model = PlainVAE("default", encoder, decoder, seed=0)
        self.model.compile(keras.optimizers.Adam(), jit_compile=computes == WITH_XLA)
        self.images = len(pixels)
        self.batches = tf.data.Dataset.from_tensors(pixels / np.float32(255)).repeat()
        self.seconds(2)  # compiles
        self.result = Convolutions(
            "plain Keras", computes, widths, _weights(self.model), multiply_adds(encoder, decoder), [], []
        )

    def seconds(self, steps: int) -> float:
        clock = Clock()
        self.model.fit(self.batches, steps_per_epoch=steps, callbacks=[clock], shuffle=False, verbose=0)
        return clock.seconds


def _ratio(speeds: Sequence[float], others: Sequence[float]) -> float:
    return statistics.median(own / other for own, other in zip(speeds, others, strict=True))


@contextlib.contextmanager
def _policy(name: str) -> Iterator[None]:
    """What Keras makes layers of, where they say nothing themselves."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _plain_networks(shape: tuple[int, int, int], widths: Sequence[int]) -> tuple[keras.Model, keras.Model]:
    images, latents = keras.Input(shape), keras.Input((LATENTS,))
    hidden = images
    for width in widths:
        hidden = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(hidden)
    small = hidden.shape[1:]
    hidden = layers.Flatten()(hidden)
    outputs = [layers.Dense(LATENTS, dtype="float32")(hidden) for _ in ("mean", "log_var")]
    encoder = keras.Model(images, outputs)
    hidden = layers.Reshape(small)(layers.Dense(math.prod(small), activation="relu")(latents))
    for width in reversed(widths):
        hidden = layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu")(hidden)
    decoded = layers.Conv2DTranspose(shape[2], 3, padding="same", activation="sigmoid", dtype="float32")(hidden)
    return encoder, keras.Model(latents, decoded)


def _plain_depth(shape: Sequence[int]) -> int:
    return max(1, int(math.log2(min(shape[:2]) / SMALLEST)))


def _nearest(
    target: int, build: Callable[[Sequence[int]], tuple[keras.Model, keras.Model]], depth: int
) -> tuple[int, ...]:
    """The widths, each twice the one before, whose multiply-adds are the nearest to a number."""
    tried: list[tuple[int, tuple[int, ...]]] = []  # how far each is off
    for first in range(STEP, LARGEST + 1, STEP):
        widths = tuple(first * 2**step for step in range(depth))
        count = multiply_adds(*build(widths))
        tried.append((abs(count - target), widths))
        if count > target:
            break
    return min(tried)[1]


def _networks(model: VAE) -> tuple[keras.Model, keras.Model]:
    return model.encoder, model.decoder


def _weights(model: keras.Model) -> int:
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
