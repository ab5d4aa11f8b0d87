"""How likely a model finds images: the terms of the ELBO, active units, the aggregate posterior, a tighter bound."""

import itertools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from scipy.special import logsumexp

from keras_vae.model.arguments import as_float32, check_count, check_images
from keras_vae.model.devices import over_devices
from keras_vae.model.distributions import likelihood_nll
from keras_vae.model.vae import VAE

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

PAIRS_AT_ONCE = 10_000_000  # of a latent and a posterior: 80 MB
SAMPLES_AT_ONCE = 250  # an image: a second or so for a batch, after which Ctrl-C and a progress bar have their turn


class ElboTerms(NamedTuple):
    """What the ELBO of each image consists of.

    Attributes:
        reconstruction: `(n,)` nats per image, from one posterior sample an image.
        kl: `(n,)` nats per image, to the prior.
        kl_by_latent: `(n, d)` nats per image and latent, to N(0, 1): the prior's own may have no share for each latent.
            Of two levels, those of the lower one are to p(z1|z2).
        mean: `(n, d)`, of the posterior, as `encode` has it.
        log_var: `(n, d)`, likewise.
    """

    reconstruction: np.ndarray
    kl: np.ndarray
    kl_by_latent: np.ndarray
    mean: np.ndarray
    log_var: np.ndarray


class AggregatePosterior(NamedTuple):
    """Bounds on the KL of the aggregate posterior to the prior, in nats.

    Attributes:
        lower_bound: KL to N(0, I) of the Gaussian with the mean and covariance of the aggregate posterior; where the
            prior is another one, it bounds nothing.
        upper_bound: KL of the mixture of the n posteriors at hand, estimated from one sample of each.
        least_upper_bound: what that estimate cannot come out below, the mean KL estimated from the same samples minus
            log n: where the two are close, the mixture tells next to nothing.
        samples: `(n, d)`, one of each posterior.
    """

    lower_bound: float
    upper_bound: float
    least_upper_bound: float
    samples: np.ndarray


def elbo_terms(model: VAE, batches: Iterable[Any], *, seed: int = 0) -> ElboTerms:
    """Both halves of the negative ELBO for every image, and the posteriors that they come from.

    Args:
        model: a VAE.
        batches: batches of images `(n, h, w, c)` in [0, 1].
        seed: seed of the posterior samples.

    Raises:
        ValueError: no batches, or images of another shape, type or range.
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def terms(images: Any, batch_seed: Any) -> ElboTerms:
        images = as_float32(images)
        latents, mean, log_var = model.draw(images, batch_seed)
        logits = model.decode_logits(latents)
        reconstruction = likelihood_nll(model.likelihood, images, logits, model.spread)
        kl = model.prior.kl(mean, log_var, latents)
        kl_by_latent = model.prior.kl_by_latent(mean, log_var, latents)
        return ElboTerms(reconstruction, kl, kl_by_latent, *model.encode(images))

    rows = []
    for number, images in enumerate(batches):
        check_images(images, model.image_shape)
        rows.append(terms(images, tf.constant((seed, number), tf.int32)))
    if not rows:
        raise ValueError("There are no batches of images: give some.")
    return ElboTerms(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def active_units(mean: np.ndarray, threshold: float = ACTIVE_VARIANCE) -> np.ndarray:
    """Which latents the model uses: those whose posterior mean varies over images (Burda et al. 2016, section 5.2).

    Args:
        mean: `(n, d)` posterior means.
        threshold: least variance of the mean of an active latent.

    Returns:
        `(d,)` booleans.
    """
    return np.var(mean, axis=0) > threshold


def aggregate_posterior(
    mean: np.ndarray, log_var: np.ndarray, log_prior: Callable[[np.ndarray], Any], seed: int = 0
) -> AggregatePosterior:
    """Bound the KL between the posteriors of all images taken together and the prior.

    The mean KL of the posteriors is this KL and the information that a latent has of its image (Hoffman & Johnson
    2016). Where the prior is N(0, I), the Gaussian of the same moments has a smaller one. The KL is convex, so that the
    mixture over n images has a larger one than that over all images there could be, on average.

    Args:
        mean: `(n, d)`.
        log_var: `(n, d)`.
        log_prior: a function from latents `(m, d)` to their log density `(m,)`.
        seed: seed of the samples.
    """
    mean, log_var = mean.astype(np.float64), log_var.astype(np.float64)
    latents = mean + np.exp(0.5 * log_var) * np.random.default_rng(seed).standard_normal(mean.shape)
    log_prior_density = np.asarray(log_prior(latents.astype(np.float32)), np.float64)
    own = -0.5 * (math.log(2.0 * math.pi) + log_var + (latents - mean) ** 2 * np.exp(-log_var)).sum(axis=1)
    return AggregatePosterior(
        _gaussian_kl_of_moments(mean, log_var),
        upper_bound=float(np.mean(_log_mixture(latents, mean, log_var) - log_prior_density)),
        least_upper_bound=float(np.mean(own - log_prior_density)) - math.log(len(mean)),
        samples=latents,
    )


def importance_weighted_bounds(
    model: VAE,
    batches: Iterable[Any],
    samples: int,
    *,
    seed: int = 0,
    first_batch: int = 0,
    progress: Callable[[int], None] | None = None,
    devices: Sequence[str] | None = None,
) -> Iterator[np.ndarray]:
    """Importance-weighted bound on the log-likelihood of images (Burda et al. 2016, equation 8), batch by batch.

    Memory does not grow with the number of samples; several devices compute a batch each. The noise depends on the seed
    and the number of the batch alone, so that what was interrupted goes on with `first_batch` to the same result.

    Args:
        model: a VAE.
        batches: batches of images `(n, h, w, c)` in [0, 1].
        samples: K, at least 1: posterior samples an image.
        seed: seed of the noise.
        first_batch: number of the batch to begin with; those before it are left out.
        progress: is told, every second or so, how many samples of how many images were taken since: their product.
        devices: as `over_devices` takes them.

    Yields:
        `(n,)` nats per image for each batch; on average at most the log-likelihood, and growing with K.

    Raises:
        ValueError: no whole number of samples that is at least 1, or images of another shape, type or range.
    """
    check_count(samples, "samples", least=1)
    bound = tf.function(model.log_likelihood, autograph=False, reduce_retracing=True)
    parts = [min(SAMPLES_AT_ONCE, samples - start) for start in range(0, samples, SAMPLES_AT_ONCE)]
    telling = threading.Lock()

    def bound_batch(numbered: tuple[int, Any]) -> np.ndarray:
        number, images = numbered
        check_images(images, model.image_shape)
        bounds = []
        for part, count in enumerate(parts):
            batch_seed = tf.constant((seed, number * len(parts) + part), tf.int32)
            bounds.append(bound(images, tf.constant(count), batch_seed).numpy() + math.log(count))
            if progress is not None:
                with telling:
                    progress(count * len(images))
        return logsumexp(np.stack(bounds).astype(np.float64), axis=0) - math.log(samples)

    yield from over_devices(bound_batch, itertools.islice(enumerate(batches), first_batch, None), devices)


def _log_mixture(latents: np.ndarray, mean: np.ndarray, log_var: np.ndarray) -> np.ndarray:
    """Log density of latents under the equal mixture of diagonal Gaussians."""
    # log N(z; m, v) is linear in (z^2, z, 1): all pairs of latents and Gaussians are one matrix product a block.
    precision = np.exp(-log_var)
    weights = np.concatenate([-0.5 * precision, mean * precision], axis=1).T
    constant = -0.5 * np.sum(math.log(2.0 * math.pi) + log_var + mean**2 * precision, axis=1)
    blocks = np.array_split(latents, max(1, len(latents) * len(mean) // PAIRS_AT_ONCE))
    return np.concatenate(
        [logsumexp(np.concatenate([block**2, block], axis=1) @ weights + constant, axis=1) for block in blocks]
    ) - math.log(len(mean))


def _gaussian_kl_of_moments(mean: np.ndarray, log_var: np.ndarray) -> float:
    """KL to N(0, I) of the Gaussian with the moments of the equal mixture of diagonal Gaussians."""
    center = mean.mean(axis=0)
    covariance = np.atleast_2d(np.cov(mean, rowvar=False, bias=True)) + np.diag(np.exp(log_var).mean(axis=0))
    _, log_determinant = np.linalg.slogdet(covariance)
    return float(0.5 * (np.trace(covariance) + center @ center - len(center) - log_determinant))
