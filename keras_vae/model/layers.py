"""The layers of the networks, and what makes them from one seed."""

import itertools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.model.distributions import Tensor

__all__ = ["Centered", "Conv2D", "Dense", "LayerMaker", "silu"]

SMALLEST_DEVIATION = 1.0 / 255.0  # where all images are alike

Activation = str | Callable[[Tensor], Tensor] | None


@keras.saving.register_keras_serializable(package="keras_vae")
def silu(values: Tensor) -> Tensor:
    """The values, each times its sigmoid: SiLU (Elfwing et al. 2018), of numbers of any shape.

    Keras takes the one of TensorFlow, which has a gradient of its own making: of each function that has such a one
    TensorFlow keeps the graph until the process ends, with all that the graph holds.
    """
    return values * tf.sigmoid(values)


@keras.saving.register_keras_serializable(package="keras_vae")
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

    def __init__(self, units: int, activation: Activation = None, *, rounds: bool = False, **options: Any) -> None:
        super().__init__(units, activation, **{"dtype": "float32", **options})
        self.rounds = rounds

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        if not (training and self.rounds):
            return super().call(inputs)
        product = tf.matmul(tf.cast(inputs, tf.bfloat16), tf.cast(self.kernel, tf.bfloat16))
        values = tf.cast(product, tf.float32)
        return self.activation(tf.nn.bias_add(values, self.bias) if self.use_bias else values)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rounds": self.rounds}


@keras.saving.register_keras_serializable(package="keras_vae")
class Conv2D(keras.layers.Conv2D):
    """A convolution that computes in bfloat16 while it is trained, where its processor is fast at that.

    Its weights, and all that is computed outside training, are float32. What it gives in training stays bfloat16, half
    as much to carry to the next layer, unless that is asked for in float32.

    Args:
        filters: channels of the result, which has the sides of the input unless options say otherwise.
        kernel_size: side of the kernel.
        activation: as Keras names it.
        rounds: whether it computes in bfloat16 in training.
        **options: those of `keras.layers.Conv2D`, whose channels are the last axis.

    Raises:
        ValueError: channels are to be another axis.
    """

    def __init__(
        self, filters: int, kernel_size: Any, activation: Activation = None, *, rounds: bool = False, **options: Any
    ) -> None:
        options = {"padding": "same", "data_format": "channels_last", "dtype": "float32", "autocast": False, **options}
        if options["data_format"] != "channels_last":
            raise ValueError(f"data_format must be channels_last, not {options['data_format']}.")
        super().__init__(filters, kernel_size, activation=activation, **options)
        self.rounds = rounds

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        dtype = tf.bfloat16 if training and self.rounds else tf.float32
        product = self.convolution_op(tf.cast(inputs, dtype), tf.cast(self.kernel, dtype))
        return self.activation(tf.nn.bias_add(product, tf.cast(self.bias, dtype)) if self.use_bias else product)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rounds": self.rounds}


@keras.saving.register_keras_serializable(package="keras_vae")
class Centered(keras.layers.Layer):
    """Images less a mean image, in units of one deviation: a network learns faster from what varies around zero.

    Mean and deviation are weights that no gradient moves; they are 0.5 until `adapt` is called.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"dtype": "float32", "trainable": False, **options})

    def build(self, input_shape: Any) -> None:
        half = keras.initializers.Constant(0.5)
        self.mean = self.add_weight(shape=input_shape[1:], initializer=half, trainable=False, name="mean")
        self.deviation = self.add_weight(shape=(), initializer=half, trainable=False, name="deviation")

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


class LayerMaker:
    """Makes layers whose initial weights follow from one seed, each layer's from a number of its own.

    Args:
        seed: of the initial weights.
        dtype: Keras dtype or policy; under `mixed_bfloat16` layers round in training.
    """

    def __init__(self, seed: int, dtype: Any) -> None:
        self.dtype = dtype
        self._seeds = itertools.count(seed * 1000)
        self._rounds = keras.dtype_policies.get(dtype or "float32").compute_dtype == "bfloat16"

    def dense(self, units: int, activation: Activation = None) -> keras.layers.Layer:
        """A dense layer."""
        return Dense(units, activation, rounds=self._rounds, kernel_initializer=self.initializer())

    def convolution(
        self, channels: int, kernel: int, activation: Activation = None, *, exact: bool = False
    ) -> keras.layers.Layer:
        """A convolution; `exact` in float32 in training too."""
        rounds = self._rounds and not exact
        return Conv2D(channels, kernel, activation, rounds=rounds, kernel_initializer=self.initializer())

    def initializer(self) -> keras.initializers.Initializer:
        """What draws the initial weights of the next layer."""
        return keras.initializers.GlorotUniform(seed=next(self._seeds))
