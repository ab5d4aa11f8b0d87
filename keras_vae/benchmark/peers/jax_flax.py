"""A VAE in JAX with Flax NNX and Optax: modules, a jitted training step, batches by NumPy."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from keras_vae.benchmark.peers.task import Ready, Settings


class ExampleVAE(nnx.Module):
    """Convolutions, two latents, Bernoulli pixels."""

    def __init__(self, height: int, width: int, rngs: nnx.Rngs) -> None:
        self.small = (height // 4, width // 4, 64)
        self.first = nnx.Conv(1, 32, (3, 3), strides=2, rngs=rngs)
        self.second = nnx.Conv(32, 64, (3, 3), strides=2, rngs=rngs)
        self.hidden = nnx.Linear(math.prod(self.small), 16, rngs=rngs)
        self.mean = nnx.Linear(16, 2, rngs=rngs)
        self.log_var = nnx.Linear(16, 2, rngs=rngs)
        self.widened = nnx.Linear(2, math.prod(self.small), rngs=rngs)
        self.third = nnx.ConvTranspose(64, 64, (3, 3), strides=2, rngs=rngs)
        self.fourth = nnx.ConvTranspose(64, 32, (3, 3), strides=2, rngs=rngs)
        self.pixels = nnx.ConvTranspose(32, 1, (3, 3), rngs=rngs)
        self.rngs = rngs

    def loss(self, images: jax.Array) -> jax.Array:
        """The loss of a batch, in nats per image."""
        hidden = nnx.relu(self.second(nnx.relu(self.first(images))))
        hidden = nnx.relu(self.hidden(hidden.reshape(len(images), -1)))
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        hidden = nnx.relu(self.widened(_drawn(mean, log_var, self.rngs))).reshape(-1, *self.small)
        logits = self.pixels(nnx.relu(self.fourth(nnx.relu(self.third(hidden)))))
        reconstruction = optax.sigmoid_binary_cross_entropy(logits, images).sum(axis=(1, 2, 3)).mean()
        return reconstruction + _kl(mean, log_var)


class DenseVAE(nnx.Module):
    """Dense layers, forty latents, Gaussian pixels with their best variance."""

    def __init__(self, height: int, width: int, rngs: nnx.Rngs) -> None:
        self.first = nnx.Linear(height * width, 1024, rngs=rngs)
        self.second = nnx.Linear(1024, 1024, rngs=rngs)
        self.mean = nnx.Linear(1024, 40, rngs=rngs)
        self.log_var = nnx.Linear(1024, 40, rngs=rngs)
        self.third = nnx.Linear(40, 1024, rngs=rngs)
        self.fourth = nnx.Linear(1024, 1024, rngs=rngs)
        self.pixels = nnx.Linear(1024, height * width, rngs=rngs)
        self.rngs = rngs

    def loss(self, images: jax.Array) -> jax.Array:
        """The loss of a batch, in nats per image."""
        flat = images.reshape(len(images), -1)
        hidden = nnx.silu(self.second(nnx.silu(self.first(flat))))
        mean, log_var = self.mean(hidden), self.log_var(hidden)
        hidden = nnx.silu(self.fourth(nnx.silu(self.third(_drawn(mean, log_var, self.rngs)))))
        squares = jnp.mean((nnx.sigmoid(self.pixels(hidden)) - flat) ** 2)
        return 0.5 * flat.shape[1] * jnp.log(squares) + 0.1 * _kl(mean, log_var)


@nnx.jit
def train_step(model: ExampleVAE | DenseVAE, optimizer: nnx.Optimizer, images: jax.Array) -> jax.Array:
    """One step of Adam; the loss before it."""
    loss, gradients = nnx.value_and_grad(lambda model: model.loss(images))(model)
    optimizer.update(model, gradients)
    return loss


def make(settings: Settings) -> Ready:
    """Set up model and optimizer, and make the first steps, which compile."""
    images = settings.pixels.astype(np.float32) / 255
    kind = ExampleVAE if settings.network == "example" else DenseVAE
    model = kind(images.shape[1], images.shape[2], nnx.Rngs(settings.seed))
    optimizer = nnx.Optimizer(model, optax.adam(1e-3), wrt=nnx.Param)
    batches = _endless(images, settings)

    def train(steps: int) -> float:
        start = time.perf_counter()
        for batch in itertools.islice(batches, steps):
            loss = train_step(model, optimizer, batch)
        loss.block_until_ready()
        return time.perf_counter() - start

    train(3)
    weights = sum(each.size for each in jax.tree.leaves(nnx.state(model, nnx.Param)))
    return Ready(train, f"JAX {jax.__version__}, Flax {flax.__version__}", weights)


def _endless(images: np.ndarray, settings: Settings) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(settings.seed)
    size = settings.batch_size
    while True:
        order = rng.permutation(len(images))
        for start in range(0, len(images) - size + 1, size):
            yield images[order[start : start + size]]


def _drawn(mean: jax.Array, log_var: jax.Array, rngs: nnx.Rngs) -> jax.Array:
    return mean + jnp.exp(0.5 * log_var) * jax.random.normal(rngs.noise(), mean.shape)


def _kl(mean: jax.Array, log_var: jax.Array) -> jax.Array:
    return 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var).sum(axis=1).mean()
