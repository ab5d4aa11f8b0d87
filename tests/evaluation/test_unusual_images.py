"""Unusual images are what their names say, and the area under the curve is the share of pairs that are told apart."""

import numpy as np
import pytest

from keras_vae.evaluation.unusual_images import UNUSUAL_IMAGES, auroc, unusual_images


@pytest.mark.parametrize("shape", [(20, 28, 28, 1), (5, 16, 12, 3)])
def test_there_are_as_many_of_each_kind_of_the_same_shape_and_range(shape):
    images = np.random.default_rng(0).random(shape, np.float32)
    made = unusual_images(images)
    assert set(made) == set(UNUSUAL_IMAGES)
    for each in made.values():
        assert each.shape == shape
        assert each.dtype == np.float32
        assert 0.0 <= each.min() < each.max() <= 1.0


def test_they_are_turned_and_shifted_as_promised():
    images = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    made = unusual_images(images)
    assert np.array_equal(made["upside_down"][:, 0], images[:, -1])
    assert np.array_equal(made["shifted"][:, :, 2:], images[:, :, :-2])
    assert not made["shifted"][:, :, :2].any()


def test_the_seed_decides_on_noise_and_digits():
    images = np.zeros((4, 8, 8, 1), np.float32)
    first, again, other = (unusual_images(images, seed) for seed in (1, 1, 2))
    for kind in ("noise", "digits"):
        assert np.array_equal(first[kind], again[kind])
        assert not np.array_equal(first[kind], other[kind])


def test_the_area_is_the_share_of_pairs_of_which_the_unusual_one_scores_higher():
    rng = np.random.default_rng(0)
    usual, unusual = rng.standard_normal(50), rng.standard_normal(70) + 1.0
    assert auroc(usual, unusual) == pytest.approx(np.mean(unusual > usual[:, np.newaxis]))
    assert auroc(np.zeros(3), np.array([np.inf, np.inf])) == 1.0
    assert auroc(np.zeros(3), np.zeros(3)) == 0.5
    with pytest.raises(ValueError, match="not a number"):
        auroc(np.zeros(3), np.array([1.0, np.nan, 2.0]))
