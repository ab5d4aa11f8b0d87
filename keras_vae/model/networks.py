"""Encoders and decoders for an image shape and a latent size."""

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras

from keras_vae.model.convolutions import ACTIVATION, convolved, from_small, small_shape
from keras_vae.model.layers import Centered, LayerMaker, silu
from keras_vae.model.strided import strided, upsampled

__all__ = [
    "DEFAULT_WIDTHS",
    "LOWER_UNITS",
    "NETWORKS",
    "NetworkName",
    "build_decoder",
    "build_encoder",
    "build_lower_posterior",
    "build_lower_prior",
]

NetworkName = Literal["dense", "convolutional", "strided"]
NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)

# Measured on two CPU cores (docs/results.md): two dense layers of 1,024 units draw sharper images than two of 512, in
# twice the time: as wide as five minutes of training allow. Channels below 64 leave a processor's units idle.
DEFAULT_WIDTHS: dict[NetworkName, tuple[int, ...]] = {
    "dense": (1024, 1024),
    "convolutional": (64, 128),
    "strided": (32, 64),
}

LOWER_UNITS = 300  # hidden units between two levels of latents


def build_encoder(
    network: NetworkName,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    widths: Sequence[int],
    *,
    seed: int,
    dtype: Any = None,
    features: int = 0,
) -> keras.Model:
    """Make the network from images to the parameters of the posterior.

    Args:
        network: `dense`, `convolutional`, or `strided`, which is the convolutional one of versions before 0.3.0.
        image_shape: `(h, w, c)`; a convolutional network halves the sides once for each width, those of large images
            twice at first, and fills them up with the mean image where they cannot be halved so often.
        latent_dim: d.
        widths: units of each hidden layer, or channels of each resolution, from the image inwards.
        seed: seed of the initial weights.
        dtype: Keras dtype or policy of the layers. Under `mixed_bfloat16`, dense layers multiply in bfloat16 while
            they are trained, and hidden convolutions compute in it, strided ones always. The last layer gives float32.
        features: more outputs, for `build_lower_posterior`.

    Returns:
        A model from `(n, h, w, c)` to `(n, 2 d + features)`: means beside unbounded log-variances beside features.
    """
    layers = LayerMaker(seed, dtype)
    images = keras.Input(image_shape, dtype="float32", name="images")
    hidden = Centered(name="centered")(images)
    if network == "dense":
        hidden = keras.layers.Flatten("channels_last", dtype="float32")(hidden)
        for width in widths:
            hidden = layers.dense(width, silu)(hidden)
    else:
        through, dtype = (convolved, "float32") if network == "convolutional" else (strided, dtype)
        hidden = keras.layers.Flatten("channels_last", dtype=dtype)(through(layers, hidden, widths))
    return keras.Model(images, layers.dense(2 * latent_dim + features)(hidden), name="encoder")


def build_decoder(
    network: NetworkName,
    image_shape: tuple[int, int, int],
    latent_dim: int,
    widths: Sequence[int],
    *,
    seed: int,
    dtype: Any = None,
) -> keras.Model:
    """Make the network from latents to the logits of the pixels.

    Args:
        network: as for the encoder.
        image_shape: `(h, w, c)`.
        latent_dim: d.
        widths: as for the encoder, from the image inwards: the decoder goes through them from the last to the first.
        seed: seed of the initial weights.
        dtype: as for the encoder.

    Returns:
        A model from `(n, d)` to `(n, h, w, c)`.
    """
    layers = LayerMaker(seed, dtype)
    latents = keras.Input((latent_dim,), dtype="float32", name="latents")
    hidden = latents
    if network == "dense":
        for width in reversed(widths):
            hidden = layers.dense(width, silu)(hidden)
        logits = layers.dense(math.prod(image_shape))(hidden)
        logits = keras.layers.Reshape(image_shape, dtype="float32")(logits)
    elif network == "convolutional":
        small = small_shape(image_shape, widths)
        hidden = keras.layers.Reshape(small, dtype="float32")(layers.dense(math.prod(small), ACTIVATION)(hidden))
        logits = from_small(layers, hidden, image_shape, widths)
    else:
        logits = upsampled(layers, hidden, image_shape, widths)
    return keras.Model(latents, logits, name="decoder")


def build_lower_posterior(lower_dim: int, upper_dim: int, *, seed: int, dtype: Any = None) -> keras.Model:
    """Make the network from an image's features and its upper latents to the parameters of its lower latents.

    Args:
        lower_dim: d1.
        upper_dim: d2.
        seed: seed of the initial weights.
        dtype: as for `build_encoder`.

    Returns:
        A model from features `(n, LOWER_UNITS)` and latents `(n, d2)` to `(n, 2 d1)`.
    """
    layers = LayerMaker(seed, dtype)
    features = keras.Input((LOWER_UNITS,), dtype="float32", name="features")
    upper = keras.Input((upper_dim,), dtype="float32", name="upper")
    # The encoder's last layer has taken the image's part of this product: many draws of an image share it.
    hidden = keras.layers.Add(dtype="float32")([features, layers.dense(LOWER_UNITS)(upper)])
    hidden = keras.layers.Activation(silu, dtype="float32")(hidden)
    return keras.Model([features, upper], layers.dense(2 * lower_dim)(hidden), name="lower_posterior")


def build_lower_prior(lower_dim: int, upper_dim: int, *, seed: int) -> keras.Model:
    """Make the network from upper latents to the parameters of the lower latents' prior.

    Args:
        lower_dim: d1.
        upper_dim: d2.
        seed: seed of the initial weights.

    Returns:
        A model from `(n, d2)` to `(n, 2 d1)`.
    """
    layers = LayerMaker(seed, "float32")
    upper = keras.Input((upper_dim,), dtype="float32", name="upper")
    hidden = layers.dense(LOWER_UNITS, silu)(layers.dense(LOWER_UNITS, silu)(upper))
    return keras.Model(upper, layers.dense(2 * lower_dim)(hidden), name="lower_prior")
