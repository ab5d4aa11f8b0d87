"""What happens beside the training steps: warm-up, averaged weights, checkpoints, pictures, the projector."""

import contextlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.figures import png
from keras_vae.pictures import draw_pictures, posterior_means
from keras_vae.projector import write_projector
from keras_vae.runs import write_atomically

__all__ = [
    "AverageForEvaluation",
    "Checkpoint",
    "EmbeddingProjector",
    "EpochLog",
    "KLWarmup",
    "SampleGrid",
    "StopAtNonFiniteLoss",
    "averaged_weights",
    "latest_checkpoint",
]


class KLWarmup(keras.callbacks.Callback):
    """Let beta grow linearly from 0 over the first epochs (Bowman et al. 2016, Sonderby et al. 2016).

    It is set before every call of the training graph, which takes `steps_per_execution` steps.

    Args:
        beta: the value to end at.
        epochs: how long it takes; 0 sets beta at once.
        steps_per_epoch: training steps in an epoch.
    """

    def __init__(self, beta: float, epochs: float, steps_per_epoch: int) -> None:
        super().__init__()
        self.beta = beta
        self.steps = epochs * steps_per_epoch
        self.steps_per_epoch = steps_per_epoch
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        step = self._epoch * self.steps_per_epoch + batch
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


@contextlib.contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Within the block the model has the moving average of its weights, where its optimizer keeps one.

    Afterwards it has the very same weights as before; `keras.callbacks.SwapEMAWeights` exchanges them by additions,
    which rounds, so that a resumed training would part from an uninterrupted one.
    """
    averages = getattr(model.optimizer, "_model_variables_moving_average", [])
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


class AverageForEvaluation(keras.callbacks.Callback):
    """Validate with the moving average of the weights: what the training will end with."""

    def __init__(self) -> None:
        super().__init__()
        self._swap = contextlib.ExitStack()

    def on_test_begin(self, logs: Any = None) -> None:
        self._swap.enter_context(averaged_weights(self.model))

    def on_test_end(self, logs: Any = None) -> None:
        self._swap.close()


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


class SampleGrid(keras.callbacks.Callback):
    """Write pictures of what the model has learnt, to TensorBoard's Images and as PNG files.

    Samples from the prior (the same latents every time), originals beside reconstructions, a traversal of the most
    active latents, straight lines between images of different classes, and for two latents their whole plane.

    Args:
        log_dir: a TensorBoard run.
        folder: for the latest picture of each kind, `<kind>.png`, and those on the way, `progress/<kind>-<epoch>.png`.
        images: `(n, h, w, c)` uint8, of all classes, not trained on.
        labels: `(n,)`.
        class_names: one for each label.
        every: epochs between pictures; 0 draws only at the end of the training.
        seed: of the latents.
    """

    def __init__(
        self,
        log_dir: Path,
        folder: Path,
        images: np.ndarray,
        labels: np.ndarray,
        class_names: Sequence[str],
        *,
        every: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(log_dir))
        self.folder = folder
        self.images = images
        self.labels = labels
        self.class_names = class_names
        self.every = every
        self.seed = seed

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.every and (epoch + 1) % self.every == 0 and epoch + 1 < self.params["epochs"]:
            with averaged_weights(self.model):
                self._write(epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        self._write(self.params["epochs"])
        self.writer.close()

    def _write(self, epoch: int) -> None:
        with self.writer.as_default(step=epoch):
            for kind, picture in draw_pictures(
                self.model, self.images, self.labels, self.class_names, self.seed
            ).items():
                tf.summary.image(kind, picture[np.newaxis])
                content = png(picture)
                write_atomically(self.folder / f"{kind}.png", content)
                if self.every:
                    write_atomically(self.folder / "progress" / f"{kind}-{epoch:04d}.png", content)
        self.writer.flush()


class EmbeddingProjector(keras.callbacks.Callback):
    """Write the posterior means of images for TensorBoard's Embedding Projector, with labels and thumbnails.

    Args:
        log_dir: the run's folder; the projector's is `projector` in it, at the end of the training, and
            `projector-epoch-<n>` on the way.
        images: `(n, h, w, c)` uint8.
        labels: `(n,)`.
        class_names: one for each label.
        every: epochs between snapshots; 0 writes only at the end.
    """

    def __init__(
        self,
        log_dir: Path,
        images: np.ndarray,
        labels: np.ndarray,
        class_names: Sequence[str],
        *,
        every: int = 0,
    ) -> None:
        super().__init__()
        self.log_dir = log_dir
        self.images = images
        self.label_names = [class_names[label] for label in labels]
        self.every = every
        self._has_trained = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._has_trained = True
        if self.every and (epoch + 1) % self.every == 0 and epoch + 1 < self.params["epochs"]:
            with averaged_weights(self.model):
                self._write(self._folder_of(epoch + 1), epoch + 1)

    def on_train_end(self, logs: Any = None) -> None:
        epochs = self.params["epochs"]
        final = self.log_dir / "projector"
        if not final.exists():
            self._write(final, epochs)
        elif self._has_trained:
            # TensorBoard reads a projector's folder only once: a training that is prolonged writes into another.
            self._write(self._folder_of(epochs), epochs)

    def _folder_of(self, epoch: int) -> Path:
        return self.log_dir / f"projector-epoch-{epoch:04d}"

    def _write(self, folder: Path, epoch: int) -> None:
        if folder.exists():
            return
        write_projector(
            folder,
            {"latent_mean": posterior_means(self.model, self.images)},
            self.label_names,
            self.images,
            description=f"Posterior means of {len(self.images):,} test images after {epoch} epochs.",
        )
