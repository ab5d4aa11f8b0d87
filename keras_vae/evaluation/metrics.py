"""The measurements of an evaluation, each with unit, split, number of images and protocol: `metrics.json`, a table."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_vae.evaluation.unusual_images import SCORES, UNUSUAL_IMAGES
from keras_vae.runs import Run, model_card, read_record

__all__ = [
    "MEASURES",
    "Measurement",
    "card_of",
    "comparison",
    "mean_of",
    "read_metrics",
    "weights_digest",
    "write_metrics",
]


# `grey` also stands for images in colour.
PROTOCOL_WORDS = {"grey": "as they are", "binarized": "binarised"}


@dataclass(frozen=True)
class Measurement:
    """One measured number, and what one must know to compare it.

    Attributes:
        value: the number, or one for each latent; None if it is not finite.
        unit: the unit of the value, and what it is a mean of.
        split: split of the data set.
        images: how many it was measured on.
        protocol: `grey` or `binarized` images.
        standard_error: standard error of the value, where it is a mean.
        by_class: for each class its `value`, `standard_error` and `images`.
        details: what else belongs to it, such as its number of samples.
        network_sha256: SHA-256 of the weights of the network whose features were compared; None where none were.
    """

    value: float | list[float] | None
    unit: str
    split: str
    images: int
    protocol: str
    standard_error: float | None = None
    by_class: Mapping[str, Mapping[str, float | None]] | None = None
    details: str = ""
    network_sha256: str | None = None

    def __post_init__(self) -> None:
        for name in ("value", "standard_error"):
            number = getattr(self, name)
            if number is not None and not np.isfinite(number).all():
                object.__setattr__(self, name, None)  # JSON has no number for it

    def to_json(self) -> dict[str, Any]:
        """What is known of it, without what does not apply."""
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
        unit: unit of the values.
        split: split of the data set.
        protocol: protocol of the images.
        labels: `(n,)`; None leaves classes out.
        class_names: one for each label.
        details: see `Measurement`.
    """
    by_class = None
    if labels is not None:
        members = {name: values[labels == label] for label, name in enumerate(class_names)}
        by_class = {name: _class_mean(each) for name, each in members.items() if len(each)}
    mean, error = _mean_and_error(values)
    return Measurement(
        mean,
        standard_error=error,
        unit=unit,
        split=split,
        images=len(values),
        protocol=protocol,
        by_class=by_class,
        details=details,
    )


def weights_digest(run: Run) -> str:
    """SHA-256 of the file of a run's weights: whether measurements belong to the weights that are there."""
    return hashlib.sha256(run.weights_file.read_bytes()).hexdigest()


def read_metrics(run: Run, digest: str | None = None) -> dict[str, Any]:
    """What `write_metrics` wrote, as long as it belongs to the run's weights; otherwise empty.

    Args:
        run: the run that was measured.
        digest: SHA-256 of the weights; None takes that of the run's own.

    Raises:
        InputError: the file is damaged.
    """
    path = run.folder / "metrics.json"
    if not path.is_file():
        return {}
    metrics: dict[str, Any] = read_record(path, _METRICS, "remove it, and evaluate again")
    return metrics if metrics["weights"]["sha256"] == (digest or weights_digest(run)) else {}


def write_metrics(
    run: Run, digest: str, name: str, settings: Mapping[str, Any], measurements: Mapping[str, Measurement]
) -> dict[str, Any]:
    """Write `metrics.json`; what was measured of the same weights under another name stays in it.

    Under the same name, what was measured with another seed or number of samples goes; the rest, such as distances by
    another feature network, stays.

    Args:
        run: the run that was measured.
        digest: SHA-256 of the weights that were measured.
        name: what to file the measurements under: the protocol, and perhaps another data set.
        settings: seed, machine, and whatever else the measurements depend on.
        measurements: by their names, such as `reconstruction.mean.ssim`.

    Returns:
        What the file holds.

    Raises:
        InputError: the file that was there is damaged.
    """
    config = run.config
    evaluations = read_metrics(run, digest).get("evaluations", {})
    before = evaluations.get(name, {})
    same = all(before.get(setting) == settings.get(setting) for setting in _DECISIVE)
    kept = before.get("measurements", {}) if same else {}
    metrics = {
        "run": run.name,
        "preset": config.preset,
        "dataset": config.dataset,
        "latent_dim": config.latent_dim,
        "beta": config.beta,
        "likelihood": config.likelihood,
        "prior": config.prior_in_words,
        "weights": {"file": run.weights_file.name, "sha256": digest},
        "evaluations": {
            **evaluations,
            name: {
                **settings,
                "measurements": {**kept, **{measurement: each.to_json() for measurement, each in measurements.items()}},
            },
        },
    }
    run.write("metrics.json", metrics)
    return metrics


# What the file holds of which tables are made.
_METRICS = {
    "run": str,
    "latent_dim": int,
    "beta": float,
    "likelihood": str,
    "prior?": str,
    "weights": {"sha256": str},
    "evaluations": {
        str: {
            "dataset?": (str, None),
            "measurements": {
                str: {
                    "value": (float, None, [float]),
                    "unit?": str,
                    "split?": str,
                    "images?": int,
                    "protocol?": str,
                    "standard_error?": (float, None),
                    "details?": str,
                }
            },
        }
    },
}

# Settings on which everything that is measured depends.
_DECISIVE = ("dataset", "protocol", "importance_samples", "seed")

# Rows of the table: what it says, digits, and the name of the measurement.
MEASURES = (
    ("MSE per pixel, posterior mean", 5, "reconstruction.mean.mse_per_pixel"),
    ("MSE per pixel, refined mean", 5, "reconstruction.refined.mse_per_pixel"),
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
    ("bits per dimension", 3, "likelihood.bits_per_dimension"),
    ("largest -ELBO of one image, nats", 0, "likelihood.largest_negative_elbo"),
    ("largest -ELBO, its mean refined, nats", 0, "likelihood.largest_negative_elbo_refined"),
    ("active latents", 0, "likelihood.active_units"),
    ("5-NN accuracy in the latent space", 4, "neighbours.accuracy"),
    ("5-NN accuracy there, by angle", 4, "neighbours.accuracy_by_angle"),
    ("KL of aggregate posterior to prior, lower bound, nats", 2, "likelihood.aggregate_kl_lower_bound"),
    ("KL of aggregate posterior to prior, upper bound, nats", 2, "likelihood.aggregate_kl_upper_bound"),
    ("Frechet distance, classifier", 3, "generation.classifier.frechet_distance"),
    ("kernel distance, classifier", 4, "generation.classifier.kernel_distance"),
    ("precision, classifier", 3, "generation.classifier.precision"),
    ("recall, classifier", 3, "generation.classifier.recall"),
    ("Frechet distance, own network", 3, "generation.own.frechet_distance"),
    ("kernel distance, own network", 4, "generation.own.kernel_distance"),
    ("precision, own network", 3, "generation.own.precision"),
    ("recall, own network", 3, "generation.own.recall"),
    ("Frechet distance, Keras InceptionV3", 2, "generation.inception.frechet_distance"),
    ("kernel distance, Keras InceptionV3", 5, "generation.inception.kernel_distance"),
    ("precision, Keras InceptionV3", 3, "generation.inception.precision"),
    ("recall, Keras InceptionV3", 3, "generation.inception.recall"),
)

# Figures whose details stand below the table.
_EXPLAINED = {
    "PCA": "pca.mse_per_pixel",
    "Refined mean": "reconstruction.refined.mse_per_pixel",
    "-ELBO": "likelihood.negative_elbo",
    "Bound on the NLL": "likelihood.importance_weighted_nll",
    "Largest -ELBO": "likelihood.largest_negative_elbo",
    "Active latents": "likelihood.active_units",
    "5-NN accuracy": "neighbours.accuracy",
    "Upper bound on the KL of the aggregate posterior": "likelihood.aggregate_kl_upper_bound",
    "Generated images": "generation.classifier.frechet_distance",
    "Generated images, own network": "generation.own.frechet_distance",
    "Generated images, Keras InceptionV3": "generation.inception.frechet_distance",
    "Real images": "real_images.classifier.frechet_distance",
}


def card_of(run: Run, metrics: Mapping[str, Any]) -> str:
    """The card of a run that is measured, with a table of each protocol."""
    tables = [comparison([metrics], name) for name in PROTOCOL_WORDS if name in metrics.get("evaluations", {})]
    return model_card(run, metrics=metrics, measurements="\n\n".join(tables) or "None yet.")


def comparison(all_metrics: Sequence[Mapping[str, Any]], name: str) -> str:
    """Put runs side by side, each with a PCA of its latent size, beside what real images reach.

    Args:
        all_metrics: what `write_metrics` returned, one for each run.
        name: what the measurements are filed under.

    Returns:
        A table in Markdown with standard errors where a measurement is a mean, and below it what the measurements are.
    """
    evaluations = [metrics["evaluations"][name] for metrics in all_metrics]
    sets = {evaluation["dataset"] for evaluation in evaluations}
    columns: dict[str, list[str]] = {}
    for metrics, evaluation in zip(all_metrics, evaluations, strict=True):
        measured = evaluation["measurements"]
        of = "" if len(sets) == 1 else f" of {evaluation['dataset']}"
        title = (
            metrics["run"] if metrics["run"] not in columns else f"{metrics['run']}, {metrics['weights']['sha256'][:6]}"
        )
        columns[title] = [
            metrics["likelihood"],
            metrics.get("prior", "N(0, I)"),  # the only one there was before it was written
            f"{metrics['beta']:g}",
            *_column(measured, str),
        ]
        size = measured.get("pca.components", {}).get("value", metrics["latent_dim"])  # earlier versions told none
        for reference, rename in ((f"PCA, {size}{of}", _as_pca), (f"real images{of}", _as_real_images)):
            cells = ["", "", "", *_column(measured, rename)]
            if columns.setdefault(reference, cells) != cells:  # of other images, or other features
                columns[f"{reference} ({title})"] = cells
    titles = sorted(columns, key=lambda title: (title.startswith("real images"), title.startswith("PCA, ")))
    texts = ["likelihood", "prior", "beta", *(text for text, *_ in MEASURES)]
    rows = [_line(row) for row in zip(texts, *(columns[title] for title in titles), strict=True) if any(row[1:])]
    header = [_line(["", *titles]), _line(["---", *["---:"] * len(titles)])]
    unusual = _unusual_images(all_metrics, evaluations)
    return "\n".join([*header, *rows, "", *_notes(all_metrics, evaluations), *unusual])


def _as_pca(measurement: str) -> str:
    group, _, measure = measurement.rpartition(".")
    return f"pca.{measure}" if group == "reconstruction.mean" else ""


def _as_real_images(measurement: str) -> str:
    group, _, measure = measurement.partition(".")
    return f"real_images.{measure}" if group == "generation" else f"real_images.{measure.rpartition('.')[2]}"


def _column(measured: Mapping[str, Mapping[str, Any]], rename: Callable[[str], str]) -> list[str]:
    return [_cell(measured.get(rename(measurement)), digits) for _, digits, measurement in MEASURES]


def _notes(all_metrics: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the measurements are: said once where it is the same for all runs, and else for each."""
    first = next(iter(evaluations[0]["measurements"].values()))
    shown = PROTOCOL_WORDS[first["protocol"]]
    counts = [next(iter(each["measurements"].values()))["images"] for each in evaluations]
    images = " or ".join(f"{count:,}" for count in sorted(set(counts)))
    notes = [f"{first['split']} split, {images} images, {shown}; +- is one standard error."]
    for text, measurement in _EXPLAINED.items():
        details: dict[str, list[str]] = {}
        for metrics, evaluation in zip(all_metrics, evaluations, strict=True):
            known = evaluation["measurements"].get(measurement, {}).get("details")
            if known:
                details.setdefault(known, []).append(metrics["run"])
        for known, runs in details.items():
            of = f" ({', '.join(runs)})" if len(details) > 1 else ""
            notes.append(f"{text}{of}: {known}.")
    return notes


def _unusual_images(all_metrics: Sequence[Mapping[str, Any]], evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of how well each score tells each kind of unusual images apart, below what the scores are."""
    rows = []
    for metrics, evaluation in zip(all_metrics, evaluations, strict=True):
        measured = evaluation["measurements"]
        for kind in UNUSUAL_IMAGES:
            values = [measured.get(f"unusual_images.{kind}.{score}") for score in SCORES]
            if any(values):
                rows.append(_line([metrics["run"], kind.replace("_", " "), *(_cell(value, 3) for value in values)]))
    if not rows:
        return []
    scores = "; ".join(f"{score}: {words}" for score, words in SCORES.items())
    header = [_line(["AUROC", "unusual images", *SCORES]), _line(["---", "---", *["---:"] * len(SCORES)])]
    return [
        "",
        *header,
        *rows,
        "",
        f"Area under the ROC curve against as many images of the split, 0.5 by chance. {scores}.",
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(measurement: Mapping[str, Any] | None, digits: int) -> str:
    if measurement is None or measurement["value"] is None:
        return ""
    error = measurement.get("standard_error")
    return f"{measurement['value']:.{digits}f}" + (f" +- {error:.{digits}f}" if error is not None else "")


def _class_mean(values: np.ndarray) -> dict[str, float | None]:
    value, standard_error = _mean_and_error(values)
    return {"value": value, "standard_error": standard_error, "images": len(values)}


def _mean_and_error(values: np.ndarray) -> tuple[float | None, float | None]:
    values = np.asarray(values, np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    mean, error = (float(each) if math.isfinite(each) else None for each in (values.mean(), error))
    return mean, error
