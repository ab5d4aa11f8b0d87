"""A VAE in `keras.ops` alone, which runs on every backend of Keras: its loss in `compute_loss`, `fit` with defaults."""

from __future__ import annotations

import importlib
import os
from typing import Any

from keras_vae.benchmark.peers.task import Ready, Settings

PACKAGES = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}  # by backend


def make(settings: Settings) -> Ready:
    """Compile the model for the backend that the variant names, and let it make its first steps."""
    package = importlib.import_module(PACKAGES[settings.variant])
    if settings.variant == "torch":
        package.set_num_threads(settings.threads)
    os.environ["KERAS_BACKEND"] = settings.variant  # which Keras reads once, as it is imported

    import keras
    from keras import ops

    from keras_vae.benchmark.peers.clock import Clock
    from keras_vae.benchmark.peers.keras_alone import Sampling, networks

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
            decoded, mean, log_var = y_pred
            kl = ops.mean(ops.sum(0.5 * (ops.square(mean) + ops.exp(log_var) - 1.0 - log_var), axis=1))
            if settings.network == "example":
                return ops.mean(ops.sum(keras.losses.binary_crossentropy(x, decoded), axis=(1, 2))) + kl
            pixels = decoded.shape[1] * decoded.shape[2] * decoded.shape[3]
            return 0.5 * pixels * ops.log(ops.mean(ops.square(x - decoded))) + 0.1 * kl

    keras.utils.set_random_seed(settings.seed)
    images = settings.pixels.astype("float32") / 255
    model = VAE()
    model.compile(optimizer=keras.optimizers.Adam())

    def train(steps: int) -> float:
        clock = Clock()
        model.fit(images, batch_size=settings.batch_size, steps_per_epoch=steps, callbacks=[clock], verbose=0)
        return clock.seconds

    train(3)
    weights = sum(int(ops.size(weight)) for weight in model.trainable_weights)
    return Ready(train, f"Keras {keras.__version__}, {settings.variant} {package.__version__}", weights)
