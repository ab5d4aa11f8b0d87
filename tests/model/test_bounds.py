"""The terms of the likelihood are right where they are known in closed form."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import multivariate_normal

from keras_vae.model import (
    VAE,
    StandardNormal,
    active_units,
    aggregate_posterior,
    elbo_terms,
    importance_weighted_bounds,
)
from keras_vae.model.levels import Posterior

TWO_DEVICES = ("CPU:0", "CPU:1")
SHAPE, LATENTS, VARIANCE = (2, 3, 1), 2, 0.04**2
PIXELS = math.prod(SHAPE)
RNG = np.random.default_rng(0)
WEIGHTS = 0.05 * RNG.standard_normal((PIXELS, LATENTS)).astype(np.float32)
OFFSET = RNG.uniform(0.4, 0.6, PIXELS).astype(np.float32)
# Orthogonal columns make the true posterior diagonal.
WEIGHTS[:, 1] -= WEIGHTS[:, 0] * (WEIGHTS[:, 0] @ WEIGHTS[:, 1]) / (WEIGHTS[:, 0] @ WEIGHTS[:, 0])
PRECISION = np.eye(LATENTS) + WEIGHTS.astype(np.float64).T @ WEIGHTS / VARIANCE  # of the true posterior
COVARIANCE = WEIGHTS.astype(np.float64) @ WEIGHTS.T + VARIANCE * np.eye(PIXELS)  # of the images


class LinearGaussian(VAE):
    """A VAE whose images are `WEIGHTS z + OFFSET` with Gaussian noise: everything about it is known exactly.

    Its encoder is the true posterior, moved and widened by what the test asks for.
    """

    def __init__(self, shift: float = 0.0, widen: float = 0.0) -> None:
        super().__init__(SHAPE, LATENTS, widths=(4,), likelihood="gaussian")
        self.variance.assign(VARIANCE)
        self.shift, self.widen = shift, widen

    def posterior(self, images, training=False, disturbance=None, samples=1):
        deviation = tf.reshape(images, (-1, PIXELS)) - OFFSET
        mean = deviation @ (WEIGHTS @ np.linalg.inv(PRECISION)).astype(np.float32) / VARIANCE
        log_var = tf.zeros_like(mean) - np.log(np.diag(PRECISION)).astype(np.float32)
        deviation = tf.exp(0.5 * log_var)
        return Posterior((mean + self.shift * deviation, log_var + self.widen))

    def decode_logits(self, latents):
        values = latents @ WEIGHTS.T + OFFSET
        return tf.reshape(tf.math.log(values / (1.0 - values)), (-1, *SHAPE))


def images_like(count: int) -> np.ndarray:
    latents = RNG.standard_normal((count, LATENTS))
    noise = math.sqrt(VARIANCE) * RNG.standard_normal((count, PIXELS))
    return (latents @ WEIGHTS.T + OFFSET + noise).astype(np.float32).reshape(-1, *SHAPE)


def log_likelihood(images: np.ndarray) -> np.ndarray:
    return np.atleast_1d(multivariate_normal(OFFSET, COVARIANCE).logpdf(images.reshape(-1, PIXELS)))


def bounds_of(model: VAE, batches, samples: int, seed: int = 0, **options) -> np.ndarray:
    return np.concatenate(list(importance_weighted_bounds(model, batches, samples, seed=seed, **options)))


@pytest.mark.parametrize("samples", [1, 7, 600])  # more than a few hundred are added up in parts
def test_with_the_true_posterior_the_bound_is_the_log_likelihood_of_every_image(samples):
    images = images_like(20)
    assert bounds_of(LinearGaussian(), [images], samples) == pytest.approx(log_likelihood(images), abs=2e-3)


def test_with_another_posterior_the_bound_grows_with_the_samples_and_converges_to_the_log_likelihood():
    images, model = images_like(400), LinearGaussian(shift=0.7, widen=0.5)
    gaps = [np.mean(log_likelihood(images) - bounds_of(model, [images], samples)) for samples in (1, 5, 50, 5000)]
    assert gaps[0] > 2 * gaps[1] > 8 * gaps[2] > 16 * abs(gaps[3])
    assert gaps[-1] == pytest.approx(0.0, abs=2e-3)


def test_with_one_sample_the_bound_is_the_elbo():
    images, model = images_like(1), LinearGaussian(shift=0.7, widen=0.5)
    copies = np.repeat(images, 20_000, axis=0)
    bounds = bounds_of(model, [copies], 1)
    # log p(x) - KL(q || p(z|x)): two independent latents, each moved and widened.
    gap = LATENTS * 0.5 * (math.exp(0.5) + 0.7**2 - 1.0 - 0.5)
    error = bounds.std() / math.sqrt(len(bounds))
    assert abs(bounds.mean() - (log_likelihood(images)[0] - gap)) < 4 * error
    terms = elbo_terms(model, [copies], seed=1)
    elbo = -terms.reconstruction - terms.kl
    error = math.hypot(error, elbo.std() / math.sqrt(len(elbo)))
    assert abs(bounds.mean() - elbo.mean()) < 4 * error


def test_the_bound_repeats_with_its_seed_and_goes_on_where_it_was_interrupted():
    model, batches = LinearGaussian(shift=1.0), [images_like(30) for _ in range(3)]
    counts = []
    bounds = bounds_of(model, batches, 300, seed=5, progress=counts.append)
    assert np.array_equal(bounds, bounds_of(model, batches, 300, seed=5))
    assert np.array_equal(bounds[60:], bounds_of(model, batches, 300, seed=5, first_batch=2))
    assert not np.allclose(bounds, bounds_of(model, batches, 300, seed=6))
    assert sum(counts) == 3 * 30 * 300


def test_several_devices_give_the_bounds_of_one():
    model, batches = VAE((8, 8, 1), 3, widths=(8,)), [RNG.random((30, 8, 8, 1), np.float32) for _ in range(7)]
    counts = []
    shared = bounds_of(model, batches, 300, first_batch=1, devices=TWO_DEVICES, progress=counts.append)
    assert shared == pytest.approx(bounds_of(model, batches, 300, first_batch=1), abs=1e-4)
    assert sum(counts) == 6 * 30 * 300


def test_every_part_and_every_batch_has_noise_of_its_own():
    model, images = LinearGaussian(shift=1.0), images_like(30)
    assert not np.allclose(bounds_of(model, [images], 250), bounds_of(model, [images], 500))
    first, second = np.split(bounds_of(model, [images, images], 3), 2)
    assert not np.allclose(first, second)


def test_no_samples_are_refused():
    with pytest.raises(ValueError, match="samples must be at least 1"):
        bounds_of(LinearGaussian(), [images_like(1)], 0)


def test_the_terms_of_the_elbo_are_those_of_the_model():
    model, batches = VAE((8, 8, 1), 3, widths=(8,)), [np.random.default_rng(0).random((200, 8, 8, 1), np.float32)] * 2
    terms = elbo_terms(model, batches)
    mean, log_var = model.encode(batches[0])
    assert terms.mean[200:] == pytest.approx(mean.numpy(), abs=1e-5)
    assert terms.log_var[:200] == pytest.approx(log_var.numpy(), abs=1e-5)
    reconstruction, kl = (value.numpy() for value in model.elbo_terms(batches[0], (0, 0)))
    assert terms.kl[:200] == pytest.approx(kl, abs=1e-4)
    assert terms.reconstruction.mean() == pytest.approx(reconstruction.mean(), rel=0.02)
    assert np.array_equal(terms.reconstruction, elbo_terms(model, batches).reconstruction)
    assert not np.allclose(terms.reconstruction[:200], terms.reconstruction[200:])  # new noise for each batch


def test_what_is_no_batch_of_images_is_named():
    model, images = VAE((8, 8, 1), 3, widths=(8,)), np.zeros((2, 8, 8, 1), np.float32)
    labelled, pixels = [(images, np.zeros(2))], [images.astype(np.uint8)]
    for batches, message in ((labelled, "an array, not a tuple"), (pixels, "not uint8: divide them")):
        with pytest.raises(ValueError, match=message):
            elbo_terms(model, batches)
        with pytest.raises(ValueError, match=message):
            bounds_of(model, batches, 1)
    with pytest.raises(ValueError, match="There are no batches"):
        elbo_terms(model, [])


def test_units_are_active_whose_mean_varies_by_more_than_the_threshold():
    means = np.random.default_rng(0).standard_normal((1000, 4)) * np.sqrt([1.0, 0.02, 0.005, 0.0])
    assert active_units(means + 3.0).tolist() == [True, True, False, False]


def test_the_aggregate_of_the_prior_itself_is_at_no_distance():
    kl = aggregate_posterior(np.zeros((500, 3)), np.zeros((500, 3)), StandardNormal(3).log_density)
    assert kl[:2] == pytest.approx((0.0, 0.0), abs=1e-6)


def test_the_bounds_on_the_kl_of_the_aggregate_posterior_enclose_the_closed_form():
    rng = np.random.default_rng(0)
    # Means from N(1, 2) and variances of 0.5: the aggregate is N(1, 2.5) in each of two dimensions.
    means = 1.0 + math.sqrt(2.0) * rng.standard_normal((4000, 2))
    kl = aggregate_posterior(means, np.full((4000, 2), math.log(0.5)), StandardNormal(2).log_density, seed=1)
    expected = 2 * 0.5 * (2.5 + 1.0 - 1.0 - math.log(2.5))
    sampling_error = 4 * 1.5 / math.sqrt(4000)
    assert kl.lower_bound == pytest.approx(expected, abs=sampling_error)  # a Gaussian: its moments are all there is
    assert kl.upper_bound == pytest.approx(expected, abs=sampling_error)


def test_the_upper_bound_does_not_come_below_the_mean_kl_less_the_logarithm_of_the_number_of_images():
    means = np.random.default_rng(0).standard_normal((300, 9))
    kl = aggregate_posterior(means, np.full((300, 9), -6.0), StandardNormal(9).log_density, seed=1)
    mean_kl = 0.5 * (np.sum(means**2, axis=1).mean() + 9 * (math.exp(-6.0) - 1.0 + 6.0))
    assert kl.upper_bound == pytest.approx(mean_kl - math.log(300), abs=0.5)
    # Where no posterior reaches to another it is the same samples' own KL less that logarithm, and never below it.
    assert kl.least_upper_bound - 1e-9 <= kl.upper_bound == pytest.approx(kl.least_upper_bound, abs=1e-3)


def test_posteriors_far_apart_are_told_apart_up_to_their_number():
    means = np.arange(64.0)[:, None] * 100.0
    kl = aggregate_posterior(means, np.zeros((64, 1)), lambda latents: np.zeros(len(latents)))
    # Against a flat measure: minus the entropy of a mixture of 64 disjoint unit Gaussians.
    sampling_error = 4 * math.sqrt(0.5 / 64)
    expected = -math.log(64) - 0.5 * math.log(2 * math.pi * math.e)
    assert kl.upper_bound == pytest.approx(expected, abs=sampling_error)


def test_two_clusters_have_a_larger_kl_than_the_gaussian_of_their_moments():
    means = np.repeat([[-3.0], [3.0]], 500, axis=0)
    kl = aggregate_posterior(means, np.full((1000, 1), -4.0), StandardNormal(1).log_density)
    variance = 9.0 + math.exp(-4.0)
    assert kl.lower_bound == pytest.approx(0.5 * (variance - 1.0 - math.log(variance)))
    # Half the mass on each of two narrow Gaussians: log(1/2) and the KL of one of them.
    assert kl.upper_bound == pytest.approx(-math.log(2) + 0.5 * (9.0 + math.exp(-4.0) - 1.0 + 4.0), abs=0.3)
