"""The model learns, is reproducible, is saved whole, and computes what its docstrings promise."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.model import (
    VAE,
    elbo_terms,
    encode_refined,
    fit_prior,
    fit_variance,
    load_model,
    posterior_means,
    save_model,
)
from keras_vae.model.distributions import LIKELIHOODS, WITH_VARIANCE, bernoulli_nll, best_variance, deviations
from keras_vae.model.levels import LARGEST_LOG_VAR, SMALLEST_LOG_VAR, Posterior
from keras_vae.model.networks import NETWORKS
from keras_vae.model.vae import LARGEST_LOGIT

SHAPE = (8, 8, 1)


def small(**options) -> VAE:
    return VAE(**{"image_shape": SHAPE, "latent_dim": 3, "widths": (16,), **options})


def images_like(count: int, shape=SHAPE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, *shape), np.float32)


def compiled(model: VAE, rate: float = 1e-2, **options) -> VAE:
    model.compile(keras.optimizers.Adam(rate), **{"jit_compile": False, **options})
    return model


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_gradient_reaches_every_weight(network, likelihood):
    model = small(network=network, likelihood=likelihood)
    with tf.GradientTape() as tape:
        reconstruction, kl = model.elbo_terms(images_like(4), (0, 0), training=True)
        loss = tf.reduce_mean(reconstruction + kl)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


def test_the_default_model_has_exactly_the_expected_weights():
    first, second = VAE().widths
    encoder = (784 + 1) * first + (first + 1) * second + (second + 1) * 32
    decoder = (16 + 1) * second + (second + 1) * first + (first + 1) * 784
    assert sum(int(np.prod(variable.shape)) for variable in VAE().trainable_variables) == encoder + decoder


def test_loss_is_reconstruction_plus_beta_times_kl_and_elbo_is_minus_their_sum():
    model = compiled(small(beta=0.25))
    logs = model.evaluate(images_like(32), batch_size=8, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(logs["reconstruction"] + 0.25 * logs["kl"], rel=1e-5)
    assert logs["elbo"] == pytest.approx(-logs["reconstruction"] - logs["kl"], rel=1e-5)


def test_figures_are_means_over_images_not_over_batches():
    model = compiled(small())
    model.decoder.layers[-2].bias.assign(np.full(64, -1.0))  # which finds black likelier than white
    images = np.concatenate([np.zeros((8, *SHAPE), np.float32), np.ones((1, *SHAPE), np.float32)])
    logs = model.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    first = model.evaluate(images[:8], batch_size=8, verbose=0, return_dict=True)["reconstruction"]
    last = model.evaluate(images[8:], batch_size=8, verbose=0, return_dict=True)["reconstruction"]
    # The last image's noise is another where it comes first.
    assert logs["reconstruction"] == pytest.approx((8 * first + last) / 9, abs=0.2)
    assert abs(first - last) > 3.0


def test_log_var_is_bounded_however_extreme_the_images():
    model = small()
    mean, log_var = model.posterior(1e6 * images_like(4)).upper
    assert SMALLEST_LOG_VAR <= np.min(log_var) <= np.max(log_var) <= LARGEST_LOG_VAR
    assert np.isfinite(model.elbo_terms_of(1e4 * images_like(4), np.zeros((4, 3), np.float32))[1]).all()
    assert mean.shape == (4, 3)


def test_a_latent_far_from_all_others_costs_a_bounded_number_of_nats():
    model = small()
    nats = bernoulli_nll(images_like(1), model.decode_logits(1e4 * np.ones((1, 3), np.float32)))
    assert nats.numpy()[0] < 64 * (LARGEST_LOGIT + 1e-3)


@pytest.mark.parametrize("xla", [False, True])
def test_noise_differs_from_batch_to_batch_and_repeats_with_the_seed(xla):
    def draws(seed):
        model = compiled(small(seed=seed), rate=0.0, jit_compile=xla)
        images = np.zeros((2, *SHAPE), np.float32)
        return [model.train_on_batch(images, return_dict=True)["reconstruction"] for _ in range(3)]

    first, again, other = draws(1), draws(1), draws(2)
    assert not np.allclose(first[0], first[1])
    assert not np.allclose(first[1], first[2])
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


@pytest.mark.parametrize("xla", [False, True])
def test_the_same_seed_trains_to_the_same_weights(xla):
    def weights():
        model = compiled(small(seed=3), jit_compile=xla)
        model.fit(images_like(64), batch_size=16, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    assert all(np.array_equal(first, again) for first, again in zip(weights(), weights(), strict=True))


@pytest.mark.parametrize("network", NETWORKS)
def test_a_small_model_overfits_64_images(network):
    images = np.round(images_like(64))
    model = compiled(VAE(SHAPE, 16, network, (64,) if network == "dense" else (32,), beta=0.01), 5e-3)
    history = model.fit(images, batch_size=64, epochs=200, steps_per_epoch=1, verbose=0).history
    chance = 64 * np.log(2.0)
    assert history["reconstruction"][0] > 0.9 * chance
    assert history["reconstruction"][-1] < 0.25 * chance


@pytest.mark.parametrize("likelihood", WITH_VARIANCE)
def test_a_likelihood_with_a_variance_learns_the_one_that_suits_the_residuals(likelihood):
    rng = np.random.default_rng(0)
    images = np.clip(0.5 + 0.1 * rng.standard_normal((512, *SHAPE)), 0, 1).astype(np.float32)
    model = compiled(small(likelihood=likelihood, latent_dim=1, widths=(4,)))
    model.fit(images, batch_size=32, epochs=40, verbose=0)
    residuals = images - model(images).numpy()
    assert float(model.variance.numpy()) == pytest.approx(
        float(best_variance(likelihood, np.mean(deviations(likelihood, residuals)))), rel=0.1
    )


class Noiseless(VAE):
    """Draws the mean of the posterior, so that gradients do not depend on who draws which noise."""

    def posterior(self, images, training=False, disturbance=None, samples=1):
        mean, log_var = super().posterior(images).upper
        return Posterior((mean, 0.0 * log_var - 60.0))


def test_replicas_together_make_the_step_that_one_device_makes(two_devices):
    def weights(strategy):
        with strategy.scope():
            model = Noiseless(SHAPE, 3, widths=(16,))
            # Plain gradient descent shows a wrong scale of the gradients, which Adam hides.
            model.compile(keras.optimizers.SGD(1e-3), jit_compile=False)
        model.fit(tf.data.Dataset.from_tensor_slices(images_like(32)).batch(32), epochs=3, verbose=0)
        return model.get_weights()

    start = Noiseless(SHAPE, 3, widths=(16,)).get_weights()
    one, two = weights(tf.distribute.get_strategy()), weights(two_devices)
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(one, two, strict=True))
    assert not all(np.allclose(a, b, atol=1e-5) for a, b in zip(one, start, strict=True))


def test_replicas_draw_different_noise_and_new_noise_at_every_step(two_devices):
    strategy = two_devices
    with strategy.scope():
        model = small()

    @tf.function
    def step():
        return strategy.run(lambda images: model.elbo_terms(images, model._training_seed()), (tf.zeros((1, *SHAPE)),))

    draws = [float(nats[0]) for _ in range(2) for nats in strategy.experimental_local_results(step()[0])]
    assert len(set(draws)) == 4


def test_every_argument_survives_the_configuration():
    options = {
        "image_shape": (8, 12, 3),
        "latent_dim": 5,
        "network": "convolutional",
        "widths": (4, 6),
        "likelihood": "gaussian",
        "beta": 0.5,
        "seed": 9,
        "prior": "mixture",
        "prior_components": 7,
        "prior_training": "joint",
        "levels": 2,
        "input_noise": 0.1,
        "learns_variance": True,
        "dtype": "mixed_bfloat16",
    }
    config = VAE(**options).get_config()
    copy = VAE.from_config(config)
    assert copy.get_config() == config
    names = options.keys() - {"image_shape", "widths", "dtype"}
    assert {name: config[name] for name in names} == {name: options[name] for name in names}
    assert copy.dtype_policy.name == "mixed_bfloat16"


def test_a_reloaded_model_is_the_same_and_training_goes_on_as_if_never_saved(tmp_path):
    images = images_like(64)
    model = compiled(small(likelihood="gaussian"))
    model.fit(images, batch_size=16, epochs=2, shuffle=False, verbose=0)
    copy = load_model(save_model(model, tmp_path / "vae.keras"))
    assert isinstance(copy, VAE)
    assert np.array_equal(copy(images), model(images))
    assert copy.optimizer.iterations.numpy() == model.optimizer.iterations.numpy() == 8
    for trained in (model, copy):
        trained.fit(images, batch_size=16, epochs=1, shuffle=False, verbose=0)
    for name, first, second in zip(
        [variable.path for variable in model.variables], model.variables, copy.variables, strict=True
    ):
        assert np.array_equal(first.numpy(), second.numpy()), name


def test_interpolation_begins_and_ends_at_the_reconstructions():
    model, images = small(), images_like(2)
    path = model.interpolate(images[0], images[1], 5).numpy()
    assert path.shape == (5, *SHAPE)
    assert path[[0, -1]] == pytest.approx(model(images).numpy(), abs=1e-6)


def test_samples_repeat_with_a_seed_and_differ_without_one():
    model = small()
    assert np.array_equal(model.sample(4, (1, 2)), model.sample(4, (1, 2)))
    assert not np.allclose(model.sample(4), model.sample(4))


def test_samples_without_a_seed_are_those_of_the_global_seed():
    def draw(seed):
        keras.utils.set_random_seed(seed)
        return small().sample(4).numpy()

    assert np.array_equal(draw(1), draw(1))
    assert not np.allclose(draw(1), draw(2))


def test_an_evaluation_repeats_and_leaves_the_training_as_it_would_have_been():
    images = images_like(64)

    def weights(evaluations):
        model = compiled(small(seed=3))
        for _ in range(2):
            model.fit(images, batch_size=16, epochs=1, shuffle=False, verbose=0)
            logs = [model.evaluate(images, batch_size=16, verbose=0, return_dict=True) for _ in range(evaluations)]
            assert all(each == logs[0] for each in logs)
        return model.get_weights()

    assert all(np.array_equal(first, second) for first, second in zip(weights(0), weights(2), strict=True))


@pytest.mark.parametrize(("name", "network"), [("vae-0.2.0", "dense"), ("vae-0.3.0-strided", "strided")])
def test_a_model_of_an_earlier_version_is_what_it_was(name, network):
    saved = Path(__file__).parent / "saved"
    model, known = load_model(saved / f"{name}.keras"), np.load(saved / f"{name}.npz")
    assert model.network == network  # `convolutional` had another meaning then
    mean, log_var = model.encode(known["images"])
    assert mean.numpy() == pytest.approx(known["mean"], abs=1e-5)
    assert log_var.numpy() == pytest.approx(known["log_var"], abs=1e-5)
    assert model(known["images"]).numpy() == pytest.approx(known["reconstructed"], abs=1e-5)
    assert model.sample(3, (1, 2)).numpy() == pytest.approx(known["samples"], abs=1e-5)
    assert model.log_likelihood(known["images"], 10, (1, 2)).numpy() == pytest.approx(known["bound"], abs=1e-3)
    model.fit(known["images"], epochs=1, verbose=0)  # its optimizer goes on too


def test_the_importance_weighted_bound_grows_with_the_number_of_samples():
    model = compiled(small())
    images = np.round(images_like(256))
    model.fit(images, batch_size=32, epochs=5, verbose=0)
    bounds = [float(tf.reduce_mean(model.log_likelihood(images, count, (0, 1)))) for count in (1, 10, 300)]
    assert bounds[0] < bounds[1] < bounds[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent_dim": 0}, "latent_dim must be a whole number of at least 1"),
        ({"latent_dim": 2.7}, "latent_dim must be a whole number of at least 1"),
        ({"image_shape": 28}, "image_shape must be"),
        ({"widths": 16}, "widths must be whole numbers"),
        ({"network": "transformer"}, "network must be one of dense, convolutional"),
        ({"network": "convolutional", "widths": (4,) * 9}, "of 8 x 8 pixels there can be 3, not 9"),
        ({"likelihood": "poisson"}, "likelihood must be one of bernoulli"),
        ({"beta": -1.0}, "beta must be at least 0"),
        ({"prior": "uniform"}, "prior must be one of standard_normal, mixture"),
        ({"prior_components": 0}, "prior_components must be at least 1"),
        ({"prior_training": "before"}, "prior_training must be one of afterwards, joint"),
        ({"prior_components": 2.5}, "prior_components must be a whole number of at least 1"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"seed": 0.5}, "seed must be a whole number of at least 0"),
        ({"learns_variance": True}, "learns_variance is of gaussian and laplace pixels"),
        ({"widths": ()}, "widths must be whole numbers"),
        ({"widths": (0,)}, "widths must be whole numbers"),
        ({"image_shape": (8, 8)}, "image_shape must be"),
    ],
)
def test_a_wrong_argument_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_a_sample_weight_is_refused_not_ignored():
    model = VAE((8, 8, 1), latent_dim=2, widths=(4,))
    model.compile("adam")
    with pytest.raises(ValueError, match="leave sample_weight out"):
        model.train_on_batch(np.zeros((4, 8, 8, 1), np.float32), sample_weight=np.ones(4))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("network", NETWORKS)
def test_what_a_model_of_mixed_precision_gives_is_float32(network, likelihood):
    model = VAE(SHAPE, 3, network, (8,), likelihood, dtype="mixed_bfloat16")
    model.compile("adam", jit_compile=False)
    model.fit(images_like(20), batch_size=10, epochs=1, verbose=0)
    images = images_like(6)
    assert model(images).dtype == "float32"
    assert np.isfinite(model.log_likelihood(images, 5)).all()
    if network != "strided":  # whose products are rounded in training alone
        exact = VAE(SHAPE, 3, network, (8,), likelihood)
        exact.set_weights(model.get_weights())
        assert np.array_equal(model(images), exact(images))


@pytest.mark.parametrize("factor", [255.0, -1.0, np.nan])
def test_images_that_are_not_between_0_and_1_are_refused_where_their_values_are_at_hand(factor):
    model, images = VAE(SHAPE, 2, widths=(4,)), np.float32(factor) * images_like(2)
    in_graph = tf.function(lambda each: model.log_likelihood(each, 2), autograph=False)
    for use in (
        model,
        model.encode,
        lambda each: model.encode(tf.Variable(each)),
        lambda each: model.draw(each, (0, 0)),
        lambda each: model.elbo_terms(each, (0, 0)),
        lambda each: model.log_likelihood(each, 1),
        lambda each: model.log_likelihood(each.tolist(), 1),
        lambda each: model.interpolate(each[0], each[1], 3),
    ):
        with pytest.raises(ValueError, match=r"Images must be .* in \[0, 1\], .* divide 8-bit values by 255"):
            use(images)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"images must be in \[0, 1\] and finite"):
        in_graph(tf.constant(images))


@pytest.mark.parametrize("form", [np.float64, np.float16, lambda images: images.tolist()])
def test_images_of_any_floating_type_give_what_the_same_in_float32_give(form):
    model, images = small(likelihood="gaussian"), np.float32(np.float16(images_like(4)))
    for use in (
        lambda each: model.encode(each)[0],
        lambda each: model.draw(each, (0, 0)).latents,
        lambda each: model.elbo_terms(each, (0, 0))[0],
        lambda each: model.log_likelihood(each, 2, (0, 0)),
        lambda each: encode_refined(model, each, 2)[0],
        lambda each: elbo_terms(model, [each]).reconstruction,
        lambda each: compiled(small(likelihood="gaussian")).train_on_batch(np.asarray(each)),
    ):
        assert np.array_equal(use(form(images)), use(images))


@pytest.mark.parametrize("seed", [5, (1, 2, 3), (0.5, 1.0), [[1, 2]]])
def test_a_seed_is_two_whole_numbers(seed):
    model, images = small(), images_like(2)
    for use in (
        lambda: model.sample(2, seed),
        lambda: model.draw(images, seed),
        lambda: model.elbo_terms(images, seed),
        lambda: model.log_likelihood(images, 1, seed),
    ):
        with pytest.raises(ValueError, match="seed must be two whole numbers"):
            use()


def test_seeds_and_counts_may_be_variables():
    model, images = small(), images_like(2)
    seed, number, count = tf.Variable([0, 1]), tf.Variable(1), tf.Variable(2)
    for use in (
        lambda seed: model.sample(count, seed),
        lambda seed: model.draw(images, seed).latents,
        lambda seed: model.log_likelihood(images, count, seed),
    ):
        expected = use((0, 1))
        for form in (seed, (0, number), keras.Variable([0, 1], dtype="int32"), np.array([0, 1])):
            in_graph = tf.function(lambda use=use, form=form: use(form), autograph=False)
            assert np.allclose(use(form), expected, atol=1e-4)
            assert np.allclose(in_graph(), expected, atol=1e-4)
    assert encode_refined(model, images, count)[0].shape == (2, 3)
    assert model.interpolate(images[0], images[1], count).shape == (2, *SHAPE)


@pytest.mark.parametrize("count", [-1, 2.5])
def test_a_count_is_a_whole_number_and_not_too_small(count):
    model, images = small(), images_like(2)
    for use, name in (
        (lambda: model.sample(count), "count"),
        (lambda: model.interpolate(images[0], images[1], count), "steps"),
        (lambda: encode_refined(model, images, count), "steps"),
    ):
        with pytest.raises(ValueError, match=f"{name} must be "):
            use()
    assert model.interpolate(images[0], images[1], 1).shape == (1, *SHAPE)
    assert model.sample(0).shape == (0, *SHAPE)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.function(model.sample, autograph=False)(tf.constant(-1))


@pytest.mark.parametrize("samples", [0, -1])
def test_a_bound_of_no_samples_is_refused(samples):
    with pytest.raises(ValueError, match="samples must be at least 1"):
        VAE(SHAPE, 2, widths=(4,)).log_likelihood(images_like(2), samples)
    in_graph = tf.function(VAE(SHAPE, 2, widths=(4,)).log_likelihood, autograph=False)
    with pytest.raises(tf.errors.InvalidArgumentError, match="samples must be at least 1"):
        in_graph(tf.constant(images_like(2)), tf.constant(samples))


@pytest.mark.parametrize("samples", [1.5, np.float32(2.0), np.array(1.5), "2"])
def test_samples_that_are_no_whole_number_are_refused(samples):
    model, images = VAE(SHAPE, 2, widths=(4,)), tf.constant(images_like(2))
    for use in (model.log_likelihood, tf.function(model.log_likelihood, autograph=False)):
        for form in (samples, tf.constant(samples)):
            with pytest.raises(ValueError, match="samples must be a whole number"):
                use(images, form)


@pytest.mark.parametrize("count", [2, np.int64(2)])
def test_whatever_whole_number_of_samples_is_taken(count):
    model = VAE(SHAPE, 2, widths=(4,))
    assert all(np.isfinite(model.log_likelihood(images_like(2), form)).all() for form in (count, tf.constant(count)))


@pytest.mark.parametrize("use", [posterior_means, fit_prior, fit_variance, VAE.adapt])
def test_what_takes_8_bit_images_refuses_others(use):
    with pytest.raises(ValueError, match="must be uint8 here, not float32"):
        use(VAE(SHAPE, 2, widths=(4,), prior="mixture"), images_like(2))
