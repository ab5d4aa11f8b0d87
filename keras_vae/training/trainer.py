"""Train one run from its configuration: data, model and callbacks around Keras's `fit`."""

import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data import ImageData, open_dataset
from keras_vae.errors import InputError
from keras_vae.model import VAE, AveragingAdamW, VampPrior, export_saved_model, load_model, save_model
from keras_vae.runs import Run, TrainConfig, environment
from keras_vae.tensorboard import EmbeddingProjector, SampleGrid, describe_run
from keras_vae.training.callbacks import (
    AverageForEvaluation,
    Checkpoint,
    EpochLog,
    FitToTrainedModel,
    KLWarmup,
    StopAtNonFiniteLoss,
    latest_checkpoint,
)
from keras_vae.training.compute import computed_by, in_mixed_precision, with_xla

__all__ = ["compiled_model", "fit_model", "resume", "train", "training_table"]

EVALUATION_BATCH = 500
PICTURED_IMAGES = 10_000
FITTED_IMAGES = 100_000
CENTERING_IMAGES = 10_000


def train(config: TrainConfig, name: str | None = None, root: Path | str = ".") -> Run:
    """Train a model from the beginning, and leave everything that comes of it in a new run.

    Args:
        config: what to train.
        name: name of the run; None takes the preset's.
        root: the folder for `logs` and `saved_models`.

    Returns:
        The run, with `config.json`, `history.json`, `training.json`, `vae.keras`, `saved_model` and pictures.

    Raises:
        InputError: the data or options cannot be used, the name is taken, or the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C; the last good weights are in `vae.keras`, and `resume` goes on.
    """
    if config.init_from is not None:  # `resume` may be called in another folder
        config = config.replace(init_from=str(Run.open(config.init_from, root).folder))
    data = _open_data(config)
    model = compiled_model(config, data)
    data_dir = config.data_dir and str(Path(config.data_dir).expanduser().resolve())
    config = config.replace(dataset=data.name, data_dir=data_dir)  # `resume` may be called in another folder
    return _fit(Run.create(config, name, root), config, data, model)


def resume(run: Run, epochs: int | None = None) -> Run:
    """Go on with a run from the end of its last finished epoch, as if it had never been interrupted.

    Args:
        run: an interrupted run, or a finished one that is to be prolonged.
        epochs: the new total; None keeps the configuration's.

    Raises:
        InputError: there is nothing left to train; and as `train`.
    """
    config = run.config if epochs is None else run.config.replace(epochs=epochs)
    finished, checkpoint = latest_checkpoint(run.checkpoints)
    results = run.folder / "training.json"
    if finished > config.epochs or (finished == config.epochs and results.is_file()):
        raise InputError(f"Run {run.name!r} has finished {finished} epochs; give a larger --epochs to go on.")
    if checkpoint is None and (run.folder / "history.json").is_file():  # which the first finished epoch writes
        raise InputError(f"Run {run.name!r} cannot go on without its {run.checkpoints}: train a new run.")
    data = _open_data(config)
    model = compiled_model(config, data)
    run.write("config.json", config.to_json())
    results.unlink(missing_ok=True)  # as long as it is there, model and pictures are those of the last epoch
    return _fit(run, config, data, model)


def compiled_model(config: TrainConfig, data: ImageData) -> VAE:
    """Make and compile the model of a configuration, on all GPUs of this machine if there are several.

    Raises:
        InputError: the network does not take images of this shape, the batch is larger than the training split, or the
            run to start from is of another network.
    """
    steps = data.steps_per_epoch(config.batch_size)
    with _strategy().scope():
        try:
            model = VAE(
                data.image_shape,
                config.latent_dim,
                config.network,
                config.widths,
                config.likelihood,
                config.beta,
                config.seed,
                config.prior,
                config.prior_components,
                config.prior_training,
                dtype="mixed_bfloat16" if in_mixed_precision(config) else "float32",
            )
        except ValueError as error:
            raise InputError(str(error)) from error
        model.adapt(data.images("train", CENTERING_IMAGES))
        if config.init_from is not None:
            _start_from(model, Run.open(config.init_from))
        if isinstance(model.prior, VampPrior):
            _start_at_images(model.prior, data)
        model.compile(
            _optimizer(config, steps, model),
            jit_compile=with_xla(config),
            steps_per_execution=_largest_divisor(steps, config.steps_per_execution),
        )
        model.optimizer.build(model.trainable_variables)
    return model


def fit_model(
    model: VAE,
    config: TrainConfig,
    data: ImageData,
    *,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    first_epoch: int = 0,
    verbose: int = 0,
) -> None:
    """Let Keras train a compiled model as its configuration says, and fit what is fitted to a trained model.

    Args:
        model: from `compiled_model`, with the weights that it had after `first_epoch`.
        config: what the model was made of.
        data: whose training split it learns, and whose validation split it is watched on.
        callbacks: what else happens; at the end of the training they see the model as it is kept.
        first_epoch: number of epochs that are done already.
        verbose: as for Keras's `fit`: 0 is silent, 1 a progress bar, 2 a line for each epoch.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    steps = data.steps_per_epoch(config.batch_size)
    model.fit(
        data.training_batches(
            config.batch_size,
            seed=config.seed,
            first_epoch=first_epoch,
            binarize=config.binarize,
            varied_epochs=config.varied_epochs,
        ),
        validation_data=_held_out(config, data, "validation"),
        initial_epoch=first_epoch,
        epochs=config.epochs,
        steps_per_epoch=steps,
        callbacks=[
            KLWarmup(config.beta, config.beta_warmup, steps),
            EpochLog(steps * config.batch_size),
            AverageForEvaluation(),
            StopAtNonFiniteLoss(),
            _fit_to_trained_model(config, data),
            *callbacks,
        ],
        shuffle=False,
        verbose=verbose,
    )


def training_table(run: Run) -> str:
    """Put what a finished training came to into a short table.

    Returns:
        Lines of text: each split's reconstruction, KL and negative ELBO with its number of images; time and speed.
    """
    result = run.summary
    lines = [f"{'nats per image':<28}{'reconstruction':>15}{'KL':>10}{'-ELBO':>10}"]
    for split, metrics in result["splits"].items():
        name = f"{split} ({metrics['images']:,} images)"
        lines.append(
            f"{name:<28}{metrics['reconstruction']:>15.2f}{metrics['kl']:>10.2f}{-metrics['elbo']:>10.2f}",
        )
    lines.append(
        f"{result['epochs']} epochs of {result['training_images']:,} images in {result['seconds']:.0f} s, "
        f"{result['images_per_second']:,.0f} images/s while training; {result['compute']}",
    )
    return "\n".join(lines)


def _fit(run: Run, config: TrainConfig, data: ImageData, model: VAE) -> Run:
    finished, checkpoint = latest_checkpoint(run.checkpoints)
    if checkpoint is not None:
        model.load_weights(checkpoint)
    print(f"Run {run.name}: {computed_by(model)}, {_weights(model):,} weights; {_sizes(data)} images.", flush=True)
    start = time.perf_counter()
    try:
        describe_run(run, config, computed_by(model))
        fit_model(
            model,
            config,
            data,
            callbacks=_callbacks(run, config, data),
            first_epoch=finished,
            verbose=1 if _shows_progress_bars(sys.stdout) else 2,
        )
        seconds = time.perf_counter() - start
        save_model(model, run.model_file)
        export_saved_model(model, run.saved_model)
        _write_results(run, config, data, model, finished, seconds)
    except (InputError, KeyboardInterrupt) as stop:
        epoch = _keep_last_good(run, model)
        if isinstance(stop, InputError):
            raise
        kept = f"The weights after {epoch} of {config.epochs} epochs are in {run.model_file}." if epoch else ""
        raise KeyboardInterrupt(f"{kept or 'Nothing was trained yet.'} To go on: {run.resume_command}") from None
    return run


def _callbacks(run: Run, config: TrainConfig, data: ImageData) -> list[keras.callbacks.Callback]:
    affordable = config.memory_budget * 2**20 // math.prod(data.image_shape)
    count = max(100, min(PICTURED_IMAGES, affordable))
    images, labels = data.images("test", count), data.labels("test", count)
    return [
        Checkpoint(run.checkpoints, run.folder / "history.json"),
        keras.callbacks.TensorBoard(run.logs, histogram_freq=config.histogram_every, write_graph=False),
        SampleGrid(
            run.logs / "images",
            run.figures,
            images,
            labels,
            data.class_names,
            every=config.grid_every,
            seed=config.seed,
        ),
        EmbeddingProjector(run.logs, images, labels, data.class_names, every=config.projector_every),
    ]


def _fit_to_trained_model(config: TrainConfig, data: ImageData) -> FitToTrainedModel:
    affordable = config.memory_budget * 2**20 // math.prod(data.image_shape)
    count = max(1000, min(FITTED_IMAGES, affordable))
    images = data.images("train", count) if config.is_prior_fitted else None
    labels = data.labels("train", count) if config.is_prior_fitted else None
    return FitToTrainedModel(data.images("validation", count), images, labels, config.seed)


def _start_from(model: VAE, run: Run) -> None:
    """Take encoder and decoder of another run, and what its pixels spread; the prior is learned or fitted anew.

    The encoder keeps the mean image that it has learned with: what it makes of an image is at first what it made there.
    """
    if not run.has_weights:
        raise InputError(f"--init-from {run.name}: it has no weights yet; {run.resume_command}.")
    other = load_model(run.model_file if run.model_file.is_file() else run.saved_model)
    for name in ("image_shape", "latent_dim", "network", "widths", "likelihood"):
        mine, its = getattr(model, name), getattr(other, name)
        if mine != its:
            raise InputError(
                f"--init-from {run.name}: its {name} is {its}, that of the new run {mine}; make them alike."
            )
    for network, its_network in ((model.encoder, other.encoder), (model.decoder, other.decoder)):
        network.set_weights(its_network.get_weights())
    model.variance.assign(other.variance)
    if model.likelihood == "discretized_logistic":
        model.log_scale.assign(other.log_scale)


def _start_at_images(prior: VampPrior, data: ImageData) -> None:
    """Begin a VampPrior with training images, all of them if there are too few."""
    count = prior.logits.shape[0]
    images = data.images("train", min(count, data.counts["train"])) / np.float32(255)
    prior.start_at(np.resize(images, (count, *data.image_shape)))


def _held_out(config: TrainConfig, data: ImageData, split: str) -> tf.data.Dataset:
    """A split that is measured; where training images are binarised, it is too, once and for all."""
    return data.batches(split, EVALUATION_BATCH, binarize="fixed" if config.binarize == "dynamic" else "none")


def _keep_last_good(run: Run, model: VAE) -> int:
    """Save the model of the last checkpoint, if there is any, and return the number of epochs that it has had."""
    epoch, checkpoint = latest_checkpoint(run.checkpoints)
    if checkpoint is not None:
        model.load_weights(checkpoint)
        if epoch:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        save_model(model, run.model_file)
    return epoch


def _write_results(
    run: Run, config: TrainConfig, data: ImageData, model: VAE, finished_before: int, seconds: float
) -> None:
    history = json.loads((run.folder / "history.json").read_text())
    splits = {}
    for split in ("validation", "test"):
        metrics = model.evaluate(_held_out(config, data, split), verbose=0, return_dict=True)
        splits[split] = {"images": data.counts[split], **{name: float(value) for name, value in metrics.items()}}
    steps = data.steps_per_epoch(config.batch_size)
    result = {
        "unit": "nats per image, one posterior sample an image",
        "splits": splits,
        "epochs": len(history),
        "training_images": data.counts["train"],
        "seconds": seconds + sum(epoch["seconds"] for epoch in history[:finished_before]),
        "images_per_second": statistics.median(epoch["images_per_second"] for epoch in history),
        "steps": len(history) * steps,
        "parameters": _weights(model),
        "compute": computed_by(model),
        **environment(),
    }
    run.write("training.json", result)
    with tf.summary.create_file_writer(str(run.logs / "test")).as_default(step=config.epochs):
        for name in ("reconstruction", "kl", "elbo"):
            tf.summary.scalar(name, splits["test"][name])


def _open_data(config: TrainConfig) -> ImageData:
    data = open_dataset(config.dataset, data_dir=config.data_dir, memory_budget=config.memory_budget * 2**20)
    if data.counts["test"] < 2:
        raise InputError(f"The test split of {data.name!r} has {data.counts['test']} image: it must have at least 2.")
    return data


def _strategy() -> tf.distribute.Strategy:
    several = len(tf.config.list_logical_devices("GPU")) > 1
    return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()


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


def _shows_progress_bars(stream: TextIO) -> bool:
    """Whether a stream can draw over its last line: a terminal, or the output of a notebook's cell."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


def _weights(model: VAE) -> int:
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def _sizes(data: ImageData) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in data.counts.items())


def _largest_divisor(number: int, limit: int) -> int:
    """Keras runs a whole number of executions in an epoch: one that does not divide it would run into the next."""
    return max(divisor for divisor in range(1, min(number, limit) + 1) if number % divisor == 0)
