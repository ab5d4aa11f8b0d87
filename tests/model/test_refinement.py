"""Refined posterior means are nearer to the images, and begin where the encoder puts them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.model import VAE, encode_refined, gaussian_kl
from keras_vae.model.distributions import LIKELIHOODS, likelihood_nll

SHAPE = (8, 8, 1)


def striped(count: int, seed: int = 0) -> np.ndarray:
    """Images with a bright band at a random height, `(n, 8, 8, 1)` in [0, 1]."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(1, 7, (count, 1, 1, 1))
    rows = np.arange(8).reshape(1, 8, 1, 1)
    return np.broadcast_to(np.exp(-((rows - middle) ** 2)), (count, *SHAPE)).astype(np.float32)


def trained(**options) -> VAE:
    model = VAE(SHAPE, 2, widths=(32,), **options)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(striped(256), batch_size=32, epochs=10, shuffle=False, verbose=0)
    return model


def loss(model: VAE, images: np.ndarray, mean: tf.Tensor, log_var: tf.Tensor) -> np.ndarray:
    reconstruction = likelihood_nll(model.likelihood, images, model.decode_logits(mean), model.spread)
    return (reconstruction + model.beta * tf.reduce_sum(gaussian_kl(mean, log_var), axis=-1)).numpy()


def test_no_steps_leave_what_the_encoder_finds():
    model, images = trained(), striped(5, seed=1)
    for refined, encoded in zip(encode_refined(model, images, 0), model.encode(images), strict=True):
        assert np.array_equal(refined, encoded)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_more_steps_lower_the_negative_elbo_of_the_mean(likelihood):
    model, images = trained(likelihood=likelihood), striped(50, seed=1)
    losses = [loss(model, images, *encode_refined(model, images, steps)).mean() for steps in (0, 10, 100)]
    assert losses[0] > losses[1] > losses[2]


def test_images_unlike_those_of_the_training_gain_most():
    model = trained(likelihood="gaussian")
    gains = []
    for images in (striped(50, seed=1), striped(50, seed=1)[:, :, ::-1] ** 0.2):
        errors = [
            np.square(images - model.decode(encode_refined(model, images, steps)[0])).mean() for steps in (0, 100)
        ]
        gains.append(errors[0] - errors[1])
    assert gains[1] > gains[0] > 0


def test_each_image_is_refined_as_if_alone():
    model, images = trained(), striped(5, seed=1)
    together = encode_refined(model, images, 20)[0].numpy()
    alone = np.concatenate([encode_refined(model, images[at : at + 1], 20)[0] for at in range(5)])
    assert together == pytest.approx(alone, abs=1e-3)
