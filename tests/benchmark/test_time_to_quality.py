"""The seconds that two trainings take are compared at the same quality, by the same measures."""

import numpy as np
import pytest

from keras_vae.benchmark import Quality, quality_table, times_to_quality
from keras_vae.data import open_dataset


@pytest.fixture
def bars(tmp_path):
    """Images of bars, which upright and which level: two classes that any latent tells apart."""
    rng = np.random.default_rng(0)
    images, labels = np.zeros((600, 8, 8), np.uint8), rng.integers(0, 2, 600)
    for image, label in zip(images, labels, strict=True):
        (image if label else image.T)[rng.integers(1, 7)] = rng.integers(128, 255)
    np.savez(tmp_path / "bars.npz", images=images, labels=labels)
    return open_dataset(str(tmp_path / "bars.npz"))


@pytest.mark.slow
def test_each_measure_is_reached_by_the_shortest_training_that_is_as_good_or_said_not_to_be(bars):
    results = list(times_to_quality(bars, latents=(2,), epochs=1, tried=(1, 40)))
    assert [each.measure for each in results] == ["MSE per pixel", "5-NN accuracy", "-ELBO, nats per image"]
    assert all(each.seconds > 0 and each.own_seconds > 0 and np.isfinite(each.reached) for each in results)
    mse, accuracy, negative_elbo = results
    assert mse.is_reached == (mse.own <= mse.reached)
    assert accuracy.is_reached == (accuracy.own >= accuracy.reached)
    assert negative_elbo.is_reached == (negative_elbo.own <= negative_elbo.reached)
    assert {each.own_epochs for each in results} <= {1, 40}
    assert mse.is_reached  # forty epochs are more than one


def test_a_row_says_how_many_times_as_fast_or_that_the_quality_was_not_reached():
    reached = Quality("5-NN accuracy", 2, 0.7, 30.0, 0.8, 10.0, 2, True)
    missed = Quality("MSE per pixel", 16, 0.01, 30.0, 0.02, 10.0, 54, False)
    *_, first, second = quality_table([reached, missed])
    assert first == "| 5-NN accuracy | 2 | 0.7000 | 30.0 | 0.8000 | 2 | 10.0 | 3.0 |"
    assert second.endswith("| 54 | 10.0 | not reached |")
