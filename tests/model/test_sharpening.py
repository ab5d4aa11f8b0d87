"""A decoder that is sharpened draws the median of what its latents stand for; nothing else of the model moves."""

import numpy as np
import pytest

from keras_vae.model import VAE, sharpen

SHAPE = (4, 4, 1)
DARK, BRIGHT = 51, 204


def blind(**options) -> VAE:
    """A model whose latents tell nothing of the image."""
    model = VAE(SHAPE, 2, widths=(16,), likelihood="gaussian", **options)
    last = model.encoder.layers[-1]
    last.set_weights([np.zeros_like(weight) for weight in last.get_weights()])
    return model


def images_of(dark: int, bright: int) -> np.ndarray:
    return np.repeat(np.uint8([DARK, BRIGHT]), [dark, bright])[:, None, None, None] * np.ones((1, *SHAPE), np.uint8)


@pytest.mark.parametrize(("dark", "bright", "median"), [(140, 60, DARK), (60, 140, BRIGHT)])
@pytest.mark.parametrize("options", [{}, {"levels": 2}, {"dtype": "mixed_bfloat16"}])
def test_what_is_drawn_is_the_median_where_a_mean_would_lie_between(dark, bright, median, options):
    model = blind(**options)
    sharpen(model, images_of(dark, bright), epochs=60, batch_size=20)
    # The mean lies 0.18 from it.
    assert model.decode(np.zeros((1, 2), np.float32)).numpy() == pytest.approx(median / 255, abs=0.1)


def test_it_moves_the_decoder_alone_and_the_same_way_for_the_same_seed():
    models, images = [blind(), blind(), blind()], images_of(70, 30)
    before = [weight.numpy() for weight in models[0].weights]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        sharpen(model, images, epochs=2, batch_size=30, seed=seed)
    after = [[weight.numpy() for weight in model.weights] for model in models]
    assert all(map(np.array_equal, *after[:2]))
    assert not all(map(np.array_equal, *after[1:]))
    decoder = {weight.path for weight in models[0].decoder.weights}
    moved = [not np.array_equal(*pair) for pair in zip(before, after[0], strict=True)]
    assert moved == [weight.path in decoder for weight in models[0].weights]


@pytest.mark.parametrize("images", [images_of(1, 0), images_of(3, 0)])
def test_fewer_images_than_a_batch_are_taken_as_one(images):
    model = blind()
    before = model.decoder.get_weights()
    sharpen(model, images, epochs=1)
    assert not all(map(np.array_equal, before, model.decoder.get_weights()))


def test_a_decoder_that_would_be_lost_stays_as_it_is():
    model = blind()
    before = model.decoder.get_weights()
    before[-1][:] = np.nan
    model.decoder.set_weights(before)
    with pytest.raises(FloatingPointError, match="NaN"):
        sharpen(model, images_of(3, 3), epochs=1)
    assert all(np.array_equal(*pair, equal_nan=True) for pair in zip(before, model.decoder.get_weights(), strict=True))


def test_it_refuses_what_it_cannot_sharpen():
    with pytest.raises(ValueError, match="not of a laplace one"):
        sharpen(VAE(SHAPE, 2, widths=(4,), likelihood="laplace"), images_of(1, 1), epochs=1)
    with pytest.raises(ValueError, match="uint8"):
        sharpen(blind(), images_of(1, 1) / np.float32(255), epochs=1)
