"""The formulas agree with hand values, with SciPy, and with numeric integration."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import integrate, special, stats

from keras_vae.model import gaussian_sample
from keras_vae.model.distributions import (
    LIKELIHOODS,
    WITH_VARIANCE,
    bernoulli_nll,
    best_variance,
    continuous_bernoulli_mean,
    continuous_bernoulli_nll,
    deviations,
    discretized_logistic_mean,
    discretized_logistic_nll,
    gaussian_kl,
    gaussian_log_density,
    gaussian_nll,
    laplace_nll,
    likelihood_mean,
    likelihood_nll,
)

LOGITS = [-30.0, -3.0, -0.3, -0.01, 0.0, 1e-4, 0.15, 0.25, 2.0, 40.0]


def one_pixel(value: float) -> tf.Tensor:
    return tf.constant(value, tf.float32, shape=(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("mean", "log_var", "nats"),
    [(0.0, 0.0, 0.0), (1.0, 0.0, 0.5), (0.0, math.log(4.0), 0.5 * (3.0 - math.log(4.0)))],
)
def test_kl_has_the_hand_computed_value(mean, log_var, nats):
    assert gaussian_kl(tf.constant(mean), tf.constant(log_var)).numpy() == pytest.approx(nats, abs=1e-6)


@pytest.mark.parametrize("mean", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("log_var", [-6.0, -1.0, 0.5])
def test_kl_agrees_with_numeric_integration(mean, log_var):
    posterior, prior = stats.norm(mean, math.exp(0.5 * log_var)), stats.norm()
    width = 12.0 * math.exp(0.5 * log_var)
    expected, _ = integrate.quad(
        lambda z: posterior.pdf(z) * (posterior.logpdf(z) - prior.logpdf(z)), mean - width, mean + width
    )
    assert gaussian_kl(tf.constant(mean), tf.constant(log_var)).numpy() == pytest.approx(expected, rel=1e-4)


def test_kl_of_a_nearly_inactive_dimension_is_not_lost_in_rounding():
    assert gaussian_kl(tf.constant(0.0), tf.constant(1e-3)).numpy() == pytest.approx(2.5e-7, rel=1e-2)


def test_samples_have_the_mean_and_variance_asked_for():
    noise = tf.random.stateless_normal((200_000, 2), (1, 2))
    samples = gaussian_sample(tf.constant([1.0, -2.0]), tf.math.log(tf.constant([0.25, 4.0])), noise).numpy()
    assert samples.mean(axis=0) == pytest.approx([1.0, -2.0], abs=0.02)
    assert samples.var(axis=0) == pytest.approx([0.25, 4.0], rel=0.02)


def test_gaussian_log_density_agrees_with_scipy():
    values = np.array([[0.3, -1.2, 2.0]], np.float32)
    mean, log_var = np.float32([0.1, 0.0, 1.0]), np.float32([-1.0, 0.5, 2.0])
    expected = stats.norm(mean, np.exp(0.5 * log_var)).logpdf(values).sum(axis=-1)
    assert gaussian_log_density(values, mean, log_var).numpy() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("logit", [-60.0, -2.0, 0.0, 3.0, 60.0])
@pytest.mark.parametrize("pixel", [0.0, 0.3, 1.0])
def test_bernoulli_is_the_cross_entropy_even_for_extreme_logits(logit, pixel):
    expected = -pixel * special.log_expit(logit) - (1.0 - pixel) * special.log_expit(-logit)
    assert bernoulli_nll(one_pixel(pixel), one_pixel(logit)).numpy() == pytest.approx([expected], rel=1e-6, abs=1e-7)


def test_no_model_of_the_grey_test_images_can_come_below_their_entropy(fashion_mnist):
    images = fashion_mnist.images("test").astype(np.float64) / 255
    entropy = np.mean(
        [bernoulli_nll(part, special.logit(part.clip(1e-9, 1 - 1e-9))) for part in images.reshape(10, 1000, 28, 28, 1)]
    )
    assert entropy == pytest.approx(189.86, abs=0.005)


@pytest.mark.parametrize("center", [-0.4, 0.0, 0.37, 1.0, 1.3])
@pytest.mark.parametrize("scale", [1e-3, 0.02, 0.5])
def test_the_probabilities_of_the_256_grey_values_are_those_of_scipy_and_one_in_all(center, scale):
    values = np.arange(256) / 255
    images = tf.constant(values, tf.float32)[:, None, None, None]
    nats = discretized_logistic_nll(images, one_pixel(center), tf.constant(scale)).numpy().astype(np.float64)
    edges = np.concatenate([[-np.inf], values[:-1] + 0.5 / 255, [np.inf]])
    expected = np.diff(stats.logistic(center, scale).cdf(edges))
    assert np.exp(-nats) == pytest.approx(expected, rel=2e-3, abs=1e-7)
    assert np.exp(-nats).sum() == pytest.approx(1.0, abs=1e-4)
    assert (nats >= 0.0).all()
    mean = float(discretized_logistic_mean(tf.constant(center), tf.constant(scale)))
    assert mean == pytest.approx(expected @ values, abs=3e-4)  # a scale below the width of a grey value is seen


@pytest.mark.parametrize("logit", LOGITS)
def test_continuous_bernoulli_is_a_density(logit):
    pixels = np.linspace(0.0, 1.0, 20_001)
    images = tf.constant(pixels, tf.float32)[:, None, None, None]
    density = np.exp(-continuous_bernoulli_nll(images, one_pixel(logit)).numpy().astype(np.float64))
    assert integrate.simpson(density, x=pixels) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("logit", LOGITS)
def test_continuous_bernoulli_mean_agrees_with_numeric_integration(logit):
    pixels = np.linspace(0.0, 1.0, 20_001)
    images = tf.constant(pixels, tf.float32)[:, None, None, None]
    density = np.exp(-continuous_bernoulli_nll(images, one_pixel(logit)).numpy().astype(np.float64))
    expected = integrate.simpson(density * pixels, x=pixels)
    assert float(continuous_bernoulli_mean(tf.constant(logit))) == pytest.approx(expected, abs=1e-4)


def test_gaussian_likelihood_agrees_with_scipy():
    rng = np.random.default_rng(0)
    images, means = rng.random((2, 3, 4, 4, 1), np.float32)
    expected = -stats.norm(means, 0.2).logpdf(images).sum(axis=(1, 2, 3))
    assert gaussian_nll(images, means, tf.constant(0.04)).numpy() == pytest.approx(expected, rel=1e-4)


def test_laplace_likelihood_agrees_with_scipy():
    rng = np.random.default_rng(0)
    images, medians = rng.random((2, 3, 4, 4, 1), np.float32)
    expected = -stats.laplace(medians, 0.2).logpdf(images).sum(axis=(1, 2, 3))
    assert laplace_nll(images, medians, tf.constant(2 * 0.2**2)).numpy() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("likelihood", WITH_VARIANCE)
def test_the_best_variance_makes_images_most_likely(likelihood):
    images = tf.random.stateless_uniform((5, 4, 6, 3), (0, 1))
    logits = tf.random.stateless_normal((5, 4, 6, 3), (0, 2))
    best = best_variance(likelihood, tf.reduce_mean(deviations(likelihood, images - tf.sigmoid(logits))))
    nats = [float(tf.reduce_sum(likelihood_nll(likelihood, images, logits, part * best))) for part in (0.95, 1.0, 1.05)]
    assert nats[1] == min(nats)
    assert best_variance(likelihood, 0.0) > 0.0


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("logit", LOGITS)
def test_values_and_gradients_are_finite_and_means_lie_in_the_unit_interval(likelihood, logit):
    logits = one_pixel(logit)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        nats = likelihood_nll(likelihood, one_pixel(0.3), logits, tf.constant(0.1))
    gradient = tape.gradient(nats, logits).numpy()
    assert np.isfinite(nats.numpy()).all()
    assert np.isfinite(gradient).all()
    assert 0.0 <= float(likelihood_mean(likelihood, logits)[0, 0, 0, 0]) <= 1.0


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_nats_are_summed_over_pixels_and_channels_for_each_image(likelihood):
    images = tf.random.stateless_uniform((5, 4, 6, 3), (0, 1))
    logits = tf.random.stateless_normal((5, 4, 6, 3), (0, 2))
    nats = likelihood_nll(likelihood, images, logits, tf.constant(0.1))
    flat = likelihood_nll(
        likelihood, tf.reshape(images, (-1, 1, 1, 1)), tf.reshape(logits, (-1, 1, 1, 1)), tf.constant(0.1)
    )
    assert nats.shape == (5,)
    assert nats.numpy() == pytest.approx(flat.numpy().reshape(5, -1).sum(axis=1), rel=1e-5)
