"""Every prior is a density that its own samples follow, and what the model does with latents asks the prior."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from scipy.special import logsumexp

from keras_vae.model import VAE, fit_prior, fit_variance, load_model, log_densities, save_model
from keras_vae.model.distributions import gaussian_kl
from keras_vae.model.flow import FlowPrior
from keras_vae.model.priors import PRIORS, GaussianMixture, StandardNormal, VampPrior
from keras_vae.plotting.model_grids import draw_samples_by_class

SHAPE = (8, 8, 1)


def small(**options) -> VAE:
    return VAE(**{"image_shape": SHAPE, "latent_dim": 2, "widths": (16,), "prior_components": 4, **options})


def images_like(count: int, seed: int = 0) -> np.ndarray:
    """Images of two kinds, bright above or bright below, `(n, 8, 8, 1)` uint8, and which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    images = 0.2 * rng.random((count, *SHAPE))
    images[labels == 0, :4] += 0.7
    images[labels == 1, 4:] += 0.7
    return (255 * images).astype(np.uint8), labels


def trained(**options) -> VAE:
    model = small(**options)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(images_like(256)[0] / np.float32(255), batch_size=32, epochs=10, shuffle=False, verbose=0)
    return model


def unlike_normal(name: str):
    """A prior of two latents that has moved away from N(0, I)."""
    model = small(prior=name, prior_training="joint")
    rng = np.random.default_rng(0)
    for variable in model.prior.trainable_variables:
        size = 0.02 if name == "flow" else 0.3  # whose many weights add up
        variable.assign(variable + size * rng.standard_normal(variable.shape))
    return model.prior


@pytest.mark.parametrize("name", PRIORS)
def test_the_density_of_a_prior_is_one_in_all(name):
    axis = np.linspace(-9, 9, 361, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    density = np.exp(unlike_normal(name).log_density(grid))
    assert density.sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=2e-3)


def sampled(prior, count: int) -> np.ndarray:
    return prior.sample(count, (1, 2)).numpy()


def made_of_noise(prior, count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    noise = np.concatenate([rng.standard_normal((count, 2)), rng.random((count, 1))], axis=1, dtype=np.float32)
    return prior.from_noise(tf.constant(noise)).numpy()


@pytest.mark.parametrize("draw", [sampled, made_of_noise])
@pytest.mark.parametrize("name", PRIORS)
def test_samples_have_the_moments_of_the_density(name, draw):
    prior = unlike_normal(name)
    samples = draw(prior, 40_000)
    axis = np.linspace(-9, 9, 361, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    weights = np.exp(prior.log_density(grid)).astype(np.float64)
    weights /= weights.sum()
    mean = weights @ grid
    assert samples.mean(axis=0) == pytest.approx(mean, abs=0.03)
    covariance = (weights[:, np.newaxis] * (grid - mean)).T @ (grid - mean)
    assert np.cov(samples.T) == pytest.approx(covariance, abs=0.06)


@pytest.mark.parametrize("name", PRIORS)
def test_samples_repeat_with_their_seed_and_differ_with_another(name):
    prior = unlike_normal(name)
    assert np.array_equal(prior.sample(5, (1, 2)), prior.sample(5, (1, 2)))
    assert not np.allclose(prior.sample(5, (1, 2)), prior.sample(5, (1, 3)))


@pytest.mark.parametrize("name", PRIORS)
def test_leading_axes_of_latents_are_kept(name):
    prior, latents = unlike_normal(name), np.random.default_rng(1).standard_normal((3, 4, 2)).astype(np.float32)
    flat = prior.log_density(latents.reshape(-1, 2)).numpy()
    assert prior.log_density(latents).numpy() == pytest.approx(flat.reshape(3, 4), abs=1e-4)


@pytest.mark.parametrize("labels", [None, np.arange(400) % 4], ids=["of no class", "by class"])
def test_a_mixture_of_a_lower_temperature_keeps_its_centers_and_is_narrower(labels):
    images = np.random.default_rng(0).integers(0, 256, (400, 8, 8, 1), np.uint8)
    model = small(prior="mixture")
    fitted = []
    for temperature in (1.0, 0.5):
        fit_prior(model, images, labels, temperature=temperature)
        prior = model.prior
        fitted.append([np.array(each) for each in (prior.log_weights, prior.means, prior.class_of, prior._factors())])
    (*same, factors), (*same_again, narrow_factors) = fitted
    assert all(np.array_equal(one, other) for one, other in zip(same, same_again, strict=True))
    assert narrow_factors == pytest.approx(2.0 * factors, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("name", "temperature"), [("mixture", 0.0), ("mixture", np.inf), ("flow", 0.9)])
def test_a_temperature_that_a_prior_cannot_have_is_refused(name, temperature):
    images = np.zeros((40, 8, 8, 1), np.uint8)
    with pytest.raises(ValueError, match=r"temperature (must be above 0 and finite|is of a mixture, not of a flow)"):
        fit_prior(small(prior=name), images, temperature=temperature)


@pytest.mark.parametrize("name", PRIORS)
def test_latents_of_any_floating_point_type_have_a_density(name):
    prior, latents = unlike_normal(name), np.random.default_rng(1).standard_normal((5, 2)).astype(np.float32)
    assert np.array_equal(prior.log_density(latents.astype(np.float64)), prior.log_density(latents))


@pytest.mark.parametrize("kind", [GaussianMixture, FlowPrior])
def test_a_prior_that_is_to_be_fitted_begins_as_the_standard_normal(kind):
    prior = kind(2, 5, learned=False)
    latents = np.random.default_rng(0).standard_normal((20, 2)).astype(np.float32)
    assert prior.log_density(latents).numpy() == pytest.approx(StandardNormal(2).log_density(latents).numpy(), abs=1e-5)
    assert not prior.trainable_variables


def test_the_kl_by_sampling_is_the_closed_form_on_average():
    mean, log_var = np.float32([[0.5, -1.0]]), np.float32([[-1.0, 0.3]])
    noise = np.random.default_rng(0).standard_normal((100_000, 2)).astype(np.float32)
    many = np.repeat(mean, len(noise), axis=0), np.repeat(log_var, len(noise), axis=0)
    latents = many[0] + np.exp(0.5 * many[1]) * noise
    sampled = GaussianMixture(2, 3, learned=False).kl(*many, latents).numpy()
    closed = StandardNormal(2).kl(mean, log_var, latents[:1]).numpy()
    assert closed == pytest.approx(gaussian_kl(mean, log_var).numpy().sum(axis=1))
    assert sampled.mean() == pytest.approx(closed[0], abs=4 * sampled.std() / np.sqrt(len(sampled)))


def test_a_mixture_has_the_density_that_scipy_has():
    rng = np.random.default_rng(0)
    means, factors = rng.standard_normal((3, 2)), np.tril(rng.standard_normal((3, 2, 2)))
    factors[:, [0, 1], [0, 1]] = np.exp(0.3 * rng.standard_normal((3, 2)))
    prior = GaussianMixture(2, 3, learned=False)
    prior.set_gaussians([1.0, 2.0, 5.0], means, factors)
    latents = rng.standard_normal((10, 2))
    gaussians = [
        stats.multivariate_normal(mean, np.linalg.inv(factor @ factor.T))
        for mean, factor in zip(means, factors, strict=True)
    ]
    expected = np.log(sum(w * each.pdf(latents) for w, each in zip((1 / 8, 2 / 8, 5 / 8), gaussians, strict=True)))
    assert prior.log_density(latents.astype(np.float32)).numpy() == pytest.approx(expected, abs=1e-4)


def test_a_vamp_prior_is_the_mixture_of_the_posteriors_of_its_images():
    model = small(prior="vamp")
    assert isinstance(model.prior, VampPrior)
    mean, log_var = (part.numpy() for part in model.encode(model.prior.images))
    latents = np.float32([[0.1, -0.2], [1.0, 0.5]])
    densities = [
        stats.multivariate_normal(m, np.diag(np.exp(v))).pdf(latents) for m, v in zip(mean, log_var, strict=True)
    ]
    assert model.prior.log_density(latents).numpy() == pytest.approx(np.log(np.mean(densities, axis=0)), abs=1e-4)


def test_a_vamp_prior_begins_with_the_images_that_it_is_given():
    model, images = small(prior="vamp"), images_like(4)[0] / np.float32(255)
    model.prior.start_at(images)
    assert model.prior.images.numpy() == pytest.approx(np.clip(images, 0.01, 0.99), abs=1e-5)


@pytest.mark.parametrize("name", ["mixture", "flow", "vamp"])
def test_a_learned_prior_gets_a_gradient_in_every_weight(name):
    model = small(prior=name, prior_training="joint")
    images = images_like(16)[0] / np.float32(255)
    if name == "flow":  # whose last layers begin with zeros, behind which nothing can be seen
        for variable in model.prior.trainable_variables:
            variable.assign(variable + 0.1)
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_mean(part) for part in model.elbo_terms(images, (0, 0), training=True)])
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None and np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("name", ["mixture", "flow"])
def test_a_prior_that_is_fitted_afterwards_leaves_the_training_as_it_is(name):
    plain, fitted = trained(), trained(prior=name)
    assert all(np.array_equal(a, b) for a, b in zip(plain.trainable_variables, fitted.trainable_variables, strict=True))


@pytest.mark.parametrize("name", ["mixture", "flow"])
def test_a_fitted_prior_finds_the_latents_of_held_out_images_likelier_than_the_standard_normal(name):
    model = trained(prior=name)
    images, labels = images_like(256)
    others = images_like(200, seed=1)[0] / np.float32(255)
    latents = model.encode(others)[0]
    before = float(tf.reduce_mean(model.prior.log_density(latents)))
    weights = [variable.numpy() for variable in model.trainable_variables]
    fit_prior(model, images, labels)
    assert float(tf.reduce_mean(model.prior.log_density(latents))) > before + 0.3
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.trainable_variables, strict=True))
    assert not model.prior.trainable_variables


def test_a_mixture_that_is_fitted_by_class_gives_samples_of_a_class():
    model = trained(prior="mixture")
    images, labels = images_like(256)
    with pytest.raises(ValueError, match="not fitted by class"):
        model.sample(3, label=0)
    fit_prior(model, images, labels)
    assert model.prior.classes == 2
    for label in (0, 1):
        brightness = model.sample(50, (0, label), label=label).numpy().mean(axis=(0, 2, 3))
        assert (brightness[:4].mean() > brightness[4:].mean()) == (label == 0)
    in_graph = tf.function(lambda label: model.sample(3, label=label), autograph=False)
    for label in (-1, 2):
        with pytest.raises(ValueError, match=f"label must be from 0 to 1, not {label}"):
            model.sample(3, label=label)
        with pytest.raises(tf.errors.InvalidArgumentError, match="label must be from 0 to 1, not"):
            in_graph(tf.constant(label))


def test_a_class_without_an_image_is_asked_for_in_vain_and_left_out_of_pictures():
    model = VAE((8, 8, 1), 2, widths=(8,), prior="mixture", prior_components=4)
    model.prior.set_gaussians(np.ones(4), np.zeros((4, 2)), np.tile(np.eye(2), (4, 1, 1)), [0, 0, 2, 2])
    assert (model.prior.classes, model.prior.class_labels) == (3, (0, 2))
    assert np.isfinite(model.sample(3, label=2)).all()
    with pytest.raises(ValueError, match="from 0 to 2, and of a class that the prior was fitted to images of, not 1"):
        model.sample(3, label=1)
    in_graph = tf.function(lambda label: model.sample(3, label=label), autograph=False)
    assert np.isfinite(in_graph(tf.constant(2))).all()
    with pytest.raises(tf.errors.InvalidArgumentError, match="fitted to images of, not"):
        in_graph(tf.constant(1))
    assert draw_samples_by_class(model, ["a", "b", "c"]).shape == draw_samples_by_class(model, ["a", "", "c"]).shape


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_components_are_drawn_as_often_as_their_weights_say_in_random_order(count):
    weights = np.array([0.1, 0.0, 0.25, 0.65, 0.0])
    prior = GaussianMixture(1, 5, learned=False)
    prior.set_gaussians(weights, 10.0 * np.arange(5)[:, np.newaxis], np.full((5, 1, 1), 100.0))
    draws = [np.rint(prior.sample(count, (0, seed)).numpy()[:, 0] / 10).astype(int) for seed in range(200)]
    for which in draws:
        assert np.all(np.abs(np.bincount(which, minlength=5) - count * weights) < 1.001)
    assert np.bincount(np.concatenate(draws)) / (200 * count) == pytest.approx(weights[:4], abs=0.08)
    # Whatever its place among the others, a draw follows the weights.
    assert np.mean([which[0] == 3 for which in draws]) == pytest.approx(0.65, abs=0.12)


def test_a_mixture_is_as_wide_as_its_posteriors_around_as_many_centers_as_there_are_images():
    model = small(prior="mixture", prior_components=2)
    fit_prior(model, images_like(2)[0], np.arange(2))
    posteriors = model.encode(images_like(2)[0] / np.float32(255))
    mean, log_var = (np.asarray(each, np.float64) for each in posteriors)
    pairs = stats.norm.logpdf(mean[:, np.newaxis], mean, np.exp(0.5 * log_var)).sum(axis=-1)
    assert model.prior.log_density(posteriors[0]).numpy() == pytest.approx(logsumexp(pairs - np.log(2), axis=1), 1e-4)


@pytest.mark.parametrize("count", [3, 6])
def test_a_mixture_is_fitted_to_fewer_images_than_it_has_gaussians(count):
    model = small(prior="mixture", prior_components=8)
    fit_prior(model, images_like(count)[0], np.arange(count) % 2)
    assert np.isfinite(model.prior.log_density(model.prior.sample(100, (0, 0)))).all()


@pytest.mark.parametrize("name", ["standard_normal", "vamp"])
def test_a_prior_that_has_nothing_to_fit_refuses_it(name):
    with pytest.raises(ValueError, match="is not fitted"):
        fit_prior(small(prior=name), images_like(8)[0])


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_is_saved_with_its_model(name, tmp_path):
    model = trained(prior=name)
    if name in ("mixture", "flow"):
        fit_prior(model, *images_like(256))
    copy = load_model(save_model(model, tmp_path / "vae.keras"))
    assert np.array_equal(copy.sample(5, (0, 1)), model.sample(5, (0, 1)))
    assert copy.prior.classes == model.prior.classes
    images = images_like(8)[0] / np.float32(255)
    assert np.array_equal(copy.log_likelihood(images, 5, (0, 1)), model.log_likelihood(images, 5, (0, 1)))


def test_a_flow_of_one_latent_is_refused():
    with pytest.raises(ValueError, match="at least 2 latents"):
        small(prior="flow", latent_dim=1)


def test_the_variance_of_a_gaussian_likelihood_is_fitted_to_the_residuals_of_samples():
    model, images = trained(likelihood="gaussian"), images_like(300, seed=2)[0]
    fit_variance(model, images)
    mean, log_var = model.encode(images / np.float32(255))
    noise = np.random.default_rng(3).standard_normal(mean.shape).astype(np.float32)
    residuals = images / 255 - model.decode(mean + np.exp(0.5 * log_var) * noise)
    assert float(model.variance.numpy()) == pytest.approx(np.mean(np.square(residuals)), rel=0.02)


def test_many_latents_are_as_dense_as_each_of_them():
    model = trained(prior="mixture")
    fit_prior(model, *images_like(256))
    latents = model.prior.sample(11, (0, 0)).numpy()
    expected = model.prior.log_density(latents).numpy()
    for given in (latents, tf.constant(latents)):
        assert log_densities(model.prior, given, batch_size=4) == pytest.approx(expected, abs=1e-4)
