"""Write the page of a run, and the same content for the tab of TensorBoard."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_vae.errors import InputError
from keras_vae.evaluation import load_classifier, open_model_and_data, weights_digest
from keras_vae.explorer.content import Exhibition, stratified
from keras_vae.explorer.log_folder import FOLDER, write_log_folder
from keras_vae.explorer.page import packed, page_of
from keras_vae.files import typed_command
from keras_vae.runs import Run

__all__ = ["PAGE", "write_explorer"]

PAGE = "explorer.html"
DATASETS = {"fashion_mnist": "Fashion-MNIST"}
MAPS = ("umap", "tsne", "pca")
PATHS = ("path_ends", "shortest_paths")


def write_explorer(run: Run) -> Path:
    """Write a page on which a reader walks through a run's latent space, without a server and without a network.

    Args:
        run: a run that was explored with the weights that it has.

    Returns:
        Path of `explorer.html`; the same content is in `logs/<run>/explorer`.

    Raises:
        InputError: the run was not explored, its maps are of other weights or images, or its model has a layer that the
            page cannot compute.
    """
    model, data = open_model_and_data(run)
    if not _is_explored(run):
        raise InputError(f"Run {run.name!r} has no maps of these weights yet: {typed_command('explore')} {run.name}.")
    with np.load(run.folder / "maps.npz") as saved:
        labels, maps = saved["labels"], {name: saved[name] for name in MAPS if name in saved.files}
        paths = {name: saved[name] for name in PATHS if name in saved.files}
    images = data.images("test", len(labels))
    if not np.array_equal(labels, data.labels("test", len(labels))):
        raise InputError(f"The maps of run {run.name!r} are of other images: {typed_command('explore')} {run.name}.")
    shown = stratified(labels, math.prod(data.image_shape))
    exhibition = Exhibition(
        title=run.name,
        dataset=DATASETS.get(data.name, Path(data.name).name),
        model=model,
        images=images[shown],
        labels=labels[shown],
        class_names=data.class_names,
        maps={name: points[shown] for name, points in maps.items()},
        numbers=shown,
        available=data.counts["test"],
        classifier=load_classifier() if data.name == "fashion_mnist" else None,
        **_shown_paths(paths, shown),
    )
    content = packed(exhibition)
    write_log_folder(run.logs / FOLDER, content.facts, {name: part.content for name, part in content.parts.items()})
    return run.write(PAGE, page_of(content))


def _shown_paths(paths: Mapping[str, np.ndarray], shown: np.ndarray) -> dict[str, np.ndarray]:
    """The paths both ends of which are shown, with the places of their ends among what is shown."""
    if not paths:  # explored by a version that did not keep them
        return {}
    kept = np.isin(paths["path_ends"], shown).all(axis=1)
    places = np.searchsorted(shown, paths["path_ends"][kept])
    return {"path_ends": places, "shortest_paths": paths["shortest_paths"][kept]}


def _is_explored(run: Run) -> bool:
    path = run.folder / "latent.json"
    if not path.is_file() or not (run.folder / "maps.npz").is_file():
        return False
    return bool(json.loads(path.read_text())["weights"]["sha256"] == weights_digest(run))
