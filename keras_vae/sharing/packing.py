"""A run -> a copy without what only its training and its pictures took: small enough to be shipped."""

from __future__ import annotations

import io
import itertools
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.evaluation import card_of, open_model_and_data, read_metrics, weights_digest
from keras_vae.files import make_folder, replace_durably, require_room, typed_command
from keras_vae.model import VAE, load_model
from keras_vae.runs import (
    CARD_FILE,
    KEPT_NOTE,
    NOTED,
    SHIPPED,
    Run,
    folder_for_copy,
    is_shipped,
    read_arrays,
    read_record,
)
from keras_vae.tensorboard import EVENT_FILES, describe_run, read_events, write_projector

__all__ = ["pack"]

KEPT = ("config.json", "history.json", "training.json", "report.pdf")
SCALARS = ("train", "validation", "test", "evaluation")  # TensorBoard's runs below the run's own
PICTURES = ("samples", "samples_by_class", "reconstructions", "traversal", "interpolation", "manifold")
PROJECTED = 2_000  # test images in the projector, of which all take as much room as the weights
BYTES_BESIDE = 10_000_000  # what is copied: logs, with the projector, maps and report
DECIMALS = 3  # of their latents
EXPLORE = "remove it, and explore again"


def pack(run: Run, name: str) -> Run:
    """Copy a run: the weights once, as the SavedModel has them; numbers, report, pictures, scalars, a projector.

    Commands that would write to the copy work on a copy of their own.

    Args:
        run: trained, evaluated, explored and reported.
        name: of the copy, which must be free.

    Raises:
        InputError: the run lacks a part, or is packed itself; the name is taken, or names no run; there is no room.
    """
    Run.check_name(name)
    if is_shipped(run):
        raise InputError(f"Run {run.name!r} is packed already: pack the run that it is of.")
    digest = weights_digest(run) if run.is_finished else ""
    latent = _latent(run, digest)
    if not latent or "grey" not in read_metrics(run, digest).get("evaluations", {}):
        raise InputError(f"Run {run.name!r} is not measured as a whole yet: {typed_command('report')} {run.typed}.")
    copy = Run(name, run.root)
    if copy.folder.exists() or copy.logs.exists():
        raise InputError(f"A run named {name!r} exists already: give another name.")
    model, data = open_model_and_data(run)
    copied = (path for folder in (run.saved_model, run.figures, run.data) for path in folder.rglob("*"))
    require_room(run.root, BYTES_BESIDE + sum(path.stat().st_size for path in copied if path.is_file()))
    _check_same(model, load_model(run.saved_model))
    with folder_for_copy(run.root) as temporary:
        part = Run(name, Path(temporary))
        _copy_files(run, part)
        for file, content in (("metrics.json", read_metrics(run, digest)), ("latent.json", latent)):
            weights = {"file": part.weights_file.name, "sha256": weights_digest(part)}
            part.write(file, {**content, "run": name, "weights": weights})
        _copy_logs(run, part)
        _write_projector(run, part, data)
        part.write(CARD_FILE, card_of(part, read_metrics(part)) + KEPT_NOTE)
        part.write(SHIPPED, {"packed": run.name, "weights": weights})
        for source, target in ((part.logs, copy.logs), (part.folder, copy.folder)):
            make_folder(target.parent)
            replace_durably(source, target)
    return copy


def _latent(run: Run, digest: str) -> dict[str, Any]:
    path = run.folder / "latent.json"
    if not path.is_file() or not (run.folder / "report.pdf").is_file():
        return {}
    latent: dict[str, Any] = read_record(path, {"weights": {"sha256": str}}, EXPLORE)
    return latent if latent["weights"]["sha256"] == digest else {}


def _check_same(model: VAE, exported: VAE) -> None:
    for weight, other in zip(model.weights, exported.weights, strict=True):
        if not np.array_equal(weight.numpy(), other.numpy()):
            raise RuntimeError(f"The SavedModel has other values of {weight.path}.")


def _copy_files(run: Run, part: Run) -> None:
    shutil.copytree(run.saved_model, part.saved_model)
    shutil.copytree(run.figures / "plain", part.figures / "plain")
    if run.data.is_dir():
        shutil.copytree(run.data, part.data)
    # Without what is noted of a file or folder of images, others in its place would be taken for them.
    noted = [NOTED] if (run.folder / NOTED).is_file() else []
    for name in (*KEPT, *noted):
        shutil.copy(run.folder / name, part.folder / name)
    arrays = read_arrays(run.folder / "maps.npz", EXPLORE)
    # Two latents are a map, more are in the projector.
    kept: dict[str, Any] = {key: each for key, each in arrays.items() if key != "means" or run.config.latent_dim == 2}
    content = io.BytesIO()
    np.savez_compressed(content, **kept)
    part.write("maps.npz", content.getvalue())


def _copy_logs(run: Run, part: Run) -> None:
    describe_run(part, run.config, run.summary["compute"])  # under its own name: HParams would take both for one run
    for name in SCALARS:
        if (run.logs / name).is_dir():
            with tf.summary.create_file_writer(str(part.logs / name)).as_default():
                events = map(read_events, sorted((run.logs / name).glob(EVENT_FILES)))
                for event in itertools.chain.from_iterable(events):
                    for value in event.summary.value:
                        if value.metadata.plugin_data.plugin_name in ("scalars", "") and _is_scalar(value):
                            tf.summary.scalar(value.tag, tf.make_ndarray(value.tensor), step=event.step)
    with tf.summary.create_file_writer(str(part.logs / "images")).as_default(step=run.config.epochs):
        for name in PICTURES:
            if (run.figures / f"{name}.png").is_file():
                shutil.copy(run.figures / f"{name}.png", part.figures)
                with Image.open(run.figures / f"{name}.png") as picture:
                    pixels = np.atleast_3d(np.asarray(picture))
                tf.summary.image(name, pixels[np.newaxis])


def _is_scalar(value: Any) -> bool:
    return bool(value.HasField("tensor") and not value.tensor.tensor_shape.dim and value.tensor.dtype == 1)


def _write_projector(run: Run, part: Run, data: ImageData) -> None:
    arrays = read_arrays(run.folder / "maps.npz", EXPLORE)
    points = {name: arrays[name][:PROJECTED] for name in ("means", "umap", "tsne", "pca")}
    points["latent_mean"] = points.pop("means").round(DECIMALS)
    labels = data.labels("test", len(points["latent_mean"]))
    write_projector(
        part.logs / "projector",
        points,
        [data.class_names[label] for label in labels],
        data.images("test", len(labels)),
        description=f"Posterior means of {len(labels):,} test images, and maps of them.",
    )
