"""AdamW over all replicas, with a moving average of a model's weights, and the model with these weights."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

__all__ = ["AdamW", "AveragingAdamW", "averaged_weights"]

REMEMBERED = 10  # the average reaches back over one in so many of the steps that were made


@keras.saving.register_keras_serializable(package="keras_vae")
class AdamW(keras.optimizers.AdamW):
    """Keras's AdamW, which clips the sum of the gradients of all replicas, so that several make the step of one device.

    Keras itself clips the part of each. It also sums where there is one replica alone, by an operation with a gradient
    of its own making: TensorFlow keeps the graph of a function with such a one until the process ends.
    """

    # Keras has no public names for these; under others the tests fail instead of keeping what Keras itself does.
    def _clip_gradients(self, grads: Sequence[tf.Tensor]) -> Sequence[tf.Tensor]:
        return grads

    def _all_reduce_sum_gradients(self, grads_and_vars: Iterable[tuple[tf.Tensor, tf.Variable]]) -> list[Any]:
        if tf.distribute.get_strategy().num_replicas_in_sync > 1:
            grads_and_vars = super()._all_reduce_sum_gradients(grads_and_vars)
        gradients, variables = zip(*grads_and_vars, strict=True)
        return list(zip(super()._clip_gradients(gradients), variables, strict=True))


@keras.saving.register_keras_serializable(package="keras_vae")
class AveragingAdamW(AdamW):
    """AdamW whose moving average (`use_ema`) begins where training is.

    Its momentum grows with the steps, up to `ema_momentum`: until then the average reaches back over a tenth of the
    steps that were made, so that a short run does not end with what it began with.
    """

    def _update_model_variables_moving_average(self, trainable_variables: Sequence[keras.Variable]) -> None:
        if not self.use_ema:
            return
        steps = tf.cast(self.iterations, tf.float32)
        momentum = tf.minimum(self.ema_momentum, steps / (REMEMBERED + steps))
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            average.assign(momentum * average + (1.0 - momentum) * variable)


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Within the block the model has the moving average of its weights, where its optimizer keeps one.

    Afterwards it has the very same weights as before; `keras.callbacks.SwapEMAWeights` exchanges them by additions,
    which rounds, so that a resumed training would part from an uninterrupted one.
    """
    # Keras has no public name for them; under another one, this fails instead of keeping the raw weights.
    averages = model.optimizer._model_variables_moving_average if getattr(model.optimizer, "use_ema", False) else []
    if not averages or not model.optimizer.iterations.numpy():
        yield
        return
    weights = [variable.numpy() for variable in model.trainable_variables]
    for variable, average in zip(model.trainable_variables, averages, strict=True):
        variable.assign(average)
    try:
        yield
    finally:
        for variable, weight in zip(model.trainable_variables, weights, strict=True):
            variable.assign(weight)
