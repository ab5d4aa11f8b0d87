"""This project's `fit`, on the network of Keras's example as a model of one's own, and on that of the preset."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from keras_vae.benchmark.peers.clock import Clock
from keras_vae.benchmark.peers.task import Ready, Settings
from keras_vae.data import ImageData
from keras_vae.model import ElboModel, gaussian_kl, gaussian_sample, likelihood_nll
from keras_vae.runs import TrainConfig
from keras_vae.training import compiled_model
from keras_vae.version import __version__

STEPS_AT_ONCE = 10

# What the preset does besides: its peers have none of it.
ADAM_ALONE: dict[str, Any] = {"augmentation": 0.0, "weight_decay": 0.0, "weight_average": 0.0}


class ExampleVAE(ElboModel):
    """Convolutions, two latents, Bernoulli pixels."""

    def __init__(self, shape: tuple[int, int, int], seed: int, dtype: str) -> None:
        super().__init__(autocast=False, dtype=dtype)
        self.image_shape, self.latent_dim = shape, 2
        self.encoder, self.decoder = _encoder(shape, dtype), _decoder(shape, dtype)
        self.beta = self.add_weight(shape=(), initializer="ones", trainable=False, dtype="float32", name="beta")
        self.noise = keras.random.SeedGenerator(seed)
        self.track_nats()
        self.built = True

    def elbo_terms_of(
        self, images: Any, noise: Any, training: bool = False, disturbance: Any = None, samples: int = 1
    ) -> tuple[Any, Any]:
        mean, log_var = tf.split(self.encoder(images, training=training), 2, axis=-1)
        logits = self.decoder(gaussian_sample(mean, log_var, noise), training=training)
        kl = tf.reduce_sum(gaussian_kl(mean, log_var), axis=-1)
        return likelihood_nll("bernoulli", images, logits, tf.constant(1.0)), kl


def make(settings: Settings) -> Ready:
    """Compile the model, and let it make its first steps.

    Of the example, `bfloat16` is a variant. Of the default, `preset` is all that the preset does, and others what its
    peers do: Adam alone.
    """
    tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
    keras.utils.set_random_seed(settings.seed)
    pixels = settings.pixels
    data = ImageData.of_pixels(pixels, pixels[:1])
    config = TrainConfig.from_preset("default", batch_size=settings.batch_size, seed=settings.seed)
    if settings.network == "example":
        dtype = "mixed_bfloat16" if settings.variant == "bfloat16" else "float32"
        model = ExampleVAE(data.image_shape, settings.seed, dtype)
        model.compile(keras.optimizers.Adam(), jit_compile=False, steps_per_execution=STEPS_AT_ONCE)
        model.optimizer.build(model.trainable_variables)
        varied_epochs = 0.0
    else:
        if settings.variant != "preset":
            precision = "off" if settings.variant == "float32" else "auto"
            config = config.replace(**ADAM_ALONE, mixed_precision=precision, steps_per_execution=STEPS_AT_ONCE)
        model = compiled_model(config, data)
        varied_epochs = config.varied_epochs
    batches = data.training_batches(settings.batch_size, seed=settings.seed, varied_epochs=varied_epochs)
    at_once = model.steps_per_execution

    def train(steps: int) -> float:
        whole = max(1, round(steps / at_once)) * at_once
        clock = Clock()
        model.fit(batches, steps_per_epoch=whole, callbacks=[clock], shuffle=False, verbose=0)
        return clock.seconds * steps / whole

    train(at_once)
    weights = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    return Ready(train, f"keras_vae {__version__}, {model.dtype_policy.name}", weights)


def _encoder(shape: tuple[int, int, int], dtype: str) -> keras.Model:
    images = keras.Input(shape, dtype="float32")
    convolution = {"activation": "relu", "strides": 2, "padding": "same", "dtype": dtype}
    hidden = layers.Conv2D(64, 3, **convolution)(layers.Conv2D(32, 3, **convolution)(images))
    hidden = layers.Dense(16, activation="relu", dtype=dtype)(layers.Flatten(dtype=dtype)(hidden))
    return keras.Model(images, layers.Dense(4, dtype="float32")(hidden))


def _decoder(shape: tuple[int, int, int], dtype: str) -> keras.Model:
    latents = keras.Input((2,), dtype="float32")
    small = (shape[0] // 4, shape[1] // 4, 64)
    convolution = {"activation": "relu", "strides": 2, "padding": "same", "dtype": dtype}
    hidden = layers.Dense(int(np.prod(small)), activation="relu", dtype=dtype)(latents)
    hidden = layers.Reshape(small, dtype=dtype)(hidden)
    hidden = layers.Conv2DTranspose(64, 3, **convolution)(hidden)
    hidden = layers.Conv2DTranspose(32, 3, **convolution)(hidden)
    return keras.Model(latents, layers.Conv2DTranspose(1, 3, padding="same", dtype="float32")(hidden))
