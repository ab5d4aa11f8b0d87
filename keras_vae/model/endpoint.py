"""What every exported model answers, whatever runs it: no random numbers, no loops."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_vae.model.distributions import Tensor
from keras_vae.model.vae import VAE

__all__ = ["Endpoint", "endpoints", "frozen_endpoints"]


class Endpoint(NamedTuple):
    """A function from named tensors to named tensors.

    Attributes:
        function: takes the tensors of the signature in their order.
        signature: their names, shapes and types.
    """

    function: Callable[..., dict[str, Tensor]]
    signature: list[tf.TensorSpec]


def endpoints(
    model: VAE, log_density: Callable[[Tensor], Tensor], from_noise: Callable[[Tensor], Tensor]
) -> dict[str, Endpoint]:
    """`encode`, `decode`, `reconstruct`, `interpolate`, `log_prior` and `decode_prior` of a model.

    Args:
        model: a VAE.
        log_density: its prior's.
        from_noise: its prior's.
    """

    def encode(images: Tensor) -> dict[str, Tensor]:
        mean, log_var = model.encode(images)
        return {"mean": mean, "log_var": log_var}

    def decode(latents: Tensor) -> dict[str, Tensor]:
        return {"images": model.decode(latents)}

    def reconstruct(images: Tensor) -> dict[str, Tensor]:
        return {"images": model.decode(model.encode(images)[0])}

    def interpolate(start: Tensor, end: Tensor, steps: Tensor) -> dict[str, Tensor]:
        return {"images": model.interpolate(start, end, steps)}

    def log_prior(latents: Tensor) -> dict[str, Tensor]:
        return {"nats": log_density(latents)}

    def decode_prior(noise: Tensor) -> dict[str, Tensor]:
        return {"images": model.decode(from_noise(noise))}

    images = tf.TensorSpec((None, *model.image_shape), tf.float32, "images")
    latents = tf.TensorSpec((None, model.latent_dim), tf.float32, "latents")
    noise = tf.TensorSpec((None, model.latent_dim + 1), tf.float32, "noise")
    start, end = (tf.TensorSpec(model.image_shape, tf.float32, name) for name in ("start", "end"))
    steps = tf.TensorSpec((), tf.int32, "steps")
    signatures: dict[Callable[..., dict[str, Tensor]], list[tf.TensorSpec]] = {
        encode: [images],
        decode: [latents],
        reconstruct: [images],
        interpolate: [start, end, steps],
        log_prior: [latents],
        decode_prior: [noise],
    }
    return {function.__name__: Endpoint(function, signature) for function, signature in signatures.items()}


def frozen_endpoints(model: VAE) -> dict[str, Endpoint]:
    """The same, with the weights as constants of the graph."""
    weights = [(weight, weight.numpy()) for weight in model.weights]

    def frozen(function: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        @functools.wraps(function)
        def computed(*arguments: Tensor) -> dict[str, Any]:
            constants = [(weight, tf.constant(value)) for weight, value in weights]
            with keras.StatelessScope(state_mapping=constants):
                return function(*arguments)

        return computed

    found = endpoints(model, *model.prior.frozen())
    return {name: Endpoint(frozen(each.function), each.signature) for name, each in found.items()}
