"""Several posterior samples an image are weighed as the importance-weighted bound has it, in training too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.model import VAE
from keras_vae.model.importance import log_mean_exp

SHAPE, LATENTS, SAMPLES, COPIES = (6, 6, 1), 4, 5, 4000
IMAGE = np.random.default_rng(0).random((1, *SHAPE), np.float32)


def small(**options) -> VAE:
    return VAE(SHAPE, LATENTS, widths=(16,), **options)


def test_the_logarithm_of_a_mean_stands_where_exponentials_would_not():
    weights = np.array([[-1000.0, -1000.0], [3.0, 3.0 + np.log(3.0)]], np.float32)
    assert log_mean_exp(weights).numpy() == pytest.approx([-1000.0, 3.0 + np.log(2.0)])


@pytest.mark.parametrize("options", [{}, {"levels": 2}, {"prior": "vamp", "prior_components": 3}], ids=str)
def test_the_objective_is_the_bound_that_the_model_is_measured_by(options):
    model, copies = small(**options), np.repeat(IMAGE, COPIES, axis=0)
    noise = np.random.default_rng(1).standard_normal((COPIES * SAMPLES, LATENTS)).astype(np.float32)
    reconstruction, kl = model.elbo_terms_of(copies, noise, samples=SAMPLES)
    objective = log_mean_exp(tf.reshape(-reconstruction - kl, (-1, SAMPLES))).numpy()
    bound = model.log_likelihood(copies, SAMPLES, (0, 1)).numpy()
    error = np.hypot(objective.std(), bound.std()) / np.sqrt(COPIES)
    assert abs(objective.mean() - bound.mean()) < 4 * error
    elbo = -(reconstruction + kl).numpy()
    assert objective.mean() > elbo.mean() + 4 * elbo.std() / np.sqrt(len(elbo))


def test_the_samples_of_an_image_are_side_by_side():
    model, images = small(), np.random.default_rng(2).random((3, *SHAPE), np.float32)
    noise = np.random.default_rng(3).standard_normal((6, LATENTS)).astype(np.float32)
    of_both, _ = model.elbo_terms_of(images, noise, samples=2)
    for sample in range(2):
        of_one, _ = model.elbo_terms_of(images, noise[sample::2])
        assert of_both.numpy()[sample::2] == pytest.approx(of_one.numpy(), rel=1e-5)


def test_a_training_on_the_bound_raises_it():
    images = np.random.default_rng(4).random((64, *SHAPE), np.float32).round()
    model = small()
    model.objective_samples = SAMPLES
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    before = model.log_likelihood(images, 100, (0, 1)).numpy().mean()
    model.fit(images, epochs=20, batch_size=32, verbose=0)
    assert model.log_likelihood(images, 100, (0, 1)).numpy().mean() > before + 1.0
