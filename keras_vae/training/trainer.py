"""Train one run from its configuration: data, model and callbacks around Keras's `fit`."""

import dataclasses
import hashlib
import json
import math
import shutil
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.model import VAE, AveragingAdamW, VampPrior, export_saved_model, save_model
from keras_vae.runs import Run, TrainConfig, environment, open_data
from keras_vae.tensorboard import EmbeddingProjector, SampleGrid, describe_run
from keras_vae.training.callbacks import (
    AverageForEvaluation,
    Decoration,
    EpochLog,
    FitToTrainedModel,
    KLWarmup,
    StopAtNonFiniteLoss,
)
from keras_vae.training.checkpoints import Checkpoint, latest_checkpoint, restore
from keras_vae.training.compute import computed_by, in_mixed_precision, with_xla
from keras_vae.training.distribution import (
    Distribute,
    check_alike,
    is_chief,
    lost_workers_named,
    open_strategy,
    wait_for_all,
)
from keras_vae.version import __version__

__all__ = ["compiled_model", "resume", "train", "training_table"]

EVALUATION_BATCH = 500
PICTURED_IMAGES = 10_000
FITTED_IMAGES = 100_000
CENTERING_IMAGES = 10_000
COMPARED_IMAGES = 10_000
SHARDED_MEMORY = 1024  # MiB: to be shared out, images in memory become part of a graph, which holds 2 GiB at most


def train(config: TrainConfig, name: str | None = None, root: Path | str = ".", data: ImageData | None = None) -> Run:
    """Train a model from the beginning, and leave everything that comes of it in a new run.

    Args:
        config: what to train.
        name: name of the run; None takes the preset's.
        root: the folder for `logs` and `saved_models`.
        data: the images; None opens those of the configuration. Arrays are copied into the run's folder, so that it can
            be resumed, evaluated and explored without them.

    Returns:
        The run, with `config.json`, `history.json`, `training.json`, `vae.keras`, `saved_model` and pictures.

    Raises:
        InputError: the data or options cannot be used, the name is taken, or the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C; the last good weights are in `vae.keras`, and `resume` goes on.
    """
    if config.distribute == "multiworker" and name is None:
        raise InputError("--distribute multiworker needs --run NAME, the same on every machine.")
    strategy = open_strategy(config.distribute)
    data = _checked(data or _open_data(config))
    with lost_workers_named(strategy, f"Start all of them again with --resume --run {name}."):
        _check_workers(strategy, config, data, name, finished=0)
        model = compiled_model(config, data, strategy)
        data_dir = config.data_dir and str(Path(config.data_dir).expanduser().resolve())
        config = config.replace(dataset=data.name, data_dir=data_dir)  # `resume` may be called in another folder
        if not is_chief(config.distribute):
            return _fit(Run(str(name), Path(root).resolve()), config, data, model)
        run = Run.create(config, name, root)
        if not data.is_kept:
            try:
                data = data.keep(run.data)
            except BaseException:  # without its images the run could not be resumed
                shutil.rmtree(run.folder, ignore_errors=True)
                raise
        return _fit(run, config, data, model)


def resume(run: Run, epochs: int | None = None, distribute: Distribute | None = None) -> Run:
    """Go on with a run from the end of its last finished epoch, as if it had never been interrupted.

    Args:
        run: an interrupted run, or a finished one that is to be prolonged.
        epochs: the new total; None keeps the configuration's.
        distribute: as the option of the configuration; None keeps its value. With several workers, all of them read
            the folder of the run, and the chief writes it.

    Raises:
        InputError: there is nothing left to train; and as `train`.
    """
    given = {"epochs": epochs, "distribute": distribute}
    config = run.config.replace(**{name: value for name, value in given.items() if value is not None})
    finished, checkpoint = latest_checkpoint(run.checkpoints)
    results = run.folder / "training.json"
    if finished > config.epochs or (finished == config.epochs and results.is_file()):
        raise InputError(f"Run {run.name!r} has finished {finished} epochs; give a larger --epochs to go on.")
    if checkpoint is None and (run.folder / "history.json").is_file():  # which the first finished epoch writes
        raise InputError(f"Run {run.name!r} cannot go on without its {run.checkpoints}: train a new run.")
    strategy = open_strategy(config.distribute)
    data = _checked(_open_data(config, run))
    with lost_workers_named(strategy, f"Start all of them again with --resume --run {run.name}."):
        _check_workers(strategy, config, data, run.name, finished)
        model = compiled_model(config, data, strategy)
        if is_chief(config.distribute):
            run.write("config.json", config.to_json())
            results.unlink(missing_ok=True)  # as long as it is there, model and pictures are those of the last epoch
        return _fit(run, config, data, model)


def compiled_model(config: TrainConfig, data: ImageData, strategy: tf.distribute.Strategy | None = None) -> VAE:
    """Make and compile the model of a configuration.

    Args:
        config: what to train.
        data: the images that it is to learn.
        strategy: the devices that share the training; None makes the one that the configuration names.

    Raises:
        InputError: the network does not take images of this shape, or the batch is larger than the training split, or
            smaller than the number of devices.
    """
    steps = data.steps_per_epoch(config.batch_size)
    strategy = open_strategy(config.distribute) if strategy is None else strategy
    replicas = strategy.num_replicas_in_sync
    if config.batch_size < replicas:
        raise InputError(f"--batch-size {config.batch_size} gives nothing to some of the {replicas} devices.")
    with strategy.scope():
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
                config.levels,
                dtype="mixed_bfloat16" if in_mixed_precision(config) else "float32",
            )
        except ValueError as error:
            raise InputError(str(error)) from error
        model.adapt(data.images("train", CENTERING_IMAGES))
        if isinstance(model.upper_prior, VampPrior):
            _start_at_images(model.upper_prior, data)
        model.compile(
            _optimizer(config, steps, model),
            jit_compile=with_xla(config),
            # Keras has no loop over steps in which replicas wait for each other.
            steps_per_execution=_steps_at_once(config, steps) if replicas == 1 else 1,
        )
        model.optimizer.build(model.trainable_variables)
    return model


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
    finished = restore(model, run.checkpoints)
    chief = is_chief(config.distribute)
    if chief:
        print(f"Run {run.name}: {computed_by(model)}, {_weights(model):,} weights; {_sizes(data)} images.", flush=True)
    start = time.perf_counter()
    try:
        if chief:
            describe_run(run, config, computed_by(model))
        model.fit(
            data.training_batches(
                config.batch_size,
                seed=config.seed,
                first_epoch=finished,
                binarize=config.binarize,
                varied_epochs=config.varied_epochs,
            ),
            validation_data=_held_out(config, data, "validation"),
            initial_epoch=finished,
            epochs=config.epochs,
            steps_per_epoch=data.steps_per_epoch(config.batch_size),
            callbacks=_callbacks(config, data) + (_records(run, config, data, finished) if chief else []),
            shuffle=False,
            verbose=0 if not chief else 1 if sys.stdout.isatty() else 2,
        )
        seconds = time.perf_counter() - start
        if chief:
            save_model(model, run.model_file)
            export_saved_model(model, run.saved_model)
        splits = _measured(config, data, model)
        if chief:
            _write_results(run, config, data, model, splits, finished, seconds)
        wait_for_all(model.distribute_strategy)
    except (InputError, KeyboardInterrupt) as stop:
        epoch = _keep_last_good(run, model) if chief else finished
        if isinstance(stop, InputError):
            raise
        kept = f"The weights after {epoch} of {config.epochs} epochs are in {run.model_file}." if epoch else ""
        raise KeyboardInterrupt(f"{kept or 'Nothing was trained yet.'} To go on: {run.resume_command}") from None
    return run


def _callbacks(config: TrainConfig, data: ImageData) -> list[keras.callbacks.Callback]:
    """What takes part in the training: the same on all workers, and before what records it."""
    steps = data.steps_per_epoch(config.batch_size)
    return [
        KLWarmup(config.beta, config.beta_warmup, steps, _steps_at_once(config, steps)),
        EpochLog(steps * config.batch_size),
        AverageForEvaluation(),
        StopAtNonFiniteLoss(),
        _fit_to_trained_model(config, data),
    ]


def _records(run: Run, config: TrainConfig, data: ImageData, finished: int) -> list[keras.callbacks.Callback]:
    """What writes: in one process alone."""
    affordable = config.memory_budget * 2**20 // math.prod(data.image_shape)
    count = max(100, min(PICTURED_IMAGES, affordable))
    images, labels = data.images("test", count), data.labels("test", count)
    return [
        Checkpoint(run.checkpoints, run.folder / "history.json", finished),
        keras.callbacks.TensorBoard(run.logs, histogram_freq=config.histogram_every, write_graph=False),
        Decoration(
            SampleGrid(
                run.logs / "images",
                run.figures,
                images,
                labels,
                data.class_names,
                every=config.grid_every,
                seed=config.seed,
            )
        ),
        Decoration(EmbeddingProjector(run.logs, images, labels, data.class_names, every=config.projector_every)),
    ]


def _fit_to_trained_model(config: TrainConfig, data: ImageData) -> FitToTrainedModel:
    affordable = config.memory_budget * 2**20 // math.prod(data.image_shape)
    count = max(1000, min(FITTED_IMAGES, affordable))
    images = data.images("train", count) if config.is_prior_fitted else None
    labels = data.labels("train", count) if config.is_prior_fitted else None
    return FitToTrainedModel(data.images("validation", count), images, labels, config.seed)


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
    epoch = 0
    if latest_checkpoint(run.checkpoints)[1] is not None:
        epoch = restore(model, run.checkpoints)
        if epoch:
            model.optimizer.finalize_variable_values(model.trainable_variables)
        save_model(model, run.model_file)
    return epoch


def _measured(config: TrainConfig, data: ImageData, model: VAE) -> dict[str, dict[str, float]]:
    splits = {}
    for split in ("validation", "test"):
        metrics = model.evaluate(_held_out(config, data, split), verbose=0, return_dict=True)
        splits[split] = {"images": data.counts[split], **{name: float(value) for name, value in metrics.items()}}
    return splits


def _write_results(
    run: Run,
    config: TrainConfig,
    data: ImageData,
    model: VAE,
    splits: dict[str, dict[str, float]],
    finished_before: int,
    seconds: float,
) -> None:
    history = json.loads((run.folder / "history.json").read_text())
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


def _open_data(config: TrainConfig, run: Run | None = None) -> ImageData:
    shared_out = config.distribute == "multiworker"
    budget = min(config.memory_budget, SHARDED_MEMORY) if shared_out else config.memory_budget
    return open_data(config.replace(memory_budget=budget), run)


def _checked(data: ImageData) -> ImageData:
    if data.counts["test"] < 2:
        raise InputError(f"The test split of {data.name!r} has {data.counts['test']} image: it must have at least 2.")
    return data


def _check_workers(
    strategy: tf.distribute.Strategy, config: TrainConfig, data: ImageData, name: str | None, finished: int
) -> None:
    """See that all workers agree on what they are about to do; they know it by the names that the user knows."""
    if config.distribute != "multiworker":
        return
    options = {f"--{field.replace('_', '-')}": repr(value) for field, value in dataclasses.asdict(config).items()}
    for where_it_lies in ("--dataset", "--data-dir"):  # may differ; the images may not
        del options[where_it_lies]
    images = data.images("train", None if data.in_memory else COMPARED_IMAGES)
    facts = {
        **options,
        "--run": str(name),
        "the version": __version__,
        "the data": f"{data.counts} {data.class_names} {hashlib.sha256(images.tobytes()).hexdigest()}",
        "the type they multiply in (give --mixed-precision)": str(in_mixed_precision(config)),
        "the checkpoint they go on from (--root must be one folder for all)": str(finished),
    }
    check_alike(strategy, facts)


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


def _steps_at_once(config: TrainConfig, steps: int) -> int:
    return _largest_divisor(steps, config.steps_per_execution)


def _weights(model: VAE) -> int:
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def _sizes(data: ImageData) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in data.counts.items())


def _largest_divisor(number: int, limit: int) -> int:
    """Keras runs a whole number of executions in an epoch: one that does not divide it would run into the next."""
    return max(divisor for divisor in range(1, min(number, limit) + 1) if number % divisor == 0)
