"""A training computes with numbers, whatever it is given: it stays finite, or stops and keeps what was good."""

import numpy as np
import pytest

from keras_vae.data import ImageData, open_dataset
from keras_vae.errors import InputError
from keras_vae.runs import TrainConfig
from keras_vae.training.compilation import compiled_model
from keras_vae.training.fitting import fit_model

LIKELIHOODS = ("bernoulli", "gaussian", "laplace", "discretized_logistic", "continuous_bernoulli")
PRIORS = ("standard_normal", "mixture", "flow", "vamp")


def images_of(count: int = 120) -> ImageData:
    return open_dataset(np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8), name="noise")


def configured(**options) -> TrainConfig:
    defaults = {
        "latent_dim": 4,
        "widths": (8,),
        "epochs": 2,
        "batch_size": 20,
        "prior": "standard_normal",
        "prior_components": 4,
        "xla": "off",
        "mixed_precision": "off",
    }
    return TrainConfig(**{**defaults, **options})


def figures_of(config: TrainConfig, data: ImageData) -> np.ndarray:
    """The loss of each epoch, on training and validation images; the weights must be finite as well."""
    model = compiled_model(config, data)
    fit_model(model, config, data)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.isfinite(model.sample(3)).all()
    return np.array([model.history.history[name] for name in ("loss", "val_loss", "kl")])


@pytest.mark.slow
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_every_likelihood_and_prior_trains_to_finite_numbers(likelihood, prior):
    figures = figures_of(configured(likelihood=likelihood, prior=prior), images_of())
    assert figures.shape == (3, 2)
    assert np.isfinite(figures).all()


@pytest.mark.parametrize(
    "options",
    [
        {"latent_dim": 1},
        {"latent_dim": 512},
        {"beta": 0.0},
        {"beta": 100.0},
        {"mixed_precision": "on"},
        {"levels": 2, "latent_dim": 512, "beta": 100.0},
        {"network": "convolutional", "widths": (4,), "mixed_precision": "on"},
    ],
    ids=lambda options: "-".join(f"{name}={value}" for name, value in options.items()),
)
def test_the_ends_of_the_usual_ranges_train_to_finite_numbers(options):
    assert np.isfinite(figures_of(configured(**options), images_of())).all()


def test_latents_that_no_prior_can_be_fitted_to_are_refused_in_one_line():
    options = {"learning_rate": 318.0, "epochs": 1, "batch_size": 10, "prior_components": 4, "xla": "off"}
    pixels = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)
    with pytest.raises(InputError, match=r"No prior can be fitted .*--learning-rate") as refused:
        figures_of(
            TrainConfig.from_preset("default", **options), open_dataset((pixels, np.arange(30) % 3), name="noise")
        )
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1e-6, 1e-1])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_rate_of_any_size_trains_to_finite_numbers(rate, likelihood):
    config = configured(likelihood=likelihood, learning_rate=rate, schedule="constant", epochs=10)
    assert np.isfinite(figures_of(config, images_of())).all()


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_images_that_are_all_alike_train_to_finite_numbers(value, likelihood):
    data = open_dataset(np.full((120, 8, 8, 1), value, np.uint8), name="alike", value_range=(0, 255))
    assert np.isfinite(figures_of(configured(likelihood=likelihood, prior="mixture"), data)).all()


def test_one_training_image_is_enough():
    splits = {"train": 1, "validation": 1, "test": 2}
    rng = np.random.default_rng(0)
    arrays = {name: rng.integers(0, 256, (count, 8, 8, 1), np.uint8) for name, count in splits.items()}
    data = open_dataset(arrays, name="one")
    assert data.counts == splits
    assert np.isfinite(figures_of(configured(batch_size=1, prior="mixture"), data)).all()


def test_a_batch_larger_than_the_training_split_is_refused_in_one_line():
    with pytest.raises(InputError, match="batch") as refused:
        compiled_model(configured(batch_size=1000), images_of())
    assert "\n" not in str(refused.value)
