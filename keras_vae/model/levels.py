"""Latents in one level or in two: what an image's posterior is, and the prior of a lower level given the upper one.

Of two levels, the upper latents z2 are drawn first and the lower latents z1 given them, by prior and posterior alike:
p(z2) p(z1|z2) and q(z2|x) q(z1|x, z2) (Tomczak & Welling 2018, section 3). From outside they are one latent, z1 and z2
side by side in this order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from keras_vae.model.distributions import Tensor, gaussian_kl, gaussian_log_density, gaussian_sample
from keras_vae.model.priors import Prior

__all__ = [
    "LARGEST_LOG_VAR",
    "SMALLEST_LOG_VAR",
    "Draw",
    "Posterior",
    "TwoLevelPrior",
    "gaussian_of",
]

# A posterior hardly needs to be wider than the prior, and its width is where a network fails on an unusual image: with
# a looser bound, a single one of 10,000 test images cost as much as 200,000 nats.
SMALLEST_LOG_VAR, LARGEST_LOG_VAR = -9.0, 1.0


class Draw(NamedTuple):
    """One draw from the posterior of each image, and the Gaussians that its numbers were drawn from.

    Those of a lower level are the ones given the upper level's draw, so that the log density of the draw is that of a
    diagonal Gaussian, whatever the number of levels.

    Attributes:
        latents: `(n, d)`.
        mean: `(n, d)`.
        log_var: `(n, d)`.
    """

    latents: Tensor
    mean: Tensor
    log_var: Tensor


@dataclasses.dataclass(frozen=True)
class Posterior:
    """The posteriors of some images.

    Attributes:
        upper: mean and log_var of the upper level, `(n, d2)` each; where there is one level, of that.
        lower: from latents of the upper level `(n, d2)` to mean and log_var of the lower one, `(n, d1)` each; None
            where there is one level.
    """

    upper: tuple[Tensor, Tensor]
    lower: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None

    def draw(self, noise: Tensor | None = None) -> Draw:
        """Draw from the upper level, and from the lower one given that.

        Args:
            noise: `(n, d)`, drawn from N(0, I); None takes the mean of each level, the lower one's given the upper's.
        """
        size = self.upper[0].shape[-1]
        upper = _draw(self.upper, None if noise is None else noise[:, -size:])
        if self.lower is None:
            return upper
        lower = _draw(self.lower(upper.latents), None if noise is None else noise[:, :-size])
        return Draw(*(tf.concat(pair, axis=-1) for pair in zip(lower, upper, strict=True)))


class TwoLevelPrior(Prior):
    """p(z2) p(z1|z2): a prior of the upper latents, and a Gaussian of the lower ones whose parameters a network gives.

    Args:
        lower_dim: d1.
        upper: p(z2), the prior of the upper latents.
        network: from upper latents `(n, d2)` to the parameters of p(z1|z2), `(n, 2 d1)`.
    """

    reference = "N(0, 1), of the lower level to p(z1|z2)"

    def __init__(self, lower_dim: int, upper: Prior, network: keras.Model) -> None:
        super().__init__(lower_dim + upper.latent_dim)
        self.lower_dim = lower_dim
        self.upper = upper
        self.network = network

    @property
    def class_labels(self) -> tuple[int, ...]:
        return self.upper.class_labels

    def log_density(self, latents: Tensor) -> Tensor:
        return self._log_density(latents, self.upper.log_density)

    def log_density_of_many(self) -> Callable[[Tensor], Tensor]:
        of_upper = self.upper.log_density_of_many()
        return lambda latents: self._log_density(latents, of_upper)

    def sample(self, count: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.split(seed, 2)
        return self._with_lower(self.upper.sample(count, seeds[0]), self._noise(count, seeds[1]))

    def sample_of_class(self, label: Tensor, count: Tensor, seed: Tensor) -> Tensor:
        seeds = tf.random.split(seed, 2)
        return self._with_lower(self.upper.sample_of_class(label, count, seeds[0]), self._noise(count, seeds[1]))

    def from_noise(self, noise: Tensor) -> Tensor:
        return self._from_noise(noise, self.upper.from_noise)

    def frozen(self) -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]:
        log_density, from_noise = self.upper.frozen()
        return (
            lambda latents: self._log_density(latents, log_density),
            lambda noise: self._from_noise(noise, from_noise),
        )

    def kl(self, mean: Tensor, log_var: Tensor, latents: Tensor) -> Tensor:
        """That of the upper level to its prior, as that has it, and in closed form that of the lower one given z2."""
        of_upper = (self._levels(values)[1] for values in (mean, log_var, latents))
        return self.upper.kl(*of_upper) + tf.reduce_sum(self._lower_kl(mean, log_var, latents), axis=-1)

    def kl_by_latent(self, mean: Tensor, log_var: Tensor, latents: Tensor) -> Tensor:
        """KL of each upper latent to N(0, 1), and of each lower one to p(z1|z2)."""
        of_upper = (self._levels(values)[1] for values in (mean, log_var, latents))
        return tf.concat([self._lower_kl(mean, log_var, latents), self.upper.kl_by_latent(*of_upper)], axis=-1)

    def _log_density(self, latents: Tensor, of_upper: Callable[[Tensor], Tensor]) -> Tensor:
        lower, upper = self._levels(tf.cast(latents, tf.float32))
        return of_upper(upper) + gaussian_log_density(lower, *self._given(upper))

    def _from_noise(self, noise: Tensor, upper_from_noise: Callable[[Tensor], Tensor]) -> Tensor:
        lower_noise, upper_noise = self._levels(noise)
        return self._with_lower(upper_from_noise(upper_noise), lower_noise)

    def _lower_kl(self, mean: Tensor, log_var: Tensor, latents: Tensor) -> Tensor:
        (mean, _), (log_var, _), (_, upper) = map(self._levels, (mean, log_var, latents))
        return gaussian_kl(mean, log_var, *self._given(upper))

    def _with_lower(self, upper: Tensor, noise: Tensor) -> Tensor:
        return tf.concat([gaussian_sample(*self._given(upper), noise), upper], axis=-1)

    def _noise(self, count: Tensor, seed: Tensor) -> Tensor:
        return tf.random.stateless_normal((count, self.lower_dim), seed)

    def _given(self, upper: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log_var of the lower latents, `(..., d1)` each, given the upper ones."""
        shape = tf.concat([tf.shape(upper)[:-1], [self.lower_dim]], axis=0)
        parameters = self.network(tf.reshape(upper, (-1, self.upper.latent_dim)))  # it takes no more axes
        mean, log_var = gaussian_of(parameters)
        return tf.reshape(mean, shape), tf.reshape(log_var, shape)

    def _levels(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        return latents[..., : self.lower_dim], latents[..., self.lower_dim :]


def gaussian_of(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """The Gaussian that a network gives.

    Args:
        parameters: `(..., 2 d)`, means beside unbounded log-variances.

    Returns:
        `mean` and `log_var`, each `(..., d)`; `log_var` lies between -9 and 1.
    """
    mean, log_var = tf.split(parameters, 2, axis=-1)
    middle, reach = (LARGEST_LOG_VAR + SMALLEST_LOG_VAR) / 2, (LARGEST_LOG_VAR - SMALLEST_LOG_VAR) / 2
    return mean, middle + reach * tf.tanh(log_var / reach)


def _draw(gaussian: tuple[Tensor, Tensor], noise: Tensor | None) -> Draw:
    mean, log_var = gaussian
    return Draw(mean if noise is None else gaussian_sample(mean, log_var, noise), mean, log_var)
