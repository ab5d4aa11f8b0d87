"""Varied images are mirrored, shifted, brighter or darker ones, each in a way of its own, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.data.augmentation import varied

COUNT, HEIGHT, WIDTH = 600, 8, 10


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Images of 100 to 155, whose pixels are all different from their neighbours."""
    pixels = np.random.default_rng(0).permuted(np.tile(np.arange(100, 180), (COUNT, 1)), axis=1)
    return np.minimum(pixels, 255).astype(np.uint8).reshape(COUNT, HEIGHT, WIDTH, 1)


def vary(images: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    return varied(tf.constant(images), tf.constant(strength), tf.constant([seed, 1])).numpy()


def moved(images: np.ndarray) -> dict[tuple[bool, int, int], np.ndarray]:
    """All mirrored and shifted forms of images."""
    forms = {}
    for is_mirrored in (False, True):
        padded = np.pad(images[:, :, ::-1] if is_mirrored else images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                rows, columns = slice(1 + down, 1 + down + HEIGHT), slice(1 + right, 1 + right + WIDTH)
                forms[is_mirrored, down, right] = padded[:, rows, columns]
    return forms


def form_of_each(images: np.ndarray, results: np.ndarray) -> list[tuple[bool, int, int]]:
    """The form that each result has, up to a factor, which must fit it to within rounding."""
    forms = moved(images)
    errors = []
    for form in forms.values():
        factor = results.sum(axis=(1, 2, 3), keepdims=True) / form.sum(axis=(1, 2, 3), keepdims=True)
        errors.append(np.abs(factor * form - results).max(axis=(1, 2, 3)))
    assert np.min(errors, axis=0).max() < 1.5
    return [list(forms)[number] for number in np.argmin(errors, axis=0)]


def test_without_strength_nothing_changes(images):
    assert np.array_equal(vary(images, 0.0), images)


def test_at_full_strength_every_form_is_as_likely_and_half_are_mirrored(images):
    found, counts = np.unique(form_of_each(images, vary(images, 1.0)), axis=0, return_counts=True)
    assert len(found) == 18
    assert counts == pytest.approx(np.full(18, COUNT / 18), abs=5 * np.sqrt(COUNT / 18))


def test_at_half_strength_half_are_shifted_and_a_quarter_is_mirrored(images):
    forms = np.array(form_of_each(images, vary(images, 0.5)))
    deviation = 5 * np.sqrt(0.25 / COUNT)
    assert (forms[:, 0] == 1).mean() == pytest.approx(0.25, abs=deviation)
    assert (forms[:, 1:] != 0).any(axis=1).mean() == pytest.approx(0.5 * 8 / 9, abs=deviation)


@pytest.mark.parametrize(("strength", "reach"), [(1.0, 0.3), (0.5, 0.15)])
def test_brightness_changes_by_a_factor_around_one(images, strength, reach):
    flat = np.full_like(images, 150)
    factors = vary(flat, strength).reshape(COUNT, -1).mean(axis=1) / 150
    assert factors.min() == pytest.approx(1 - reach, abs=0.02)
    assert factors.max() == pytest.approx(1 + reach, abs=0.02)


def test_white_stays_within_its_bound_and_black_stays_black():
    result = vary(np.repeat(np.uint8([[[[255, 0]]]]), COUNT, axis=0), 1.0)
    assert result[..., 0].min() < 255
    assert result[..., 0].max() == 255
    assert result[..., 1].max() == 0


def test_variations_are_a_function_of_the_seed(images):
    assert np.array_equal(vary(images, 1.0), vary(images, 1.0))
    assert not np.array_equal(vary(images, 1.0), vary(images, 1.0, seed=1))
