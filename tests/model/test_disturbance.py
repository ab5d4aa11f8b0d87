"""What regularises: dropped units and noise act in training alone; a variance can be learned."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_vae.model import VAE
from keras_vae.model.disturbance import Disturbance
from keras_vae.model.replicas import share_of_batch

SHAPE = (8, 8, 1)
IMAGES = np.random.default_rng(0).random((50, *SHAPE), np.float32)
NOISE = np.random.default_rng(1).standard_normal((50, 3), np.float32)


def small(**options) -> VAE:
    return VAE(SHAPE, latent_dim=3, widths=(16, 12), **options)


def drawn(input_noise: float = 0.0, dropout: float = 0.0, images: int = 2000) -> Disturbance:
    return Disturbance.draw(share_of_batch(tf.constant(images)), (0, 1), SHAPE, (16, 12), input_noise, dropout)


def test_dropped_units_are_as_many_as_asked_for_and_the_mean_of_all_stays():
    masks = [mask.numpy() for mask in (*drawn(dropout=0.3).encoder_masks, *drawn(dropout=0.3).decoder_masks)]
    assert [mask.shape[1] for mask in masks] == [16, 12, 12, 16]
    for mask in masks:
        assert np.unique(mask) == pytest.approx([0.0, 1.0 / 0.7])
        assert (mask == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert len({mask[:, :12].tobytes() for mask in masks}) == 4


def test_noise_has_the_deviation_that_was_asked_for():
    noise = drawn(input_noise=0.25).image_noise
    assert noise.shape == (2000, *SHAPE)
    assert np.std(noise) == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("levels", [1, 2])
def test_a_disturbance_of_nothing_changes_nothing(levels):
    model = small(levels=levels)
    ones = Disturbance(
        tf.zeros((50, *SHAPE)), [tf.ones((50, 16)), tf.ones((50, 12))], [tf.ones((50, 12)), tf.ones((50, 16))]
    )
    plain = model.elbo_terms_of(IMAGES, NOISE, training=True)
    assert np.allclose(plain, model.elbo_terms_of(IMAGES, NOISE, True, ones), rtol=1e-6)


def test_noise_is_on_what_is_seen_not_on_what_is_reconstructed():
    model = small()
    noisy = drawn(input_noise=1.0, images=50)
    assert not np.allclose(*(model.elbo_terms_of(IMAGES, NOISE, True, each)[1] for each in (None, noisy)))
    for layer in model.encoder.layers[2:]:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    assert np.allclose(*(model.elbo_terms_of(IMAGES, NOISE, True, each)[0] for each in (None, noisy)))


def test_a_dropped_layer_passes_nothing_on():
    model = small()
    nothing = Disturbance(None, [], [tf.ones((50, 12)), tf.zeros((50, 16))])
    logits = model.decode_logits(NOISE, True, nothing).numpy()
    assert np.ptp(logits, axis=0).max() == 0.0


@pytest.mark.parametrize("options", [{"dropout": 0.5}, {"input_noise": 0.5}])
def test_it_changes_training_and_leaves_evaluation_and_weights_as_they_are(options):
    models = [small(), small(**options)]
    logs = []
    for model in models:
        model.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
        logs.append(model.evaluate(IMAGES, verbose=0, return_dict=True))
    assert logs[0] == logs[1]
    losses = [model.fit(IMAGES, verbose=0, shuffle=False).history["loss"] for model in models]
    assert losses[0] != losses[1]
    assert [weight.name for weight in models[0].weights] == [weight.name for weight in models[1].weights]


def test_a_learned_variance_comes_near_the_best_one():
    model = small(likelihood="gaussian", learns_variance=True)
    model.compile(keras.optimizers.Adam(1e-2), jit_compile=False)
    model.fit(IMAGES, epochs=150, batch_size=50, verbose=0)
    residuals = IMAGES - model.decode(model.draw(IMAGES, (0, 0)).latents)
    assert float(model.variance) == pytest.approx(float(np.mean(np.square(residuals))), rel=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1, not 1.0"),
        ({"input_noise": -1.0}, "input_noise must be at least 0"),
        ({"dropout": 0.1, "network": "convolutional"}, "dropout is of dense networks"),
    ],
)
def test_what_cannot_be_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)
