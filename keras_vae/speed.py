"""How fast the parts of a training are on this machine: images per second, to be compared within one process."""

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any

from keras_vae.config import TrainConfig
from keras_vae.data import ImageData
from keras_vae.training import compiled_model

__all__ = ["pipeline_speed", "training_speeds"]


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
    trainings = [_Training(config, data) for config in configs]
    executions = [max(1, round(seconds / train(1))) for train in trainings]
    speeds = [
        [count * train.images / train(count) for train, count in zip(trainings, executions, strict=True)]
        for _ in range(rounds)
    ]
    return [statistics.median(each) for each in zip(*speeds, strict=True)]


class _Training:
    """A compiled training that tells how long a number of executions takes."""

    def __init__(self, config: TrainConfig, data: ImageData) -> None:
        self.model = compiled_model(config, data)
        self.batches = data.training_batches(config.batch_size, seed=config.seed, binarize=config.binarize)
        self.images = config.batch_size * self.model.steps_per_execution
        self(1)  # compiles

    def __call__(self, executions: int) -> float:
        start = time.perf_counter()
        self.model.fit(
            self.batches, steps_per_epoch=executions * self.model.steps_per_execution, verbose=0, shuffle=False
        )
        return time.perf_counter() - start


def _take(batches: Iterator[Any], count: int) -> None:
    for _ in range(count):
        next(batches)
