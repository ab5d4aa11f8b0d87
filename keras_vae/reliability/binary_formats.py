"""The binary formats that the package reads itself: valid files of each, and what a file must be read as."""

import contextlib
import functools
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from keras_vae.data import decode, fashion_mnist_builder, open_dataset, read_header
from keras_vae.errors import InputError
from keras_vae.runs import Run, read_arrays

__all__ = ["FORMATS", "Format"]

SHAPE = (8, 8, 3)
LARGEST = 1_000_000  # pixels that are decoded at their own size


class Format(NamedTuple):
    """What is fuzzed.

    Attributes:
        name: what it is.
        file: the name that a file of it has.
        seeds: valid files.
        read: takes one, or refuses it by an `InputError`; whatever else it raises breaks the promise.
    """

    name: str
    file: str
    seeds: Callable[[], Iterator[bytes]]
    read: Callable[[Path], None]


def _archives() -> Iterator[bytes]:
    yield gzip.compress(b"\0\0\x08\x03" + b"".join(side.to_bytes(4, "big") for side in (2, 28, 28)) + bytes(2 * 784))
    yield gzip.compress(b"\0\0\x08\x01" + (100).to_bytes(4, "big") + bytes(100), 0)


def _read_archive(path: Path) -> None:
    (path.parent / "SHA256SUMS").write_text(f"{'0' * 64}  {path.stem}\n")
    fashion_mnist_builder(path.parent / "prepared", path.parent)
    raise AssertionError("an archive of other data was taken")


def _arrays(save: Callable[..., None]) -> Iterator[bytes]:
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8)
    for array in (images, np.asfortranarray(images), (images / 255).astype("<f4"), (images / 255).astype(">f8")):
        content = io.BytesIO()
        if save is np.save:
            save(content, array)
        else:
            save(content, images=array, labels=np.arange(12) % 3)
        yield content.getvalue()


def _read_images(path: Path) -> None:
    data = open_dataset(str(path))
    if data.images("train").dtype != np.uint8 or len(data.labels("train")) != data.counts["train"]:
        raise AssertionError("the images are not as they must be")


def _read_maps(path: Path) -> None:
    if not all(isinstance(array, np.ndarray) for array in read_arrays(path, "explore again").values()):
        raise AssertionError("what is read are no arrays")


def _summaries() -> Iterator[bytes]:
    split = {"images": 39, "reconstruction": 16.5, "kl": 5.5, "elbo": -22.0}
    counts = {"epochs": 2, "training_images": 162, "seconds": 3.5, "images_per_second": 1199.0, "steps": 18}
    texts = {"compute": "", "machine": {"processor": "", "system": "Linux"}, "versions": {"keras": "3.12.0"}}
    summary = {"splits": {"validation": split, "test": split}, "parameters": 1182, "commit": None, **counts, **texts}
    yield json.dumps(summary).encode()


def _read_summary(path: Path) -> None:
    summary = Run(path.parent.name, path.parents[2]).summary
    if not all(np.isfinite(split["elbo"]) for split in summary["splits"].values()):
        raise AssertionError("the bounds are not finite")


def _pictures() -> Iterator[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 4), np.uint8)
    image = Image.fromarray(pixels)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"):
        picture = Image.fromarray(pixels.view(np.uint16)[..., 0]) if mode == "I;16" else image.convert(mode)
        for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "PCX"):
            content = io.BytesIO()
            with contextlib.suppress(OSError, KeyError, ValueError):  # that kind has no such mode
                picture.save(content, kind, sizes=[picture.size])  # some versions write icons of their own sizes only
                yield content.getvalue()


def _read_picture(path: Path) -> None:
    found = read_header(path)
    if isinstance(found, str):
        raise InputError(found)
    for shape, is_resized in (((*found[0], 3), False), (SHAPE, True)):
        if shape[0] * shape[1] > LARGEST:
            continue
        try:
            pixels = decode(path, shape, is_resized)
        except ValueError as reason:
            raise InputError(str(reason)) from reason
        if pixels.shape != shape or pixels.dtype != np.uint8:
            raise AssertionError(f"{pixels.dtype} {pixels.shape} were read")


FORMATS = {
    each.name: each
    for each in (
        Format("archive of Fashion-MNIST (IDX)", "train-images-idx3-ubyte.gz", _archives, _read_archive),
        Format("array", "images.npy", functools.partial(_arrays, np.save), _read_images),
        Format("arrays", "images.npz", functools.partial(_arrays, np.savez), _read_images),
        Format("compressed arrays", "maps.npz", functools.partial(_arrays, np.savez_compressed), _read_maps),
        Format("record of a run (JSON)", "saved_models/run/training.json", _summaries, _read_summary),
        Format("image file", "image", _pictures, _read_picture),
    )
}
