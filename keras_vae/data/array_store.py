"""Images and labels as plain numpy files in a folder, from which they are read as they are asked for."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_vae.data.arrays import SPLITS, UNLABELLED, Split
from keras_vae.data.prepared_images import DESCRIPTION
from keras_vae.errors import InputError
from keras_vae.files import UNREADABLE, make_folder, replace_durably, require_room

__all__ = [
    "FORMAT",
    "ArraySource",
    "building",
    "describe",
    "empty_images",
    "is_array_folder",
    "open_array_folder",
    "write_array_folder",
]

FORMAT = 3  # of prepared images: goes up when the same files give others, or another order
STREAMED_AT_ONCE = 256  # images
COMPARED = 256  # images of a split that a digest looks at
A_DAY = 86_400.0  # seconds


@dataclass(frozen=True)
class ArraySource:
    """Images in arrays, in memory or on disk.

    Attributes:
        name: What they are called.
        class_names: The name of each label.
        parts: `train`, `validation` and `test`.
        is_kept: Whether they can be opened again by their name.
        root: The folder that paths of image files are relative to.
    """

    name: str
    class_names: tuple[str, ...]
    parts: Mapping[str, Split]
    is_kept: bool = True
    root: Path = Path()

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of every image."""
        height, width, channels = self.parts["train"].images.shape[1:]
        return height, width, channels

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each split."""
        return {split: len(self.parts[split]) for split in SPLITS}

    def read(self, split: str, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the first images, uint8 (n, h, w, c), and their labels, int64 (n,)."""
        images, labels = self.parts[split].part(0, count)
        return tf.convert_to_tensor(images), tf.convert_to_tensor(labels)

    def labels(self, split: str, count: int) -> np.ndarray:
        """Return the first labels, int64 (n,)."""
        part = self.parts[split]
        return np.asarray(part.labels[part.rows_between(0, count)])

    def examples(self, split: str) -> tf.data.Dataset:
        """Return pairs of an image, uint8 (h, w, c), and its label, int64 (), in the same order at every call."""
        part = self.parts[split]

        def pieces() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for start in range(0, len(part), STREAMED_AT_ONCE):
                yield part.part(start, start + STREAMED_AT_ONCE)

        shapes = (tf.TensorSpec((None, *self.image_shape), tf.uint8), tf.TensorSpec((None,), tf.int64))
        examples = tf.data.Dataset.from_generator(pieces, output_signature=shapes).unbatch()
        return examples.apply(tf.data.experimental.assert_cardinality(len(part)))

    def stretch(self, split: str, start: int, end: int, batch_size: int) -> Iterator[np.ndarray]:
        """Yield the images from one place to another, uint8 (at most batch_size, h, w, c)."""
        part = self.parts[split]
        for first in range(start, min(end, len(part)), batch_size):
            yield part.part(first, min(end, first + batch_size))[0]

    def ids(self, split: str, start: int, end: int) -> list[str]:
        """What images from one place to another are known by: their files, or the array and their rows in it."""
        part = self.parts[split]
        rows = part.rows_between(start, end)
        if part.paths is not None:
            return [os.fsdecode(path) for path in part.paths[rows].tolist()]
        array = split if part.rows is None else "train"  # whose images a split is taken out of
        return [f"{array}/{row}" for row in rows.tolist()]

    def digest(self) -> str:
        """SHA-256 of what tells these splits from others, which is looked at in no time.

        That is classes and labels; of image files their names and sizes; of arrays their order and some of the images.
        """
        seen = hashlib.sha256(json.dumps([self.image_shape, self.class_names, self.counts]).encode())
        for split in SPLITS:
            part = self.parts[split]
            rows = part.rows_between(0, len(part))
            # Where the files are is known only if they were opened by their own folder or list.
            paths = part.paths if self.root.is_absolute() else None
            if paths is not None:  # mixed in a way of this project's own: by class and path, as they are listed
                rows = rows[np.lexsort((paths[rows], part.labels[rows]))]
            seen.update(part.labels[rows].tobytes())
            if paths is None:
                seen.update(part.images[rows[:: -(-len(rows) // COMPARED)]].tobytes())
            else:
                for path in paths[rows].tolist():
                    seen.update(path + b"\0%d\0" % (self.root / os.fsdecode(path)).stat().st_size)
        return seen.hexdigest()


def write_array_folder(folder: Path, source: ArraySource) -> None:
    """Write a source into a folder that does not exist yet; it appears whole or not at all.

    Raises:
        InputError: There is no room for it.
    """
    size = sum(len(part) for part in source.parts.values()) * int(np.prod(source.image_shape))
    with building(folder, size) as part:
        for split, images in source.parts.items():
            written = empty_images(part, split, len(images), source.image_shape)
            for start in range(0, len(images), STREAMED_AT_ONCE):
                end = min(len(images), start + STREAMED_AT_ONCE)
                written[start:end], _ = images.part(start, end)
            written.flush()
            np.save(part / f"{split}-labels.npy", images.part(0, len(images))[1])
        describe(part, source.name, source.class_names)


def is_array_folder(folder: Path) -> bool:
    """Whether `write_array_folder` wrote it."""
    return (folder / DESCRIPTION).is_file() and (folder / "train-images.npy").is_file()


def open_array_folder(folder: Path, name: str | None = None, root: Path = Path()) -> ArraySource:
    """Open what `write_array_folder` wrote; the images stay on disk until they are asked for.

    Args:
        folder: The folder.
        name: What the data are called; None takes the name that they were written with.
        root: The folder that paths of image files are relative to.

    Raises:
        InputError: Its files are damaged.
    """
    try:
        described = json.loads((folder / DESCRIPTION).read_text())
        parts = {}
        for split in SPLITS:
            images = np.load(folder / f"{split}-images.npy", mmap_mode="r", allow_pickle=False)
            labels = np.load(folder / f"{split}-labels.npy", allow_pickle=False)
            if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != images.shape[:1]:
                raise ValueError(f"{split} has images {images.shape} and labels {labels.shape}")
            paths = folder / f"{split}-paths.npy"
            parts[split] = Split(
                images,
                labels.astype(np.int64),
                paths=np.load(paths, mmap_mode="r", allow_pickle=False) if paths.is_file() else None,
            )
        names = tuple(map(str, described["class_names"]))
        return ArraySource(name or str(described["name"]), names, parts, root=root)
    except (*UNREADABLE, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{folder}: its files are damaged ({reason}): delete the folder and start again.") from error


def describe(folder: Path, name: str, class_names: tuple[str, ...] = (UNLABELLED,)) -> None:
    """Write what the arrays of a folder are."""
    content = {"format": FORMAT, "name": name, "class_names": list(class_names)}
    (folder / DESCRIPTION).write_text(json.dumps(content, indent=2) + "\n")


@contextlib.contextmanager
def building(folder: Path, size: int) -> Iterator[Path]:
    """Give an empty folder beside another, which takes its name when all is well.

    Args:
        folder: The folder that is to be.
        size: Bytes that it takes.

    Raises:
        InputError: There is no room for it, or it cannot be written.
    """
    try:
        make_folder(folder.parent)
        _clear_leftovers(folder)
        require_room(folder.parent, size)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            part = Path(temporary) / "data"
            part.mkdir()
            yield part
            if folder.exists() and not is_array_folder(folder):
                shutil.rmtree(folder)  # damaged
            try:
                replace_durably(part, folder)
            except OSError:  # a name is not taken from what another process has made meanwhile, and may be reading
                if not is_array_folder(folder):
                    raise
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written ({error.strerror or error}): mend that and start again."
        ) from error


def _clear_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed while they made this folder."""
    for leftover in folder.parent.glob(f".{glob.escape(folder.name)}-*"):
        with contextlib.suppress(FileNotFoundError):  # another process has done with it
            if time.time() - leftover.stat().st_mtime > A_DAY:  # nobody works on it any more
                shutil.rmtree(leftover, ignore_errors=True)


def empty_images(folder: Path, split: str, count: int, shape: tuple[int, int, int]) -> np.memmap[Any, Any]:
    """Make the file of a split's images, and return it as an array to be filled."""
    path = folder / f"{split}-images.npy"
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, *shape))
