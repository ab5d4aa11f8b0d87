"""Networks have the shapes and the sizes that they promise."""

import keras
import numpy as np
import pytest

from keras_vae.model.layers import Centered, Conv2D, Dense
from keras_vae.model.networks import NETWORKS, build_decoder, build_encoder

SHAPES = [(28, 28, 1), (32, 32, 3), (64, 64, 3), (16, 24, 1), (29, 31, 3), (10, 9, 1)]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("image_shape", SHAPES)
@pytest.mark.parametrize("latent_dim", [1, 7])
def test_any_image_shape_goes_in_and_comes_out(network, image_shape, latent_dim):
    encoder = build_encoder(network, image_shape, latent_dim, (8, 4), seed=0)
    decoder = build_decoder(network, image_shape, latent_dim, (8, 4), seed=0)
    assert encoder(np.zeros((3, *image_shape), np.float32)).shape == (3, 2 * latent_dim)
    assert decoder(np.zeros((3, latent_dim), np.float32)).shape == (3, *image_shape)


def test_dense_networks_have_exactly_the_weights_of_their_layers():
    encoder = build_encoder("dense", (28, 28, 1), 16, (300, 200), seed=0)
    decoder = build_decoder("dense", (28, 28, 1), 16, (300, 200), seed=0)
    centre = 784 + 1  # mean image and deviation, which are not trained
    assert encoder.count_params() == centre + (784 + 1) * 300 + (300 + 1) * 200 + (200 + 1) * 32
    assert decoder.count_params() == (16 + 1) * 200 + (200 + 1) * 300 + (300 + 1) * 784


@pytest.mark.parametrize("network", NETWORKS)
def test_the_seed_decides_the_initial_weights(network):
    def weights(seed):
        return build_encoder(network, (8, 8, 1), 2, (4,), seed=seed).get_weights()

    assert all(np.array_equal(first, again) for first, again in zip(weights(1), weights(1), strict=True))
    assert any(not np.array_equal(first, other) for first, other in zip(weights(1), weights(2), strict=True))


@pytest.mark.parametrize(("side", "places"), [(28, 7), (32, 8), (47, 12), (48, 6), (64, 8)])
def test_nothing_is_convolved_at_full_resolution(side, places):
    """Squares of 2 x 2 pixels are one place, of large images 4 x 4; the second width halves that again."""
    shape = (side, side, 3)
    for network in (build_encoder, build_decoder):
        layers = network("convolutional", shape, 5, (8, 16), seed=0).layers
        sides = [layer.output.shape[1] for layer in layers if isinstance(layer, keras.layers.Conv2D)]
        assert {min(sides), max(sides)} == {places, 2 * places}


@pytest.mark.parametrize("build", [build_encoder, build_decoder])
def test_squares_of_pixels_become_channels_and_channels_squares(build):
    """What a decoder rearranges at last, an encoder rearranges back at first."""
    network = build("convolutional", (8, 12, 3), 5, (4,), seed=0)
    images = np.random.default_rng(0).random((2, 8, 12, 3), np.float32)
    squares = images.reshape(2, 4, 2, 6, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 4, 6, 12)
    permute = next(place for place, each in enumerate(network.layers) if isinstance(each, keras.layers.Permute))
    carried = keras.Model(network.layers[permute].input, network.layers[permute + 1].output)
    if build is build_encoder:
        assert np.array_equal(carried(images.reshape(2, 4, 2, 6, 2, 3)), squares)
    else:
        assert np.array_equal(carried(squares.reshape(2, 4, 6, 2, 2, 3)), images)


def test_convolutions_round_in_training_alone():
    images = np.random.default_rng(0).random((20, 8, 8, 3), np.float32)
    exact = build_encoder("convolutional", (8, 8, 3), 3, (16, 8), seed=0)
    mixed = build_encoder("convolutional", (8, 8, 3), 3, (16, 8), seed=0, dtype="mixed_bfloat16")
    assert np.array_equal(exact(images), mixed(images, training=False))
    assert np.array_equal(exact(images), exact(images, training=True))
    difference = np.abs(exact(images) - mixed(images, training=True))
    assert 0.0 < difference.max() < 2.0**-4
    assert mixed(images, training=True).dtype == "float32"
    assert {weight.dtype for weight in mixed.weights} == {"float32"}


@pytest.mark.parametrize(
    "options", [{"padding": "valid"}, {"use_bias": False}, {"strides": 2}, {"dilation_rate": 2}, {"groups": 2}]
)
def test_convolutions_are_those_of_keras_whatever_their_options(options):
    images = np.random.default_rng(0).random((4, 8, 8, 2), np.float32)
    ours = Conv2D(4, 3, "relu", **options)
    keras_own = keras.layers.Conv2D(4, 3, activation="relu", **{"padding": "same", **options})
    values = ours(images)
    keras_own.build(images.shape)
    keras_own.set_weights(ours.get_weights())
    assert np.array_equal(values, keras_own(images))


def test_channels_are_the_last_axis():
    with pytest.raises(ValueError, match="data_format must be channels_last"):
        Conv2D(4, 3, data_format="channels_first")


@pytest.mark.parametrize("layer", [Dense(4, rounds=True, use_bias=False), Conv2D(4, 3, rounds=True, use_bias=False)])
def test_layers_without_a_bias_round_in_training_too(layer):
    images = np.random.default_rng(0).random((4, 8, 8, 2), np.float32)
    exact, rounded = layer(images, training=False), layer(images, training=True)
    assert 0.0 < np.abs(exact - np.float32(rounded)).max() < 2.0**-4


def test_sides_that_cannot_be_halved_are_filled_up_with_the_mean_image_and_cropped_again():
    encoder = build_encoder("convolutional", (10, 9, 1), 2, (8, 8), seed=0)
    encoder.get_layer("centered").adapt(np.random.default_rng(0).integers(0, 256, (9, 10, 9, 1), np.uint8))
    padded = next(layer.output for layer in encoder.layers if "padding" in layer.name)
    values = keras.Model(encoder.input, padded)(np.ones((1, 10, 9, 1), np.float32)).numpy()[0, ..., 0]
    inside = np.zeros((12, 12), bool)
    inside[1:11, 1:10] = True
    assert np.all((values != 0) == inside)


def test_dense_layers_round_their_products_in_training_alone():
    images = np.random.default_rng(0).random((20, 8, 8, 1), np.float32)
    exact = build_encoder("dense", (8, 8, 1), 3, (16,), seed=0)
    mixed = build_encoder("dense", (8, 8, 1), 3, (16,), seed=0, dtype="mixed_bfloat16")
    assert np.array_equal(exact(images), mixed(images, training=False))
    assert np.array_equal(exact(images), exact(images, training=True))
    difference = np.abs(exact(images) - mixed(images, training=True))
    assert 0.0 < difference.max() < 2.0**-5  # 8 bits of values around 1
    assert {weight.dtype for weight in mixed.weights} == {"float32"}


def test_centered_images_have_mean_zero_and_deviation_one_in_all():
    images = np.random.default_rng(0).integers(30, 200, (2500, 8, 8, 3), np.uint8)
    centered = Centered()
    centered.build((None, 8, 8, 3))
    np.testing.assert_allclose(centered(images[:9] / np.float32(255)), images[:9] / 127.5 - 1.0, atol=1e-6)
    centered.adapt(images)
    result = centered(images / np.float32(255)).numpy()
    np.testing.assert_allclose(result.mean(axis=0), 0.0, atol=1e-4)
    assert result.std() == pytest.approx(1.0, abs=1e-4)


def test_images_that_are_all_alike_are_centered_too():
    images = np.full((3, 8, 8, 1), 7, np.uint8)
    centered = Centered()
    centered.build((None, 8, 8, 1))
    centered.adapt(images)
    np.testing.assert_allclose(centered(images / np.float32(255)), 0.0, atol=1e-4)
