"""Seeds of the noise that a model draws."""

import tensorflow as tf

from keras_vae.model.distributions import Tensor

__all__ = ["fresh_seed"]


def fresh_seed() -> Tensor:
    """Two integers: as the global seed has it, and in a graph, which may be saved, from the machine's entropy."""
    bounds = {"minval": tf.int32.min, "maxval": tf.int32.max}
    if tf.executing_eagerly():
        return tf.random.uniform((2,), dtype=tf.int32, **bounds)
    # A graph keeps the global seed that was set when it was traced, and would give the same samples in every process.
    return tf.raw_ops.RandomUniformInt(shape=[2], seed=0, seed2=0, **bounds)
