"""What happens beside the training steps: KL warm-up, logs, averaged weights, what is fitted last."""

import contextlib
import math
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.model import WITH_VARIANCE, averaged_weights, fit_prior, fit_variance, round_to_half, sharpen

__all__ = [
    "AverageForEvaluation",
    "Decoration",
    "EpochLine",
    "EpochLog",
    "FitToTrainedModel",
    "ImportanceWeighting",
    "KLWarmup",
    "Sharpening",
    "StopAtNonFiniteLoss",
]


class KLWarmup(keras.callbacks.Callback):
    """Let beta grow linearly from 0 over the first epochs (Bowman et al. 2016, Sonderby et al. 2016).

    It is set before a call of the training graph, which may take several steps.

    Args:
        beta: the value to end at.
        epochs: how long it takes; 0 sets beta at once.
        steps_per_epoch: training steps in an epoch.
        every: steps for which it stays as it is, however many of them a call takes.
    """

    def __init__(self, beta: float, epochs: float, steps_per_epoch: int, every: int = 1) -> None:
        super().__init__()
        self.every = every
        self.beta = beta
        self.steps = epochs * steps_per_epoch
        self.steps_per_epoch = steps_per_epoch
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        step = self._epoch * self.steps_per_epoch + batch - batch % self.every
        self.model.beta.assign(self.beta * min(1.0, step / self.steps if self.steps else 1.0))


class ImportanceWeighting(keras.callbacks.Callback):
    """Train the last epochs on the importance-weighted bound (Burda et al. 2016).

    Args:
        samples: posterior samples an image.
        first_epoch: the epoch, counted from 0, that is the first of them.
    """

    def __init__(self, samples: int, first_epoch: int) -> None:
        super().__init__()
        self.samples = samples
        self.first_epoch = first_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._take(self.samples if epoch >= self.first_epoch else 1)

    def on_train_end(self, logs: Any = None) -> None:
        self._take(1)

    def _take(self, samples: int) -> None:
        if self.model.objective_samples != samples:
            self.model.objective_samples = samples
            self.model.make_train_function(force=True)


class EpochLog(keras.callbacks.Callback):
    """Add to the logs of an epoch `images_per_second` (of training steps alone), `seconds`, `learning_rate`, `beta`.

    Args:
        images_per_epoch: images that the training steps of an epoch take.
    """

    def __init__(self, images_per_epoch: int) -> None:
        super().__init__()
        self.images_per_epoch = images_per_epoch
        self._begin = self._end = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._begin = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._end = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        logs["images_per_second"] = self.images_per_epoch / (self._end - self._begin)
        logs["seconds"] = time.perf_counter() - self._begin
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        logs["beta"] = float(self.model.beta.numpy())


class EpochLine(keras.callbacks.Callback):
    """Print a line at the end of each epoch, where no bar can be drawn; Keras's has nats below 0 as powers of ten."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        figures = ", ".join(f"{name} {_plain(value)}" for name, value in logs.items())
        print(f"Epoch {epoch + 1}/{self.params['epochs']}: {figures}", flush=True)


class StopAtNonFiniteLoss(keras.callbacks.Callback):
    """Raise `InputError` as soon as a loss is NaN or infinite, before a checkpoint keeps what came of it.

    Keras's `TerminateOnNaN` looks at no validation, and says nothing of what to do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self._check(logs, f"step {batch + 1} of epoch {self._epoch + 1}")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self._check(logs, f"the validation after epoch {epoch + 1}")

    def _check(self, logs: dict[str, float], place: str) -> None:
        for name in ("loss", "val_loss"):
            if name in logs and not math.isfinite(logs[name]):
                kept = "the last good weights are kept. Try" if self._epoch else "try"
                remedy = f"{kept} a smaller --learning-rate, or --gradient-clip 100."
                raise InputError(f"The loss became {logs[name]} at {place}: {remedy}")


class AverageForEvaluation(keras.callbacks.Callback):
    """Validate with the moving average of the weights: what the training will end with."""

    def __init__(self) -> None:
        super().__init__()
        self._swap = contextlib.ExitStack()

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap.enter_context(averaged_weights(self.model))

    def on_test_end(self, logs: Any = None) -> None:
        self._swap.close()


class Sharpening(keras.callbacks.Callback):
    """At the end of a training, let the decoder learn alone for some more epochs.

    Args:
        images: `(n, h, w, c)` uint8, trained on.
        epochs: how often they are shown; at least 1.
        batch_size: images in a step.
        seed: seed of their order and of posterior samples.
        verbose: whether it says so.

    Raises:
        InputError: the decoder's weights became NaN or infinite.
    """

    def __init__(self, images: np.ndarray, epochs: int, batch_size: int, seed: int, *, verbose: bool = False) -> None:
        super().__init__()
        self.images = images
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed
        self.verbose = verbose

    def on_train_end(self, logs: Any = None) -> None:
        if self.verbose:
            times = "once more" if self.epochs == 1 else f"for {self.epochs} more epochs"
            print(f"The decoder learns alone, {times}: sharper images.", flush=True)
        try:
            sharpen(self.model, self.images, self.epochs, self.batch_size, self.seed)
        except FloatingPointError as error:
            raise InputError(
                f"{error} The last good weights are kept: try a smaller --learning-rate, or --sharpening-epochs 0."
            ) from error


class FitToTrainedModel(keras.callbacks.Callback):
    """At the end of a training, round the weights that are kept, and fit to them what depends on them.

    Rounded to half precision, they take half the room in a SavedModel, and give the same figures there. What is fitted
    is the variance of a Gaussian or Laplace likelihood, and a prior that is fitted afterwards. It comes before all
    callbacks that draw what the model has learned.

    Args:
        held_out: `(n, h, w, c)` uint8, not trained on: the variance is that of their residuals.
        images: `(m, h, w, c)` uint8, trained on, to whose latents the prior is fitted; None fits none.
        labels: `(m,)`, of these.
        seed: seed of posterior samples and of the fit.
        temperature: of the prior that is fitted, where it is a mixture.

    Raises:
        InputError: the latents are such that no prior can be fitted to them.
    """

    def __init__(
        self,
        held_out: np.ndarray,
        images: np.ndarray | None,
        labels: np.ndarray | None,
        seed: int,
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.held_out = held_out
        self.images = images
        self.labels = labels
        self.seed = seed
        self.temperature = temperature

    def on_train_end(self, logs: Any = None) -> None:
        round_to_half(self.model.weights)
        if self.model.likelihood in WITH_VARIANCE:
            fit_variance(self.model, self.held_out, self.seed)
        if self.images is not None:
            try:
                fit_prior(self.model, self.images, self.labels, self.seed, self.temperature)
            except np.linalg.LinAlgError as error:
                raise InputError(
                    f"No prior can be fitted to latents that lie so far apart ({error}): the last good weights are "
                    "kept. Try a smaller --learning-rate, or --prior standard_normal."
                ) from error
            round_to_half(self.model.prior.weights)


class Decoration(keras.callbacks.Callback):
    """Call what draws or shows a training; where that fails, say so, and go on: no picture is worth the weights.

    Args:
        inner: the callback, called at the beginning and end of the training, and at the ends of epochs.
    """

    def __init__(self, inner: keras.callbacks.Callback) -> None:
        super().__init__()
        self.inner = inner

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.inner.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self.inner.set_params(params)

    def on_train_begin(self, logs: Any = None) -> None:
        self._call(self.inner.on_train_begin, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._call(self.inner.on_epoch_end, epoch, logs)

    def on_train_end(self, logs: Any = None) -> None:
        self._call(self.inner.on_train_end, logs)

    def _call(self, hook: Callable[..., None], *arguments: Any) -> None:
        try:
            hook(*arguments)
        except Exception as error:
            if not isinstance(error, (InputError, OSError, tf.errors.OpError)):  # a bug
                traceback.print_exc()
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            name = type(self.inner).__name__
            print(f"warning: {name} failed ({reason}); the training goes on without it.", file=sys.stderr, flush=True)


def _plain(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 1.0 else f"{value:.2g}"
