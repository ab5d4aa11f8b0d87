"""A folder of images by class, checked file by file and split, as a builder of TensorFlow Datasets."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tensorflow_datasets as tfds
from PIL import Image

from keras_vae.errors import InputError

__all__ = ["check_image_shape", "image_folder_builder"]

_SUFFIXES = (".png", ".jpg", ".jpeg")  # what TFDS's ImageFolder reads
_CHANNELS = {"L": 1, "RGB": 3}
_HELD_OUT = {"test": 4, "validation": 5}

_Shape = tuple[int, int, int]
_Classes = dict[str, list[Path]]


def image_folder_builder(folder: Path) -> tfds.core.DatasetBuilder:
    """Return a TFDS builder over a folder of PNG or JPEG images, grey or colour, all of one size.

    The folder is either split already, `folder/{train,validation,test}/<class>/*.png`, or plain,
    `folder/<class>/*.png`. A held-out split that it lacks is taken out of the training images: of every six of a class,
    in the order of their file names, the fifth goes to the test split and the sixth to the validation split.

    Every image is decoded once, so that a bad file is named here and does not end a training hours later.

    Args:
        folder: The folder; its images stay where they are and are read from there.

    Returns:
        A builder with the splits `train`, `validation` and `test`.

    Raises:
        InputError: There are no images, or too few to split, or one is corrupt or of an unsupported or differing kind.
    """
    splits = _read_splits(folder.resolve())
    paths = [path for classes in splits.values() for images in classes.values() for path in images]
    shape = _read_shape(paths[0])
    check_image_shape(str(folder), shape)
    with ThreadPoolExecutor() as pool:
        for path, other in zip(paths, pool.map(_read_shape, paths), strict=True):
            if other != shape:
                raise InputError(
                    f"{path} is {_words(other)}, but {paths[0]} is {_words(shape)}: bring all images to one size and "
                    "one number of channels first"
                )
    return tfds.ImageFolder(str(_link(splits)), shape=shape)


def check_image_shape(name: str, shape: _Shape) -> None:
    """Refuse images of a shape (h, w, c) that the networks cannot take.

    Raises:
        InputError: A side is not a multiple of 4 from 8 to 256, or the channels are neither 1 nor 3.
    """
    height, width, channels = shape
    if not {height, width} <= set(range(8, 257, 4)) or channels not in _CHANNELS.values():
        raise InputError(
            f"{name}: its images are {_words(shape)}, but sides must be multiples of 4 from 8 to 256 (28, 32 or 64, "
            "say) and channels 1 or 3: resize them first and give their folder as the data set"
        )


def _read_splits(folder: Path) -> dict[str, _Classes]:
    train = _read_classes(folder / "train") or _read_classes(folder)
    if not train:
        raise InputError(
            f"{folder} holds no images by class: put .png or .jpg files into {folder}/<class>/, or into "
            f"{folder}/train/<class>/ and {folder}/test/<class>/"
        )
    given = {split: _read_classes(folder / split) for split in _HELD_OUT}
    missing = {split: place for split, place in _HELD_OUT.items() if not given[split]}
    splits = given | {split: {name: train[name][place::6] for name in train} for split, place in missing.items()}
    splits["train"] = {
        name: [image for index, image in enumerate(images) if index % 6 not in missing.values()]
        for name, images in train.items()
    }
    for split, classes in splits.items():
        if not any(classes.values()):
            raise InputError(
                f"{folder} has too few images for a {split} split: give a class at least 6 images, or split them "
                f"yourself into {folder}/train/<class>/, {folder}/validation/<class>/ and {folder}/test/<class>/"
            )
    return splits


def _read_classes(folder: Path) -> _Classes:
    if not folder.is_dir():
        return {}
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    classes = {
        name: sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in _SUFFIXES) for name in names
    }
    return {name: images for name, images in classes.items() if images}


def _read_shape(path: Path) -> _Shape:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            image.load()
            height, width, mode = image.height, image.width, image.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} is not an intact PNG or JPEG image: replace or remove it") from error
    if mode not in _CHANNELS:
        raise InputError(f"{path} has the colour mode {mode}: convert it to grey (L) or colour (RGB) first")
    return height, width, _CHANNELS[mode]


def _words(shape: _Shape) -> str:
    height, width, channels = shape
    return f"{height} x {width} with {channels} channel{'s' * (channels > 1)}"


def _link(splits: dict[str, _Classes]) -> Path:
    """Lay out the splits as `root/<split>/<class>/`, which ImageFolder asks for, in links to the images."""
    root = Path(tempfile.mkdtemp(prefix="keras_vae-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)  # no sooner: a tf.data pipeline may outlive the builder
    for split, classes in splits.items():
        for name, images in classes.items():
            links = root / split / name
            links.mkdir(parents=True)
            for image in images:
                (links / image.name).symlink_to(image)
    return root
