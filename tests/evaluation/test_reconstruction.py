"""Errors of reconstructions are what their names say, and the baseline is the best linear one."""

import numpy as np
import pytest

from keras_vae.evaluation.reconstruction import (
    RECONSTRUCTION_UNITS,
    fit_pca,
    reconstruct_by_pca,
    reconstruction_errors,
)


def images_like(count: int, shape=(12, 12, 1), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.2, 0.8, (count, *shape)).astype(np.float32)


def errors_of(batches, reconstruct) -> dict[str, np.ndarray]:
    return reconstruction_errors(batches, {"it": reconstruct})["it"].by_image


def darker(by: float):
    return lambda images, _: images - by


@pytest.mark.parametrize("channels", [1, 3])
def test_errors_are_those_of_each_image(channels):
    batches = [images_like(3, (12, 16, channels)), images_like(2, (12, 16, channels), seed=1)]
    errors = errors_of(batches, darker(0.1))
    assert set(errors) == set(RECONSTRUCTION_UNITS)
    assert all(values.shape == (5,) for values in errors.values())
    assert errors["mse_per_pixel"] == pytest.approx(0.01, rel=1e-4)
    assert errors["squared_error"] == pytest.approx(0.01 * 12 * 16 * channels, rel=1e-4)
    assert errors["psnr"] == pytest.approx(20.0, abs=1e-3)
    assert np.all((errors["ssim"] > 0.5) & (errors["ssim"] < 1.0))


def test_the_error_map_says_where_and_in_which_channel_the_error_is():
    batches = [images_like(3, (8, 12, 3)), images_like(2, (8, 12, 3), seed=1)]
    wrong = np.zeros((8, 12, 3), np.float32)
    wrong[2, 5, 1] = 0.3
    found = reconstruction_errors(batches, {"it": lambda images, _: images + wrong})["it"]
    assert found.by_pixel == pytest.approx(wrong**2, abs=1e-6)
    assert found.by_pixel.mean() == pytest.approx(found.by_image["mse_per_pixel"].mean(), rel=1e-5)


def test_equal_images_are_as_similar_as_can_be():
    assert errors_of([images_like(2)], lambda images, _: images)["ssim"] == pytest.approx(1.0)


def test_the_cross_entropy_is_the_closed_form_and_least_at_the_image_itself():
    images = np.full((1, 12, 12, 1), 0.25, np.float32)
    own = errors_of([images], lambda images, _: images)["cross_entropy"]
    other = errors_of([images], lambda images, _: 0.0 * images + 0.5)["cross_entropy"]
    assert own == pytest.approx(144 * -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)), rel=1e-5)
    assert other == pytest.approx(144 * np.log(2.0), rel=1e-5)


def test_black_and_white_are_finite():
    images = np.zeros((1, 12, 12, 1), np.float32)
    assert np.isfinite(errors_of([images], lambda images, _: 1.0 - images)["cross_entropy"]).all()


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 12, 3)])
def test_images_smaller_than_the_window_have_a_similarity_too(shape):
    assert np.isfinite(errors_of([images_like(2, shape)], darker(0.1))["ssim"]).all()


def test_every_batch_has_a_seed_of_its_own_and_is_read_once_for_all_methods():
    seeds = []

    def reconstruct(images, seed):
        seeds.append(tuple(seed.numpy()))
        return images

    reconstruction_errors(iter([images_like(1)] * 3), {"one": reconstruct, "other": reconstruct}, seed=4)
    assert seeds == [(4, 0), (4, 0), (4, 1), (4, 1), (4, 2), (4, 2)]


def test_pca_reproduces_images_of_its_own_rank_and_no_others():
    rng = np.random.default_rng(0)
    basis = 0.02 * rng.standard_normal((3, 144))
    images = (0.5 + rng.standard_normal((100, 3)) @ basis).astype(np.float32).reshape(-1, 12, 12, 1)
    assert reconstruct_by_pca(fit_pca([images[:60], images[60:]], 3), images) == pytest.approx(images, abs=1e-4)
    assert np.abs(reconstruct_by_pca(fit_pca([images], 2), images) - images).max() > 0.01


def test_pca_has_no_more_components_than_images_or_pixels():
    assert fit_pca([images_like(5)], 100).n_components_ == 5
    assert fit_pca([images_like(200, (2, 2, 1))], 100).n_components_ == 4
