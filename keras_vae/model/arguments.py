"""What a VAE takes: arguments that are out of their range are named before anything is built."""

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.convolutions import largest_depth
from keras_vae.model.distributions import LIKELIHOODS, WITH_VARIANCE
from keras_vae.model.networks import NETWORKS
from keras_vae.model.priors import PRIORS

__all__ = [
    "PRIOR_TRAININGS",
    "PriorTraining",
    "as_float32",
    "assert_finite",
    "assert_images",
    "check_arguments",
    "check_count",
    "check_disturbance",
    "check_images",
    "check_label",
    "check_levels",
    "check_pixels",
    "check_policy",
    "check_prior",
    "check_seed",
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
    seed: int,
    learns_variance: bool,
) -> None:
    """Raise a `ValueError` for an argument that no VAE can have."""
    if not _are_positive(image_shape) or len(image_shape) != 3:
        raise ValueError(f"image_shape must be (height, width, channels), not {image_shape}.")
    if not _are_positive([latent_dim]):
        raise ValueError(f"latent_dim must be a whole number of at least 1, not {latent_dim}.")
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, not {network!r}.")
    if widths is not None and not _are_positive(widths):
        raise ValueError(f"widths must be whole numbers of at least 1, in a list, not {widths}.")
    if network == "convolutional" and widths is not None and len(widths) > (most := largest_depth(image_shape)):
        raise ValueError(
            f"widths of a convolutional network halve the sides: of {image_shape[0]} x {image_shape[1]} pixels there "
            f"can be {most}, not {len(widths)}."
        )
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"likelihood must be one of {', '.join(LIKELIHOODS)}, not {likelihood!r}.")
    if not 0.0 <= beta < math.inf:
        raise ValueError(f"beta must be at least 0 and finite, not {beta}.")
    check_count(seed, "seed", least=0)
    if learns_variance and likelihood not in WITH_VARIANCE:
        raise ValueError(
            f"learns_variance is of {' and '.join(WITH_VARIANCE)} pixels, not of {likelihood} ones: leave it out."
        )


def check_disturbance(dropout: float, input_noise: float, network: str) -> None:
    """Raise a `ValueError` for a disturbance that no network can be trained with, or not this one."""
    if not 0.0 <= dropout < 1.0:
        raise ValueError(f"dropout must be at least 0 and less than 1, not {dropout}.")
    if not 0.0 <= input_noise < math.inf:
        raise ValueError(f"input_noise must be at least 0 and finite, not {input_noise}.")
    if dropout and network != "dense":
        raise ValueError(f"dropout is of dense networks: leave it out, or train another than a {network} one.")


def check_prior(prior: str, components: int, training: str) -> None:
    """Raise a `ValueError` for a prior that there is not."""
    if prior not in PRIORS:
        raise ValueError(f"prior must be one of {', '.join(PRIORS)}, not {prior!r}.")
    check_count(components, "prior_components", least=1)
    if training not in PRIOR_TRAININGS:
        raise ValueError(f"prior_training must be one of {', '.join(PRIOR_TRAININGS)}, not {training!r}.")


def check_levels(levels: int, latent_dim: int) -> None:
    """Raise a `ValueError` where latents cannot be in so many levels."""
    if levels not in (1, 2):
        raise ValueError(f"levels must be 1 or 2, not {levels}.")
    if latent_dim < levels:
        raise ValueError(f"latent_dim must be at least 2 for two levels, which share it, not {latent_dim}.")


def check_count(count: Any, name: str, *, least: int) -> None:
    """Raise a `ValueError` for less than the least, or a number that is not whole; in a graph, once there is one."""
    if isinstance(count, (tf.Variable, keras.Variable)):
        count = tf.convert_to_tensor(count)
    if tf.is_symbolic_tensor(count) and count.dtype.is_integer:
        tf.debugging.Assert(count >= least, [f"{name} must be at least {least}, not", count])
        return
    try:
        number = operator.index(count)
    except (TypeError, AttributeError) as error:  # the latter of a tensor
        raise ValueError(f"{name} must be a whole number of at least {least}, not {count}.") from error
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}.")


def check_seed(seed: Any) -> None:
    """Raise a `ValueError` for other than two whole numbers; what is computed within a graph is left to TensorFlow."""
    if not tf.executing_eagerly():
        return
    numbers = tf.convert_to_tensor(seed)
    if numbers.shape != (2,) or not numbers.dtype.is_integer:
        raise ValueError(f"seed must be two whole numbers, such as (0, 1), not {seed}.")


def check_policy(name: str) -> None:
    """Raise a `ValueError` for a dtype policy that a VAE does not compute by."""
    if name not in ("float32", "mixed_bfloat16"):
        raise ValueError(f"A VAE computes in float32 or mixed_bfloat16, not in {name}.")


def check_label(label: Any, labels: Sequence[int]) -> None:
    """Raise a `ValueError` for a class that a prior cannot be asked for; within a graph, once there is a number."""
    if not labels:
        raise ValueError("This prior was not fitted by class: it takes no label.")
    last = max(labels)
    wanted = f"label must be from 0 to {last}"
    if len(labels) <= last:
        wanted += ", and of a class that the prior was fitted to images of"
    if tf.is_symbolic_tensor(label):
        known = tf.reduce_any(tf.equal(label, tf.constant(labels, label.dtype)))
        tf.debugging.Assert(known, [f"{wanted}, not", label])
    elif label not in labels:
        raise ValueError(f"{wanted}, not {label}.")


def check_pixels(images: Any) -> None:
    """Raise a `ValueError` for images that are not 8-bit, where these are taken and divided by 255, or for none."""
    if images.dtype != np.uint8:
        raise ValueError(f"Images must be uint8 here, not {images.dtype}: multiply those in [0, 1] by 255, and round.")
    if not len(images):
        raise ValueError("Images must be uint8 here, and there are none: give some.")


def assert_images(images: Any, name: str) -> None:
    """Let a graph refuse images that are not in [0, 1], once there are values."""
    inside = tf.reduce_all((images >= -ROUNDING) & (images <= 1.0 + ROUNDING))  # NaN is not
    tf.debugging.Assert(inside, [f"{name} must be in [0, 1] and finite: divide 8-bit values by 255."])


def assert_finite(values: Any, name: str) -> None:
    """Let a graph refuse numbers that are not finite, once there are values."""
    tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(values)), [f"{name} must be finite."])


def check_images(given: Any, image_shape: tuple[int, int, int], *, least: int = 0) -> None:
    """Raise a `ValueError` for images that a VAE cannot take, before Keras tells it in a page.

    Arrays, and lists of arrays or numbers, are looked at as a whole; of a `tf.data.Dataset` what it says of its
    elements, and the first one; the first batch of a `PyDataset`. All else is left to Keras, and what is computed
    within a graph, where there are no values yet.

    Args:
        given: what a method was given.
        image_shape: `(h, w, c)`.
        least: how many there must be at least, as far as that is seen.
    """
    if tf.is_symbolic_tensor(given):
        return
    if isinstance(given, keras.utils.PyDataset):
        if given.num_batches == 0:
            raise ValueError("The PyDataset has no batches of images, there are none: give some.")
        given = _first(given[0])
    is_labelled = isinstance(given, tuple) and any(getattr(part, "shape", None) != image_shape for part in given)
    if is_labelled or isinstance(given, dict):
        raise ValueError(f"Images must be an array, not a {type(given).__name__}: give the images of it alone.")
    if isinstance(given, list) and given and not any(map(tf.is_symbolic_tensor, given)):
        given = np.asarray(given)
    spec = _first(given.element_spec) if isinstance(given, tf.data.Dataset) else given
    if isinstance(spec, dict):
        raise ValueError(f"Elements must be images, or images and labels, not a dict of {', '.join(spec)}: `map` them.")
    shape, dtype = getattr(spec, "shape", None), getattr(spec, "dtype", None)
    if shape is None or dtype is None:
        return
    wanted = f"(n, {', '.join(map(str, image_shape))}) float32 in [0, 1]"
    shape, kind = tf.TensorShape(shape), tf.as_dtype(dtype)
    if not shape.is_compatible_with((None, *image_shape)):
        lacks_channels = shape.rank == 3 and shape[1:].is_compatible_with(image_shape[:2]) and image_shape[2] == 1
        remedy = "add the axis of channels, images[..., None]" if lacks_channels else "give images of this shape"
        raise ValueError(f"Images must be {wanted}, not of shape {tuple(shape)}: {remedy}.")
    if not kind.is_floating:
        raise ValueError(f"Images must be {wanted}, not {kind.name}: divide them, images / 255.")
    values = _first(next(iter(given.take(1)), ())) if isinstance(given, tf.data.Dataset) else given
    values = np.asarray(values)
    if len(values) < least:
        raise ValueError(f"Images must be {wanted}, and there are none: give some.")
    if not len(values):
        return
    darkest, brightest = values.min(), values.max()
    if not (darkest >= -ROUNDING and brightest <= 1.0 + ROUNDING):  # NaN is neither
        raise ValueError(f"Images must be {wanted}, not from {darkest:g} to {brightest:g}: divide 8-bit values by 255.")


def as_float32(images: Any) -> tf.Tensor:
    """Images of any floating-point type, or nested lists of them, in the type that is computed in.

    Raises:
        ValueError: whole numbers, of which nobody knows what is white.
    """
    images = tf.convert_to_tensor(images)
    if not images.dtype.is_floating:
        raise ValueError(f"Images must be float32 in [0, 1], not {images.dtype.name}: divide them, images / 255.")
    return tf.cast(images, tf.float32)


def _are_positive(numbers: Any) -> bool:
    """Whether these are whole numbers above 0, and some."""
    try:
        return len(numbers) > 0 and min(map(operator.index, numbers)) >= 1
    except TypeError:
        return False


def _first(element: Any) -> Any:
    """The images of an element of a data set, which may have labels with them."""
    return element[0] if isinstance(element, (tuple, list)) and element else element
