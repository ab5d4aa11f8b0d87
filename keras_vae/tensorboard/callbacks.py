"""What TensorBoard shows of a training while it goes on: curves and histograms, pictures, latents for the projector."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins.histogram.metadata import create_summary_metadata

from keras_vae.files import write_atomically
from keras_vae.model import averaged_weights, posterior_means
from keras_vae.plotting import draw_pictures, png
from keras_vae.tensorboard.projector import complete_projectors, is_projector, write_projector

__all__ = ["Curves", "EmbeddingProjector", "SampleGrid"]

BUCKETS = 30  # of a histogram, as TensorBoard has by default


class Curves(keras.callbacks.TensorBoard):
    """Keras's own, whose histograms of weights NumPy counts.

    TensorBoard's make thirty numbers of float64 of each weight, which took a second for four million. Of each Python
    number that Keras hands on, of every batch also where none are written, TensorFlow would keep a constant.
    """

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        super().on_train_batch_end(batch, None if self.update_freq == "epoch" else _as_arrays(logs))

    def on_test_end(self, logs: Any = None) -> None:
        super().on_test_end(_as_arrays(logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_end(epoch, _as_arrays(logs))

    def _log_weights(self, epoch: int) -> None:
        metadata = create_summary_metadata(display_name=None, description=None)
        with self._train_writer.as_default(step=epoch):
            for weight in (weight for layer in self.model.layers for weight in layer.weights):
                tf.summary.write(f"{weight.path}/histogram", _histogram(np.asarray(weight)), metadata=metadata)
            self._train_writer.flush()


class SampleGrid(keras.callbacks.Callback):
    """Write pictures of what the model has learnt, to TensorBoard's Images and as PNG files.

    Samples from the prior (the same latents every time; of each class where it was fitted so), originals beside
    reconstructions, a traversal of the most active latents, straight lines between images of different classes, and for
    two latents their whole plane.

    Args:
        log_dir: a TensorBoard run.
        folder: for the latest picture of each kind, `<kind>.png`, and those on the way, `progress/<kind>-<epoch>.png`.
        images: `(n, h, w, c)` uint8, of all classes, not trained on.
        labels: `(n,)`.
        class_names: one for each label.
        every: epochs between pictures; 0 draws only at the end of the training.
        seed: seed of the latents.
        finished: after how many epochs a training was cut off, whose pictures may be missing: they are drawn again.
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
        finished: int = 0,
    ) -> None:
        super().__init__()
        self.writer = tf.summary.create_file_writer(str(log_dir))
        self.folder = folder
        self.images = images
        self.labels = labels
        self.class_names = class_names
        self.every = every
        self.seed = seed
        self.finished = finished

    def on_train_begin(self, logs: Any = None) -> None:
        if self.finished:
            self.on_epoch_end(self.finished - 1)

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
        finished: after how many epochs a training was cut off, whose snapshot may be missing: it is written then.
    """

    def __init__(
        self,
        log_dir: Path,
        images: np.ndarray,
        labels: np.ndarray,
        class_names: Sequence[str],
        *,
        every: int = 0,
        finished: int = 0,
    ) -> None:
        super().__init__()
        self.log_dir = log_dir
        self.images = images
        self.label_names = [class_names[label] for label in labels]
        self.every = every
        self.finished = finished
        self._has_trained = False

    def on_train_begin(self, logs: Any = None) -> None:
        if self.finished:
            self._write_snapshot(self.finished)
        complete_projectors(self.log_dir)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._has_trained = True
        self._write_snapshot(epoch + 1)

    def _write_snapshot(self, epoch: int) -> None:
        if self.every and epoch % self.every == 0 and epoch < self.params["epochs"]:
            with averaged_weights(self.model):
                self._write(self._folder_of(epoch), epoch)

    def on_train_end(self, logs: Any = None) -> None:
        epochs = self.params["epochs"]
        final = self.log_dir / "projector"
        if not is_projector(final):
            self._write(final, epochs)
        elif self._has_trained:
            # TensorBoard reads a projector's folder only once: a training that is prolonged writes into another.
            self._write(self._folder_of(epochs), epochs)

    def _folder_of(self, epoch: int) -> Path:
        return self.log_dir / f"projector-epoch-{epoch:04d}"

    def _write(self, folder: Path, epoch: int) -> None:
        if is_projector(folder):
            return
        write_projector(
            folder,
            {"latent_mean": posterior_means(self.model, self.images)},
            self.label_names,
            self.images,
            description=f"Posterior means of {len(self.images):,} test images after {epoch} epochs.",
        )


def _as_arrays(logs: Mapping[str, float] | None) -> dict[str, np.ndarray]:
    return {name: np.asarray(value, np.float32) for name, value in (logs or {}).items()}


def _histogram(values: np.ndarray) -> np.ndarray:
    """The least and the largest value of each bucket, and how many lie between them, `(BUCKETS, 3)` float64."""
    counts, edges = np.histogram(values, BUCKETS)
    return np.stack([edges[:-1], edges[1:], counts], axis=1).astype(np.float64)
