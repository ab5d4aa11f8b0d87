"""How fast the parts of a training are on this machine: images per second, to be compared within one process."""

import time
from collections.abc import Iterator
from typing import Any

from keras_vae.config import TrainConfig
from keras_vae.data import ImageData
from keras_vae.training import compiled_model

__all__ = ["pipeline_speed", "training_speed"]


def pipeline_speed(config: TrainConfig, data: ImageData, seconds: float = 3.0) -> float:
    """Images per second that the input pipeline delivers when nothing trains on them.

    Args:
        config: names the batch size and the binarisation.
        data: the images.
        seconds: how long to measure, after a warm-up of ten batches.
    """
    batches = iter(data.training_batches(config.batch_size, seed=config.seed, binarize=config.binarize))
    _take(batches, 10)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        _take(batches, 20)
        count += 20
    return count * config.batch_size / (time.perf_counter() - start)


def training_speed(config: TrainConfig, data: ImageData, seconds: float = 10.0) -> float:
    """Images per second of training, everything included but the compilation.

    Args:
        config: what to train.
        data: the images.
        seconds: how long to measure, roughly.
    """
    model = compiled_model(config, data)
    batches = data.training_batches(config.batch_size, seed=config.seed, binarize=config.binarize)

    def train(steps: int) -> float:
        start = time.perf_counter()
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
        return time.perf_counter() - start

    train(model.steps_per_execution)
    executions = max(1, round(seconds / max(train(model.steps_per_execution), 1e-3)))
    steps = executions * model.steps_per_execution
    return steps * config.batch_size / train(steps)


def _take(batches: Iterator[Any], count: int) -> None:
    for _ in range(count):
        next(batches)
