"""Write the page of a run, and the same content for the tab of TensorBoard."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from keras_vae.errors import InputError
from keras_vae.evaluation import classifier_knows, load_classifier, open_model_and_data, weights_digest
from keras_vae.explorer.content import MOST_IMAGES, MOST_IMAGES_OF_SMALL, Exhibition, stratified
from keras_vae.explorer.log_folder import FOLDER, write_log_folder
from keras_vae.explorer.page import make_page, packed, page_of
from keras_vae.files import require_room, typed_command, write_atomically
from keras_vae.runs import Run, data_title, read_arrays, read_record

__all__ = ["PAGE", "write_explorer", "write_small_page"]

PAGE = "explorer.html"
BYTES_BESIDE = 10_000_000  # the weights: images, map and program
MAPS = ("umap", "tsne", "pca")


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
    content = packed(_exhibition(run, run.folder, is_small=False))
    write_log_folder(run.logs / FOLDER, content.facts, {name: part.content for name, part in content.parts.items()})
    return run.write(PAGE, page_of(content))


def write_small_page(run: Run, path: Path) -> Path:
    """Write a smaller page of a run, for a web site: with fewer images, and less exact an encoder.

    Args:
        run: as for `write_explorer`; nothing is written to its folders.
        path: the HTML file.

    Raises:
        InputError: as for `write_explorer`.
    """
    return write_atomically(path, make_page(_exhibition(run, path.parent, is_small=True)))


def _exhibition(run: Run, place: Path, is_small: bool) -> Exhibition:
    model, data = open_model_and_data(run)
    require_room(place, 4 * model.count_params() + BYTES_BESIDE)
    if not _is_explored(run):
        raise InputError(f"Run {run.name!r} has no maps of these weights yet: {typed_command('explore')} {run.typed}.")
    explored = read_arrays(run.folder / "maps.npz", f"{typed_command('explore')} {run.typed}")
    labels = explored.get("labels", np.empty(0))
    images = data.images("test", len(labels))
    if not np.array_equal(labels, data.labels("test", len(labels))):
        raise InputError(f"The maps of run {run.name!r} are of other images: {typed_command('explore')} {run.typed}.")
    shown = stratified(labels, math.prod(data.image_shape), MOST_IMAGES_OF_SMALL if is_small else MOST_IMAGES)
    if "path_ends" in explored:  # an earlier exploration kept none
        shown = np.union1d(shown, explored["path_ends"])
    return Exhibition(
        title=run.name,
        dataset=Path(data_title(data.name)).name,
        model=model,
        images=images[shown],
        labels=labels[shown],
        class_names=data.class_names,
        maps={name: explored[name][shown] for name in MAPS if name in explored},
        pca={part: explored[f"pca_{part}"] for part in ("mean", "components")} if "pca_mean" in explored else None,
        numbers=shown,
        explored=len(labels),
        available=data.counts["test"],
        path_ends=np.searchsorted(shown, explored["path_ends"]) if "path_ends" in explored else None,
        shortest_paths=explored.get("shortest_paths"),
        classifier=load_classifier() if classifier_knows(data.name, data.image_shape) else None,
        is_small=is_small,
    )


def _is_explored(run: Run) -> bool:
    path = run.folder / "latent.json"
    if not path.is_file() or not (run.folder / "maps.npz").is_file():
        return False
    explored = read_record(path, {"weights": {"sha256": str}}, "remove it, and explore again")
    return bool(explored["weights"]["sha256"] == weights_digest(run))
