"""Callbacks change the training exactly as they say."""

import keras
import numpy as np
import pytest

from keras_vae.model import VAE, AveragingAdamW, averaged_weights
from keras_vae.training.callbacks import AverageForEvaluation, EpochLine, ImportanceWeighting, KLWarmup

IMAGES = np.random.default_rng(0).random((40, 8, 8, 1), np.float32)


def compiled(**options) -> VAE:
    model = VAE((8, 8, 1), 2, widths=(8,))
    model.compile(keras.optimizers.Adam(1e-2, **options), jit_compile=False)
    return model


class BetaRecorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.betas = []

    def on_train_batch_end(self, batch, logs=None):
        self.betas.append(float(self.model.beta.numpy()))


@pytest.mark.parametrize(
    ("epochs", "expected"),
    [(2.0, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9] + [1.0] * 5), (0.0, [1.0] * 15)],
)
def test_beta_grows_linearly_from_step_to_step(epochs, expected):
    recorder, model = BetaRecorder(), compiled()
    model.fit(IMAGES, batch_size=8, epochs=3, verbose=0, callbacks=[KLWarmup(1.0, epochs, 5), recorder])
    assert recorder.betas == pytest.approx(expected, abs=1e-6)


def test_a_resumed_warm_up_goes_on_where_it_was():
    recorder, model = BetaRecorder(), compiled()
    callbacks = [KLWarmup(1.0, 2.0, 5), recorder]
    model.fit(IMAGES, batch_size=8, initial_epoch=1, epochs=2, verbose=0, callbacks=callbacks)
    assert recorder.betas == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9], abs=1e-6)


@pytest.mark.parametrize("initial_epoch", [0, 2])
def test_the_last_epochs_are_trained_on_the_importance_weighted_bound(initial_epoch):
    model = compiled()
    callbacks = [ImportanceWeighting(50, first_epoch=2)]
    fitted = model.fit(
        IMAGES, batch_size=8, initial_epoch=initial_epoch, epochs=4, verbose=0, callbacks=callbacks, shuffle=False
    )
    tighter = np.array(fitted.history["elbo"]) + np.array(fitted.history["loss"])
    is_elbo = np.arange(initial_epoch, 4) < 2
    assert tighter[is_elbo] == pytest.approx(0, abs=1e-4)
    assert (tighter[~is_elbo] < -0.05).all()


def test_averaged_weights_are_in_the_model_within_the_block_only():
    model = compiled(use_ema=True, ema_momentum=0.9)
    for _ in range(3):
        model.train_on_batch(IMAGES)
    before = model.get_weights()
    with averaged_weights(model):
        inside = [variable.numpy() for variable in model.trainable_variables]
    averages = [variable.numpy() for variable in model.optimizer._model_variables_moving_average]
    assert all(np.array_equal(a, b) for a, b in zip(inside, averages, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(inside, model.trainable_variables, strict=True))


def test_the_average_begins_where_training_is_however_short_it_is():
    model = VAE((8, 8, 1), 2, widths=(8,))
    model.compile(AveragingAdamW(1e-2, use_ema=True, ema_momentum=0.995), jit_compile=False)
    start = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    for _ in range(48):
        model.train_on_batch(IMAGES)
    raw = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    with averaged_weights(model):
        average = np.concatenate([variable.numpy().ravel() for variable in model.trainable_variables])
    assert 0 < np.linalg.norm(average - raw) < 0.25 * np.linalg.norm(start - raw)


def test_the_momentum_of_a_long_training_is_the_one_asked_for():
    model = VAE((8, 8, 1), 2, widths=(8,))
    model.compile(AveragingAdamW(1e-2, use_ema=True, ema_momentum=0.5), jit_compile=False)
    for _ in range(12):
        model.train_on_batch(IMAGES)
    before = [variable.numpy() for variable in model.optimizer._model_variables_moving_average]
    model.train_on_batch(IMAGES)
    expected = [0.5 * a + 0.5 * b.numpy() for a, b in zip(before, model.trainable_variables, strict=True)]
    after = [variable.numpy() for variable in model.optimizer._model_variables_moving_average]
    assert all(a == pytest.approx(b, abs=1e-6) for a, b in zip(after, expected, strict=True))


def test_without_an_average_the_weights_stay():
    model = compiled()
    before = model.get_weights()
    with averaged_weights(model):
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_validation_uses_the_average_that_the_training_ends_with():
    model = compiled(use_ema=True, ema_momentum=0.9)
    options = {"validation_data": (IMAGES,), "verbose": 0, "epochs": 1}
    logs = model.fit(IMAGES, callbacks=[AverageForEvaluation()], **options).history
    # After `fit` the model has the average itself, and the KL needs no noise.
    assert logs["val_kl"][0] == pytest.approx(model.evaluate(IMAGES, verbose=0, return_dict=True)["kl"], rel=1e-5)


def test_averages_that_keras_keeps_under_another_name_are_missed_not_replaced_by_raw_weights(monkeypatch):
    model = VAE((8, 8, 1), latent_dim=2, widths=(4,))
    model.compile(keras.optimizers.Adam(use_ema=True))
    model.optimizer.build(model.trainable_variables)
    assert len(model.optimizer._model_variables_moving_average) == len(model.trainable_variables)
    monkeypatch.delattr(model.optimizer, "_model_variables_moving_average")
    with pytest.raises(AttributeError), averaged_weights(model):
        pass


def test_nats_below_zero_are_printed_as_they_are(capsys):
    line = EpochLine()
    line.set_params({"epochs": 3})
    line.on_epoch_end(0, {"elbo": -342.33, "val_elbo": -0.6, "images_per_second": 11319.2, "learning_rate": 2e-3})
    assert capsys.readouterr().out == (
        "Epoch 1/3: elbo -342.3, val_elbo -0.6, images_per_second 11319.2, learning_rate 0.002\n"
    )
