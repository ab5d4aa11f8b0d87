"""Measure a run on a whole test split: reconstruction, likelihood, generated images."""

from __future__ import annotations

import dataclasses
import json
import math
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from sklearn.metrics.pairwise import euclidean_distances
from tqdm import tqdm

from keras_vae.charts import (
    chart_aggregate_posterior,
    chart_error_by_class,
    chart_kl_by_latent,
    chart_neighbours,
    chart_reconstructions,
)
from keras_vae.config import EvaluationConfig
from keras_vae.dashboard import write_evaluation
from keras_vae.data import ImageData, open_dataset
from keras_vae.distributions import gaussian_sample
from keras_vae.environment import environment
from keras_vae.errors import InputError
from keras_vae.export import load_model
from keras_vae.features import Features, open_features
from keras_vae.figures import png, rendered
from keras_vae.generation import frechet_distance, kernel_distance, precision_recall
from keras_vae.likelihood import (
    ACTIVE_VARIANCE,
    active_units,
    aggregate_posterior,
    elbo_terms,
    importance_weighted_bounds,
)
from keras_vae.metrics import Measurement, comparison, finite, mean_of, read_metrics, weights_digest, write_metrics
from keras_vae.model import VAE
from keras_vae.reconstruction import RECONSTRUCTION_UNITS, fit_pca, reconstruct_by_pca, reconstruction_errors
from keras_vae.runs import Run, write_atomically

__all__ = ["evaluate"]

BATCH = 500
LEAST_COMPARED = 10  # images in a set
BINARY_TEST_SUM = 2_248_637  # white pixels of the binarised test images in the published protocol
PICTURED_SAMPLES = 20
PICTURED_EXTREMES = 10

Results = tuple[dict[str, Measurement], dict[str, Figure]]


@dataclasses.dataclass(frozen=True)
class _Subject:
    """What is measured, and how."""

    run: Run
    config: EvaluationConfig
    model: VAE
    data: ImageData
    features: Features | None

    @property
    def name(self) -> str:
        """What the figures are filed under: the protocol, and the data set where it is not the run's own."""
        own = self.data.name == self.run.config.dataset
        return self.config.protocol if own else f"{self.config.protocol}-{Path(self.data.name).name}"

    @property
    def binarize(self) -> Any:
        return "dynamic" if self.config.protocol == "binarized" else "none"

    @property
    def test_batches(self) -> tf.data.Dataset:
        return self.data.batches("test", BATCH, binarize=self.binarize)

    def mean_of(self, values: np.ndarray, unit: str, *, by_class: bool = False, details: str = "") -> Measurement:
        labels = self.data.labels("test") if by_class else None
        classes = self.data.class_names
        return mean_of(values, unit, "test", self.config.protocol, labels=labels, class_names=classes, details=details)

    def figure(self, value: Any, unit: str, **options: Any) -> Measurement:
        protocol = options.pop("protocol", self.config.protocol)
        return Measurement(value, unit, "test", self.data.counts["test"], protocol, **options)


def evaluate(run: Run, config: EvaluationConfig) -> tuple[str, dict[str, Any]]:
    """Measure a run, and write `metrics.json`, `metrics.md`, figures and what TensorBoard compares.

    The files of another protocol than `grey`, or of another data set than the run's own, have its name as a suffix.

    Args:
        run: a trained run.
        config: what to measure.

    Returns:
        The name that the figures are filed under, and what `metrics.json` holds.

    Raises:
        InputError: the run has no weights, the data do not fit it, or the feature network cannot be had.
        KeyboardInterrupt: Ctrl-C; what is done of the bound is kept.
    """
    subject = _open(run, config)
    start = time.perf_counter()
    measurements: dict[str, Measurement] = {}
    figures: dict[str, Figure] = {}
    for what, measure in (
        ("reconstruction", _measure_reconstruction),
        ("likelihood", _measure_likelihood),
        ("generated images", _measure_generation),
    ):
        print(f"{run.name}: {what}", flush=True)
        measured, drawn = measure(subject)
        measurements |= measured
        figures |= drawn
    settings = {
        **dataclasses.asdict(config),
        "dataset": subject.data.name,
        "seconds": round(time.perf_counter() - start, 1),
        "peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10,
        **environment(),
    }

    suffix = "" if subject.name == "grey" else f"-{subject.name}"
    pictures = {name: rendered(figure) for name, figure in figures.items()}
    for name, picture in pictures.items():
        write_atomically(run.figures / f"{name}{suffix}.png", png(picture))
    values = {name: each.value for name, each in measurements.items() if isinstance(each.value, (int, float))}
    write_evaluation(run, values, pictures, name=subject.name, step=run.config.epochs)
    metrics = write_metrics(run, subject.name, settings, measurements)
    run.write(f"metrics{suffix}.md", comparison([metrics], subject.name) + "\n")
    _partial_bounds(run).unlink(missing_ok=True)
    return subject.name, metrics


def _open(run: Run, config: EvaluationConfig) -> _Subject:
    if not run.model_file.is_file():
        raise InputError(f"Run {run.name!r} has no weights yet, there is no {run.model_file}: {run.resume_command}.")
    read_metrics(run)  # whether the old ones are damaged is told before minutes are spent on new ones
    trained = run.config
    data = open_dataset(
        config.dataset or trained.dataset,
        data_dir=None if config.dataset else trained.data_dir,
        memory_budget=trained.memory_budget * 2**20,
    )
    model = load_model(run.model_file)
    if data.image_shape != model.image_shape:
        taken, given = (" x ".join(map(str, shape)) for shape in (model.image_shape, data.image_shape))
        raise InputError(f"Run {run.name!r} takes images of {taken}, {data.name} has {given}: give another --dataset.")
    features = None
    if config.features != "none":
        features = open_features(config.features, data.image_shape, config.inception_weights)
    subject = _Subject(run, config, model, data, features)
    if config.protocol == "binarized" and data.name == "fashion_mnist":
        total = sum(int(batch.sum()) for batch in subject.test_batches.as_numpy_iterator())
        if total != BINARY_TEST_SUM:
            raise InputError(
                f"The binarised test images of {data.name} have {total:,} white pixels, not the {BINARY_TEST_SUM:,} of "
                "the published protocol: remove data/prepared, and evaluate again."
            )
    return subject


# ---- reconstruction ----


def _measure_reconstruction(subject: _Subject) -> Results:
    model, seed = subject.model, subject.config.seed
    encode, decode = (
        tf.function(model.encode, autograph=False),
        tf.function(model.decode, autograph=False, reduce_retracing=True),
    )

    def through_mean(images: Any, _: Any) -> Any:
        return decode(encode(images)[0])

    def through_sample(images: Any, batch_seed: Any) -> Any:
        mean, log_var = encode(images)
        return decode(gaussian_sample(mean, log_var, tf.random.stateless_normal(tf.shape(mean), batch_seed)))

    pca, count = _fitted_pca(subject)
    fitted = f"{pca.n_components_} principal components of {count:,} training images, clipped to [0, 1]"
    methods = {
        "reconstruction.mean": (through_mean, "through the mean of the posterior"),
        "reconstruction.sample": (through_sample, "through one sample of the posterior"),
        "pca": (lambda images, _: reconstruct_by_pca(pca, images), fitted),
    }
    measurements, errors = {}, {}
    for method, (reconstruct, details) in methods.items():
        errors[method] = reconstruction_errors(subject.test_batches, reconstruct, seed=seed)
        for name, unit in RECONSTRUCTION_UNITS.items():
            # PCA's values are no probabilities: their cross-entropy would only measure where they are clipped.
            if not (method == "pca" and name == "cross_entropy"):
                values = errors[method][name]
                measurements[f"{method}.{name}"] = subject.mean_of(values, unit, by_class=True, details=details)
    own = reconstruction_errors(subject.test_batches, lambda images, _: images)["cross_entropy"]
    unit, entropy = RECONSTRUCTION_UNITS["cross_entropy"], "entropy of the images' own grey values"
    measurements["real_images.cross_entropy"] = subject.mean_of(own, unit, details=entropy)

    by_class = {
        name: measurements[f"{method}.mse_per_pixel"].by_class or {}
        for name, method in ((f"PCA, {pca.n_components_}", "pca"), (subject.run.name, "reconstruction.mean"))
    }
    figures = {
        "error_by_class": chart_error_by_class(
            by_class, f"Reconstruction error of {subject.data.counts['test']:,} test images, by class"
        ),
        "reconstruction_extremes": _chart_extremes(subject, through_mean, errors["reconstruction.mean"]),
    }
    return measurements, figures


def _fitted_pca(subject: _Subject) -> tuple[Any, int]:
    data = subject.data
    batches = data.batches("train", BATCH, binarize=subject.binarize)
    if not data.in_memory:
        affordable = subject.run.config.memory_budget * 2**20 // (4 * BATCH * int(np.prod(data.image_shape)))
        batches = batches.take(max(1, affordable))
    count = min(data.counts["train"], BATCH * int(batches.cardinality()))
    return fit_pca(batches.as_numpy_iterator(), subject.model.latent_dim), count


def _chart_extremes(subject: _Subject, reconstruct: Callable[[Any, Any], Any], errors: dict[str, np.ndarray]) -> Figure:
    error = errors["mse_per_pixel"]
    order = np.argsort(error)
    each = min(PICTURED_EXTREMES, len(order))
    middle = (len(order) - each) // 2
    groups = {"best": order[:each], "typical": order[middle : middle + each], "worst": order[::-1][:each]}
    images = _pick(subject.test_batches, np.concatenate(list(groups.values())))
    shape = (len(groups), each, *images.shape[1:])
    copies = np.asarray(reconstruct(images, None))
    ranges = [f"{name}: {error[chosen].min():.4f} to {error[chosen].max():.4f}" for name, chosen in groups.items()]
    return chart_reconstructions(images.reshape(shape), copies.reshape(shape), ranges)


# ---- likelihood ----


def _measure_likelihood(subject: _Subject) -> Results:
    model, config = subject.model, subject.config
    terms = elbo_terms(model, subject.test_batches, seed=config.seed)
    kl = terms.kl.sum(axis=1)
    negative_elbo = terms.reconstruction + kl
    active = active_units(terms.mean)
    aggregate = aggregate_posterior(terms.mean, terms.log_var, model.prior.log_density, config.seed)
    bounds, speed = _bounds(subject)
    worst = int(negative_elbo.argmax())
    one = f"one posterior sample an image, {model.likelihood} likelihood"
    many = f"importance-weighted, {config.importance_samples:,} samples an image, {model.likelihood} likelihood"
    burda = f"variance of the posterior mean over images above {ACTIVE_VARIANCE}"
    nats = "nats per image"
    measurements = {
        "likelihood.negative_elbo": subject.mean_of(negative_elbo, nats, by_class=True, details=one),
        "likelihood.reconstruction": subject.mean_of(terms.reconstruction, nats, by_class=True, details=one),
        "likelihood.kl": subject.mean_of(kl, nats, by_class=True, details="in closed form"),
        "likelihood.kl_by_latent": subject.figure(terms.kl.mean(axis=0).tolist(), nats),
        "likelihood.largest_negative_elbo": subject.figure(
            float(negative_elbo[worst]), nats, details=f"of the test image of number {worst}, counted from 0"
        ),
        "likelihood.importance_weighted_nll": subject.mean_of(-bounds, nats, by_class=True, details=many),
        "likelihood.image_samples_per_second": subject.figure(finite(speed), "image samples of the bound a second"),
        "likelihood.active_units": subject.figure(int(active.sum()), "latents", details=burda),
        "likelihood.aggregate_kl_at_least": subject.figure(
            aggregate.at_least, "nats", details="Gaussian of the mean and covariance of all test images' posteriors"
        ),
        "likelihood.aggregate_kl_at_most": subject.figure(
            aggregate.at_most, "nats", details="mixture of all test images' posteriors"
        ),
    }
    noise = np.random.default_rng(config.seed).standard_normal(terms.mean.shape)
    latents = terms.mean + np.exp(0.5 * terms.log_var) * noise
    figures = {
        "kl_by_latent": chart_kl_by_latent(terms.kl.mean(axis=0), active),
        "aggregate_posterior": chart_aggregate_posterior(latents, terms.kl.mean(axis=0), terms.log_var),
    }
    return measurements, figures


def _bounds(subject: _Subject) -> tuple[np.ndarray, float]:
    """The bound for every image and image-samples a second; taken up again where it was interrupted."""
    config, samples = subject.config, subject.config.importance_samples
    path = _partial_bounds(subject.run)
    key = repr([weights_digest(subject.run), subject.data.name, config.protocol, samples, config.seed])
    bounds = _read_partial(path, key)
    first = -(-len(bounds) // BATCH)
    taken, start = 0, time.perf_counter()

    def progress(count: int) -> None:
        nonlocal taken
        taken += count
        bar.update(count)

    batches = importance_weighted_bounds(
        subject.model, subject.test_batches, samples, seed=config.seed, first_batch=first, progress=progress
    )
    with tqdm(
        desc="  bound", total=subject.data.counts["test"] * samples, initial=len(bounds) * samples, unit=" samples",
        unit_scale=True, file=sys.stdout, mininterval=0.5 if sys.stdout.isatty() else 30.0,
    ) as bar:  # fmt: skip
        try:
            for batch in batches:
                bounds = np.concatenate([bounds, batch])
                write_atomically(path, json.dumps({"key": key, "bounds": bounds.tolist()}))
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"The bound is kept for {len(bounds):,} images: the same command goes on from there."
            ) from None
    return bounds, taken / (time.perf_counter() - start) if taken else math.nan


def _partial_bounds(run: Run) -> Path:
    return run.folder / ".importance_weighted_bounds.json"


def _read_partial(path: Path, key: str) -> np.ndarray:
    if path.is_file():
        partial = json.loads(path.read_text())
        if partial["key"] == key:
            return np.array(partial["bounds"])
    return np.empty(0)


# ---- generated images ----


def _measure_generation(subject: _Subject) -> Results:
    model, data, config = subject.model, subject.data, subject.config
    count = data.counts["test"]
    sample = tf.function(model.sample, autograph=False, reduce_retracing=True)

    def samples() -> Iterable[Any]:
        for number, start in enumerate(range(0, count, BATCH)):
            yield sample(tf.constant(min(BATCH, count - start)), tf.constant((config.seed, number), tf.int32))

    shown = np.asarray(next(iter(samples())))[:PICTURED_SAMPLES]
    figures = {"nearest_training_images": chart_neighbours(shown, _nearest_training_images(data, shown))}
    if subject.features is None:
        return {}, figures
    features = subject.features
    real, generated = features(data.batches("test", BATCH)), features(samples())
    training = features(_some_training_images(data, min(count, data.counts["train"]), config.seed))
    name = "InceptionV3 of Keras" if config.features == "inception" else "classifier of this project: not the FID"
    details = f"features of the {name}; {count:,} generated images against {count:,} test images"
    floor = f"features of the {name}; {len(training):,} training images against {count:,} test images"
    measurements = {
        **_compare(subject, "generation", real, generated, details),
        **_compare(subject, "real_images", real, training, floor),
    }
    return measurements, figures


def _compare(
    subject: _Subject, group: str, real: np.ndarray, other: np.ndarray, details: str
) -> dict[str, Measurement]:
    if min(len(real), len(other)) < LEAST_COMPARED:
        raise InputError(
            f"{subject.data.name} has too few images to compare sets of them, it takes {LEAST_COMPARED}: "
            "--features none leaves generated images unmeasured."
        )
    kernel, shares = kernel_distance(real, other), precision_recall(real, other)
    error = finite(kernel.standard_error)
    # Generated images are expected grey values, whatever the protocol: they are compared with grey test images.
    common = {"details": details, "protocol": "grey"}
    return {
        f"{group}.frechet_distance": subject.figure(frechet_distance(real, other), "squared feature", **common),
        f"{group}.kernel_distance": subject.figure(kernel.value, "kernel of features", standard_error=error, **common),
        f"{group}.precision": subject.figure(shares.precision, "share, 0 to 1", **common),
        f"{group}.recall": subject.figure(shares.recall, "share, 0 to 1", **common),
    }


def _some_training_images(data: ImageData, count: int, seed: int) -> Iterable[np.ndarray]:
    """Batches of training images drawn at random, or the first ones where they are streamed from disk."""
    chosen = np.sort(np.random.default_rng(seed).permutation(data.counts["train"])[:count])
    images = data.images("train")[chosen] if data.in_memory else data.images("train", count)
    return (images[start : start + BATCH] / np.float32(255) for start in range(0, count, BATCH))


def _nearest_training_images(data: ImageData, images: np.ndarray) -> np.ndarray:
    """For each image the training image at the smallest squared distance of pixels."""
    found, smallest = np.empty_like(images), np.full(len(images), np.inf)
    for batch in data.batches("train", BATCH).as_numpy_iterator():
        distances = euclidean_distances(images.reshape(len(images), -1), batch.reshape(len(batch), -1), squared=True)
        index = distances.argmin(axis=1)
        nearer = distances.min(axis=1) < smallest
        smallest = np.where(nearer, distances.min(axis=1), smallest)
        found[nearer] = batch[index[nearer]]
    return found


def _pick(batches: Iterable[Any], indices: np.ndarray) -> np.ndarray:
    """The images of some numbers, in their order, without keeping the others."""
    found: dict[int, np.ndarray] = {}
    start = 0
    for batch in batches:
        for index in indices[(indices >= start) & (indices < start + len(batch))]:
            found[int(index)] = np.asarray(batch[index - start])
        start += len(batch)
    return np.stack([found[int(index)] for index in indices])
