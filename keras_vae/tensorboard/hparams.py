"""What TensorBoard's Text and HParams say of a run: its configuration, and metrics that compare runs in one table."""

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams

from keras_vae.errors import InputError
from keras_vae.runs import Run, TrainConfig

__all__ = ["COMPARED_METRICS", "Row", "check_table", "describe_run", "write_evaluation", "write_table"]

# Names in metrics.json, and what TensorBoard calls them.
COMPARED_METRICS = {
    "reconstruction.mean.mse_per_pixel": "MSE per pixel",
    "reconstruction.mean.ssim": "SSIM",
    "likelihood.importance_weighted_nll": "NLL bound",
    "likelihood.active_units": "active units",
    "generation.classifier.frechet_distance": "Frechet distance",
    "generation.classifier.precision": "precision",
    "generation.classifier.recall": "recall",
    "generation.own.frechet_distance": "Frechet distance, own network",
    "generation.own.precision": "precision, own network",
    "generation.own.recall": "recall, own network",
    "generation.inception.frechet_distance": "Frechet distance, Keras InceptionV3",
}

_NOT_COMPARED = {"memory_budget", "grid_every", "projector_every", "histogram_every", "steps_per_execution"}


def describe_run(run: Run, config: TrainConfig, compute: str) -> None:
    """Show the configuration of a run as text and as hyperparameters, and declare what is compared.

    Args:
        run: whose logs are written.
        config: its configuration.
        compute: what it is trained on.
    """
    options = {name: value for name, value in dataclasses.asdict(config).items() if name != "data_dir"}
    rows = "".join(f"| {name} | {value} |\n" for name, value in options.items())
    with tf.summary.create_file_writer(str(run.logs)).as_default(step=0):
        tf.summary.text("configuration", f"| option | value |\n| --- | --- |\n{rows}| compute | {compute} |\n")
        hparams.hparams({name: _as_hyperparameter(value) for name, value in options.items()}, trial_id=run.name)
        # In every run, so that those that are copied elsewhere are compared there too.
        hparams.hparams_config(
            hparams=[hparams.HParam(name) for name in options if name not in _NOT_COMPARED],
            metrics=[
                *(
                    hparams.Metric(name, group="test", display_name=f"test {name}")
                    for name in ("elbo", "reconstruction", "kl")
                ),
                hparams.Metric("epoch_elbo", group="validation", display_name="validation elbo"),
                hparams.Metric("epoch_images_per_second", group="train", display_name="images/s"),
                *(hparams.Metric(name, group="evaluation") for name in COMPARED_METRICS.values()),
                hparams.Metric("NLL bound", group="evaluation-binarized", display_name="NLL bound, binarized"),
            ],
        )


def write_evaluation(
    run: Run, metrics: Mapping[str, float], pictures: Mapping[str, Any], *, name: str, step: int
) -> None:
    """Write metrics of an evaluation for HParams, and its pictures.

    Args:
        run: whose logs are written.
        metrics: by their names in metrics.json; those that are not compared are left out.
        pictures: `(h, w, 1 or 3)` uint8 each.
        name: what they are filed under; only `grey` stands in the table, others have a TensorBoard run of their own.
        step: epochs that were trained.

    Raises:
        InputError: the files cannot be written.
    """
    folder = run.logs / ("evaluation" if name == "grey" else f"evaluation-{name}")
    try:
        writer = tf.summary.create_file_writer(str(folder))
        with writer.as_default(step=step):
            for metric, shown in COMPARED_METRICS.items():
                if metric in metrics:
                    tf.summary.scalar(shown, metrics[metric])
            for title, picture in pictures.items():
                tf.summary.image(title, picture[None])
        writer.close()
    except tf.errors.OpError as error:
        raise InputError(f"TensorBoard's files cannot be written to {folder}: {error.message}") from error


class Row(NamedTuple):
    """A row of a table under HParams.

    Attributes:
        options: its hyperparameters.
        figures: its metrics; those that are not there are left empty.
    """

    options: Mapping[str, Any]
    figures: Mapping[str, float]


def check_table(folder: Path) -> None:
    """Refuse a place where something else than such a table is, which would be lost.

    Args:
        folder: of the table.

    Raises:
        InputError: it is a file, or holds something else.
    """
    is_other = folder.is_dir() and any(folder.iterdir()) and not any(folder.glob("events.out.tfevents.*"))
    if is_other or folder.is_file():
        raise InputError(f"{folder} is something else, which would be lost: give another --root.")


def write_table(folder: Path, rows: Mapping[str, Row]) -> None:
    """Write a table that HParams shows, in place of the one that was there.

    Args:
        folder: of the table, a log directory of its own.
        rows: by their names.

    Raises:
        InputError: the files cannot be written.
    """
    try:
        shutil.rmtree(folder, ignore_errors=True)
        options = dict.fromkeys(name for row in rows.values() for name in row.options)
        figures = dict.fromkeys(name for row in rows.values() for name in row.figures)
        with tf.summary.create_file_writer(str(folder)).as_default(step=0):
            hparams.hparams_config(
                hparams=[hparams.HParam(name) for name in options], metrics=[hparams.Metric(name) for name in figures]
            )
        for title, row in rows.items():
            with tf.summary.create_file_writer(str(folder / title)).as_default(step=0):
                hparams.hparams({name: _as_hyperparameter(value) for name, value in row.options.items()}, title)
                for name, value in row.figures.items():
                    tf.summary.scalar(name, value)
    except tf.errors.OpError as error:
        raise InputError(f"TensorBoard's files cannot be written to {folder}: {error.message}") from error


def _as_hyperparameter(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
