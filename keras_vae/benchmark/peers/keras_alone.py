"""A VAE in plain Keras: a model with a `train_step` of its own, compiled with defaults, `fit` on an array."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from keras_vae.benchmark.peers.clock import Clock
from keras_vae.benchmark.peers.task import Network, Ready, Settings


class Sampling(layers.Layer):
    """Draws a latent from mean and log variance."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any) -> Any:
        mean, log_var = inputs
        return mean + ops.exp(0.5 * log_var) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


class PlainVAE(keras.Model):
    """Encoder, sample and decoder, trained by Keras's `fit`."""

    def __init__(self, network: Network, encoder: keras.Model, decoder: keras.Model, seed: int) -> None:
        super().__init__()
        self.network = network
        self.encoder, self.sampling, self.decoder = encoder, Sampling(seed), decoder
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction")
        self.kl_tracker = keras.metrics.Mean(name="kl")

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [self.loss_tracker, self.reconstruction_tracker, self.kl_tracker]

    def train_step(self, images: Any) -> dict[str, Any]:
        with tf.GradientTape() as tape:
            mean, log_var = self.encoder(images)
            decoded = self.decoder(self.sampling((mean, log_var)))
            loss, reconstruction, kl = losses(self.network, images, decoded, mean, log_var)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.loss_tracker.update_state(loss)
        self.reconstruction_tracker.update_state(reconstruction)
        self.kl_tracker.update_state(kl)
        return {metric.name: metric.result() for metric in self.metrics}


def make(settings: Settings) -> Ready:
    """Compile the model, and let it make its first steps."""
    tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
    keras.utils.set_random_seed(settings.seed)
    images = settings.pixels.astype("float32") / 255
    model = PlainVAE(settings.network, *networks(settings.network, images.shape[1:]), settings.seed)
    return trained(model, images, settings, f"Keras {keras.__version__}, TensorFlow {tf.__version__}")


def trained(model: keras.Model, images: Any, settings: Settings, version: str) -> Ready:
    """Compile a model with defaults, and let it make its first steps of `fit`."""
    model.compile(optimizer=keras.optimizers.Adam())

    def train(steps: int) -> float:
        clock = Clock()
        model.fit(images, batch_size=settings.batch_size, steps_per_epoch=steps, callbacks=[clock], verbose=0)
        return clock.seconds

    train(3)
    return Ready(train, version, sum(int(ops.size(weight)) for weight in model.trainable_weights))


def losses(network: Network, images: Any, decoded: Any, mean: Any, log_var: Any) -> tuple[Any, Any, Any]:
    """Loss, reconstruction and KL of a batch, in nats per image; of `default` up to a constant."""
    kl = ops.mean(ops.sum(0.5 * (ops.square(mean) + ops.exp(log_var) - 1.0 - log_var), axis=1))
    if network == "example":
        reconstruction = ops.mean(ops.sum(keras.losses.binary_crossentropy(images, decoded), axis=(1, 2)))
        return reconstruction + kl, reconstruction, kl
    pixels = decoded.shape[1] * decoded.shape[2] * decoded.shape[3]
    reconstruction = 0.5 * pixels * ops.log(ops.mean(ops.square(images - decoded)))
    return reconstruction + 0.1 * kl, reconstruction, kl


def networks(network: Network, shape: tuple[int, int, int]) -> tuple[keras.Model, keras.Model]:
    """Encoder and decoder of images of this shape."""
    if network == "example":
        return example_encoder(shape), example_decoder(shape)
    return _dense_encoder(shape), _dense_decoder(shape)


def example_encoder(shape: tuple[int, int, int], latents: int = 2) -> keras.Model:
    """From images to mean and log variance, as in Keras's VAE example."""
    images = keras.Input(shape)
    hidden = layers.Conv2D(32, 3, activation="relu", strides=2, padding="same")(images)
    hidden = layers.Conv2D(64, 3, activation="relu", strides=2, padding="same")(hidden)
    hidden = layers.Dense(16, activation="relu")(layers.Flatten()(hidden))
    return keras.Model(images, [layers.Dense(latents)(hidden), layers.Dense(latents)(hidden)])


def example_decoder(shape: tuple[int, int, int], latent_dim: int = 2) -> keras.Model:
    """From latents to probabilities of the pixels, as in Keras's VAE example."""
    latents = keras.Input((latent_dim,))
    height, width = shape[0] // 4, shape[1] // 4
    hidden = layers.Dense(height * width * 64, activation="relu")(latents)
    hidden = layers.Reshape((height, width, 64))(hidden)
    hidden = layers.Conv2DTranspose(64, 3, activation="relu", strides=2, padding="same")(hidden)
    hidden = layers.Conv2DTranspose(32, 3, activation="relu", strides=2, padding="same")(hidden)
    return keras.Model(latents, layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(hidden))


def _dense_encoder(shape: tuple[int, int, int]) -> keras.Model:
    images = keras.Input(shape)
    hidden = layers.Dense(1024, activation="silu")(layers.Flatten()(images))
    hidden = layers.Dense(1024, activation="silu")(hidden)
    return keras.Model(images, [layers.Dense(40)(hidden), layers.Dense(40)(hidden)])


def _dense_decoder(shape: tuple[int, int, int]) -> keras.Model:
    latents = keras.Input((40,))
    hidden = layers.Dense(1024, activation="silu")(latents)
    hidden = layers.Dense(1024, activation="silu")(hidden)
    decoded = layers.Dense(shape[0] * shape[1] * shape[2], activation="sigmoid")(hidden)
    return keras.Model(latents, layers.Reshape(shape)(decoded))
