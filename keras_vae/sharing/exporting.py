"""A run -> its model in another format, and how much of it is lost there."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_vae.errors import InputError
from keras_vae.evaluation import open_model_and_data
from keras_vae.files import make_folder, require_room
from keras_vae.model import VAE, Endpoint, endpoints, export_litert, export_onnx, export_saved_model
from keras_vae.runs import Run
from keras_vae.sharing.config import ExportConfig
from keras_vae.sharing.runtimes import RUNTIMES, Served, check_installed

__all__ = ["Exported", "export"]

COMPARED_IMAGES = 1000
BYTES_BESIDE = 3_000_000  # the weights: the graphs
STEPS = 7  # of an interpolation
MARKS = {"saved_model": "saved_model.pb", "onnx": "encode.onnx"}  # files of an earlier export, which may be replaced


class Exported(NamedTuple):
    """What was written, and what it gives.

    Attributes:
        path: the file or folder.
        size: bytes.
        table: in Markdown; for each output its largest difference from the model, and the error of reconstructions.
    """

    path: Path
    size: int
    table: str


def export(run: Run, config: ExportConfig) -> Exported:
    """Write the model of a run for another runtime, and compare what it gives there with what it gives here.

    Args:
        run: a trained run.
        config: for what, and how.

    Raises:
        InputError: the run has no weights, its data cannot be had, the output is something else already, or there is no
            room on the disk.
        ModuleNotFoundError: an extra of the package is not installed.
    """
    path = Path(config.output) if config.output else run.folder / config.default_name
    if config.format == "litert":
        if path.is_dir():
            raise InputError(f"--output {path} is a folder: give the name of a file.")
    elif path.is_file() or (path.is_dir() and any(path.iterdir()) and not (path / MARKS[config.format]).is_file()):
        raise InputError(f"--output {path} holds something else, which would be lost: give another.")
    check_installed(config.format)
    model, data = open_model_and_data(run)
    require_room(path.parent, 4 * model.count_params() + BYTES_BESIDE)
    make_folder(path.parent)
    if config.format == "saved_model":
        export_saved_model(model, path)
    elif config.format == "onnx":
        export_onnx(model, path)
    else:
        export_litert(model, path, config.precision)
    images = data.images("test", COMPARED_IMAGES) / np.float32(255)
    files = path.rglob("*") if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files if file.is_file())
    return Exported(path, size, "\n".join(_comparison(model, RUNTIMES[config.format](path), images)))


def _comparison(model: VAE, served: Served, images: np.ndarray) -> Iterator[str]:
    yield f"| {len(images):,} test images | largest difference from the model | of values up to |"
    yield "| --- | ---: | ---: |"
    own = endpoints(model, model.prior.log_density, model.prior.from_noise)
    errors = []
    for name, inputs in _inputs(model, images).items():
        expected = _computed(own[name], inputs)
        given = served(name, inputs)
        if name == "reconstruct":
            given = {"images": next(iter(given.values()))}  # in ONNX it has another name
            errors = [float(np.mean((each["images"] - images) ** 2)) for each in (expected, given)]
        for output, values in expected.items():
            difference = float(np.abs(given[output] - values).max())
            yield f"| {name}: {output} | {difference:.1e} | {float(np.abs(values).max()):.4g} |"
    yield f"\nMSE per pixel of reconstructions: {errors[1]:.6f}, by the model itself {errors[0]:.6f}."


def _inputs(model: VAE, images: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Something for each endpoint."""
    rng = np.random.default_rng(0)
    shape = (len(images), model.latent_dim)
    noise = np.concatenate([rng.standard_normal(shape), rng.random((len(images), 1))], axis=1, dtype=np.float32)
    latents = {"latents": model.encode(images)[0].numpy()}
    return {
        "encode": {"images": images},
        "decode": latents,
        "reconstruct": {"images": images},
        "interpolate": {"start": images[0], "end": images[-1], "steps": np.array(STEPS, np.int32)},
        "log_prior": latents,
        "decode_prior": {"noise": noise},
    }


def _computed(endpoint: Endpoint, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    results = endpoint.function(*(inputs[each.name] for each in endpoint.signature))
    return {name: value.numpy() for name, value in results.items()}
