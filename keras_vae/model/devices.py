"""What batches are computed on, where a machine has several devices."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import tensorflow as tf

__all__ = ["over_devices"]

AHEAD = 2  # batches a device, so that none waits for the next one to be read

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def over_devices(
    compute: Callable[[Batch], Result], batches: Iterable[Batch], devices: Sequence[str] | None = None
) -> Iterator[Result]:
    """Compute something of every batch, several at once: one on each device.

    What is computed of a batch must not depend on another one. A variable stays where it is and is copied.

    Args:
        compute: from a batch to a result that lies in the computer's memory, such as an array.
        batches: they are read as they are needed, in order.
        devices: names as TensorFlow has them; None takes all GPUs, and leaves the choice to TensorFlow where there is
            one or none.

    Yields:
        The results, in the order of the batches.
    """
    names = [each.name for each in tf.config.list_logical_devices("GPU")] if devices is None else list(devices)
    if len(names) < 2:
        yield from map(compute, batches)
        return

    def computed_on(name: str, batch: Batch) -> Result:
        with tf.device(name):
            return compute(batch)

    begun: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(len(names))
    try:
        for name, batch in zip(itertools.cycle(names), batches, strict=False):
            begun.append(pool.submit(computed_on, name, batch))
            if len(begun) == AHEAD * len(names):
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
