"""A VAE -> what it computes, as JSON and arrays, for an interpreter that knows nothing of Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_vae.errors import InputError
from keras_vae.explorer.rounding import Bits, Rounded, round_weights
from keras_vae.model import LARGEST_LOG_SCALE, LARGEST_LOG_VAR, LARGEST_LOGIT, SMALLEST_LOG_VAR, VAE

__all__ = ["Arrays", "describe_model", "describe_network", "describe_prior", "kernels_of"]

Arrays = dict[str, "np.ndarray | Rounded"]
EXACT = Bits()
_Details = tuple[dict[str, Any], dict[str, np.ndarray]]


def describe_model(model: VAE, bits: Bits = EXACT) -> tuple[dict[str, Any], dict[str, Arrays]]:
    """Describe how a VAE encodes, decodes and draws latents.

    Args:
        model: a VAE.
        bits: that its parts are kept in.

    Returns:
        A description as JSON has it, and the arrays that it names, for `decoder`, `encoder` and `prior`.

    Raises:
        InputError: a network has a layer that the page cannot compute.
    """
    decoder, of_decoder = describe_network(model.decoder, bits.decoder)
    encoder, of_encoder = describe_network(model.encoder, bits.encoder)
    lower, of_lower = describe_network(model.lower_posterior, prefix="lower.") if model.levels == 2 else (None, {})
    prior, of_prior = describe_prior(model, bits.prior)
    description = {
        "image_shape": list(model.image_shape),
        "latent_dim": model.latent_dim,
        "upper_dim": model.upper_dim,
        "lower_posterior": lower,
        "likelihood": model.likelihood,
        "spread": float(model.spread),
        "largest_logit": LARGEST_LOGIT,
        "log_var": [SMALLEST_LOG_VAR, LARGEST_LOG_VAR],
        "decoder": decoder,
        "encoder": encoder,
        "prior": prior,
    }
    return description, {"decoder": of_decoder, "encoder": of_encoder | of_lower, "prior": of_prior}


def describe_network(
    network: keras.Model, bits: int | None = None, prefix: str = ""
) -> tuple[list[dict[str, Any]], Arrays]:
    """Describe the layers of a network in an order in which they can be computed.

    Args:
        network: from its inputs to the output of its last layer.
        bits: of each weight of a kernel; None keeps them as they are.
        prefix: of the names of its arrays, where those of several networks lie beside each other.

    Returns:
        For each layer its `kind`, the numbers of the layers whose outputs it takes, the shape of its own output without
        the batch, and what its kind needs, an input its place among the inputs; and the arrays, by names that these
        entries hold.

    Raises:
        InputError: a layer is of a kind that the page cannot compute.
    """
    if isinstance(network, keras.Sequential):
        network = keras.Model(network.inputs, network.outputs)
    given = [tensor._keras_history.operation.name for tensor in network.inputs]
    numbers: dict[str, int] = {}
    layers: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for number, layer in enumerate(network.layers):
        kind = type(layer).__name__
        if kind not in _DETAILS:
            raise InputError(f"The page cannot compute the layer {layer.name!r}, a {kind}: it has no such arithmetic.")
        details, weights = _DETAILS[kind](layer)
        names = {key: f"{prefix}{number}.{key}" for key in weights}
        for key, weight in weights.items():
            arrays[names[key]] = round_weights(weight, bits) if key == "kernel" and bits else weight
        sources = [] if kind == "InputLayer" else layer.input if isinstance(layer.input, list) else [layer.input]
        inputs = [numbers[tensor._keras_history.operation.name] for tensor in sources]
        numbers[layer.name] = number
        shape = [int(side) for side in layer.output.shape[1:]]
        if kind == "InputLayer":
            details["place"] = given.index(layer.name)
        layers.append({"kind": kind, "inputs": inputs, "shape": shape, **details, **names})
    return layers, arrays


def kernels_of(network: keras.Model) -> list[keras.Variable]:
    """The weights of a network that `describe_network` rounds."""
    return [layer.kernel for layer in network.layers if hasattr(layer, "kernel")]


def describe_prior(model: VAE, bits: int | None = None) -> tuple[dict[str, Any], Arrays]:
    """Describe the distribution that latents are drawn from.

    Args:
        model: a VAE.
        bits: of each number below the diagonals of a mixture's factors; None keeps them as they are.

    Returns:
        Its `kind` and what its kind needs, and its arrays. Of two levels these are of the upper one, with the network
        of the `lower` one given it.

    Raises:
        InputError: the page has no arithmetic for this kind.
    """
    description, arrays = _describe_upper_prior(model, bits)
    if model.levels == 2:
        lower, of_lower = describe_network(model.prior.network, prefix="lower.")
        return {**description, "lower": lower}, arrays | of_lower
    return description, arrays


def _describe_upper_prior(model: VAE, bits: int | None) -> tuple[dict[str, Any], Arrays]:
    """Of one level, the whole prior."""
    prior: Any = model.upper_prior
    kind = model.prior_name
    if kind == "mixture":
        log_weights = prior.log_weights.numpy().astype(np.float64)
        top = log_weights.max()
        below = prior.off_diagonal.numpy()
        return {"kind": kind}, {
            "log_weights": (log_weights - top - np.log(np.exp(log_weights - top).sum())).astype(np.float32),
            "means": prior.means.numpy(),
            "below_diagonal": round_weights(below, bits) if bits else below,
            "log_diagonal": prior.log_diagonal.numpy(),
            "class_of": prior.class_of.numpy().astype(np.int32),
        }
    if kind == "vamp":  # the equal mixture of the posteriors of its images, which do not change any more
        mean, log_var = (np.asarray(each) for each in model.posterior(prior.images).upper)
        return {"kind": kind}, {"mean": mean, "log_var": log_var}
    if kind == "flow":
        couplings: list[dict[str, Any]] = []
        arrays: Arrays = {}
        for number, (order, network) in enumerate(zip(prior.orders, prior.networks, strict=True)):
            layers, weights = describe_network(network, prefix=f"{number}.")
            arrays |= weights
            couplings.append({"order": [int(place) for place in order], "network": layers})
        return {"kind": kind, "couplings": couplings, "largest_log_scale": LARGEST_LOG_SCALE}, arrays
    if kind == "standard_normal":
        return {"kind": kind}, {}
    raise InputError(f"The page cannot compute a prior of the kind {kind!r}: it has no such arithmetic.")


def _activation(layer: keras.layers.Layer) -> str:
    name = layer.activation.__name__
    if name not in ("silu", "relu", "linear"):
        raise InputError(f"The page cannot compute the activation {name!r} of the layer {layer.name!r}.")
    return str(name)


def _activated(layer: Any) -> _Details:
    return {"activation": _activation(layer)}, {}


def _dense(layer: Any) -> _Details:
    return {"activation": _activation(layer)}, {"kernel": layer.kernel.numpy(), "bias": layer.bias.numpy()}


def _convolution(layer: Any) -> _Details:
    details = {"activation": _activation(layer), "strides": [int(stride) for stride in layer.strides]}
    bias = layer.bias.numpy() if layer.use_bias else np.zeros(layer.filters, np.float32)
    return details, {"kernel": layer.kernel.numpy(), "bias": bias}


def _normalization(layer: Any) -> _Details:
    """With the moving averages, as it computes once it is trained."""
    scale = layer.gamma.numpy() / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
    return {}, {"scale": scale, "offset": layer.beta.numpy() - layer.moving_mean.numpy() * scale}


def _pooling(layer: Any) -> _Details:
    return {"size": [int(side) for side in layer.pool_size], "strides": [int(stride) for stride in layer.strides]}, {}


def _rescaling(layer: Any) -> _Details:
    return {"scale": float(layer.scale), "offset": float(layer.offset)}, {}


def _centered(layer: Any) -> _Details:
    return {"deviation": float(layer.deviation.numpy())}, {"mean": layer.mean.numpy()}


def _permute(layer: Any) -> _Details:
    return {"order": [int(axis) - 1 for axis in layer.dims]}, {}


def _padding(layer: Any) -> _Details:
    return {"before": [int(margin[0]) for margin in layer.padding]}, {}


def _cropping(layer: Any) -> _Details:
    return {"before": [-int(margin[0]) for margin in layer.cropping]}, {}


def _nothing(layer: Any) -> _Details:
    return {}, {}


_DETAILS: dict[str, Callable[[Any], _Details]] = {
    "InputLayer": _nothing,
    "Activation": _activated,
    "Dense": _dense,
    "Conv2D": _convolution,
    "BatchNormalization": _normalization,
    "MaxPooling2D": _pooling,
    "ReLU": _nothing,
    "Rescaling": _rescaling,
    "Dropout": _nothing,
    "Centered": _centered,
    "Permute": _permute,
    "ZeroPadding2D": _padding,
    "Cropping2D": _cropping,
    "Flatten": _nothing,
    "Reshape": _nothing,
    "Add": _nothing,
}
