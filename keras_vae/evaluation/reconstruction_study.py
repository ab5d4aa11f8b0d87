"""How well images are reconstructed: errors beside those of PCA, and charts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from keras_vae.evaluation.reconstruction import (
    RECONSTRUCTION_UNITS,
    fit_pca,
    reconstruct_by_pca,
    reconstruction_errors,
)
from keras_vae.evaluation.subject import BATCH, REFINEMENTS, Results, Subject
from keras_vae.model import encode_refined
from keras_vae.plotting import chart_error_by_class, chart_error_map, chart_reconstructions, draw_plain

__all__ = ["measure_reconstruction", "plain_pictures"]

PICTURED_EXTREMES = 10
PICTURED_CLASSES = 10


def measure_reconstruction(subject: Subject) -> Results:
    """Errors of reconstructions of the images, in all and by class, beside those of PCA."""
    model, seed = subject.model, subject.config.seed
    encode, draw = (tf.function(each, autograph=False) for each in (model.encode, model.draw))
    decode = tf.function(model.decode, autograph=False, reduce_retracing=True)

    def through_mean(images: Any, batch_seed: Any) -> Any:
        return decode(encode(images)[0])

    def through_sample(images: Any, batch_seed: Any) -> Any:
        return decode(draw(images, batch_seed).latents)

    @tf.function(autograph=False, reduce_retracing=True)
    def through_refined(images: Any, batch_seed: Any) -> Any:
        return model.decode(encode_refined(model, images, REFINEMENTS)[0])

    pca = _fitted_pca(subject)
    origin = "" if subject.is_own_data else f" of {subject.data.name}"
    fitted = f"{pca.n_components_} components of {pca.n_samples_:,} training images{origin}, clipped to [0, 1]"
    methods = {
        "reconstruction.mean": (through_mean, "through the mean of the posterior"),
        "reconstruction.refined": (through_refined, f"through the mean after {REFINEMENTS} gradient steps on the loss"),
        "reconstruction.sample": (through_sample, "through one sample of the posterior"),
        "pca": (lambda images, _: reconstruct_by_pca(pca, images), fitted),
    }
    functions = {method: reconstruct for method, (reconstruct, _) in methods.items()}
    found = reconstruction_errors(
        subject.told_batches("reconstructions"), {**functions, "real_images": lambda images, _: images}, seed=seed
    )
    measurements = {}
    for method, (_, details) in methods.items():
        for name, unit in RECONSTRUCTION_UNITS.items():
            # PCA's values are no probabilities: their cross-entropy would only measure where they are clipped.
            if not (method == "pca" and name == "cross_entropy"):
                values = found[method].by_image[name]
                measurements[f"{method}.{name}"] = subject.mean_of(values, unit, by_class=True, details=details)
    measurements["pca.components"] = subject.measurement(int(pca.n_components_), "components", details=fitted)
    own = found["real_images"].by_image["cross_entropy"]
    unit, entropy = RECONSTRUCTION_UNITS["cross_entropy"], "entropy of the images' own pixel values"
    measurements["real_images.cross_entropy"] = subject.mean_of(own, unit, details=entropy)

    by_class = {
        name: measurements[f"{method}.mse_per_pixel"].by_class or {}
        for name, method in ((f"PCA, {pca.n_components_}", "pca"), (subject.run.name, "reconstruction.mean"))
    }
    charts = {
        "reconstruction_extremes": _chart_extremes(subject, through_mean, found["reconstruction.mean"].by_image),
        "error_map": chart_error_map(
            found["reconstruction.mean"].by_pixel, f"{subject.count:,} {subject.split} images"
        ),
    }
    if subject.data.has_classes:
        charts["error_by_class"] = chart_error_by_class(
            by_class, f"Reconstruction error of {subject.count:,} {subject.split} images, by class"
        )
    return measurements, charts


def _fitted_pca(subject: Subject) -> PCA:
    data, batches = subject.data, subject.batches("train")
    affordable = subject.run.config.memory_budget * 2**20 // (8 * BATCH * int(np.prod(data.image_shape)))
    batches = batches.take(max(1, affordable))
    return fit_pca(batches.as_numpy_iterator(), subject.model.latent_dim)


def _chart_extremes(subject: Subject, reconstruct: Callable[[Any, Any], Any], errors: dict[str, np.ndarray]) -> Figure:
    error = errors["mse_per_pixel"]
    order = np.argsort(error)
    each = min(PICTURED_EXTREMES, len(order))
    middle = (len(order) - each) // 2
    groups = {"best": order[:each], "typical": order[middle : middle + each], "worst": order[::-1][:each]}
    images = subject.pick(np.concatenate(list(groups.values())))
    shape = (len(groups), each, *images.shape[1:])
    copies = np.asarray(reconstruct(images, None))
    ranges = [f"{name}: {error[chosen].min():.4f} to {error[chosen].max():.4f}" for name, chosen in groups.items()]
    return chart_reconstructions(images.reshape(shape), copies.reshape(shape), ranges, subject.split)


def plain_pictures(subject: Subject) -> dict[str, np.ndarray]:
    """The first image of each class above its reconstruction, and as many samples in a row, without words.

    Where there is one class, the first images.
    """
    _, first = np.unique(subject.labels, return_index=True)
    if len(first) < 2:
        first = np.arange(subject.count)
    return draw_plain(subject.model, subject.pick(first[:PICTURED_CLASSES], grey=True))
