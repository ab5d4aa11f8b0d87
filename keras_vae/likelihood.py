"""How likely a model finds images: the terms of the ELBO, active units, the aggregate posterior, a tighter bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

from keras_vae.distributions import gaussian_sample, likelihood_nll
from keras_vae.model import VAE

__all__ = [
    "ACTIVE_VARIANCE",
    "AggregatePosterior",
    "ElboTerms",
    "active_units",
    "aggregate_posterior",
    "elbo_terms",
    "importance_weighted_bounds",
]

ACTIVE_VARIANCE = 0.01  # the threshold of Burda et al. 2016, section 5.2

SAMPLES_AT_ONCE = 250  # an image: a second or so for a batch, after which Ctrl-C and a progress bar have their turn


class ElboTerms(NamedTuple):
    """What the ELBO of each image consists of.

    Attributes:
        reconstruction: `(n,)` nats per image, from one posterior sample an image.
        kl: `(n, d)` nats per image and latent.
        mean: `(n, d)`, of the posterior.
        log_var: `(n, d)`, of the posterior.
    """

    reconstruction: np.ndarray
    kl: np.ndarray
    mean: np.ndarray
    log_var: np.ndarray


class AggregatePosterior(NamedTuple):
    """KL of the aggregate posterior to the prior, in nats: the population's lies between the two expected values.

    Attributes:
        upper: with the mixture of all posteriors.
        lower: with each sample's own posterior left out of the mixture.
    """

    upper: float
    lower: float


def elbo_terms(model: VAE, batches: Iterable[Any], *, seed: int = 0) -> ElboTerms:
    """Both halves of the negative ELBO for every image, and the posteriors that they come from.

    Args:
        model: a VAE.
        batches: of images `(n, h, w, c)` in [0, 1].
        seed: of the posterior samples.
    """

    @tf.function(reduce_retracing=True)
    def terms(images: Any, batch_seed: Any) -> ElboTerms:
        mean, log_var = model.encode(images)
        latents = gaussian_sample(mean, log_var, tf.random.stateless_normal(tf.shape(mean), batch_seed))
        logits = model.decode_logits(latents)
        reconstruction = likelihood_nll(model.likelihood, images, logits, tf.convert_to_tensor(model.variance))
        return ElboTerms(reconstruction, model.prior.kl(mean, log_var), mean, log_var)

    rows = [terms(images, tf.constant((seed, number), tf.int32)) for number, images in enumerate(batches)]
    return ElboTerms(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def active_units(mean: np.ndarray, threshold: float = ACTIVE_VARIANCE) -> np.ndarray:
    """Which latents the model uses: those whose posterior mean varies over images (Burda et al. 2016, section 5.2).

    Args:
        mean: `(n, d)` posterior means.
        threshold: of the variance of a mean.

    Returns:
        `(d,)` booleans.
    """
    return np.var(mean, axis=0) > threshold


def aggregate_posterior(
    mean: np.ndarray, log_var: np.ndarray, log_prior: Callable[[np.ndarray], Any], seed: int = 0
) -> AggregatePosterior:
    """Estimate the KL between the mixture of the posteriors of all images and the prior (Hoffman & Johnson 2016).

    One sample is drawn from each posterior; its density under the mixture is exact. The KL is convex, so that the
    mixture over n images overestimates it on average; without the sample's own posterior it is underestimated.

    Args:
        mean: `(n, d)`.
        log_var: `(n, d)`.
        log_prior: from latents `(m, d)` to their log density `(m,)`.
        seed: of the samples.

    Returns:
        Both estimates, in nats.
    """
    mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
    count = len(mean)
    latents = mean + np.exp(0.5 * log_var) * np.random.default_rng(seed).standard_normal(mean.shape)
    # log N(z; m, v) is linear in (z^2, z, 1): all pairs of samples and posteriors are one matrix product a block.
    precision = np.exp(-log_var)
    constant = -0.5 * np.sum(math.log(2.0 * math.pi) + log_var + mean**2 * precision, axis=1)
    weights = np.concatenate([-0.5 * precision, mean * precision], axis=1).T
    whole, without_own = np.empty(count), np.empty(count)
    for start in range(0, count, 1000):
        block = slice(start, start + 1000)
        log_densities = np.concatenate([latents[block] ** 2, latents[block]], axis=1) @ weights + constant
        whole[block] = logsumexp(log_densities, axis=1)
        rows = np.arange(len(log_densities))
        log_densities[rows, start + rows] = -np.inf
        without_own[block] = logsumexp(log_densities, axis=1)
    log_prior_density = np.asarray(log_prior(latents.astype(np.float32)), np.float64)
    return AggregatePosterior(
        upper=float(np.mean(whole - math.log(count) - log_prior_density)),
        lower=float(np.mean(without_own - math.log(count - 1) - log_prior_density)),
    )


def importance_weighted_bounds(
    model: VAE,
    batches: Iterable[Any],
    samples: int,
    *,
    seed: int = 0,
    first_batch: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Iterator[np.ndarray]:
    """Importance-weighted bound on the log-likelihood of images (Burda et al. 2016, equation 8), batch by batch.

    Memory does not grow with the number of samples. The noise depends on the seed and the number of the batch alone,
    so that what was interrupted goes on with `first_batch` to the same result.

    Args:
        model: a VAE.
        batches: of images `(n, h, w, c)` in [0, 1].
        samples: K, at least 1: posterior samples an image.
        seed: of the noise.
        first_batch: number of the batch to begin with; those before it are left out.
        progress: is told, every second or so, how many samples of how many images were taken since: their product.

    Yields:
        `(n,)` nats per image for each batch; on average at most the log-likelihood, and growing with K.

    Raises:
        ValueError: `samples` is below 1.
    """
    if samples < 1:
        raise ValueError(f"The bound needs at least 1 sample, not {samples}.")
    bound = tf.function(model.log_likelihood, reduce_retracing=True)
    parts = [min(SAMPLES_AT_ONCE, samples - start) for start in range(0, samples, SAMPLES_AT_ONCE)]
    for number, images in enumerate(batches):
        if number < first_batch:
            continue
        bounds = []
        for part, count in enumerate(parts):
            batch_seed = tf.constant((seed, number * len(parts) + part), tf.int32)
            bounds.append(bound(images, tf.constant(count), batch_seed).numpy() + math.log(count))
            if progress is not None:
                progress(count * len(images))
        yield logsumexp(np.stack(bounds).astype(np.float64), axis=0) - math.log(samples)
