"""Keras's `fit` as a configuration has it: batches, validation, and the callbacks that take part in the training."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.model import VAE
from keras_vae.runs import TrainConfig
from keras_vae.training.callbacks import (
    AverageForEvaluation,
    EpochLine,
    EpochLog,
    FitToTrainedModel,
    ImportanceWeighting,
    KLWarmup,
    Sharpening,
    StopAtNonFiniteLoss,
)
from keras_vae.training.checkpoints import KeepBest
from keras_vae.training.compilation import steps_at_once

__all__ = ["fit_model", "fit_to_trained", "held_out_batches"]

EVALUATION_BATCH = 500
FITTED_IMAGES = 100_000


def fit_model(
    model: VAE,
    config: TrainConfig,
    data: ImageData,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    first_epoch: int = 0,
    best: Path | None = None,
    is_prolonged: bool = False,
    verbose: int = 0,
) -> None:
    """Let Keras train a compiled model as its configuration says, and fit what is fitted to a trained model.

    Args:
        model: from `compiled_model`, with the weights that it had after `first_epoch`.
        config: what the model was made of.
        data: whose training split it learns, and whose validation split it is watched on.
        callbacks: what else happens; at the end of the training they see the model as it is kept.
        first_epoch: number of epochs that are done already.
        best: folder where the weights of the best epoch are kept, where the configuration has a patience; None takes
            a temporary one.
        is_prolonged: trains on where the patience has ended the training already.
        verbose: 0 is silent, 1 shows Keras's progress bar, 2 prints a line for each epoch.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    steps = data.steps_per_epoch(config.batch_size)
    with _keeping_best(config, best, first_epoch) as keep_best:
        has_ended = any(each.has_ended for each in keep_best)  # and was stopped before its results were written
        model.fit(
            data.training_batches(
                config.batch_size,
                seed=config.seed,
                first_epoch=first_epoch,
                binarize=config.binarize,
                varied_epochs=config.varied_epochs,
            ),
            validation_data=held_out_batches(config, data, "validation"),
            initial_epoch=first_epoch,
            epochs=first_epoch if has_ended and not is_prolonged else config.epochs,
            steps_per_epoch=steps,
            callbacks=[
                KLWarmup(config.beta, config.beta_warmup, steps, steps_at_once(config, steps)),
                ImportanceWeighting(
                    config.importance_samples,
                    first_epoch=max(config.epochs - config.importance_epochs, math.ceil(config.beta_warmup)),
                ),
                EpochLog(steps * config.batch_size),
                AverageForEvaluation(),
                StopAtNonFiniteLoss(),
                *keep_best,
                *([EpochLine()] if verbose == 2 else []),
                *_ends_of_training(config, data, verbose),
                *callbacks,
            ],
            shuffle=False,
            verbose=1 if verbose == 1 else 0,
        )


def fit_to_trained(model: VAE, config: TrainConfig, data: ImageData) -> None:
    """Fit what `fit_model` fits at its end, variance and prior, to a model whose training was stopped.

    Args:
        model: with weights that are kept.
        config: what the model was made of.
        data: what it was trained on.

    Raises:
        InputError: no prior can be fitted to its latents.
    """
    for callback in _ends_of_training(config.replace(sharpening_epochs=0), data, verbose=0):
        callback.set_model(model)
        callback.on_train_end()


def held_out_batches(config: TrainConfig, data: ImageData, split: str) -> tf.data.Dataset:
    """A split that is measured; where training images are binarised, it is too, once and for all."""
    return data.batches(split, EVALUATION_BATCH, binarize="fixed" if config.binarize == "dynamic" else "none")


@contextlib.contextmanager
def _keeping_best(config: TrainConfig, folder: Path | None, finished: int) -> Iterator[list[KeepBest]]:
    if not config.patience:
        yield []
        return
    with tempfile.TemporaryDirectory() as temporary:
        yield [KeepBest(folder or Path(temporary), config.patience, config.beta, config.beta_warmup, finished)]


def _ends_of_training(config: TrainConfig, data: ImageData, verbose: int) -> Iterator[keras.callbacks.Callback]:
    affordable = config.memory_budget * 2**20 // math.prod(data.image_shape)
    count = max(1000, min(FITTED_IMAGES, affordable))
    seed, epochs = config.seed, config.epochs_of_sharpening
    images, labels = data.drawn("train", count, seed) if config.is_prior_fitted or epochs else (None, None)
    if images is not None and epochs:
        yield Sharpening(images, epochs, config.batch_size, seed, verbose=verbose > 0)
    held_out, _ = data.drawn("validation", count, seed)
    fitted_to = images if config.is_prior_fitted else None
    yield FitToTrainedModel(held_out, fitted_to, labels, seed, config.prior_temperature)
