"""A VAE in `keras.ops` alone, which runs on every backend of Keras: its loss in `compute_loss`, `fit` with defaults."""

from __future__ import annotations

import importlib
import os
from typing import Any

from keras_vae.benchmark.peers.task import Ready, Settings


def make(settings: Settings) -> Ready:
    """Compile the model for the backend that the variant names, and let it make its first steps."""
    package = importlib.import_module(settings.variant)
    if settings.variant == "torch":
        package.set_num_threads(settings.threads)
    os.environ["KERAS_BACKEND"] = settings.variant  # which Keras reads once, as it is imported

    import keras

    from keras_vae.benchmark.peers.keras_alone import Sampling, losses, networks, trained

    class VAE(keras.Model):
        """Encoder, sample and decoder, whose training step is Keras's own."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = networks(settings.network, images.shape[1:])
            self.sampling = Sampling(settings.seed)

        def call(self, images: Any) -> Any:
            mean, log_var = self.encoder(images)
            return self.decoder(self.sampling((mean, log_var))), mean, log_var

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Any:
            return losses(settings.network, x, *y_pred)[0]

    keras.utils.set_random_seed(settings.seed)
    images = settings.pixels.astype("float32") / 255
    return trained(VAE(), images, settings, f"Keras {keras.__version__}, {settings.variant} {package.__version__}")
