"""KerasTuner chooses a VAE's options as those of any other Keras model."""

import keras
import keras_tuner
import numpy as np
import pytest

from keras_vae.model import VAE

SHAPE = (8, 8, 1)


@pytest.mark.slow
def test_keras_tuner_finds_the_better_of_two_sizes(tmp_path):
    rng = np.random.default_rng(0)
    images = (rng.random((600, 4)) @ rng.random((4, 64)) / 4).astype(np.float32).reshape(-1, *SHAPE)

    def build(choices: keras_tuner.HyperParameters) -> VAE:
        size = choices.Choice("latent_dim", [1, 4])
        vae = VAE(SHAPE, size, widths=(32,), likelihood="gaussian")
        vae.compile(keras.optimizers.Adam(5e-3), jit_compile=False)
        return vae

    best = keras_tuner.Objective("val_elbo", direction="max")
    tuner = keras_tuner.GridSearch(build, objective=best, directory=tmp_path, project_name="sizes")
    tuner.search(images[:500], validation_data=(images[500:],), epochs=20, batch_size=25, verbose=0)
    assert tuner.get_best_hyperparameters()[0].get("latent_dim") == 4
    (model,) = tuner.get_best_models()
    elbo = model.evaluate(images[500:], verbose=0, return_dict=True)["elbo"]
    scores = {trial.hyperparameters.get("latent_dim"): trial.score for trial in tuner.oracle.trials.values()}
    assert elbo == pytest.approx(scores[4], rel=0.05)
    assert scores[4] > scores[1]
