"""How fast training and evaluation are on this machine: images per second, to be compared within one process."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.benchmark.peers.clock import Clock
from keras_vae.data import ImageData
from keras_vae.runs import TrainConfig
from keras_vae.training import compiled_model

__all__ = ["Training", "bound_speeds", "pipeline_speed", "training_speeds"]


def pipeline_speed(config: TrainConfig, data: ImageData, seconds: float = 3.0) -> float:
    """Images per second that the input pipeline delivers when nothing trains on them.

    Args:
        config: names the batch size and the binarisation.
        data: the images.
        seconds: how long to measure, after a warm-up of ten batches.
    """
    batches = iter(
        data.training_batches(
            config.batch_size, seed=config.seed, binarize=config.binarize, varied_epochs=config.varied_epochs
        )
    )
    _take(batches, 10)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        _take(batches, 20)
        count += 20
    return count * config.batch_size / (time.perf_counter() - start)


def training_speeds(
    configs: Sequence[TrainConfig], data: ImageData, seconds: float = 4.0, rounds: int = 5
) -> list[float]:
    """Images per second of training, compilation left out, for several configurations in turn.

    The rounds go through all configurations, so that a machine that slows down meanwhile slows all of them.

    Args:
        configs: what to train.
        data: the images.
        seconds: how long to measure each configuration in a round, roughly.
        rounds: how often; their median counts.

    Returns:
        One median for each configuration.
    """
    trainings = [Training(config, data) for config in configs]
    executions = [max(1, round(seconds / train(1))) for train in trainings]
    speeds = [
        [count * train.images / train(count) for train, count in zip(trainings, executions, strict=True)]
        for _ in range(rounds)
    ]
    return [statistics.median(each) for each in zip(*speeds, strict=True)]


def bound_speeds(config: TrainConfig, data: ImageData, samples: int = 250, rounds: int = 5) -> tuple[float, float]:
    """Image-samples per second of the importance-weighted bound, and latents per second that the decoder alone takes.

    Args:
        config: names the networks.
        data: the images.
        samples: samples of each image in a round.
        rounds: rounds of both in turn; their median counts.
    """
    model = compiled_model(config, data)
    images = data.images("test", 500) / np.float32(255)
    latents = tf.random.stateless_normal((2000, config.latent_dim), (0, 0))  # more rows only help the decoder
    log_likelihood = tf.function(model.log_likelihood, autograph=False)
    decode = tf.function(model.decode, autograph=False)

    def bound(count: int) -> int:
        log_likelihood(images, tf.constant(count), tf.constant((0, 0))).numpy()
        return count * len(images)

    def decoder(count: int) -> int:
        for _ in range(count):
            decoded = decode(latents)
        decoded.numpy()
        return count * len(latents)

    works = {bound: samples, decoder: max(1, samples * len(images) // len(latents))}
    for work in works:
        work(1)  # compiles
    speeds = [[_speed(work, count) for work, count in works.items()] for _ in range(rounds)]
    first, second = (statistics.median(each) for each in zip(*speeds, strict=True))
    return first, second


class Training:
    """A compiled training that tells how long a number of executions takes."""

    def __init__(self, config: TrainConfig, data: ImageData) -> None:
        self.model = compiled_model(config, data)
        self.batches = data.training_batches(
            config.batch_size, seed=config.seed, binarize=config.binarize, varied_epochs=config.varied_epochs
        )
        self.images = config.batch_size * self.model.steps_per_execution
        self(1)  # compiles

    def __call__(self, executions: int) -> float:
        clock, steps = Clock(), executions * self.model.steps_per_execution
        self.model.fit(self.batches, steps_per_epoch=steps, callbacks=[clock], verbose=0, shuffle=False)
        return clock.seconds


def _speed(work: Callable[[int], int], count: int) -> float:
    start = time.perf_counter()
    done = work(count)
    return done / (time.perf_counter() - start)


def _take(batches: Iterator[Any], count: int) -> None:
    for _ in range(count):
        next(batches)
