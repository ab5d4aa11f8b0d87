"""Image files as they are found -> arrays on disk, decoded and brought to one size once."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from keras_vae.data.array_store import (
    FORMAT,
    ArraySource,
    building,
    describe,
    empty_images,
    is_array_folder,
    open_array_folder,
)
from keras_vae.data.arrays import SPLITS, HeldOut, check_image_shape, held_out_rows
from keras_vae.data.image_decoding import Size, decode, read_header, refuse_huge_images
from keras_vae.errors import InputError

__all__ = ["ImageFile", "open_image_files"]

Given = TypeVar("Given")
Result = TypeVar("Result")

SKIPPED = "skipped.csv"
SHOWN = 3  # skipped files that are named on the console
AT_ONCE = 512  # images that are decoded ahead
IN_A_CALL = 32  # images: a call for each small one would cost more than decoding it


class ImageFile(NamedTuple):
    """An image file, and what is known of it.

    Attributes:
        path: The file.
        label: Its class.
        split: `train`, `validation` or `test`; empty where that is not decided.
    """

    path: Path
    label: str
    split: str = ""


def open_image_files(
    name: str,
    files: Sequence[ImageFile],
    root: Path,
    cache: Path,
    size: Size | None = None,
    passed_over: Sequence[tuple[Path, str]] = (),
    held_out: HeldOut = "shuffled",
) -> ArraySource:
    """Decode image files into arrays on disk, or find them there where they were decoded before.

    The headers are read first, in which sizes and colours stand; then every image is decoded once, by all cores. Images
    stay grey where all are; otherwise all become colour. What is transparent becomes white, 16 bits become 8, an EXIF
    turn is carried out, and of an animation the first image is taken. Files that cannot be used are left out, named on
    the console, and listed with the reason in `skipped.csv` beside the arrays. The images of a split are mixed, always
    in the same way, after missing splits were taken out in the order of the files.

    Args:
        name: What the data are called; the absolute path of their folder or list.
        files: The image files.
        root: Folder that their paths are known from.
        cache: Folder that receives the folder of the arrays.
        size: Height and width that images are resized and cropped to, with antialiasing; None for images that are of
            one size already.
        passed_over: Further files that are not to be used, each with the reason, for the list.
        held_out: How missing splits are taken out of the training images.

    Returns:
        The arrays.

    Raises:
        InputError: No file can be used, images differ in size and none is given, or they are too few for three splits.
    """
    folder = cache / f"{Path(name).stem}-{_digest(files, size, held_out)[:16]}"
    if is_array_folder(folder):
        source = open_array_folder(folder, name, root)
        _tell(folder / SKIPPED)
        return source
    print(f"Preparing {len(files):,} images of {name} in {folder}, once ...", file=sys.stderr, flush=True)
    skipped: dict[Path, str] = dict(passed_over)
    with refuse_huge_images(), ThreadPoolExecutor() as pool:
        files, shape = _survey(name, files, size, pool, skipped)
        splits = _split(name, files, held_out)
        bytes_needed = len(files) * int(np.prod(shape))
        with building(folder, bytes_needed) as part:
            classes = {label: number for number, label in enumerate(sorted({file.label for file in files}))}
            for split, members in splits.items():
                _write_split(name, part, split, members, root, shape, size, classes, pool, skipped)
            _write_skipped(part / SKIPPED, skipped)
            describe(part, name, tuple(classes))
    _tell(folder / SKIPPED)
    return open_array_folder(folder, name, root)


def _digest(files: Sequence[ImageFile], size: Size | None, held_out: HeldOut) -> str:
    """What the arrays follow from: names, sizes and times of the files say whether they are still the same."""
    read_as = [FORMAT, size] if held_out == "in_order" else [FORMAT, size, held_out]
    seen = hashlib.sha256(json.dumps(read_as).encode())
    for path, label, split in files:
        try:
            found = path.stat()
            state = [found.st_size, found.st_mtime_ns]
        except OSError:
            state = []
        seen.update(os.fsencode(path))
        seen.update(json.dumps([label, split, state]).encode())
    return seen.hexdigest()


def _survey(
    name: str, files: Sequence[ImageFile], size: Size | None, pool: ThreadPoolExecutor, skipped: dict[Path, str]
) -> tuple[list[ImageFile], tuple[int, int, int]]:
    """Read the headers: which files are images, and what shape they all get."""
    usable, sizes, colours = [], [], []
    for file, found in zip(files, _in_threads(read_header, [file.path for file in files], pool), strict=True):
        if isinstance(found, str):
            skipped[file.path] = found
            continue
        usable.append(file)
        sizes.append(found[0])
        colours.append(found[1])
    if not usable:
        raise InputError(f"{name}: none of its {len(files):,} files is an intact image; {_first(skipped)}.")
    channels = 3 if any(colours) else 1
    if size is None:
        (height, width), count = Counter(sizes).most_common(1)[0]
        if count < len(sizes):
            other = next(place for place, each in enumerate(sizes) if each != (height, width))
            alike = sizes.index((height, width))
            raise InputError(
                f"{usable[other].path} is {sizes[other][0]} x {sizes[other][1]}, but {usable[alike].path} is "
                f"{height} x {width}: give --image-size 64, say, to bring all images to one size"
            )
    else:
        height, width = size
    shape = (height, width, channels)
    check_image_shape(name, shape)
    return usable, shape


def _split(name: str, files: Sequence[ImageFile], held_out: HeldOut) -> dict[str, list[ImageFile]]:
    """The files of each split, in an order that mixes the classes and is always the same."""
    given = {split: [file for file in files if file.split == split] for split in SPLITS}
    undecided = [file for file in files if file.split in ("", "train")]
    _, labels = np.unique([file.label for file in undecided], return_inverse=True)
    rows = held_out_rows(labels, [split for split in SPLITS if given[split] and split != "train"], held_out)
    splits = {split: [undecided[row] for row in rows[split]] if split in rows else given[split] for split in SPLITS}
    for split, members in splits.items():
        # Files come class by class, and what looks at the first images of a split would see few classes. numpy promises
        # to keep what this generator draws: prepared images stay in their order.
        splits[split] = [members[row] for row in np.random.RandomState(1).permutation(len(members))]
        if not members:
            raise InputError(
                f"{name} has too few images for a {split} split: give it at least 6 images, or split them "
                "yourself into train/, validation/ and test/"
            )
    return splits


def _write_split(
    name: str,
    folder: Path,
    split: str,
    files: Sequence[ImageFile],
    root: Path,
    shape: tuple[int, int, int],
    size: Size | None,
    classes: Mapping[str, int],
    pool: ThreadPoolExecutor,
    skipped: dict[Path, str],
) -> None:
    images = empty_images(folder, split, len(files), shape)
    labels: list[int] = []
    paths: list[bytes] = []
    for file, decoded in zip(files, _decoded(files, shape, size is not None, pool), strict=True):
        if isinstance(decoded, str):
            skipped[file.path] = decoded
            continue
        images[len(labels)] = decoded
        labels.append(classes[file.label])
        paths.append(os.fsencode(file.path.relative_to(root) if file.path.is_relative_to(root) else file.path))
    images.flush()
    if not labels:
        raise InputError(f"{name}: no image of the {split} split is intact; {_first(skipped)}.")
    if len(labels) < len(files):
        intact = np.lib.format.open_memmap(folder / "intact.npy", "w+", np.uint8, shape=(len(labels), *shape))
        for start in range(0, len(labels), AT_ONCE):
            intact[start : start + AT_ONCE] = images[start : min(start + AT_ONCE, len(labels))]
        intact.flush()
        (folder / "intact.npy").replace(folder / f"{split}-images.npy")
    np.save(folder / f"{split}-labels.npy", np.array(labels, np.int64))
    np.save(folder / f"{split}-paths.npy", np.array(paths))


def _decoded(
    files: Sequence[ImageFile], shape: tuple[int, int, int], is_resized: bool, pool: ThreadPoolExecutor
) -> Iterator[np.ndarray | str]:
    def decoded_or_why(file: ImageFile) -> np.ndarray | str:
        try:
            return decode(file.path, shape, is_resized)
        except ValueError as reason:
            return str(reason)

    for start in range(0, len(files), AT_ONCE):
        yield from _in_threads(decoded_or_why, files[start : start + AT_ONCE], pool)


def _in_threads(
    function: Callable[[Given], Result], values: Sequence[Given], pool: ThreadPoolExecutor
) -> Iterator[Result]:
    """What a function makes of each value, in their order."""
    calls = [values[start : start + IN_A_CALL] for start in range(0, len(values), IN_A_CALL)]
    for results in pool.map(lambda some: [function(each) for each in some], calls):
        yield from results


def _write_skipped(path: Path, skipped: dict[Path, str]) -> None:
    if skipped:
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            csv.writer(file).writerows([("path", "reason"), *skipped.items()])


def _tell(path: Path) -> None:
    """Say which files were left out."""
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = list(csv.reader(file))[1:]
    for name, reason in rows[:SHOWN]:
        print(f"Left out: {name} {reason}", file=sys.stderr)
    print(f"Files left out: {len(rows):,}, each with its reason in {path}", file=sys.stderr, flush=True)


def _first(skipped: dict[Path, str]) -> str:
    path, reason = next(iter(skipped.items()))
    return f"{path} {reason}"
