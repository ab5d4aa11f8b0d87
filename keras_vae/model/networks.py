"""Encoders and decoders for an image shape and a latent size."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.distributions import Tensor

__all__ = [
    "DEFAULT_WIDTHS",
    "LOWER_UNITS",
    "NETWORKS",
    "Centered",
    "Dense",
    "NetworkName",
    "build_decoder",
    "build_encoder",
    "build_lower_posterior",
    "build_lower_prior",
]

NetworkName = Literal["dense", "convolutional"]
NETWORKS: tuple[NetworkName, ...] = get_args(NetworkName)

# Measured on two CPU cores (docs/results.md): six epochs of the convolutional network, untuned, are not yet where the
# dense one, of matrix products that XLA compiles, is within a minute. Two layers of 1,024 units draw sharper images
# than two of 512, in twice the time: as wide as five minutes of training allow.
DEFAULT_WIDTHS: dict[NetworkName, tuple[int, ...]] = {"dense": (1024, 1024), "convolutional": (32, 64)}

LOWER_UNITS = 300  # hidden units between two levels of latents

SMALLEST_DEVIATION = 1.0 / 255.0  # where all images are alike


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
        network: `dense` or `convolutional`.
        image_shape: `(h, w, c)`; a convolutional network halves the sides once for each width, and fills them up with
            the mean image where they cannot be halved so often.
        latent_dim: d.
        widths: units of each hidden layer, or channels of each resolution, from the image inwards.
        seed: seed of the initial weights.
        dtype: Keras dtype or policy of the layers. Under `mixed_bfloat16`, `Dense` layers multiply in bfloat16 while
            they are trained; hidden convolutions compute in it. The last layer gives float32.
        features: more outputs, for `build_lower_posterior`.

    Returns:
        A model from `(n, h, w, c)` to `(n, 2 d + features)`: means beside unbounded log-variances beside features.
    """
    layers = _Layers(seed, dtype)
    images = keras.Input(image_shape, dtype="float32", name="images")
    hidden = Centered(name="centered")(images)
    if network == "dense":
        hidden = keras.layers.Flatten("channels_last", dtype="float32")(hidden)
        for width in widths:
            hidden = layers.dense(width, "silu")(hidden)
    else:
        margins = _margins(image_shape, widths)
        if np.any(margins):
            hidden = keras.layers.ZeroPadding2D(margins, data_format="channels_last", dtype="float32")(hidden)
        for width in widths:
            hidden = layers.convolution(width, strides=2)(hidden)
            hidden = _residual(layers, hidden, width)
        hidden = keras.layers.Flatten("channels_last", dtype=dtype)(hidden)
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
        network: `dense` or `convolutional`.
        image_shape: `(h, w, c)`.
        latent_dim: d.
        widths: as for the encoder, from the image inwards: the decoder goes through them from the last to the first.
        seed: seed of the initial weights.
        dtype: as for the encoder.

    Returns:
        A model from `(n, d)` to `(n, h, w, c)`.
    """
    layers = _Layers(seed, dtype)
    latents = keras.Input((latent_dim,), dtype="float32", name="latents")
    hidden = latents
    if network == "dense":
        for width in reversed(widths):
            hidden = layers.dense(width, "silu")(hidden)
        logits = layers.dense(math.prod(image_shape))(hidden)
        logits = keras.layers.Reshape(image_shape, dtype="float32")(logits)
    else:
        margins = _margins(image_shape, widths)
        height, width = ((side + sum(more)) >> len(widths) for side, more in zip(image_shape[:2], margins, strict=True))
        small = (height, width, widths[-1])
        hidden = layers.dense(math.prod(small), "silu")(hidden)
        hidden = keras.layers.Reshape(small, dtype=dtype)(hidden)
        for channels in reversed(widths):
            hidden = _residual(layers, hidden, hidden.shape[-1])
            hidden = _upsample(layers, hidden, channels)
        logits = layers.convolution(image_shape[2], activation=None, dtype="float32")(hidden)
        if np.any(margins):
            logits = keras.layers.Cropping2D(margins, data_format="channels_last", dtype="float32")(logits)
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
    layers = _Layers(seed, dtype)
    features = keras.Input((LOWER_UNITS,), dtype="float32", name="features")
    upper = keras.Input((upper_dim,), dtype="float32", name="upper")
    # The encoder's last layer has taken the image's part of this product: many draws of an image share it.
    hidden = keras.layers.Add(dtype="float32")([features, layers.dense(LOWER_UNITS)(upper)])
    hidden = keras.layers.Activation("silu", dtype="float32")(hidden)
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
    layers = _Layers(seed, "float32")
    upper = keras.Input((upper_dim,), dtype="float32", name="upper")
    hidden = layers.dense(LOWER_UNITS, "silu")(layers.dense(LOWER_UNITS, "silu")(upper))
    return keras.Model(upper, layers.dense(2 * lower_dim)(hidden), name="lower_prior")


class Dense(keras.layers.Dense):
    """A dense layer whose matrix products are bfloat16 while it is trained, where its processor is fast at that.

    Weights, sums, activations and all that is computed outside training are float32: Keras's own mixed precision
    rounds activations too, which a CPU is slow at, and rounds what a trained model gives.

    Args:
        units: outputs.
        activation: as Keras names it.
        rounds: whether products are rounded in training.
        **options: those of `keras.layers.Dense`.
    """

    def __init__(self, units: int, activation: str | None = None, *, rounds: bool = False, **options: Any) -> None:
        super().__init__(units, activation, dtype="float32", **options)
        self.rounds = rounds

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not (training and self.rounds):
            return super().call(inputs)
        product = tf.matmul(tf.cast(inputs, tf.bfloat16), tf.cast(self.kernel, tf.bfloat16))
        return self.activation(tf.nn.bias_add(tf.cast(product, tf.float32), self.bias))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rounds": self.rounds}


@keras.saving.register_keras_serializable(package="keras_vae")
class Centered(keras.layers.Layer):
    """Images less a mean image, in units of one deviation: a network learns faster from what varies around zero.

    Mean and deviation are weights that no gradient moves; they are 0.5 until `adapt` is called.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(dtype="float32", trainable=False, **options)

    def build(self, input_shape: Any) -> None:
        half = keras.initializers.Constant(0.5)
        self.mean = self.add_weight(shape=input_shape[1:], initializer=half, name="mean")
        self.deviation = self.add_weight(shape=(), initializer=half, name="deviation")

    def adapt(self, images: np.ndarray) -> None:
        """Take the mean image of `(n, h, w, c)` uint8 images, and the deviation of all their pixels from it."""
        mean = images.mean(axis=0, dtype=np.float32) / np.float32(255)
        # In parts: large colour images would take a gigabyte as numbers.
        parts = (images[at : at + 1000] / np.float32(255) for at in range(0, len(images), 1000))
        squares = sum(float(np.square(part - mean).sum(dtype=np.float64)) for part in parts)
        self.mean.assign(mean)
        self.deviation.assign(max((squares / images.size) ** 0.5, SMALLEST_DEVIATION))

    def call(self, images: Tensor) -> Tensor:
        return (images - self.mean) / self.deviation

    def load_own_variables(self, store: Any) -> None:
        """Load mean and deviation; versions that saved none always took 0.5."""
        if store.keys():
            super().load_own_variables(store)


class _Layers:
    """Makes layers whose initial weights follow from one seed, each layer's from a number of its own."""

    def __init__(self, seed: int, dtype: Any) -> None:
        self._seeds = itertools.count(seed * 1000)
        self._dtype = dtype
        self._rounds = keras.dtype_policies.get(dtype or "float32").compute_dtype == "bfloat16"

    def dense(self, units: int, activation: str | None = None) -> keras.layers.Layer:
        return Dense(units, activation, rounds=self._rounds, kernel_initializer=self._initializer())

    def convolution(self, channels: int, *, strides: int = 1, kernel: int = 3, **options: Any) -> keras.layers.Layer:
        options = {
            "activation": "silu",
            "padding": "same",
            "data_format": "channels_last",
            "dtype": self._dtype,
            **options,
        }
        return keras.layers.Conv2D(channels, kernel, strides, kernel_initializer=self._initializer(), **options)

    def _initializer(self) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=next(self._seeds))


def _residual(layers: _Layers, hidden: Tensor, channels: int) -> Tensor:
    branch = layers.convolution(channels)(hidden)
    branch = layers.convolution(channels, kernel=1, activation=None)(branch)
    return keras.layers.Add(dtype=branch.dtype)([hidden, branch])


def _upsample(layers: _Layers, hidden: Tensor, channels: int) -> Tensor:
    """Double both sides by sub-pixel convolution (Shi et al. 2016): no checkerboard, and cheap on a CPU."""
    height, width = hidden.shape[1:3]
    hidden = layers.convolution(4 * channels, kernel=1, activation=None)(hidden)
    hidden = keras.layers.Reshape((height, width, 2, 2, channels), dtype=hidden.dtype)(hidden)
    hidden = keras.layers.Permute((1, 3, 2, 4, 5), dtype=hidden.dtype)(hidden)
    return keras.layers.Reshape((2 * height, 2 * width, channels), dtype=hidden.dtype)(hidden)


def _margins(image_shape: tuple[int, int, int], widths: Sequence[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Pixels before and after each side that let it be halved once for each width."""
    step = 2 ** len(widths)
    missing = [-side % step for side in image_shape[:2]]
    first, second = ((pixels // 2, pixels - pixels // 2) for pixels in missing)
    return first, second
