"""How well images are reproduced: errors of each image, and the best linear reconstruction as a baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from sklearn.decomposition import PCA

__all__ = [
    "RECONSTRUCTION_UNITS",
    "ReconstructionErrors",
    "fit_pca",
    "reconstruct_by_pca",
    "reconstruction_errors",
]

RECONSTRUCTION_UNITS = {
    "mse_per_pixel": "mean squared error of a pixel whose value lies in [0, 1]",
    "squared_error": "squared error summed over the pixels of an image",
    "psnr": "dB, mean over images",
    "ssim": "structural similarity, at most 1",
    "cross_entropy": "nats per image",
}

SSIM_FILTER = 11  # pixels: the window of Wang et al. 2004
SMALLEST_PROBABILITY = 1e-6  # that of a pixel at the model's own bound on logits is 5e-5


class ReconstructionErrors(NamedTuple):
    """How far images are from what is made of them.

    Attributes:
        by_image: `(n,)` for each measure of `RECONSTRUCTION_UNITS`.
        by_pixel: `(h, w, c)`, the mean over the images of the squared error; its own mean is their MSE per pixel.
    """

    by_image: dict[str, np.ndarray]
    by_pixel: np.ndarray


def reconstruction_errors(
    batches: Iterable[Any], methods: Mapping[str, Callable[[Any, Any], Any]], *, seed: int = 0
) -> dict[str, ReconstructionErrors]:
    """Compare images with what is made of them, in one pass over the images.

    SSIM is that of Wang et al. (2004), with a window of 11 pixels or as many as the image has; the cross-entropy is
    that of grey values read as probabilities of white, and means little for reconstructions that are not probabilities.

    Args:
        batches: batches of images `(n, h, w, c)` in [0, 1].
        methods: by their names, functions from a batch of images and its seed, two integers, to images of the same
            shape.
        seed: what all the batches' seeds follow from.

    Returns:
        The errors of each method.
    """
    errors = tf.function(_errors, reduce_retracing=True)  # SSIM takes half the time in a graph
    rows: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in methods}
    maps: dict[str, Any] = dict.fromkeys(methods, 0.0)
    for number, images in enumerate(batches):
        batch_seed = tf.constant((seed, number), tf.int32)
        for name, reconstruct in methods.items():
            copies = reconstruct(images, batch_seed)
            rows[name].append({measure: np.asarray(values) for measure, values in errors(images, copies).items()})
            maps[name] = maps[name] + np.sum(np.square(images - copies), axis=0, dtype=np.float64)
    found = {}
    for name in methods:
        by_image = {measure: np.concatenate([row[measure] for row in rows[name]]) for measure in RECONSTRUCTION_UNITS}
        found[name] = ReconstructionErrors(by_image, maps[name] / len(by_image["mse_per_pixel"]))
    return found


def fit_pca(batches: Iterable[Any], latent_dim: int) -> PCA:
    """Fit the principal components of images: the best linear autoencoder of its size (Baldi & Hornik 1989).

    Args:
        batches: batches of images `(n, h, w, c)` in [0, 1]; all of them are held in memory, twice.
        latent_dim: number of components; fewer are taken where images or pixels are fewer.
    """
    images = np.concatenate([np.reshape(batch, (len(batch), -1)) for batch in batches])
    return PCA(min(latent_dim, *images.shape), random_state=0).fit(images)


def reconstruct_by_pca(pca: PCA, images: Any) -> np.ndarray:
    """Project images onto the components and back, clipped to [0, 1].

    Args:
        pca: fitted to images of this shape.
        images: `(n, h, w, c)`.

    Returns:
        The same shape.
    """
    flat = pca.inverse_transform(pca.transform(np.reshape(images, (len(images), -1))))
    return np.clip(flat, 0.0, 1.0).astype(np.float32).reshape(np.shape(images))


def _errors(images: Any, reconstructions: Any) -> dict[str, Any]:
    error = tf.square(images - reconstructions)
    probabilities = tf.clip_by_value(reconstructions, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    nats = images * tf.math.log(probabilities) + (1.0 - images) * tf.math.log1p(-probabilities)
    return {
        "mse_per_pixel": tf.reduce_mean(error, axis=(1, 2, 3)),
        "squared_error": tf.reduce_sum(error, axis=(1, 2, 3)),
        "psnr": tf.image.psnr(images, reconstructions, 1.0),
        "ssim": tf.image.ssim(images, reconstructions, 1.0, filter_size=min(SSIM_FILTER, *images.shape[1:3])),
        "cross_entropy": -tf.reduce_sum(nats, axis=(1, 2, 3)),
    }
