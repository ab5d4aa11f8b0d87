"""Two levels of latents are one model: its terms are right where they are known, and others need not know of them."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from keras_vae.model import (
    VAE,
    elbo_terms,
    encode_refined,
    export_saved_model,
    fit_prior,
    importance_weighted_bounds,
    load_model,
    save_model,
)
from keras_vae.model.distributions import LIKELIHOODS, gaussian_sample, likelihood_nll
from keras_vae.model.levels import LARGEST_LOG_VAR, SMALLEST_LOG_VAR, Posterior
from keras_vae.model.networks import NETWORKS
from keras_vae.model.priors import PRIORS

SHAPE = (8, 8, 1)

# ---- a linear Gaussian model of one lower and one upper latent: z1 = 0.8 z2 + 0.6 e, pixels = z1, z2 by `WEIGHTS` ----

PIXELS_SHAPE, PIXELS, VARIANCE = (2, 3, 1), 6, 0.05**2
SLOPE, DEVIATION = 0.8, 0.6
RNG = np.random.default_rng(0)
WEIGHTS = 0.05 * RNG.standard_normal((PIXELS, 2))
OFFSET = RNG.uniform(0.4, 0.6, PIXELS)
PRIOR_COVARIANCE = np.array([[SLOPE**2 + DEVIATION**2, SLOPE], [SLOPE, 1.0]])
COVARIANCE = WEIGHTS @ PRIOR_COVARIANCE @ WEIGHTS.T + VARIANCE * np.eye(PIXELS)
POSTERIOR_COVARIANCE = np.linalg.inv(np.linalg.inv(PRIOR_COVARIANCE) + WEIGHTS.T @ WEIGHTS / VARIANCE)


class LinearGaussian(VAE):
    """Everything about it is known; its posterior is the true one, both levels' means moved by `shift` deviations."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__(PIXELS_SHAPE, 2, widths=(4,), likelihood="gaussian", levels=2)
        self.variance.assign(VARIANCE)
        self.shift = shift
        middle, reach = (LARGEST_LOG_VAR + SMALLEST_LOG_VAR) / 2, (LARGEST_LOG_VAR - SMALLEST_LOG_VAR) / 2
        log_var = reach * math.atanh((2.0 * math.log(DEVIATION) - middle) / reach)
        self.prior.network = lambda upper: tf.concat([SLOPE * upper, 0.0 * upper + log_var], axis=-1)

    def posterior(self, images, training=False, disturbance=None, samples=1):
        (_, covariance), (_, upper_variance) = POSTERIOR_COVARIANCE
        deviation = tf.reshape(images, (-1, PIXELS)) - OFFSET.astype(np.float32)
        mean = deviation @ (WEIGHTS @ POSTERIOR_COVARIANCE / VARIANCE).astype(np.float32)
        lower_variance = np.linalg.det(POSTERIOR_COVARIANCE) / upper_variance
        slope = covariance / upper_variance

        def moved(mean, variance):
            return mean + self.shift * math.sqrt(variance), tf.zeros_like(mean) + math.log(variance)

        return Posterior(
            moved(mean[:, 1:], upper_variance),
            lambda upper: moved(mean[:, :1] + slope * (upper - mean[:, 1:]), lower_variance),
        )

    def decode_logits(self, latents, training=False):
        values = latents @ WEIGHTS.T.astype(np.float32) + OFFSET.astype(np.float32)
        return tf.reshape(tf.math.log(values / (1.0 - values)), (-1, *PIXELS_SHAPE))


def linear_images(count: int) -> np.ndarray:
    pixels = RNG.multivariate_normal(OFFSET, COVARIANCE, count)
    return pixels.astype(np.float32).reshape(-1, *PIXELS_SHAPE)


def bounds_of(model: VAE, images: np.ndarray, samples: int) -> np.ndarray:
    return np.concatenate(list(importance_weighted_bounds(model, [images], samples)))


def log_likelihood(images: np.ndarray) -> np.ndarray:
    return multivariate_normal(OFFSET, COVARIANCE).logpdf(images.reshape(-1, PIXELS))


@pytest.mark.parametrize("samples", [1, 300])
def test_with_the_true_posterior_the_bound_is_the_log_likelihood_of_every_image(samples):
    images = linear_images(20)
    assert bounds_of(LinearGaussian(), images, samples) == pytest.approx(log_likelihood(images), abs=5e-3)


def test_with_another_posterior_the_bound_grows_with_the_samples_to_the_log_likelihood():
    images, model = linear_images(400), LinearGaussian(shift=0.7)
    gaps = [np.mean(log_likelihood(images) - bounds_of(model, images, samples)) for samples in (1, 5, 2000)]
    assert gaps[0] > 2 * gaps[1] > 8 * abs(gaps[2])
    assert gaps[2] == pytest.approx(0.0, abs=5e-3)


def test_the_kl_is_that_of_the_joint_gaussians():
    images = np.repeat(linear_images(1), 20_000, axis=0)
    terms = elbo_terms(LinearGaussian(), [images])
    mean = WEIGHTS.T @ (images[0].ravel() - OFFSET) / VARIANCE @ POSTERIOR_COVARIANCE
    precision = np.linalg.inv(PRIOR_COVARIANCE)
    determinants = np.linalg.det(PRIOR_COVARIANCE) / np.linalg.det(POSTERIOR_COVARIANCE)
    kl = 0.5 * (np.trace(precision @ POSTERIOR_COVARIANCE) + mean @ precision @ mean - 2.0 + math.log(determinants))
    assert abs(terms.kl.mean() - kl) < 4 * terms.kl.std() / math.sqrt(len(images))
    assert terms.kl_by_latent.sum(axis=1) == pytest.approx(terms.kl, abs=1e-4)  # the upper prior is N(0, 1)
    assert terms.mean[0] == pytest.approx(mean, abs=1e-3)


def test_the_prior_has_its_density_and_its_samples():
    prior = LinearGaussian().prior
    latents = RNG.standard_normal((5, 4, 2)).astype(np.float32)
    known = multivariate_normal(np.zeros(2), PRIOR_COVARIANCE)
    assert prior.log_density(latents).numpy() == pytest.approx(known.logpdf(latents), abs=1e-4)
    assert np.cov(prior.sample(50_000, (1, 2)), rowvar=False) == pytest.approx(PRIOR_COVARIANCE, abs=0.03)


# ---- any model ----


def small(**options) -> VAE:
    return VAE(
        **{"image_shape": SHAPE, "latent_dim": 7, "widths": (16,), "prior_components": 4, "levels": 2, **options}
    )


def images_like(count: int, shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).random((count, *shape), np.float32)


def trained(model: VAE, epochs: int = 5) -> VAE:
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(np.round(images_like(64, model.image_shape)), batch_size=32, epochs=epochs, shuffle=False, verbose=0)
    return model


def test_the_bound_lies_between_the_elbo_and_what_draws_from_the_prior_come_to():
    images = np.round(images_like(8, (2, 2, 1)))
    model = trained(VAE((2, 2, 1), 2, widths=(16,), levels=2), epochs=60)
    terms = elbo_terms(model, [np.repeat(images, 500, axis=0)])
    logits = model.decode_logits(model.prior.sample(50_000, (3, 4)))
    prior = [
        logsumexp(-likelihood_nll("bernoulli", tf.broadcast_to(image, logits.shape), logits)) - math.log(len(logits))
        for image in images
    ]
    few, many = bounds_of(model, np.repeat(images, 500, axis=0), 5), bounds_of(model, images, 2000)
    assert -np.mean(terms.reconstruction + terms.kl) < few.mean() < many.mean()
    assert many == pytest.approx(prior, abs=0.05)


def test_the_lower_latents_are_drawn_given_the_upper_ones():
    model, images = small(), images_like(6)
    lower_dim = 4  # the lower level has the odd one
    latents, mean, log_var = model.draw(images, (1, 2))
    noise = tf.random.stateless_normal((6, 7), (1, 2))
    assert latents.numpy() == pytest.approx(gaussian_sample(mean, log_var, noise).numpy(), abs=1e-6)
    given = model.posterior(images).lower(latents[:, lower_dim:])
    assert mean[:, :lower_dim].numpy() == pytest.approx(given[0].numpy(), abs=1e-6)
    assert not np.allclose(mean[:, :lower_dim], model.encode(images)[0][:, :lower_dim], atol=1e-4)
    assert np.array_equal(mean[:, lower_dim:], model.encode(images)[0][:, lower_dim:])


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_gradient_reaches_every_weight_that_is_learned(prior, likelihood, network):
    model = small(prior=prior, likelihood=likelihood, network=network, prior_training="joint")
    with tf.GradientTape() as tape:
        reconstruction, kl = model.elbo_terms(images_like(4), (0, 0), training=True)
        loss = tf.reduce_mean(reconstruction + kl)
    assert np.isfinite(loss)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        # The last layers of a flow begin with zeros, which hide those before them.
        assert np.abs(gradient).max() > 0 or "hidden" in variable.path, variable.path


@pytest.mark.parametrize("prior", ["standard_normal", "vamp"])
def test_it_is_saved_whole_in_both_formats(prior, tmp_path):
    images = images_like(6)
    model = trained(small(prior=prior, prior_training="joint", dtype="mixed_bfloat16"))
    served = tf.saved_model.load(str(export_saved_model(model, tmp_path / "saved_model")))
    mean, log_var = model.encode(images)
    assert served.encode(images)["mean"].numpy() == pytest.approx(mean.numpy(), abs=1e-5)
    assert served.encode(images)["log_var"].numpy() == pytest.approx(log_var.numpy(), abs=1e-4)
    assert served.decode(mean)["images"].numpy() == pytest.approx(model.decode(mean).numpy(), abs=1e-5)
    assert served.log_prior(mean)["nats"].numpy() == pytest.approx(model.prior.log_density(mean).numpy(), abs=1e-3)
    assert served.sample_seeded(3, [1, 2])["images"].numpy() == pytest.approx(model.sample(3, (1, 2)).numpy(), abs=1e-5)
    for copy in (load_model(save_model(model, tmp_path / "vae.keras")), load_model(tmp_path / "saved_model")):
        assert np.array_equal(copy(images), model(images))
        assert np.array_equal(copy.log_likelihood(images, 3, (1, 2)), model.log_likelihood(images, 3, (1, 2)))


@pytest.mark.parametrize("prior", ["mixture", "flow"])
def test_a_prior_that_is_fitted_afterwards_is_that_of_the_upper_level(prior):
    images, labels = (255 * images_like(200)).astype(np.uint8), np.arange(200) % 2
    model = trained(small(prior=prior))
    before = model.prior.log_density(model.encode(images[:5] / np.float32(255))[0])
    fit_prior(model, images, labels)
    after = model.prior.log_density(model.encode(images[:5] / np.float32(255))[0])
    assert not np.allclose(before, after, atol=0.1)
    if prior == "mixture":
        assert model.prior.classes == 2
        assert model.sample(3, (1, 2), label=1).shape == (3, *SHAPE)


def test_refined_means_lower_the_negative_elbo():
    model, images = trained(small()), images_like(20)

    def loss(mean, log_var):
        reconstruction = likelihood_nll(model.likelihood, images, model.decode_logits(mean), model.spread)
        return float(tf.reduce_mean(reconstruction + model.prior.kl(mean, log_var, mean)))

    losses = [loss(*encode_refined(model, images, steps)) for steps in (0, 10, 100)]
    assert losses[0] > losses[1] > losses[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 0}, "levels must be 1 or 2, not 0"),
        ({"levels": 3}, "levels must be 1 or 2, not 3"),
        ({"latent_dim": 1}, "latent_dim must be at least 2 for two levels"),
        ({"latent_dim": 3, "prior": "flow"}, "A flow needs at least 2 latents"),
    ],
)
def test_levels_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)
