"""Train one run from its configuration, and leave in its folders everything that comes of it."""

import contextlib
import dataclasses
import errno
import functools
import hashlib
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import keras
import tensorflow as tf

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.files import expanded, remove_durably, synchronise
from keras_vae.model import VAE, export_saved_model, save_model
from keras_vae.runs import CARD_FILE, Run, TrainConfig, config_as_opened, environment, keep_data, model_card, open_data
from keras_vae.tensorboard import Curves, EmbeddingProjector, SampleGrid, describe_run
from keras_vae.training.callbacks import Decoration
from keras_vae.training.checkpoints import Checkpoint, best_epoch, history_of, latest_checkpoint, restore
from keras_vae.training.compilation import compiled_model
from keras_vae.training.compute import computed_by, in_mixed_precision
from keras_vae.training.distribution import (
    Distribute,
    check_alike,
    is_chief,
    lost_workers_named,
    open_strategy,
    wait_for_all,
)
from keras_vae.training.fitting import fit_model, fit_to_trained, held_out_batches
from keras_vae.training.room import require_disk, weights_of
from keras_vae.version import __version__

__all__ = ["resume", "train", "training_table"]

PICTURED_IMAGES = 10_000
COMPARED_IMAGES = 10_000
LOGGED = [{"epoch": int, "seconds": float, "images_per_second": float}]  # what of a history the results are made from
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
        The run, with `config.json`, `history.json`, `training.json`, `vae.keras`, `saved_model`, its card `README.md`
        and pictures.

    Raises:
        InputError: the data or options cannot be used, the name is taken, or the loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C; the last good weights are in `vae.keras`, and `resume` goes on.
    """
    if config.distribute == "multiworker" and name is None:
        raise InputError("--distribute multiworker needs --run NAME, the same on every machine.")
    if config.init_from is not None:  # `resume` may be called in another folder
        config = config.replace(init_from=str(Run.open(config.init_from, root).folder))
    strategy = open_strategy(config.distribute)
    data = _checked(data or _open_data(config))
    config = _with_network(config, data)
    with lost_workers_named(strategy, f"Start all of them again with --resume --run {name}."):
        _check_workers(strategy, config, data, name, finished=0)
        model = compiled_model(config, data, strategy)
        data_dir = config.data_dir and str(expanded(config.data_dir).resolve())
        config = config.replace(dataset=data.name, data_dir=data_dir)  # `resume` may be called in another folder
        config = config_as_opened(config, data)
        if not is_chief(config.distribute):
            return _fit(Run(str(name), Path(root).resolve()), config, data, model)
        require_disk(Path(root).resolve(), model, keeps_best=config.patience > 0)
        run = Run.create(config, name, root, functools.partial(keep_data, data=data))
        with run.locked():
            return _fit(run, config, data if data.is_kept else _open_data(config, run), model)


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
    given = {name: value for name, value in given.items() if value is not None}
    if not is_chief(run.config.replace(**given).distribute):
        return _resumed(run, given)
    with run.locked():  # before anything is read: another process may still be changing it
        return _resumed(run, given)


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
    alone = f" and {more} of the decoder alone" if (more := run.config.epochs_of_sharpening) else ""
    lines.append(
        f"{result['epochs']} epochs of {result['training_images']:,} images{alone} in {result['seconds']:.0f} s, "
        f"{result['images_per_second']:,.0f} images/s while all learns; {result['compute']}",
    )
    if result.get("kept_epoch") is not None:
        lines.append(f"Kept are the weights of epoch {result['kept_epoch']}, the best on the validation split.")
    return "\n".join(lines)


def _resumed(run: Run, given: Mapping[str, Any]) -> Run:
    config = run.config.replace(**given)
    finished, checkpoint = latest_checkpoint(run.checkpoints)
    # A patience ends a training before all of its epochs; without one, more of them were asked for since.
    ended_early = bool(config.patience) and "epochs" not in given
    has_ended = (run.folder / "training.json").is_file() and (finished >= config.epochs or ended_early)
    if finished > config.epochs or has_ended:
        raise InputError(f"Run {run.name!r} has finished {finished} epochs; give a larger --epochs to go on.")
    if checkpoint is None and (run.folder / "history.json").is_file():  # which the first finished epoch writes
        raise InputError(f"Run {run.name!r} cannot go on without its {run.checkpoints}: train a new run.")
    strategy = open_strategy(config.distribute)
    data = _checked(_open_data(config, run))
    with lost_workers_named(strategy, f"Start all of them again with --resume --run {run.name}."):
        _check_workers(strategy, config, data, run.name, finished)
        # What it started from may be gone; its own checkpoint has all of it.
        begun = config if checkpoint is None else config.replace(init_from=None)
        model = compiled_model(begun, data, strategy)
        finished = restore(model, run.checkpoints)
        if finished:  # before anything is changed
            history_of(run.checkpoints, finished, LOGGED)
        if is_chief(config.distribute):
            require_disk(run.root, model, keeps_best=config.patience > 0)
        return _fit(run, config, data, model, finished, is_prolonged="epochs" in given)


def _fit(
    run: Run, config: TrainConfig, data: ImageData, model: VAE, finished: int = 0, *, is_prolonged: bool = False
) -> Run:
    chief = is_chief(config.distribute)
    if chief:
        print(
            f"Run {run.name}: {computed_by(model)}, {weights_of(model):,} weights; {_sizes(data)} images.", flush=True
        )
    start = time.perf_counter()
    checkpoint = Checkpoint(run.checkpoints, run.folder / "history.json", finished)
    saving = _Saving(run)
    try:
        if chief:
            describe_run(run, config, computed_by(model))
        with contextlib.closing(checkpoint):
            fit_model(
                model,
                config,
                data,
                callbacks=_records(run, config, data, finished, checkpoint, saving) if chief else [],
                first_epoch=finished,
                best=run.checkpoints,
                is_prolonged=is_prolonged,
                verbose=0 if not chief else 1 if _shows_progress_bars(sys.stdout) else 2,
            )
        seconds = time.perf_counter() - start
        splits = _measured(config, data, model)
        if chief:
            _write_results(run, config, data, model, splits, finished, seconds)
        wait_for_all(model.distribute_strategy)
    except (InputError, KeyboardInterrupt) as stop:
        is_kept = saving.done or not chief
        epoch = latest_checkpoint(run.checkpoints)[0] if is_kept else _keep_last_good(run, config, data, model)
        if isinstance(stop, InputError):
            raise
        kept = f"The weights after {epoch} of {config.epochs} epochs are in {run.model_file}." if epoch else ""
        raise KeyboardInterrupt(f"{kept or 'Nothing was trained yet.'} To go on: {run.resume_command}") from None
    except tf.errors.OpError as error:
        if os.strerror(errno.ENOSPC) not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(run.logs)) from error
    return run


def _records(
    run: Run, config: TrainConfig, data: ImageData, finished: int, checkpoint: Checkpoint, saving: "_Saving"
) -> list[keras.callbacks.Callback]:
    """What writes, in one process alone: first what a training goes on from, then the model, then what shows it."""
    affordable = config.memory_budget * 2**20 // math.prod(data.image_shape)
    count = max(100, min(PICTURED_IMAGES, affordable))
    cut_off = 0 if (run.folder / "training.json").is_file() else finished
    images, labels = data.images("test", count), data.labels("test", count)
    return [
        _Superseding(run, config),
        checkpoint,
        saving,
        _WatchingLogs(run),
        Curves(run.logs, histogram_freq=config.histogram_every, write_graph=False),
        Decoration(
            SampleGrid(
                run.logs / "images",
                run.figures,
                images,
                labels,
                data.class_names,
                every=config.grid_every,
                seed=config.seed,
                finished=cut_off,
            )
        ),
        Decoration(
            EmbeddingProjector(
                run.logs, images, labels, data.class_names, every=config.projector_every, finished=cut_off
            )
        ),
    ]


class _Superseding(keras.callbacks.Callback):
    """Let a finished run that is prolonged be one on its way, as soon as it has had another epoch, and not before."""

    def __init__(self, run: Run, config: TrainConfig) -> None:
        super().__init__()
        self.run = run
        self.config = config

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self.run.is_begun:
            raise InputError(f"{self.run.folder} was removed while it was trained: train it anew.")
        remove_durably(self.run.folder / "training.json")  # first: a run that has it and more epochs is taken for ended
        if self.config != self.run.config:
            self.run.write("config.json", self.config.to_json())


class _WatchingLogs(keras.callbacks.Callback):
    """Say once that TensorBoard's files were removed: TensorFlow would go on writing to them in vain."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.told = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if not self.told and not self.run.logs.is_dir():
            print(f"warning: {self.run.logs} was removed; TensorBoard shows no more of this run.", file=sys.stderr)
            self.told = True


class _Saving(keras.callbacks.Callback):
    """Save the trained model, before anything that draws it could fail."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.done = False

    def on_train_end(self, logs: Any = None) -> None:
        save_model(self.model, self.run.model_file)
        export_saved_model(self.model, self.run.saved_model)
        self.done = True


def _keep_last_good(run: Run, config: TrainConfig, data: ImageData, model: VAE) -> int:
    """Save the model of the last checkpoint, if it has learned, and return the number of epochs that it has had."""
    epoch, _ = latest_checkpoint(run.checkpoints)
    if not epoch or (run.folder / "training.json").is_file():  # then the run is as it was
        return epoch
    if config.is_prior_fitted:
        print(f"\nStopped: the prior is fitted to the latents of epoch {epoch}.", flush=True)
    if epoch := restore(model, run.checkpoints):
        model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        fit_to_trained(model, config, data)
    except InputError as error:
        print(f"warning: {error}", file=sys.stderr, flush=True)
    save_model(model, run.model_file)
    run.write(CARD_FILE, model_card(run))
    return epoch


def _measured(config: TrainConfig, data: ImageData, model: VAE) -> dict[str, dict[str, float]]:
    splits = {}
    for split in ("validation", "test"):
        metrics = model.evaluate(held_out_batches(config, data, split), verbose=0, return_dict=True)
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
        "kept_epoch": best_epoch(run.checkpoints) if config.patience else None,
        "training_images": data.counts["train"],
        "seconds": seconds + sum(epoch["seconds"] for epoch in history[:finished_before]),
        "images_per_second": statistics.median(epoch["images_per_second"] for epoch in history),
        "steps": len(history) * steps,
        "parameters": weights_of(model),
        "compute": computed_by(model),
        **environment(),
    }
    with tf.summary.create_file_writer(str(run.logs / "test")).as_default(step=config.epochs):
        for name in ("reconstruction", "kl", "elbo"):
            tf.summary.scalar(name, splits["test"][name])
    for log in run.logs.rglob("*"):
        synchronise(log)
    if config != run.config:  # of a training that is ended early, by no more epochs than it has had
        run.write("config.json", config.to_json())
    run.write(CARD_FILE, model_card(run, trained=result))
    run.write("training.json", result)  # the last: whoever finds it finds the rest


def _open_data(config: TrainConfig, run: Run | None = None) -> ImageData:
    shared_out = config.distribute == "multiworker"
    budget = min(config.memory_budget, SHARDED_MEMORY) if shared_out else config.memory_budget
    return open_data(config.replace(memory_budget=budget), run)


def _with_network(config: TrainConfig, data: ImageData) -> TrainConfig:
    """The configuration with the network that `auto` stands for, which is then told."""
    network = config.network_for(data.image_shape)
    if config.network == "auto" and is_chief(config.distribute):
        height, width, _ = data.image_shape
        by_size = config.replace(widths=None, dropout=0.0).network_for(data.image_shape)
        why = "" if network == by_size else ", as --widths or --dropout are those of dense layers"
        print(f"For images of {height} x {width} pixels{why}: --network {network}", flush=True)
    return config.replace(network=network)


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
    seen = hashlib.sha256()
    for split in data.counts:
        seen.update(data.images(split, None if data.in_memory else COMPARED_IMAGES).tobytes())
        seen.update(data.labels(split).tobytes())
    facts = {
        **options,
        "--run": str(name),
        "the version": __version__,
        "the data": f"{data.counts} {data.class_names} {seen.hexdigest()}",
        "the type they multiply in (give --mixed-precision)": str(in_mixed_precision(config)),
        "the checkpoint they go on from (--root must be one folder for all)": str(finished),
    }
    check_alike(strategy, facts)


def _shows_progress_bars(stream: TextIO) -> bool:
    """Whether a stream can draw over its last line: a terminal, or the output of a notebook's cell."""
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")


def _sizes(data: ImageData) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in data.counts.items())
