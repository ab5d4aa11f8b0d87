"""What the replicas of a distributed training share: sums over them, and the place of each in the common batch."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_vae.model.distributions import Tensor

__all__ = ["Share", "Tracker", "is_multi_worker", "share_of_batch", "sum_over_replicas"]


class Share(NamedTuple):
    """Where the images of this replica stand in the batch of all replicas, which go by their numbers.

    Attributes:
        count: images on this replica; may be 0 in the last batch of a pass.
        before: images on replicas of lower numbers.
        total: images on all replicas.
    """

    count: Tensor
    before: Tensor
    total: Tensor

    def normal(self, size: int, seed: Tensor) -> Tensor:
        """This replica's rows of the noise that one device would draw for the whole batch: `(count, size)`, N(0, 1).

        Args:
            size: numbers for each image.
            seed: two integers, the same on all replicas.
        """
        return self._of(tf.random.stateless_normal((self.total, size), seed))

    def uniform(self, size: int, seed: Tensor) -> Tensor:
        """The same of numbers drawn evenly from [0, 1)."""
        return self._of(tf.random.stateless_uniform((self.total, size), seed))

    def _of(self, whole: Tensor) -> Tensor:
        return whole if _replicas() == 1 else whole[self.before : self.before + self.count]


class Tracker(keras.metrics.Mean):
    """A mean that no file keeps: to read it, one of several workers would wait for the others, which write none."""

    def save_own_variables(self, store: dict[str, Any]) -> None: ...

    def load_own_variables(self, store: dict[str, Any]) -> None: ...


def share_of_batch(count: Tensor) -> Share:
    """Tell a replica, which has `count` images, its place in the batch of all."""
    if _replicas() == 1:
        return Share(count, tf.zeros_like(count), count)
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    counts = sum_over_replicas(count * tf.one_hot(number, _replicas(), dtype=count.dtype))
    return Share(count, tf.reduce_sum(counts[:number]), tf.reduce_sum(counts))


def sum_over_replicas(value: Tensor) -> Tensor:
    """Add up what the replicas have, one tensor of the same shape each."""
    if _replicas() == 1:
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def is_multi_worker() -> bool:
    """Whether the replicas live in several processes."""
    strategy = tf.distribute.get_strategy()
    multi_worker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return multi_worker and bool(strategy.cluster_resolver.cluster_spec().as_dict())


def _replicas() -> int:
    return int(tf.distribute.get_replica_context().num_replicas_in_sync)
