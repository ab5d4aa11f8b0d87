"""One of several processes of this machine that train together: `python -m keras_vae.benchmark.worker BATCH STEPS`."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from typing import Any

from keras_vae.console import import_tensorflow

__all__ = ["main"]

ROUNDS = 3


def main(batch: int, steps: int) -> None:
    """Train with the others, and print as JSON what a step took, and adding up the gradients alone."""
    task = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[task % len(cores)]})  # before TensorFlow counts them
    import_tensorflow()
    import numpy as np
    import tensorflow as tf

    from keras_vae.benchmark.peers.clock import Clock
    from keras_vae.data import ImageData
    from keras_vae.runs import TrainConfig
    from keras_vae.training import compiled_model, open_strategy

    strategy = open_strategy("multiworker")
    whole = batch * strategy.num_replicas_in_sync
    pixels = np.random.default_rng(0).integers(0, 256, (2 * whole, 28, 28, 1), np.uint8)
    data = ImageData.of_pixels(pixels, pixels[:1])
    config = TrainConfig.from_preset(
        "default", batch_size=whole, augmentation=0.0, xla="updates", distribute="multiworker"
    )
    model = compiled_model(config, data, strategy)
    batches = data.training_batches(whole, seed=0)

    def train() -> float:
        clock = Clock()
        model.fit(batches, steps_per_epoch=steps, callbacks=[clock], shuffle=False, verbose=0)
        return clock.seconds

    gradients = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)

    @tf.function(autograph=False)
    def add_up(values: Any) -> Any:
        def of_replica() -> Any:
            added = values
            for _ in range(steps):  # each waits for the one before
                own = tf.identity(added)
                added = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)
            return tf.reduce_sum(added)

        return strategy.run(of_replica)

    def reduce() -> float:
        start = time.perf_counter()
        strategy.experimental_local_results(add_up(tf.zeros(gradients)))[0].numpy()
        return time.perf_counter() - start

    train()  # compiles
    reduce()
    step = statistics.median(train() for _ in range(ROUNDS)) / steps
    reduction = statistics.median(reduce() for _ in range(ROUNDS)) / steps
    alone = strategy.num_replicas_in_sync == 1
    print(json.dumps({"step": step, "reduction": 0.0 if alone else reduction, "gradient_bytes": 4 * gradients}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
