"""Arrays that a caller has, or that a `.npy` or `.npz` file holds -> three splits of images and labels."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.data.array_store import ArraySource
from keras_vae.data.arrays import (
    HELD_OUT,
    LABEL_ALL,
    SMALLEST_SIDE,
    SPLITS,
    UNLABELLED,
    HeldOut,
    Split,
    check_image_shape,
    held_out_rows,
    labels_of,
    name_classes,
    pixels_of,
)
from keras_vae.data.image_decoding import fitted
from keras_vae.errors import InputError
from keras_vae.files import UNREADABLE
from keras_vae.memory import check_unpacked_size

__all__ = ["open_arrays", "read_array_file"]

# How arrays are called where there are several: here, by MedMNIST, and by keras.datasets.
PREFIXES = {"train": ("train", "training"), "validation": ("validation", "val", "valid"), "test": ("test",)}
PAIRS = (("{0}_images", "{0}_labels"), ("{0}_image", "{0}_label"), ("x_{0}", "y_{0}"))
WHOLE = (("images", "labels"), ("image", "label"), ("x", "y"), ("arr_0", "arr_1"))
CLASS_NAMES = ("class_names", "label_names")

LEAST_MAPPED = 2**20  # bytes
READ_AT_ONCE = 2**20
NAME_AND_EXTRA = 26  # where a member's own header in a zip file has the lengths of its last two fields

Given = dict[str, tuple[Any, Any]]  # images and labels, or None, by split; "" where they are not split


def read_array_file(path: Path) -> Mapping[str, np.ndarray] | np.ndarray:
    """Open a `.npy` or `.npz` file, whose large arrays stay on disk until they are used unless they are compressed.

    Raises:
        InputError: It is damaged, holds Python objects, or unpacks to more than the memory holds.
    """
    check_unpacked_size(path)
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return {name: found[name] if (it := _mapped(path, found.zip, name)) is None else it for name in found.files}
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as arrays of numpy ({reason}): write it again.") from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit into memory: write its images as a .npy file.") from error


def open_arrays(
    data: Any,
    name: str,
    *,
    size: tuple[int, int] | None = None,
    value_range: Sequence[float] | None = None,
    class_names: Sequence[str] | None = None,
    held_out: HeldOut = "shuffled",
    is_kept: bool = False,
) -> ArraySource:
    """Bring arrays to three splits.

    Args:
        data: Images; a pair of images and labels; a pair of such pairs, of training and test images, as
            `keras.datasets` gives them; a mapping from `train`, `validation` and `test` to any of the first two; a
            mapping from names as those of MedMNIST (`train_images`, `train_labels`) to arrays; or a `tf.data.Dataset`
            of images or pairs, batched or not, in place of an array of images.
        name: What they are called.
        size: Height and width that images are resized and cropped to; None leaves them.
        value_range: The values of black and white, as `pixels_of` takes them.
        class_names: One for each label from 0; None takes the labels themselves.
        held_out: How missing splits are taken out of the training images.
        is_kept: Whether the arrays can be opened again by their name.

    Returns:
        The splits. One that is not given is taken out of the training images, as `held_out_rows` says.

    Raises:
        InputError: The arrays cannot be used; the message says why.
    """
    given = _given(data, name)
    if isinstance(data, Mapping) and class_names is None:
        class_names = next((np.asarray(data[each]).tolist() for each in CLASS_NAMES if each in data), None)
    images, labels = {}, {}
    for split, pair in given.items():
        called = f"{name}, {split}" if split else name
        pixels, classes = _from_dataset(pair[0], called) if isinstance(pair[0], tf.data.Dataset) else pair
        images[split] = pixels_of(pixels, called, value_range)
        if size is not None:
            images[split] = fitted(images[split], size)
        check_image_shape(called, images[split].shape[1:])
        known = None if classes is None else labels_of(classes, len(images[split]), called)
        if known is not None:
            labels[split] = known
    shapes = {split: each.shape[1:] for split, each in images.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"{name}: its splits have images of {' and '.join(map(str, set(shapes.values())))}.")
    if labels and (without := images.keys() - labels.keys()):
        raise InputError(f"{name}: {', '.join(labels)} has labels, {', '.join(sorted(without))} has none: {LABEL_ALL}.")
    if labels:
        numbers, names = name_classes(labels, class_names, name)
    else:
        numbers, names = {split: np.zeros(len(each), np.int64) for split, each in images.items()}, (UNLABELLED,)
    parts = {split: Split(images[split], numbers[split]) for split in images}
    return ArraySource(name, names, _in_three(parts, name, held_out), is_kept)


def _mapped(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray | None:
    """An array of an archive as it lies in the file; None where it is compressed, or small.

    It is read once, in pieces, for its sum in the archive to be compared.
    """
    member = archive.NameToInfo.get(f"{name}.npy")
    if member is None or member.compress_type != zipfile.ZIP_STORED or member.file_size < LEAST_MAPPED:
        return None
    with archive.open(member) as content:
        if np.lib.format.read_magic(content) != (1, 0):
            return None
        shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(content)
        header = content.tell()
        while content.read(READ_AT_ONCE):
            pass
    if dtype.hasobject or header + dtype.itemsize * math.prod(shape) != member.file_size:
        return None
    with path.open("rb") as file:
        file.seek(member.header_offset + NAME_AND_EXTRA)
        before = sum(int.from_bytes(file.read(2), "little") for _ in range(2)) + NAME_AND_EXTRA + 4
    offset = member.header_offset + before + header
    return np.memmap(path, dtype, "r", offset, shape, order="F" if is_fortran else "C")


def _given(data: Any, name: str) -> Given:
    if isinstance(data, Mapping):
        return _of_mapping(data, name)
    if isinstance(data, (tuple, list)) and len(data) == 2:
        if all(isinstance(each, (tuple, list)) and len(each) == 2 for each in data):  # as keras.datasets has them
            return {"train": _pair(data[0]), "test": _pair(data[1])}
        return {"": _pair(data)}
    return {"": (data, None)}


def _of_mapping(data: Mapping[str, Any], name: str) -> Given:
    found: Given = {}
    for split, prefixes in PREFIXES.items():
        for prefix in prefixes:
            if prefix in data:
                found[split] = _pair(data[prefix])
            for images, labels in PAIRS:
                if images.format(prefix) in data:
                    found[split] = (data[images.format(prefix)], data.get(labels.format(prefix)))
    for images, labels in WHOLE:
        if not found and images in data:
            found[""] = (data[images], data.get(labels))
    if not found and len(data) == 1:
        found[""] = (next(iter(data.values())), None)
    if "" not in found and "train" not in found:
        raise InputError(
            f"{name} holds {', '.join(map(str, data)) or 'nothing'}, but no training images: "
            "name them images and labels, or train_images, train_labels, test_images, test_labels."
        )
    return found


def _pair(given: Any) -> tuple[Any, Any]:
    return (given[0], given[1]) if isinstance(given, (tuple, list)) and len(given) == 2 else (given, None)


def _from_dataset(dataset: tf.data.Dataset, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a data set whose elements are images, or images with labels."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError(f"{name}: the data set has no end: leave out repeat().")
    parts: list[tuple[np.ndarray, Any]] = []
    for element in dataset.as_numpy_iterator():
        if isinstance(element, Mapping):
            element = (element.get("image", element.get("images")), element.get("label", element.get("labels")))
        images, labels = _pair(element)
        if not isinstance(images, np.ndarray) or isinstance(labels, (tuple, Mapping)):
            raise InputError(f"{name}: elements must be an image, (image, label), or a dict with 'image': `map` them.")
        shape = np.shape(images)
        is_batch = len(shape) == 4 or (len(shape) == 3 and shape[-1] >= SMALLEST_SIDE)  # grey ones without channels
        parts.append((images, labels) if is_batch else (images[np.newaxis], None if labels is None else [labels]))
    if not parts:
        raise InputError(f"{name}: the data set is empty.")
    try:
        images = np.concatenate([each for each, _ in parts])
    except ValueError as error:
        raise InputError(f"{name}: images of the data set differ in size: resize them in a map().") from error
    return images, None if parts[0][1] is None else np.concatenate([labels for _, labels in parts])


def _in_three(parts: dict[str, Split], name: str, held_out: HeldOut) -> dict[str, Split]:
    """Take the splits that are missing out of the training images."""
    whole = parts.get("train") or parts[""]
    rows = held_out_rows(whole.labels, [split for split in parts if split in HELD_OUT], held_out)
    taken = {split: Split(whole.images, whole.labels, chosen) for split, chosen in rows.items()}
    splits = {split: taken[split] if split in taken else parts[split] for split in SPLITS}
    for split, part in splits.items():
        if not len(part):
            raise InputError(f"{name} has too few images for a {split} split: give at least 6, or the split itself.")
    return splits
