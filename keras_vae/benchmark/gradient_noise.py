"""Which batch still learns: the gradient-noise scale of McCandlish et al. 2018 (https://arxiv.org/abs/1812.06162)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.model import VAE
from keras_vae.runs import TrainConfig
from keras_vae.training import compiled_model, fit_model

__all__ = ["NoiseScale", "measure_noise_scales", "noise_scale", "noise_scale_table"]

SMALL, PARTS, GROUPS = 125, 16, 24  # images of a small batch; small ones in a large one; large ones


class NoiseScale(NamedTuple):
    """How noisy gradients are at one moment of a training.

    Attributes:
        epoch: finished epochs.
        squared_norm: of the gradient over all images, estimated.
        variance: trace of the covariance of one image's gradient, estimated.
    """

    epoch: int
    squared_norm: float
    variance: float

    @property
    def images(self) -> float:
        """The simple noise scale, section 2.2: the gradient of so many images is as much signal as noise."""
        return self.variance / self.squared_norm


def noise_scale(small: float, large: float, small_batch: int, large_batch: int) -> tuple[float, float]:
    """Tell signal from noise by the gradients of two batch sizes (McCandlish et al. 2018, appendix A.1).

    Args:
        small: mean squared norm of the gradients of small batches.
        large: that of large batches.
        small_batch: images.
        large_batch: images.

    Returns:
        Squared norm of the true gradient, and trace of the covariance of one image's gradient; both without bias.
    """
    squared_norm = (large_batch * large - small_batch * small) / (large_batch - small_batch)
    variance = (small - large) / (1 / small_batch - 1 / large_batch)
    return squared_norm, variance


def measure_noise_scales(config: TrainConfig, data: ImageData, epochs: Collection[int]) -> list[NoiseScale]:
    """Train as a configuration says, and measure after some of its epochs.

    The gradient is that of the loss with the variance of a Gaussian likelihood as it is then: with the best one for
    each batch, the loss of a batch would be no mean over its images.

    Args:
        config: what to train.
        data: the images.
        epochs: numbers of epochs after which it is measured.
    """
    model = compiled_model(config, data)
    measuring = _Measuring(config, data, epochs)
    fit_model(model, config.replace(sharpening_epochs=0), data, callbacks=[measuring])  # it is measured by then
    return measuring.found


def noise_scale_table(scales: list[NoiseScale]) -> Iterator[str]:
    """Rows in Markdown."""
    yield "| epochs | squared norm of the gradient | trace of its covariance, one image | noise scale, images |"
    yield "| ---: | ---: | ---: | ---: |"
    for each in scales:
        yield f"| {each.epoch} | {each.squared_norm:.3g} | {each.variance:.3g} | {each.images:,.0f} |"


class _Measuring(keras.callbacks.Callback):
    def __init__(self, config: TrainConfig, data: ImageData, epochs: Collection[int]) -> None:
        super().__init__()
        self.small = min(SMALL, data.counts["train"])
        self.batches = data.training_batches(self.small, seed=config.seed + 1)
        self.epochs = set(epochs)
        self.found: list[NoiseScale] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if epoch + 1 in self.epochs:
            norms = _squared_norms(self.model, iter(self.batches))
            self.found.append(NoiseScale(epoch + 1, *noise_scale(*norms, self.small, self.small * PARTS)))


def _squared_norms(model: VAE, batches: Iterator[Any]) -> tuple[float, float]:
    """Mean squared norms of the gradients of small batches and of large ones, which consist of them."""

    @tf.function(autograph=False)
    def gradient(images: Any, number: Any) -> Any:
        with tf.GradientTape() as tape:
            reconstruction, kl = model.elbo_terms(images, tf.stack([number, 0]))
            loss = tf.reduce_mean(reconstruction + model.beta * kl)
        gradients = tape.gradient(loss, model.trainable_variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return tf.concat([tf.reshape(each, [-1]) for each in gradients], axis=0)

    small, large = [], []
    for group in range(GROUPS):
        total: Any = 0.0
        for part in range(PARTS):
            found = gradient(next(batches), tf.constant(group * PARTS + part)).numpy()
            small.append(float(np.dot(found, found)))
            total = total + found / PARTS
        large.append(float(np.dot(total, total)))
    return float(np.mean(small)), float(np.mean(large))
