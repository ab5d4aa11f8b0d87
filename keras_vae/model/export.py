"""A trained model as one `.keras` file, and as a SavedModel that is used without this project."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.files import make_folder, replace_durably, replace_folder, temporary_folder, typed_command
from keras_vae.memory import check_unpacked_size
from keras_vae.model import refinement
from keras_vae.model.arguments import assert_finite, assert_images
from keras_vae.model.distributions import Tensor
from keras_vae.model.endpoint import Endpoint, endpoints
from keras_vae.model.optimizer import AveragingAdamW
from keras_vae.model.vae import VAE

__all__ = ["export_saved_model", "load_model", "round_to_half", "save_model"]

# Arguments of the endpoints that are images, those that must be finite, and the least that numbers may be.
IMAGES, FINITE = ("images", "start", "end"), ("latents", "noise")
LEAST = {"samples": 1, "count": 0, "steps": 0}

# In a SavedModel, where TensorFlow leaves room for files of others: what the model is made with.
MODEL_CONFIG = Path("assets.extra", "vae.json")


def save_model(model: VAE, path: Path | str) -> Path:
    """Save a model with its weights, its optimizer and the state of its noise; the file appears whole or not at all.

    Args:
        model: a VAE.
        path: ends in `.keras`.

    Raises:
        ValueError: it ends otherwise.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"{path}: a model is saved to a file whose name ends in .keras.")
    part = path.with_name(f".{path.stem}.part.keras")
    model.save(part)
    replace_durably(part, path)
    return path


def load_model(path: Path | str) -> VAE:
    """Load what `save_model` saved, and training can go on from it; or what `export_saved_model` wrote.

    Args:
        path: of the file, or the folder of the SavedModel.

    Raises:
        InputError: no such file or folder, or not a model of this project.
    """
    path = Path(path)
    if (path / MODEL_CONFIG).is_file():
        return _from_saved_model(path)
    if not path.is_file():
        raise InputError(f"There is no model at {path}: train one first, {typed_command('train')}.")
    check_unpacked_size(path)
    try:
        model = keras.saving.load_model(path, custom_objects={"AveragingAdamW": AveragingAdamW})
    except Exception as error:  # a damaged or foreign file makes Keras raise whatever its parts stumble over
        raise InputError(
            f"{path} is not a model that can be loaded: {next(iter(str(error).splitlines()), type(error).__name__)}"
        ) from error
    if not isinstance(model, VAE):
        raise InputError(f"{path} holds a {type(model).__name__}, not a VAE of this project.")
    return model


def export_saved_model(model: VAE, folder: Path | str) -> Path:
    """Write a SavedModel that `tf.saved_model.load` reads where neither Keras nor this project is installed.

    Its endpoints take any number of images, float32 in [0, 1], NHWC: `encode`, `encode_refined`, `decode`,
    `reconstruct` (also `serving_default`), `sample`, `sample_seeded`, `interpolate`, `log_prior`, `decode_prior` and
    `log_likelihood`; and `sample_class`, where the prior was fitted by class. A weight that half precision holds
    exactly is stored so; what is computed is float32 either way.

    Args:
        model: a VAE.
        folder: is replaced, once the new one is complete.
    """

    def encode_refined(images: Tensor, steps: Tensor) -> dict[str, Any]:
        mean, log_var = refinement.encode_refined(model, images, steps)
        return {"mean": mean, "log_var": log_var}

    def sample(count: Tensor) -> dict[str, Any]:
        return {"images": model.sample(count)}

    def sample_seeded(count: Tensor, seed: Tensor) -> dict[str, Any]:
        return {"images": model.sample(count, seed)}

    def sample_class(label: Tensor, count: Tensor) -> dict[str, Any]:
        return {"images": model.sample(count, label=label)}

    def log_likelihood(images: Tensor, samples: Tensor) -> dict[str, Any]:
        return {"nats": model.log_likelihood(images, samples)}

    images = tf.TensorSpec((None, *model.image_shape), tf.float32, "images")
    count, steps, samples = (tf.TensorSpec((), tf.int32, name) for name in ("count", "steps", "samples"))
    seed = tf.TensorSpec((2,), tf.int32, "seed")
    served = endpoints(model, model.prior.log_density, model.prior.from_noise)
    served |= {
        "encode_refined": Endpoint(encode_refined, [images, steps]),
        "sample": Endpoint(sample, [count]),
        "sample_seeded": Endpoint(sample_seeded, [count, seed]),
        "log_likelihood": Endpoint(log_likelihood, [images, samples]),
        "serving_default": served["reconstruct"],
    }
    if model.prior.classes:
        served["sample_class"] = Endpoint(sample_class, [tf.TensorSpec((), tf.int32, "label"), count])
    weights = _Weights(model)
    archive = keras.export.ExportArchive()
    archive.track(weights)
    for name, (function, signature) in served.items():
        archive.add_endpoint(name, weights.used_by(_checked(function, signature)), input_signature=signature)

    folder = Path(folder)
    make_folder(folder.parent)
    with temporary_folder(folder) as temporary:
        part = Path(temporary, folder.name)
        archive.write_out(part, verbose=False)
        (part / MODEL_CONFIG).parent.mkdir()
        (part / MODEL_CONFIG).write_text(json.dumps(model.get_config()) + "\n")
        replace_folder(part, folder)
    return folder


def round_to_half(weights: list[keras.Variable]) -> None:
    """Round weights to what half precision holds, as long as it holds all of them: they then take half the room.

    They stay float32. Single numbers, such as a variance, and whole numbers are left alone.
    """
    for weight in weights:
        if weight.dtype == "float32" and weight.shape:
            half = _half(weight.numpy())
            if np.isfinite(half).all():
                weight.assign(half.astype(np.float32))


def _checked(function: Callable[..., Any], signature: list[tf.TensorSpec]) -> Callable[..., Any]:
    """The function, which refuses what is not in [0, 1], or not finite, or below what it must be at least."""

    @functools.wraps(function)
    def computed(*arguments: Tensor) -> Any:
        for argument, spec in zip(arguments, signature, strict=True):
            if spec.name in IMAGES:
                assert_images(argument, spec.name)
            elif spec.name in FINITE:
                assert_finite(argument, spec.name)
            elif spec.name in LEAST:
                least = LEAST[spec.name]
                tf.debugging.Assert(argument >= least, [f"{spec.name} must be at least {least}, not", argument])
        return function(*arguments)

    return computed


class _Weights(tf.Module):
    """The weights of a model once, each in the smallest type that holds it exactly, in place of the model's own."""

    def __init__(self, model: VAE) -> None:
        super().__init__()
        self._of_model = tuple(model.weights)
        self._stored = [
            tf.Variable(_smallest(weight.numpy()), trainable=False, name=_name(number))
            for number, weight in enumerate(model.weights)
        ]

    def used_by(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with the stored weights in place of the model's."""

        @functools.wraps(function)
        def computed(*arguments: Tensor) -> Any:
            values = [
                tf.cast(stored, weight.dtype) for weight, stored in zip(self._of_model, self._stored, strict=True)
            ]
            with keras.StatelessScope(state_mapping=list(zip(self._of_model, values, strict=True))):
                return function(*arguments)

        return computed


def _name(number: int) -> str:
    return f"weight_{number}"


def _half(weight: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # what is too large becomes infinite
        return weight.astype(np.float16)


def _smallest(weight: np.ndarray) -> np.ndarray:
    half = _half(weight) if weight.dtype == np.float32 else weight
    return half if np.array_equal(half.astype(weight.dtype), weight) else weight


def _from_saved_model(folder: Path) -> VAE:
    try:
        model = VAE.from_config(json.loads((folder / MODEL_CONFIG).read_text()))
        served = tf.saved_model.load(str(folder))
        used = [variable for endpoint in served.signatures.values() for variable in endpoint.variables]
        stored = {variable.name.partition(":")[0]: variable for variable in used}
        for number, weight in enumerate(model.weights):
            value = stored.get(_name(number))
            if value is None:  # nothing that is computed needs it
                continue
            if value.shape != weight.shape:
                raise ValueError(f"its {_name(number)} does not fit {weight.path}: another version has exported it")
            weight.assign(tf.cast(value, weight.dtype))
    except Exception as error:  # as above, of TensorFlow
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{folder} is not a SavedModel that can be loaded: {reason}") from error
    return model
