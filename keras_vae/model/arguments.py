"""What a VAE takes: arguments that are out of their range are named before anything is built."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf

from keras_vae.model.distributions import LIKELIHOODS
from keras_vae.model.networks import NETWORKS
from keras_vae.model.priors import PRIORS

__all__ = [
    "PRIOR_TRAININGS",
    "PriorTraining",
    "check_arguments",
    "check_images",
    "check_levels",
    "check_prior",
    "check_samples",
]

PriorTraining = Literal["afterwards", "joint"]
PRIOR_TRAININGS: tuple[PriorTraining, ...] = get_args(PriorTraining)

ROUNDING = 1e-3  # by which values may leave their range


def check_arguments(
    image_shape: Sequence[int],
    latent_dim: int,
    network: str,
    widths: Sequence[int] | None,
    likelihood: str,
    beta: float,
) -> None:
    """Raise a `ValueError` for an argument that no VAE can have."""
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise ValueError(f"image_shape must be (height, width, channels), not {tuple(image_shape)}.")
    if latent_dim < 1:
        raise ValueError(f"latent_dim must be at least 1, not {latent_dim}.")
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, not {network!r}.")
    if widths is not None and (not widths or min(widths) < 1):
        raise ValueError(f"widths must be positive numbers, not {tuple(widths)}.")
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, not {likelihood!r}.")
    if not 0.0 <= beta < math.inf:
        raise ValueError(f"beta must be at least 0 and finite, not {beta}.")


def check_prior(prior: str, components: int, training: str) -> None:
    """Raise a `ValueError` for a prior that there is not."""
    if prior not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, not {prior!r}.")
    if components < 1:
        raise ValueError(f"prior_components must be at least 1, not {components}.")
    if training not in PRIOR_TRAININGS:
        raise ValueError(f"prior_training must be one of {', '.join(PRIOR_TRAININGS)}, not {training!r}.")


def check_levels(levels: int, latent_dim: int) -> None:
    """Raise a `ValueError` where latents cannot be in so many levels."""
    if levels not in (1, 2):
        raise ValueError(f"levels must be 1 or 2, not {levels}.")
    if latent_dim < levels:
        raise ValueError(f"latent_dim must be at least 2 for two levels, which share it, not {latent_dim}.")


def check_images(images: Any) -> None:
    """Raise a `ValueError` for images that are not in [0, 1]; not within a graph, where there are no values yet."""
    if tf.is_symbolic_tensor(images) or not isinstance(images, (np.ndarray, tf.Tensor)):
        return
    values = np.asarray(images)
    if values.size and not (values.min() >= -ROUNDING and values.max() <= 1.0 + ROUNDING):  # NaN is neither
        raise ValueError(
            f"Images must be in [0, 1], not from {values.min():g} to {values.max():g}: divide 8-bit values by 255."
        )


def check_samples(samples: Any) -> None:
    """Raise a `ValueError` for no samples; not within a graph, where there is no number yet."""
    if not tf.is_symbolic_tensor(samples) and int(samples) < 1:
        raise ValueError(f"samples must be at least 1, not {int(samples)}.")
