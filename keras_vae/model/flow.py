"""A normalising flow over latents."""

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.distributions import Tensor, gaussian_log_density
from keras_vae.model.layers import silu
from keras_vae.model.priors import Prior

__all__ = ["LARGEST_LOG_SCALE", "FlowPrior"]

LARGEST_LOG_SCALE = 2.0  # of one coupling: several together reach any scale, and none blows up at the start


class FlowPrior(Prior):
    """N(0, I) carried through affine couplings (Dinh et al. 2017, section 3): any density, exact and easy to sample.

    It begins as N(0, I), up to the order of the latents, since its last layers begin with zeros.

    Args:
        latent_dim: d, at least 2.
        couplings: how many; each moves half of the latents by what a network sees in the other half.
        units: width of the two hidden layers of each network.
        learned: whether training moves it; otherwise `fit_prior` does.
        seed: seed of the initial weights.

    Raises:
        ValueError: there is one latent, which has no halves.
    """

    def __init__(
        self, latent_dim: int, couplings: int = 8, units: int = 256, *, learned: bool = True, seed: int = 0
    ) -> None:
        if latent_dim < 2:
            raise ValueError("A flow needs at least 2 latents: it moves one half of them by the other.")
        super().__init__(latent_dim, trainable=learned)
        self.seed = seed
        rng = np.random.default_rng(seed)
        self._orders = [rng.permutation(latent_dim) for _ in range(couplings)]
        self.networks = [
            _coupling_network(latent_dim // 2, latent_dim - latent_dim // 2, units, 1000 * seed + 10 * number)
            for number in range(couplings)
        ]
        for network in self.networks:
            network.trainable = learned

    @property
    def orders(self) -> list[np.ndarray]:
        """The order that each coupling puts the latents in before it halves them, `(d,)` each."""
        return self._orders

    def log_density(self, latents: Tensor) -> Tensor:
        latents = tf.cast(latents, tf.float32)
        leading = tf.shape(latents)[:-1]
        latents = tf.reshape(latents, (-1, self.latent_dim))  # the networks take no more axes
        log_scales = tf.zeros(tf.shape(latents)[:-1])
        for order, network in zip(self._orders, self.networks, strict=True):
            seen, moved = self._halves(tf.gather(latents, order, axis=-1))
            log_scale, shift = _scale_and_shift(network(seen))
            latents = tf.concat([seen, (moved - shift) * tf.exp(-log_scale)], axis=-1)
            log_scales += tf.reduce_sum(log_scale, axis=-1)
        return tf.reshape(gaussian_log_density(latents, 0.0, 0.0) - log_scales, leading)

    def sample(self, count: Tensor, seed: Tensor) -> Tensor:
        return self._carried(tf.random.stateless_normal((count, self.latent_dim), seed))

    def from_noise(self, noise: Tensor) -> Tensor:
        return self._carried(noise[:, :-1])

    def _carried(self, latents: Tensor) -> Tensor:
        for order, network in zip(reversed(self._orders), reversed(self.networks), strict=True):
            seen, moved = self._halves(latents)
            log_scale, shift = _scale_and_shift(network(seen))
            latents = tf.concat([seen, moved * tf.exp(log_scale) + shift], axis=-1)
            latents = tf.gather(latents, np.argsort(order), axis=-1)
        return latents

    def _halves(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        return latents[..., : self.latent_dim // 2], latents[..., self.latent_dim // 2 :]


def _coupling_network(inputs: int, outputs: int, units: int, seed: int) -> keras.Model:
    start = [keras.initializers.GlorotUniform(seed=seed + number) for number in range(2)]
    return keras.Sequential(
        [
            keras.Input((inputs,), dtype="float32"),
            *(
                keras.layers.Dense(units, silu, kernel_initializer=each, dtype="float32", name=f"hidden_{number}")
                for number, each in enumerate(start)
            ),
            keras.layers.Dense(2 * outputs, kernel_initializer="zeros", dtype="float32", name="scale_and_shift"),
        ]
    )


def _scale_and_shift(parameters: Tensor) -> tuple[Tensor, Tensor]:
    log_scale, shift = tf.split(parameters, 2, axis=-1)
    return LARGEST_LOG_SCALE * tf.tanh(log_scale / LARGEST_LOG_SCALE), shift
