"""What a report is made of: the files of a run, each of which must be whole, and of the same run."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig, read_metrics
from keras_vae.files import typed_command
from keras_vae.latent_space import ExplorationConfig
from keras_vae.report.text import SPACES, network_of
from keras_vae.runs import Run, TrainConfig, check_record, read_arrays, read_record

__all__ = ["LATENT", "PICTURES", "Inputs", "configuration", "read_inputs"]

PICTURES = ("reconstructions", "samples", "path", "lines")

# What the page says of each file, as `read_record` takes it. A value that is not finite was written as none.
_FIGURE = {"value": (float, None), "standard_error?": (float, None), "details?": str}
_FINITE = {**_FIGURE, "value": float}
_COUNTED = {**_FIGURE, "images": int}
_MEASURED = {
    "reconstruction.mean.mse_per_pixel": _COUNTED,
    "reconstruction.mean.ssim": _FIGURE,
    "pca.mse_per_pixel": _FIGURE,
    "pca.ssim": _FIGURE,
    "likelihood.negative_elbo": _FIGURE,
    "likelihood.reconstruction": _FIGURE,
    "likelihood.kl": _FIGURE,
    "likelihood.importance_weighted_nll": _FIGURE,
    "likelihood.active_units": _FIGURE,
    "real_images.cross_entropy?": _FIGURE,
}
_COMPARED = ("frechet_distance", "precision", "recall")
_SETTINGS = {"seconds": float, "importance_samples": int, "seed": int, "dataset": (str, None)}
METRICS = {
    "dataset": str,
    "likelihood": str,
    "latent_dim": int,
    "weights": {"sha256": str},
    "evaluations": {
        "grey": {**_SETTINGS, "measurements": _MEASURED},
        "binarized?": {**_SETTINGS, "measurements": {"likelihood.importance_weighted_nll": _FIGURE}},
        str: {"measurements": {str: object}},
    },
}
_END = {"image": int, "class": str}
_SEEN = [{"class": str}]
_SCORES = {"training_images": int, "trustworthiness": float}
_MEAN = {"value": float, "standard_error": float}
_AGREEMENT = {"accuracy": float, "normalised_mutual_information": float}
LATENT = {
    "weights": {"sha256": str},
    "settings": {"neighbours": int, "perplexity": float},
    "maps": {"points": int, "perplexity?": float},
    "spaces": {"latent": _SCORES, "umap": _SCORES, "tsne": _SCORES, "pixels": _SCORES},
    "clusterings": {
        "images": int,
        "seeds": int,
        "latents?": int,
        str: {"mean": _AGREEMENT, "standard_deviation": _AGREEMENT},
    },
    "contingency?": {"clustering": str, "rows": [str], "table": [[int]]},
    "interpretation": str,
    "between_random_pairs": {
        "pairs": int,
        "steps": int,
        "straight": {"length": _MEAN},
        "geodesic": {"length": _MEAN},
        str: {"length": _MEAN},
    },
    "path": {"from": _END, "to": _END, "classes_seen": {str: _SEEN}, "log_prior_density": {str: [float]}},
    "lines": [{"from": _END, "to": _END, "classes_seen": _SEEN}],
}


class Inputs(NamedTuple):
    """What is known of a run that is trained, evaluated and explored.

    Attributes:
        config: its configuration.
        model: the arguments that its model was made with.
        summary: what `training.json` holds.
        history: what `history.json` holds.
        metrics: what `metrics.json` holds.
        latent: what `latent.json` holds.
        maps: the arrays of `maps.npz` that are drawn: `labels` `(n,)`, maps and, of two latents, `means` `(n, 2)`.
        pictures: the PNG files of `figures/plain` by their names.
    """

    config: TrainConfig
    model: Mapping[str, Any]
    summary: Mapping[str, Any]
    history: Sequence[Mapping[str, float]]
    metrics: Mapping[str, Any]
    latent: Mapping[str, Any]
    maps: Mapping[str, np.ndarray]
    pictures: Mapping[str, bytes]


def read_inputs(run: Run) -> Inputs:
    """Read the files of a run, and see that each is whole and that they belong together.

    Args:
        run: a run that lacks no part.

    Raises:
        InputError: a file is damaged, or says something else than another.
    """
    config, model = run.config, run.model_config
    for name, value in model.items():
        own = getattr(config, name, value)
        if own is not None and name in ("latent_dim", "network", "likelihood", "widths") and _listed(own) != value:
            raise InputError(f"{run.folder / 'config.json'} says {name} {own}, the model of the run {value}: mend it.")
    latent = _latent(run)
    again = f"{typed_command('explore')} {run.typed}"
    maps = _maps(run.folder / "maps.npz", ["umap", "tsne", *(["means"] if config.latent_dim == 2 else [])], again)
    # Where all test images are of one class, there is no table: theirs need not be the first one.
    classes = len(latent["contingency"]["rows"]) if "contingency" in latent else math.inf
    if maps["labels"].min() < 0 or maps["labels"].max() >= classes:
        raise InputError(f"{run.folder / 'maps.npz'} has labels that are of no class: {again}.")
    return Inputs(
        config,
        model,
        run.summary,
        _history(run),
        _metrics(run),
        latent,
        maps,
        {name: _picture(run, name) for name in PICTURES},
    )


def _history(run: Run) -> list[dict[str, float]]:
    if not (history := run.history):
        raise InputError(f"{run.folder / 'history.json'} tells of no epoch: train a new run.")
    return history


def _metrics(run: Run) -> dict[str, Any]:
    path, remedy = run.folder / "metrics.json", "remove it, and evaluate again"
    metrics = read_metrics(run)
    check_record(path, metrics, METRICS, remedy)
    measured = metrics["evaluations"]["grey"]["measurements"]
    if network := network_of(measured):
        names = [f"{group}.{network}.{each}" for group in ("generation", "real_images") for each in _COMPARED]
        check_record(path, measured, dict.fromkeys(names, _FINITE), remedy)
    for settings in metrics["evaluations"].values():
        _checked_settings(path, EvaluationConfig, settings)
    return metrics


def _latent(run: Run) -> dict[str, Any]:
    path, remedy = run.folder / "latent.json", "remove it, and explore again"
    latent: dict[str, Any] = read_record(path, LATENT, remedy)
    ways = {name: each for name, each in latent["between_random_pairs"].items() if isinstance(each, dict)}
    kinds = latent["path"]["log_prior_density"]
    measures = {name: float for name in ("knn_5", "linear_probe") if name in latent["spaces"]["latent"]}
    optional = [name for name in ("distance_to_real_images", "log_prior_density") if name in ways["straight"]]
    alike = {
        "spaces": dict.fromkeys(SPACES, measures),
        "between_random_pairs": {way: dict.fromkeys(optional, _MEAN) for way in ways},
        "path": {"classes_seen": dict.fromkeys(kinds, _SEEN) if latent["path"]["classes_seen"] else {}},
    }
    check_record(path, latent, alike, remedy)
    table = latent.get("contingency", {"rows": [], "table": []})
    if len(table["table"]) != len(table["rows"]) or len({len(row) for row in table["table"]} | {0}) > 2:
        raise InputError(f"{path} is damaged (its table of classes and clusters has no right angles): {remedy}.")
    if measures and not any(isinstance(each, dict) for each in latent["clusterings"].values()):
        raise InputError(f"{path} is damaged (it has no clusterings): {remedy}.")
    _checked_settings(path, ExplorationConfig, latent["settings"])
    return latent


def _checked_settings(path: Path, kind: Any, settings: Mapping[str, Any]) -> None:
    try:
        configuration(kind, settings)
    except InputError as error:
        raise InputError(f"{path} is damaged ({error}): remove it, and make it again.") from error


def configuration(kind: Any, settings: Mapping[str, Any]) -> Any:
    """The configuration of an evaluation or exploration among what was saved of it."""
    return kind(**{name: settings[name] for name in kind.__dataclass_fields__ if name in settings})


def _maps(path: Path, names: Sequence[str], remedy: str) -> dict[str, np.ndarray]:
    arrays = read_arrays(path, remedy)
    if missing := sorted({"labels", *names} - arrays.keys()):
        raise InputError(f"{path} is damaged (it has no {', '.join(missing)}): {remedy}.")
    labels = arrays["labels"]
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu":
        raise InputError(f"{path} is damaged (labels are {labels.dtype} {labels.shape}): {remedy}.")
    for name in names:
        points = arrays[name]
        if points.shape != (len(labels), 2) or points.dtype.kind != "f" or not np.isfinite(points).all():
            raise InputError(f"{path} is damaged ({name} is {points.dtype} {points.shape}): {remedy}.")
    return arrays


def _picture(run: Run, name: str) -> bytes:
    path = run.figures / "plain" / f"{name}.png"
    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is damaged ({error}): remove it, and make the report again.") from error
    return content


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
