"""Explore the latent space of a run, and write what was found."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.evaluation import open_model_and_data, weights_digest
from keras_vae.files import (
    make_folder,
    remove_durably,
    replace_durably,
    require_room,
    temporary_folder,
    write_atomically,
)
from keras_vae.latent_space.clusters import PROBE_POINTS, SILHOUETTE_POINTS, TRUSTED_NEIGHBOURS, TRUSTED_POINTS
from keras_vae.latent_space.config import FORMAT, ExplorationConfig
from keras_vae.latent_space.map_study import explore_clusters, explore_maps
from keras_vae.latent_space.maps import Map
from keras_vae.latent_space.path_study import REAL_IMAGES, explore_paths
from keras_vae.latent_space.space import Space
from keras_vae.latent_space.spectral import DIFFUSION_STEPS, MOST_NEIGHBOURS
from keras_vae.plotting import png, rendered, svg
from keras_vae.runs import Run, environment
from keras_vae.tensorboard import is_projector, write_projector

__all__ = ["exploration_tables", "explore"]

BYTES_WRITTEN = 10_000_000  # but for the projector, which has every image, and every latent as a text
BYTES_OF_A_LATENT = 16

# What the measurements of `latent.json` are.
_OF = f"of {TRUSTED_NEIGHBOURS} neighbours in the"
MEASURES = {
    "knn_1, knn_5": "share of test images of the class of the nearest, or of most of the 5 nearest, training images",
    "linear_probe": f"accuracy on test images of a logistic regression on at most {PROBE_POINTS:,} training images",
    "silhouette": f"by true class, of at most {SILHOUETTE_POINTS:,} test images, -1 to 1",
    "trustworthiness": f"{_OF} space as neighbours in the pixels, at most {TRUSTED_POINTS:,} test images, 0 to 1",
    "trustworthiness_to_latent": f"{_OF} map as neighbours in the latent space, at most {TRUSTED_POINTS:,} test images",
    "latents": "that are active, whose means are clustered",
    "accuracy": "share of test images in the cluster of their class, by the best matching; noise counts as wrong",
    "normalised_mutual_information, adjusted_rand": "of clusters and classes; noise is a cluster of its own",
    "spectral": f"of a graph of the means of test and training images together, at most {MOST_NEIGHBOURS} mutual "
    f"neighbours of each, after {DIFFUSION_STEPS} steps of a walk",
    "10-d UMAP": "of the means of test and training images together, least distance 0 (N2D, McConville et al. 2021)",
    "mean, standard_deviation": "over the seeds of a clustering, on the same means or map",
    "overlap": "of two classes' distributions over the clusters, 0 to 1",
    "energy, length": "sum of squared steps, and of steps, between the decoded images of a path; values in [0, 1]",
    "unevenness": "largest over mean step of a path in the classifier's features; 1 is even",
    "distance_to_real_images": f"mean distance of inner points to the nearest of at most {REAL_IMAGES:,} training "
    "images, in the classifier's features",
    "log_prior_density": "nats, mean over the points of a path",
    "lowest_prior_density": "nats, lowest point of a path less its lower end",
}


def explore(run: Run, config: ExplorationConfig) -> dict[str, Any]:
    """Explore a run, and write `latent.json`, `maps.npz`, charts, animations, TensorBoard's images and projector.

    Args:
        run: a trained run.
        config: what to show.

    Returns:
        What `latent.json` holds.

    Raises:
        InputError: the run has no weights, the data do not fit it, options do not fit the data, or there is no room
            on the disk.
    """
    start = time.perf_counter()
    model, data = open_model_and_data(run)
    space = Space(run, config, model, data)
    space.check()
    in_projector = len(space.images) * (space.images[0].size + BYTES_OF_A_LATENT * model.latent_dim)
    require_room(run.folder, BYTES_WRITTEN + in_projector)
    print(f"{run.name}: {len(space.images):,} test and {len(space.references[0]):,} training images", flush=True)
    if left_out := space.classes_left_out:
        is_by_memory = len(space.labels) < config.points
        remedy = "train with a larger --memory-budget" if is_by_memory else "give a larger --points"
        print(
            f"warning: the first {len(space.labels):,} test images have none of the class {' or '.join(left_out)}: "
            f"{remedy}, or shuffle the images.",
            file=sys.stderr,
            flush=True,
        )
    digest = weights_digest(run)
    print(f"{run.name}: maps", flush=True)
    found, maps = explore_maps(space)
    print(f"{run.name}: clusters", flush=True)
    clusters = explore_clusters(space, maps)
    print(f"{run.name}: paths", flush=True)
    paths = explore_paths(space)

    charts = {**found.charts, **clusters.charts, **paths.charts}
    result = {
        "format": FORMAT,
        "run": run.name,
        "dataset": data.name,
        "weights": {"file": run.weights_file.name, "sha256": digest},
        "split": "test",
        "measures": MEASURES,
        "settings": dataclasses.asdict(config),
        "seconds": round(time.perf_counter() - start, 1),
        **environment(),
        "maps": found.numbers,
        **clusters.numbers,
        **paths.numbers,
    }
    pictures = {**{name: rendered(chart) for name, chart in charts.items()}, **paths.pictures}
    with tf.summary.create_file_writer(str(run.logs / "exploration")).as_default(step=run.config.epochs):
        for name, picture in pictures.items():
            tf.summary.image(name, picture[None])
    _write_maps(space, maps, digest)
    files: dict[str, str | bytes] = {
        **{f"figures/{name}.svg": svg(chart) for name, chart in charts.items()},
        **{f"figures/{name}.png": png(picture) for name, picture in pictures.items()},
        **{f"figures/{name}.gif": content for name, content in paths.animations.items()},
        **{f"figures/plain/{name}.png": png(picture) for name, picture in paths.plain.items()},
        "maps.npz": _archive(space, maps, paths.arrays),
        "latent.json": json.dumps(result, indent=2) + "\n",
    }
    _replace_all(run, files)
    return result


def _replace_all(run: Run, files: dict[str, str | bytes]) -> None:
    """Take the place of an earlier exploration's files, once the new ones are on the disk."""
    with temporary_folder(run.folder / "exploration") as temporary:
        for name, content in files.items():
            write_atomically(Path(temporary, name), content)
        remove_durably(run.folder / "latent.json")  # from here on its numbers are not those of other files
        for name in files:  # of which it is the last, so that whoever finds it finds the others
            make_folder((run.folder / name).parent)
            replace_durably(Path(temporary, name), run.folder / name)


def _write_maps(space: Space, maps: dict[str, Map], digest: str) -> None:
    """Write means and maps for the projector; TensorBoard reads a folder only once, so that others get a new one."""
    state = hashlib.sha256(f"{digest} {space.config}".encode()).hexdigest()[:8]
    folder = space.run.logs / "projector-maps"
    if is_projector(folder):
        folder = folder.with_name(f"projector-maps-{state}")
    if not is_projector(folder):
        write_projector(
            folder,
            {"latent_mean": space.means, **{name: each.points for name, each in maps.items()}},
            [space.data.class_names[label] for label in space.labels],
            space.images,
            description=f"Posterior means of {len(space.means):,} test images, and maps of them.",
        )
    print(f"  in TensorBoard's projector: {space.run.name}/{folder.name}", flush=True)


def _archive(space: Space, maps: dict[str, Map], arrays: dict[str, np.ndarray]) -> bytes:
    content = io.BytesIO()
    named: dict[str, Any] = {**{name: each.points for name, each in maps.items()}, **arrays}
    named |= {f"{name}_{part}": values for name, each in maps.items() for part, values in each.arrays.items()}
    np.savez_compressed(content, labels=space.labels, means=space.means, **named)
    return content.getvalue()


def exploration_tables(result: dict[str, Any]) -> str:
    """Put an exploration into a few lines.

    Args:
        result: what `explore` returned.

    Returns:
        Tables in Markdown, of spaces, clusterings and paths, and the interpretation.
    """
    known = ("knn_1", "knn_5", "linear_probe", "silhouette", "trustworthiness")
    measures = [name for name in known if name in result["spaces"]["latent"]]
    lines = [f"| space | training images | {' | '.join(measures)} |", f"| --- | ---: |{' ---: |' * len(measures)}"]
    for space, scores in result["spaces"].items():
        row = " | ".join(f"{scores[name]:.4f}" for name in measures)
        lines.append(f"| {space} | {scores['training_images']:,} | {row} |")
    if any(isinstance(each, dict) for each in result["clusterings"].values()):
        lines += ["", "| clustering | accuracy | NMI | ARI |", "| --- | ---: | ---: | ---: |"]
    for name, each in result["clusterings"].items():
        if isinstance(each, dict):
            pairs = zip(each["mean"].values(), each["standard_deviation"].values(), strict=True)
            lines.append(f"| {name} | {' | '.join(f'{mean:.3f} +- {spread:.3f}' for mean, spread in pairs)} |")
    paths = {kind: each for kind, each in result["between_random_pairs"].items() if isinstance(each, dict)}
    names = list(next(iter(paths.values())))
    lines += ["", f"| path | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    for kind, each in paths.items():
        cells = (f"{each[name]['value']:.3f} +- {each[name]['standard_error']:.3f}" for name in names)
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", result["interpretation"]])
