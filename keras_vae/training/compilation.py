"""A configuration -> the model that is trained: on its devices, compiled, with the weights that it starts from."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.model import VAE, AveragingAdamW, VampPrior, load_model
from keras_vae.runs import Run, TrainConfig
from keras_vae.training.compute import in_mixed_precision, with_xla
from keras_vae.training.distribution import open_strategy
from keras_vae.training.room import require_memory

__all__ = ["compiled_model", "steps_at_once"]

CENTERING_IMAGES = 10_000


def compiled_model(config: TrainConfig, data: ImageData, strategy: tf.distribute.Strategy | None = None) -> VAE:
    """Make and compile the model of a configuration.

    Args:
        config: what to train.
        data: the images that it is to learn.
        strategy: the devices that share the training; None makes the one that the configuration names.

    Raises:
        InputError: there is too little memory, the network does not take images of this shape, the batch is larger than
            the training split or smaller than the number of devices, or the run to start from is of another network.
    """
    steps = data.steps_per_epoch(config.batch_size)
    strategy = open_strategy(config.distribute) if strategy is None else strategy
    replicas = strategy.num_replicas_in_sync
    if config.batch_size < replicas:
        raise InputError(f"--batch-size {config.batch_size} gives nothing to some of the {replicas} devices.")
    network = config.network_for(data.image_shape)
    config = config.replace(network=network)
    require_memory(config, data.image_shape)
    with strategy.scope():
        try:
            model = VAE(
                data.image_shape,
                config.latent_dim,
                network=network,
                widths=config.widths,
                likelihood=config.likelihood,
                beta=config.beta,
                seed=config.seed,
                prior=config.prior,
                prior_components=config.prior_components,
                prior_training=config.prior_training,
                levels=config.levels,
                dropout=config.dropout,
                input_noise=config.input_noise,
                learns_variance=config.variance == "learned",
                dtype="mixed_bfloat16" if in_mixed_precision(config) else "float32",
            )
        except ValueError as error:
            raise InputError(str(error)) from error
        model.awaits_prior = config.is_prior_fitted
        model.compiles_updates = config.xla != "off"
        model.adapt(data.images("train", CENTERING_IMAGES))
        if config.init_from is not None:
            _start_from(model, Run.open(config.init_from))
        if isinstance(model.upper_prior, VampPrior):
            _start_at_images(model.upper_prior, data)
        model.compile(
            _optimizer(config, steps, model),
            jit_compile=with_xla(config),
            # Keras has no loop over steps in which replicas wait for each other.
            steps_per_execution=steps_at_once(config, steps) if replicas == 1 else 1,
        )
        model.optimizer.build(model.trainable_variables)
    return model


def steps_at_once(config: TrainConfig, steps: int) -> int:
    """How many of an epoch's steps one call of the training graph takes."""
    return _largest_divisor(steps, config.steps_per_execution)


def _start_from(model: VAE, run: Run) -> None:
    """Take encoder and decoder of another run, and what its pixels spread; the prior is learned or fitted anew.

    Of two levels the lower one, its posterior and its prior, belongs to what the decoder has learned with: it is taken
    too. The encoder keeps the mean image that it has learned with: what it makes of an image is at first what it made
    there.
    """
    if not run.has_weights:
        raise InputError(f"--init-from {run.name}: it has no weights yet; {run.resume_command}.")
    other = load_model(run.model_file if run.model_file.is_file() else run.saved_model)
    for name in ("image_shape", "latent_dim", "levels", "network", "widths", "likelihood"):
        mine, its = getattr(model, name), getattr(other, name)
        if mine != its:
            raise InputError(
                f"--init-from {run.name}: its {name} is {its}, that of the new run {mine}; make them alike."
            )
    networks = [(model.encoder, other.encoder), (model.decoder, other.decoder)]
    if model.levels == 2:
        networks += [(model.lower_posterior, other.lower_posterior), (model.prior.network, other.prior.network)]
    for network, its_network in networks:
        network.set_weights(its_network.get_weights())
    model.variance.assign(other.variance)
    if model.learns_variance:
        model.log_variance.assign(np.log(other.variance.numpy()))
    if model.likelihood == "discretized_logistic":
        model.log_scale.assign(other.log_scale)


def _start_at_images(prior: VampPrior, data: ImageData) -> None:
    """Begin a VampPrior with training images, all of them if there are too few."""
    count = prior.logits.shape[0]
    images = data.images("train", min(count, data.counts["train"])) / np.float32(255)
    prior.start_at(np.resize(images, (count, *data.image_shape)))


def _optimizer(config: TrainConfig, steps: int, model: VAE) -> keras.optimizers.Optimizer:
    warmup = round(config.learning_rate_warmup * steps)
    total = config.epochs * steps
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else config.learning_rate,
        warmup_target=config.learning_rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, total - warmup),
        alpha=1.0 if config.schedule == "constant" else 0.0,
    )
    optimizer = AveragingAdamW(
        rate,
        weight_decay=config.weight_decay,
        global_clipnorm=config.gradient_clip or None,
        use_ema=config.weight_average > 0,
        ema_momentum=config.weight_average,
    )
    # Decay belongs to what a layer multiplies with: it would draw biases and a prior's own weights to where none lies.
    optimizer.exclude_from_weight_decay(
        var_list=[variable for variable in model.trainable_variables if variable.name != "kernel"]
    )
    return optimizer


def _largest_divisor(number: int, limit: int) -> int:
    """Keras runs a whole number of executions in an epoch: one that does not divide it would run into the next."""
    return max(divisor for divisor in range(1, min(number, limit) + 1) if number % divisor == 0)
