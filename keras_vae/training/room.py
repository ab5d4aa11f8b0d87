"""What a training needs of the machine, estimated before anything is built or written."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

from keras_vae.errors import InputError
from keras_vae.files import require_room
from keras_vae.memory import available_memory
from keras_vae.model import DEFAULT_WIDTHS, VAE, first_square
from keras_vae.runs import TrainConfig

__all__ = ["estimated_size", "require_disk", "require_memory", "weights_of"]

BYTES_OF_A_WEIGHT = 64  # on disk: with moments and average in up to three checkpoints, and in what is exported
BYTES_OF_BEST = 64  # likewise, of the best weights with moments and average, in up to four files
BYTES_BESIDE = 80_000_000  # pictures and TensorBoard's files
COPIES = 9  # of each weight in memory: gradient, itself, moments, average, and the last four as they are written
KEPT_FOR_GRADIENTS = 2  # values of each layer: before and after its activation
COUPLING_UNITS = 256  # of the hidden layers of a flow
BYTES = 4  # of a float32


def require_memory(config: TrainConfig, image_shape: tuple[int, int, int]) -> None:
    """Refuse a model that this machine has no memory to train, before it is built.

    Args:
        config: what is to be trained.
        image_shape: `(h, w, c)`.

    Raises:
        InputError: there is too little.
    """
    weights, values, compared = estimated_size(config, image_shape)
    passes = config.batch_size * (config.importance_samples if config.importance_epochs else 1)
    # Each step encodes the images of a VampPrior too, by the encoder's half of the layers.
    of_prior = config.prior_components // 2 * values if config.prior == "vamp" else 0
    needed = BYTES * (COPIES * weights + KEPT_FOR_GRADIENTS * (passes * (values + compared) + of_prior))
    if needed > (available := available_memory()):
        raise InputError(
            f"A model of {weights:,} weights takes about {needed / 1e9:,.1f} GB of memory to train with --batch-size "
            f"{config.batch_size}, and {available / 1e9:,.1f} GB are free: give smaller --widths, --latent-dim, "
            "--prior-components or --batch-size."
        )


def estimated_size(config: TrainConfig, image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """How many weights a model has, and how many values its layers and its prior make of one image.

    All are so to within a few per cent.

    What a second level of latents adds is not counted.

    Args:
        config: what the model is made of.
        image_shape: `(h, w, c)`.
    """
    network = config.network_for(image_shape)
    latents, widths = config.latent_dim, tuple(config.widths or DEFAULT_WIDTHS[network])
    size = {"dense": _dense, "convolutional": _convolutional, "strided": _strided}[network]
    weights, values = size(image_shape, latents, widths)
    components = config.prior_components
    of_prior = {
        "standard_normal": 0,
        "mixture": components * (latents * (latents + 3) // 2 + 2),
        "vamp": components * math.prod(image_shape),
        "flow": components * (2 * latents + COUPLING_UNITS) * COUPLING_UNITS,
    }[config.prior]
    # A prior that is learned with the model compares each latent with each component, in every step.
    is_learned = config.prior == "vamp" or (config.prior == "mixture" and config.prior_training == "joint")
    return weights + of_prior, values, components * latents if is_learned else 0


def _dense(image_shape: tuple[int, int, int], latents: int, widths: tuple[int, ...]) -> tuple[int, int]:
    pixels = math.prod(image_shape)
    layers = [
        *itertools.pairwise((pixels, *widths, 2 * latents)),
        *itertools.pairwise((latents, *widths[::-1], pixels)),
    ]
    return sum((taken + 1) * given for taken, given in layers), sum(given for _, given in layers)


def _convolutional(image_shape: tuple[int, int, int], latents: int, widths: tuple[int, ...]) -> tuple[int, int]:
    square, channels = first_square(image_shape), image_shape[2]
    step = square * 2 ** (len(widths) - 1)
    area = math.prod((side + -side % step) // square for side in image_shape[:2])
    weights, values = 18 * square**2 * channels * widths[0], area * square**2 * channels
    for number, width in enumerate(widths):
        weights += 20 * width**2  # of two residual blocks
        values += 8 * area * width
        if number + 1 < len(widths):
            weights += 8 * width * widths[number + 1]
            values += 2 * area * width
            area //= 4
    flat = area * widths[-1]
    return weights + 3 * latents * flat, values + flat


def _strided(image_shape: tuple[int, int, int], latents: int, widths: tuple[int, ...]) -> tuple[int, int]:
    step = 2 ** len(widths)
    area = math.prod(side + -side % step for side in image_shape[:2])
    weights = values = 0
    for before, width in itertools.pairwise((image_shape[2], *widths)):
        area //= 4
        weights += 9 * before * width + 10 * width**2  # with its residual block
        values += 9 * area * width
    for before, width in itertools.pairwise((widths[-1], *widths[::-1])):
        weights += 10 * before**2 + 4 * before * width
    flat = area * widths[-1]
    return weights + 3 * latents * flat, values + flat


def require_disk(root: Path, model: VAE, *, keeps_best: bool = False) -> None:
    """Refuse a run that the disk has no room for.

    Args:
        root: the folder of `logs` and `saved_models`, which need not exist.
        model: what is trained.
        keeps_best: whether the weights of the best epoch are kept beside the last ones.

    Raises:
        InputError: there is too little.
    """
    of_a_weight = BYTES_OF_A_WEIGHT + (BYTES_OF_BEST if keeps_best else 0)
    require_room(root, of_a_weight * weights_of(model) + BYTES_BESIDE)


def weights_of(model: VAE) -> int:
    """The number of weights that training moves."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
