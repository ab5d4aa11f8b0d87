"""How the cost of training and of the bound grows with what is trained: measured costs, and the exponent of them."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_vae.benchmark.speed import Training
from keras_vae.data import ImageData
from keras_vae.runs import TrainConfig
from keras_vae.training import compiled_model

__all__ = ["Growth", "exponent", "growth_table", "measure_growth"]

IMAGES = 10_000
SIDE = 28
BOUND_IMAGES = 200

# What grows, and through which sizes; the rest stays as the configuration and Fashion-MNIST have it.
SIZES: Mapping[str, Sequence[int]] = {
    "images": (5_000, 10_000, 20_000, 40_000),
    "pixels": (14**2, 28**2, 56**2, 112**2),
    "latents": (10, 40, 160, 640),
    "width": (256, 512, 1024, 2048),
    "importance samples": (25, 50, 100, 200),
}


class Growth(NamedTuple):
    """Costs of several sizes of one thing.

    Attributes:
        quantity: what grows.
        cost: what is measured, with its unit.
        sizes: of the quantity.
        costs: for each size.
    """

    quantity: str
    cost: str
    sizes: Sequence[int]
    costs: Sequence[float]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The k of `cost = c * size**k` that fits best: the slope of a line through the logarithms, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def measure_growth(
    config: TrainConfig, sizes: Mapping[str, Sequence[int]] = SIZES, *, seconds: float = 1.0, rounds: int = 3
) -> Iterator[Growth]:
    """Measure the seconds of an epoch by images; those of 1,000 images by the rest; and of the bound by its samples.

    The images are noise, which costs what others cost. The sizes of one thing are measured in turn, with the network of
    images of 28 x 28 pixels.

    Args:
        config: what does not grow.
        sizes: what grows; of pixels, those of square images.
        seconds: how long each size is measured in a round, roughly; an epoch and a bound as long as they take.
        rounds: how often; the median counts.
    """
    config = config.replace(network=config.network_for((SIDE, SIDE, 1)))
    for quantity, values in sizes.items():
        if quantity == "importance samples":
            works = _bounds(config, values)
            cost = f"s for the bound of {BOUND_IMAGES} images"
        elif quantity == "images":
            works = [_epoch(config, value) for value in values]
            cost = "s an epoch"
        else:
            works = [_thousand(*_grown(config, quantity, value), seconds) for value in values]
            cost = "s for 1,000 images"
        times = [[work() for work in works] for _ in range(rounds)]
        yield Growth(quantity, cost, values, [statistics.median(each) for each in zip(*times, strict=True)])


def growth_table(growths: Iterator[Growth]) -> Iterator[str]:
    """Rows in Markdown: sizes and costs, the exponent over all of them, and that from the last but one to the last."""
    yield "| what grows | sizes | cost | | exponent | of the last step |"
    yield "| --- | --- | --- | --- | ---: | ---: |"
    for quantity, cost, sizes, costs in growths:
        shown = (", ".join(f"{size:,}" for size in sizes), ", ".join(f"{each:.3g}" for each in costs))
        yield (
            f"| {quantity} | {shown[0]} | {shown[1]} | {cost} | {exponent(sizes, costs):.2f} | "
            f"{exponent(sizes[-2:], costs[-2:]):.2f} |"
        )


def _grown(config: TrainConfig, quantity: str, value: int) -> tuple[TrainConfig, ImageData]:
    if quantity == "pixels":
        return config, _noise(IMAGES, round(value**0.5))
    changed = {"latent_dim": value} if quantity == "latents" else {"widths": (value, value)}
    return config.replace(**changed), _noise(IMAGES, SIDE)


def _noise(count: int, side: int) -> ImageData:
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 1), np.uint8)
    return ImageData.of_pixels(pixels, pixels[:1])


def _epoch(config: TrainConfig, images: int) -> Callable[[], float]:
    data = _noise(images, SIDE)
    train = Training(config, data)
    executions = data.steps_per_epoch(config.batch_size) // train.model.steps_per_execution
    return lambda: train(executions)


def _thousand(config: TrainConfig, data: ImageData, seconds: float) -> Callable[[], float]:
    train = Training(config, data)
    executions = max(1, round(seconds / train(1)))
    return lambda: 1000 * train(executions) / (executions * train.images)


def _bounds(config: TrainConfig, counts: Sequence[int]) -> list[Callable[[], float]]:
    data = _noise(max(config.batch_size, BOUND_IMAGES), SIDE)
    model = compiled_model(config, data)
    images = data.images("train", BOUND_IMAGES) / np.float32(255)
    bound = tf.function(model.log_likelihood, autograph=False)

    def work(count: int) -> float:
        start = time.perf_counter()
        bound(images, tf.constant(count), tf.constant((0, 0))).numpy()
        return time.perf_counter() - start

    work(1)  # compiles
    return [functools.partial(work, count) for count in counts]
