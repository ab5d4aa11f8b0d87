"""What happens beside the training steps: KL warm-up, logs, averaged weights, checkpoints."""

import contextlib
import json
import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_vae.errors import InputError
from keras_vae.files import write_atomically
from keras_vae.model import averaged_weights, fit_prior, fit_variance, round_to_half

__all__ = [
    "AverageForEvaluation",
    "Checkpoint",
    "EpochLog",
    "FitToTrainedModel",
    "KLWarmup",
    "StopAtNonFiniteLoss",
    "latest_checkpoint",
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


class StopAtNonFiniteLoss(keras.callbacks.Callback):
    """Raise `InputError` as soon as a loss is NaN or infinite, before a checkpoint keeps what came of it."""

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
                raise InputError(
                    f"The loss became {logs[name]} at {place}: the last good weights are kept. "
                    "Try a smaller --learning-rate, or --gradient-clip 100."
                )


class AverageForEvaluation(keras.callbacks.Callback):
    """Validate with the moving average of the weights: what the training will end with."""

    def __init__(self) -> None:
        super().__init__()
        self._swap = contextlib.ExitStack()

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap.enter_context(averaged_weights(self.model))

    def on_test_end(self, logs: Any = None) -> None:
        self._swap.close()


class FitToTrainedModel(keras.callbacks.Callback):
    """At the end of a training, round the weights that are kept, and fit to them what depends on them.

    Rounded to half precision, they take half the room in a SavedModel, and give the same figures there. What is fitted
    is the variance of a Gaussian likelihood, and a prior that is fitted afterwards. It comes before all callbacks that
    draw what the model has learned.

    Args:
        held_out: `(n, h, w, c)` uint8, not trained on: the variance is that of their residuals.
        images: `(m, h, w, c)` uint8, trained on, to whose latents the prior is fitted; None fits none.
        labels: `(m,)`, of these.
        seed: seed of posterior samples and of the fit.
    """

    def __init__(self, held_out: np.ndarray, images: np.ndarray | None, labels: np.ndarray | None, seed: int) -> None:
        super().__init__()
        self.held_out = held_out
        self.images = images
        self.labels = labels
        self.seed = seed

    def on_train_end(self, logs: Any = None) -> None:
        round_to_half(self.model.weights)
        if self.model.likelihood == "gaussian":
            fit_variance(self.model, self.held_out, self.seed)
        if self.images is not None:
            fit_prior(self.model, self.images, self.labels, self.seed)
            round_to_half(self.model.prior.weights)


class Checkpoint(keras.callbacks.Callback):
    """Keep the whole state after each epoch: weights, optimizer, noise, and the history so far.

    Args:
        folder: for the latest checkpoint, `epoch-<n>.weights.h5`.
        history_file: JSON, one object of logs for each epoch.
    """

    def __init__(self, folder: Path, history_file: Path) -> None:
        super().__init__()
        self.folder = folder
        self.history_file = history_file
        self.history: list[dict[str, float]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        epoch, path = latest_checkpoint(self.folder)
        if path is None:
            self._save(0)
        elif self.history_file.is_file():
            self.history = json.loads(self.history_file.read_text())[:epoch]

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.history.append({"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}})
        write_atomically(self.history_file, json.dumps(self.history, indent=1) + "\n")
        self._save(epoch + 1)

    def _save(self, epoch: int) -> None:
        part = self.folder / ".part.weights.h5"
        self.model.save_weights(part, overwrite=True)
        path = self.folder / f"epoch-{epoch:05d}.weights.h5"
        part.replace(path)
        for other in self.folder.glob("epoch-*.weights.h5"):
            if other != path:
                other.unlink()


def latest_checkpoint(folder: Path) -> tuple[int, Path | None]:
    """The number of finished epochs and the file that holds the state after them; 0 and None without a checkpoint."""
    paths = {int(path.name.split(".")[0].removeprefix("epoch-")): path for path in folder.glob("epoch-*.weights.h5")}
    return max(paths.items()) if paths else (0, None)
