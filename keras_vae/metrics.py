"""The figures of an evaluation: each with its unit, split, number of images and protocol; `metrics.json`, a table."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_vae.errors import InputError
from keras_vae.runs import Run

__all__ = ["Measurement", "comparison", "finite", "mean_of", "read_metrics", "weights_digest", "write_metrics"]


@dataclass(frozen=True)
class Measurement:
    """One figure, and what one must know to compare it.

    Attributes:
        value: the figure, or one for each latent; None if it is not finite.
        unit: of the value, and what it is a mean of.
        split: of the data set.
        images: how many the figure was measured on.
        protocol: `grey` or `binarized` images.
        standard_error: of the value, where it is a mean.
        by_class: for each class its `value`, `standard_error` and `images`.
        details: what else belongs to the figure, such as its number of samples.
    """

    value: float | list[float] | None
    unit: str
    split: str
    images: int
    protocol: str
    standard_error: float | None = None
    by_class: Mapping[str, Mapping[str, float | None]] | None = None
    details: str = ""

    def to_json(self) -> dict[str, Any]:
        """What is known of the figure, without what does not apply to it."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name in {"value", "unit"} or value not in (None, "")
        }


def mean_of(
    values: np.ndarray,
    unit: str,
    split: str,
    protocol: str,
    *,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] = (),
    details: str = "",
) -> Measurement:
    """The mean of a measure over images with its standard error, in all and for each class.

    Args:
        values: `(n,)`, one an image.
        unit: of the values.
        split: of the data set.
        protocol: of the images.
        labels: `(n,)`; None leaves classes out.
        class_names: one for each label.
        details: see `Measurement`.
    """
    by_class = None
    if labels is not None:
        members = {name: values[labels == label] for label, name in enumerate(class_names)}
        by_class = {name: {**_mean_and_error(each), "images": len(each)} for name, each in members.items() if len(each)}
    return Measurement(
        **_mean_and_error(values),
        unit=unit,
        split=split,
        images=len(values),
        protocol=protocol,
        by_class=by_class,
        details=details,
    )


def finite(value: float) -> float | None:
    """The number, or None where JSON has none for it."""
    return float(value) if math.isfinite(value) else None


def weights_digest(run: Run) -> str:
    """SHA-256 of a run's `vae.keras`: whether figures belong to the weights that are there."""
    return hashlib.sha256(run.model_file.read_bytes()).hexdigest()


def read_metrics(run: Run) -> dict[str, Any]:
    """What `write_metrics` wrote, as long as the run still has the weights that were measured; otherwise empty.

    Raises:
        InputError: the file is damaged.
    """
    path = run.folder / "metrics.json"
    if not path.is_file():
        return {}
    try:
        metrics = json.loads(path.read_text())
        return metrics if metrics["weights"]["sha256"] == weights_digest(run) else {}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged: remove it, and evaluate again.") from error


def write_metrics(
    run: Run, name: str, settings: Mapping[str, Any], measurements: Mapping[str, Measurement]
) -> dict[str, Any]:
    """Write `metrics.json`; what was filed before under another name, of the same weights, stays in it.

    Args:
        run: that was measured.
        name: what to file the figures under: the protocol, and perhaps another data set.
        settings: seed, machine, and whatever else the figures depend on.
        measurements: by their names, such as `reconstruction.mean.ssim`.

    Returns:
        What the file holds.

    Raises:
        InputError: the file that was there is damaged.
    """
    config = run.config
    metrics = {
        "run": run.name,
        "preset": config.preset,
        "dataset": config.dataset,
        "latent_dim": config.latent_dim,
        "beta": config.beta,
        "likelihood": config.likelihood,
        "weights": {"file": run.model_file.name, "sha256": weights_digest(run)},
        "evaluations": {
            **read_metrics(run).get("evaluations", {}),
            name: {**settings, "measurements": {figure: each.to_json() for figure, each in measurements.items()}},
        },
    }
    run.write("metrics.json", metrics)
    return metrics


# Rows of the table: what it says, digits, and the name of the figure.
_ROWS = (
    ("MSE per pixel, posterior mean", 5, "reconstruction.mean.mse_per_pixel"),
    ("MSE per pixel, posterior sample", 5, "reconstruction.sample.mse_per_pixel"),
    ("squared error per image, posterior mean", 2, "reconstruction.mean.squared_error"),
    ("PSNR, dB, posterior mean", 2, "reconstruction.mean.psnr"),
    ("SSIM, posterior mean", 4, "reconstruction.mean.ssim"),
    ("cross-entropy, nats, posterior mean", 2, "reconstruction.mean.cross_entropy"),
    ("cross-entropy, nats, posterior sample", 2, "reconstruction.sample.cross_entropy"),
    ("-ELBO, nats", 2, "likelihood.negative_elbo"),
    ("of it reconstruction, nats", 2, "likelihood.reconstruction"),
    ("of it KL, nats", 2, "likelihood.kl"),
    ("bound on the NLL, nats", 2, "likelihood.importance_weighted_nll"),
    ("active latents", 0, "likelihood.active_units"),
    ("KL of aggregate posterior to prior: at least, nats", 2, "likelihood.aggregate_kl_at_least"),
    ("KL of aggregate posterior to prior: at most, nats", 2, "likelihood.aggregate_kl_at_most"),
    ("Frechet distance", 3, "generation.frechet_distance"),
    ("kernel distance", 4, "generation.kernel_distance"),
    ("precision", 3, "generation.precision"),
    ("recall", 3, "generation.recall"),
)

# Figures whose details stand below the table.
_EXPLAINED = {
    "PCA": "pca.mse_per_pixel",
    "-ELBO": "likelihood.negative_elbo",
    "Bound on the NLL": "likelihood.importance_weighted_nll",
    "Active latents": "likelihood.active_units",
    "Distances, precision and recall of a run": "generation.frechet_distance",
    "The same of real images": "real_images.frechet_distance",
}


def comparison(all_metrics: Sequence[Mapping[str, Any]], name: str) -> str:
    """Put runs side by side, each with a PCA of its latent size, beside what real images reach.

    Args:
        all_metrics: what `write_metrics` returned, one for each run.
        name: what the figures are filed under.

    Returns:
        A table in Markdown with standard errors where a figure is a mean, and below it what the figures are.
    """
    columns: dict[str, list[Mapping[str, Any] | None]] = {}
    evaluations = [metrics["evaluations"][name] for metrics in all_metrics]
    sets = {evaluation["dataset"] for evaluation in evaluations}
    for metrics, evaluation in zip(all_metrics, evaluations, strict=True):
        measured = evaluation["measurements"]
        of = "" if len(sets) == 1 else f" of {evaluation['dataset']}"
        baseline, real = {}, {}
        for _, _, figure in _ROWS:
            group, _, measure = figure.rpartition(".")
            baseline[figure] = measured.get(f"pca.{measure}") if group == "reconstruction.mean" else None
            real[figure] = measured.get(f"real_images.{measure}")
        columns[metrics["run"]] = [measured.get(figure) for _, _, figure in _ROWS]
        columns.setdefault(f"PCA, {metrics['latent_dim']}{of}", list(baseline.values()))
        columns.setdefault(f"real images{of}", list(real.values()))
    titles = sorted(columns, key=lambda title: (title.startswith("real images"), title.startswith("PCA, ")))
    rows = [
        _line([text, *(_cell(figure, digits) for figure in figures)])
        for (text, digits, _), *figures in zip(_ROWS, *(columns[title] for title in titles), strict=True)
        if any(figures)
    ]
    header = [_line(["", *titles]), _line(["---", *["---:"] * len(titles)])]
    return "\n".join([*header, *rows, "", *_notes(evaluations[0]["measurements"])])


def _notes(measured: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the figures of the first run are."""
    first = next(iter(measured.values()))
    notes = [f"{first['split']} split, {first['images']:,} images, {first['protocol']}; +- is one standard error."]
    explained = {text: measured.get(name, {}).get("details") for text, name in _EXPLAINED.items()}
    return [*notes, *(f"{text}: {details}." for text, details in explained.items() if details)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(figure: Mapping[str, Any] | None, digits: int) -> str:
    if figure is None or figure["value"] is None:
        return ""
    error = figure.get("standard_error")
    return f"{figure['value']:.{digits}f}" + (f" +- {error:.{digits}f}" if error is not None else "")


def _mean_and_error(values: np.ndarray) -> dict[str, float | None]:
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return {"value": finite(values.mean()), "standard_error": finite(error)}
