"""Which share of the rate at which this machine multiplies matrices a training step attains."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.compat.v1.profiler import ProfileOptionBuilder, profile

from keras_vae.benchmark.speed import Training
from keras_vae.data import ImageData
from keras_vae.model import VAE
from keras_vae.runs import TrainConfig

__all__ = ["Attained", "attained_rates", "rate_table", "step_operations"]

SIDE = 2048  # of the matrices
PRODUCTS = 4  # in a measurement

# Options by what a table calls them.
WAYS: dict[str, dict[str, Any]] = {
    "dense, float32": {"network": "dense", "xla": "updates", "mixed_precision": "off"},
    "dense, float32, XLA": {"network": "dense", "xla": "on", "mixed_precision": "off"},
    "dense, bfloat16": {"network": "dense", "xla": "updates", "mixed_precision": "on"},
    "convolutional, float32": {"network": "convolutional", "widths": None, "xla": "updates", "mixed_precision": "off"},
    "convolutional, bfloat16": {"network": "convolutional", "widths": None, "xla": "updates", "mixed_precision": "on"},
}


class Attained(NamedTuple):
    """What training attains in one way of computing; medians of rounds in turn.

    Attributes:
        way: how it computes.
        images_per_second: of training.
        operations: floating-point operations for an image, as TensorFlow counts them.
        product_rate: operations a second of a matrix product of the same type.
    """

    way: str
    images_per_second: float
    operations: float
    product_rate: float

    @property
    def rate(self) -> float:
        """Operations a second of training."""
        return self.images_per_second * self.operations


def step_operations(model: VAE, batch_size: int) -> int:
    """Floating-point operations of one training step, as TensorFlow's profiler counts them in its graph.

    What the optimizer does to each weight, some twenty of them, is left out where XLA compiles it by itself.

    Args:
        model: a compiled VAE.
        batch_size: images.
    """
    images = tf.TensorSpec((batch_size, *model.image_shape), tf.float32)
    step = tf.function(model.train_step, input_signature=[images], autograph=False).get_concrete_function()
    options = ProfileOptionBuilder(ProfileOptionBuilder.float_operation()).with_empty_output().build()
    return int(profile(step.graph, options=options).total_float_ops)


def attained_rates(
    config: TrainConfig, data: ImageData, ways: Sequence[str] = tuple(WAYS), *, seconds: float = 2.0, rounds: int = 3
) -> list[Attained]:
    """Measure training and matrix products in turn.

    Args:
        config: what to train; `ways` decide on network, type and XLA.
        data: the images.
        ways: keys of `WAYS`.
        seconds: how long a training is measured in a round, roughly.
        rounds: how often.
    """
    trainings = {way: Training(config.replace(**WAYS[way]), data) for way in ways}
    executions = {way: max(1, round(seconds / train(1))) for way, train in trainings.items()}
    types = {way: tf.bfloat16 if "bfloat16" in way else tf.float32 for way in ways}
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    products: dict[Any, list[float]] = {dtype: [] for dtype in types.values()}
    for dtype in products:
        _product_rate(dtype)  # the first one sets up its kernels
    for _ in range(rounds):
        for way, train in trainings.items():
            speeds[way].append(executions[way] * train.images / train(executions[way]))
        for dtype, rates in products.items():
            rates.append(_product_rate(dtype))
    return [
        Attained(
            way,
            statistics.median(speeds[way]),
            step_operations(train.model, config.batch_size) / config.batch_size,
            statistics.median(products[types[way]]),
        )
        for way, train in trainings.items()
    ]


def rate_table(rates: Sequence[Attained]) -> Iterator[str]:
    """Rows in Markdown."""
    yield "| training | images/s | MFLOP an image | GFLOP/s | matrix product, GFLOP/s | share |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for each in rates:
        yield (
            f"| {each.way} | {each.images_per_second:,.0f} | {each.operations / 1e6:,.1f} | {each.rate / 1e9:,.0f} | "
            f"{each.product_rate / 1e9:,.0f} | {each.rate / each.product_rate:.2f} |"
        )


def _product_rate(dtype: tf.DType) -> float:
    matrix = tf.cast(tf.random.stateless_uniform((SIDE, SIDE), (0, 0)), dtype)
    start = time.perf_counter()
    for _ in range(PRODUCTS):
        product = tf.matmul(matrix, matrix)
    product.numpy()
    return PRODUCTS * 2 * SIDE**3 / (time.perf_counter() - start)
