"""The moving average of a model's weights, which its optimizer keeps."""

import contextlib
from collections.abc import Iterator

import keras

__all__ = ["averaged_weights"]


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
