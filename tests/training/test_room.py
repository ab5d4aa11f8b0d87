"""What a training needs is known before anything is built or written."""

import contextlib
import math

import numpy as np
import pytest

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.model import VAE
from keras_vae.runs import TrainConfig
from keras_vae.training import room, train
from keras_vae.training.room import estimated_size, require_memory


@pytest.mark.parametrize(
    "options",
    [
        {"widths": (300, 200)},
        {"widths": (50,), "latent_dim": 200},
        {"widths": (300,), "prior": "mixture", "prior_components": 3000},
        {"widths": (300,), "prior": "vamp", "prior_components": 20},
        {"widths": (300,), "prior": "flow", "prior_components": 2},
        {"network": "convolutional"},
        {"network": "convolutional", "widths": (8, 16, 32)},
        {"network": "strided"},
        {"network": "strided", "widths": (8, 16, 32)},
    ],
)
def test_a_model_has_as_many_weights_as_is_estimated(options):
    config = TrainConfig(**{"latent_dim": 16, "prior": "standard_normal", **options})
    model = VAE(
        (28, 28, 1),
        config.latent_dim,
        config.network_for((28, 28, 1)),
        config.widths,
        prior=config.prior,
        prior_components=config.prior_components,
    )
    weights = sum(math.prod(weight.shape) for weight in model.weights)
    assert estimated_size(config, (28, 28, 1))[0] == pytest.approx(weights, rel=0.06)


@pytest.mark.parametrize(
    "options",
    [
        {"widths": (65_536, 65_536)},
        {"latent_dim": 4096, "prior_components": 100_000},
        {"network": "convolutional", "widths": (8,) * 32},
        {"prior": "vamp", "prior_components": 100_000, "latent_dim": 4096, "batch_size": 60},
    ],
)
def test_a_model_that_no_memory_holds_is_refused_before_anything_is_written(options, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8), np.uint8)
    data = open_dataset(images, name="noise")
    with pytest.raises(InputError, match=r"takes about .* GB of memory .* GB are free: give smaller --widths"):
        train(TrainConfig(**{"batch_size": 10, **options}), "large", tmp_path, data)
    assert not list(tmp_path.iterdir())


def test_the_images_of_a_vamp_prior_are_counted_as_every_step_encodes_them(monkeypatch):
    config = TrainConfig(prior="vamp", prior_components=20_000, widths=(1024,), latent_dim=2, batch_size=10)
    values = 20_000 * (1024 + 2 * 2)  # before and after their activation, in float32
    for available, is_enough in ((2 * 4 * values, False), (2 * 4 * 2 * values, True)):
        monkeypatch.setattr(room, "available_memory", lambda available=available: available)
        with contextlib.nullcontext() if is_enough else pytest.raises(InputError, match="GB of memory"):
            require_memory(config, (8, 8, 1))
