"""A trained model as one `.keras` file, and as a SavedModel that is used without this project."""

import shutil
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from keras_vae.errors import InputError
from keras_vae.files import typed_command
from keras_vae.model import refinement
from keras_vae.model.distributions import Tensor
from keras_vae.model.optimizer import AveragingAdamW
from keras_vae.model.vae import VAE

__all__ = ["export_saved_model", "load_model", "save_model"]


def save_model(model: VAE, path: Path | str) -> Path:
    """Save a model with its weights, its optimizer and the state of its noise; the file appears whole or not at all.

    Args:
        model: a VAE.
        path: ends in `.keras`.
    """
    path = Path(path)
    part = path.with_name(f".{path.stem}.part.keras")
    model.save(part)
    part.replace(path)
    return path


def load_model(path: Path | str) -> VAE:
    """Load what `save_model` saved; training can go on from it.

    Raises:
        InputError: no such file, or not a model of this project.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no model at {path}: train one first, {typed_command('train')}.")
    try:
        model = keras.saving.load_model(path, custom_objects={"AveragingAdamW": AveragingAdamW})
    except (ValueError, OSError, KeyError) as error:
        raise InputError(
            f"{path} is not a model that can be loaded: {next(iter(str(error).splitlines()), type(error).__name__)}"
        ) from error
    if not isinstance(model, VAE):
        raise InputError(f"{path} holds a {type(model).__name__}, not a VAE of this project.")
    return model


def export_saved_model(model: VAE, folder: Path | str) -> Path:
    """Write a SavedModel that `tf.saved_model.load` reads where neither Keras nor this project is installed.

    Its endpoints take any number of images, float32 in [0, 1], NHWC: `encode`, `encode_refined`, `decode`,
    `reconstruct` (also `serving_default`), `sample`, `sample_seeded`, `interpolate`, `log_prior` and `log_likelihood`;
    and `sample_class`, where the prior was fitted by class.

    Args:
        model: a VAE.
        folder: is replaced, once the new one is complete.
    """

    def encode(images: Tensor) -> dict[str, Any]:
        mean, log_var = model.encode(images)
        return {"mean": mean, "log_var": log_var}

    def encode_refined(images: Tensor, steps: Tensor) -> dict[str, Any]:
        mean, log_var = refinement.encode_refined(model, images, steps)
        return {"mean": mean, "log_var": log_var}

    def decode(latents: Tensor) -> dict[str, Any]:
        return {"images": model.decode(latents)}

    def reconstruct(images: Tensor) -> dict[str, Any]:
        return {"images": model.decode(model.encode(images)[0])}

    def sample(count: Tensor) -> dict[str, Any]:
        return {"images": model.sample(count)}

    def sample_seeded(count: Tensor, seed: Tensor) -> dict[str, Any]:
        return {"images": model.sample(count, seed)}

    def sample_class(label: Tensor, count: Tensor) -> dict[str, Any]:
        return {"images": model.sample(count, label=label)}

    def interpolate(start: Tensor, end: Tensor, steps: Tensor) -> dict[str, Any]:
        return {"images": model.interpolate(start, end, steps)}

    def log_prior(latents: Tensor) -> dict[str, Any]:
        return {"nats": model.prior.log_density(latents)}

    def log_likelihood(images: Tensor, samples: Tensor) -> dict[str, Any]:
        return {"nats": model.log_likelihood(images, samples)}

    images = tf.TensorSpec((None, *model.image_shape), tf.float32, "images")
    latents = tf.TensorSpec((None, model.latent_dim), tf.float32, "latents")
    start, end = (tf.TensorSpec(model.image_shape, tf.float32, name) for name in ("start", "end"))
    count, steps, samples = (tf.TensorSpec((), tf.int32, name) for name in ("count", "steps", "samples"))
    seed = tf.TensorSpec((2,), tf.int32, "seed")
    endpoints = {
        encode: [images],
        encode_refined: [images, steps],
        decode: [latents],
        reconstruct: [images],
        sample: [count],
        sample_seeded: [count, seed],
        interpolate: [start, end, steps],
        log_prior: [latents],
        log_likelihood: [images, samples],
    }
    if model.prior.classes:
        endpoints[sample_class] = [tf.TensorSpec((), tf.int32, "label"), count]
    archive = keras.export.ExportArchive()
    archive.track(model)
    for function, signature in endpoints.items():
        archive.add_endpoint(function.__name__, function, input_signature=signature)
    archive.add_endpoint("serving_default", reconstruct, input_signature=[images])

    folder = Path(folder)
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    archive.write_out(part, verbose=False)
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)
    return folder
