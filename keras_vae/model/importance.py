"""The importance-weighted bound on the log-likelihood of images, in memory that does not grow with its samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from keras_vae.model.distributions import Tensor, gaussian_log_density, likelihood_nll

if TYPE_CHECKING:
    from keras_vae.model.generation import GenerativeModel

__all__ = ["importance_weighted_bound", "log_mean_exp"]


def importance_weighted_bound(
    model: GenerativeModel, images: Tensor, samples: Tensor, seed: Tensor, shared_noise: bool = False
) -> Tensor:
    """What `GenerativeModel.log_likelihood` gives (Burda et al. 2016, equation 8).

    Args:
        model: of images and latents.
        images: `(n, h, w, c)` in [0, 1].
        samples: K, posterior samples an image.
        seed: two integers.
        shared_noise: takes the same noise for all images.

    Returns:
        `(n,)` nats per image.
    """
    posterior, spread = model.posterior(images), model.spread
    log_prior = model.prior.log_density_of_many()
    samples = tf.cast(samples, tf.int32)
    # A number that is known beforehand is the shape that the loop's variables have, where it is 1 too.
    count = tf.shape(images)[0] if images.shape[0] is None else images.shape[0]
    shape = (1 if shared_noise else count, model.latent_dim)

    def add_sample(index: Tensor, largest: Tensor, total: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        noise = tf.random.stateless_normal(shape, tf.random.experimental.stateless_fold_in(seed, index))
        latents, mean, log_var = posterior.draw(noise)
        log_weight = (
            log_prior(latents)
            - gaussian_log_density(latents, mean, log_var)
            - likelihood_nll(model.likelihood, images, model.decode_logits(latents), spread)
        )
        # The sum is kept relative to its largest term: a sum of logarithms would round at every step.
        new_largest = tf.maximum(largest, log_weight)
        return index + 1, new_largest, total * tf.exp(largest - new_largest) + tf.exp(log_weight - new_largest)

    nothing = tf.zeros((count,))
    start = (0, nothing + tf.float32.min, nothing)
    _, largest, total = tf.while_loop(lambda index, *_: index < samples, add_sample, start)
    return largest + tf.math.log(total / tf.cast(samples, tf.float32))


def log_mean_exp(log_weights: Tensor) -> Tensor:
    """Of the importance weights of an image's samples, the logarithm of their mean.

    Args:
        log_weights: `(n, K)` nats.

    Returns:
        `(n,)` nats.
    """
    samples = tf.cast(tf.shape(log_weights)[-1], tf.float32)
    return tf.reduce_logsumexp(log_weights, axis=-1) - tf.math.log(samples)
