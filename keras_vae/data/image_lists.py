"""A folder of images or a table of their paths -> the list of image files, with classes and splits."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_vae.data.arrays import LABEL_ALL, UNLABELLED
from keras_vae.data.image_files import ImageFile
from keras_vae.errors import InputError
from keras_vae.files import expanded

__all__ = ["list_folder", "list_table"]

# What Pillow decodes and people keep pictures in.
SUFFIXES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif"}
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
PATH_COLUMNS = ("path", "image", "file", "filename", "file_name", "image_path")
LABEL_COLUMNS = ("label", "class", "category")

PassedOver = list[tuple[Path, str]]


def list_folder(folder: Path) -> tuple[list[ImageFile], PassedOver]:
    """Find the images below a folder, however deep; what is hidden is left alone.

    Where there is a folder `train`, it, `validation` (or `val`) and `test` are the splits, in capitals or not, and no
    other folder may hold images. Images that lie in a folder have its path below that as their class; images that lie
    in none have no class.

    Args:
        folder: The folder.

    Returns:
        The images in the order of their classes and names, and other files, each with the reason why it is left out.

    Raises:
        InputError: There are no images, or it is not clear whether `train` is a split or a class.
    """
    files, passed_over, others = [], [], set()
    is_split = any(SPLIT_NAMES.get(each.name.lower()) == "train" for each in _subfolders(folder))
    for path in _walk(folder):
        *folders, _ = path.relative_to(folder).parts
        split = SPLIT_NAMES.get(folders[0].lower(), "") if is_split and folders else ""
        if path.suffix.lower() not in SUFFIXES:
            passed_over.append((path, "is no image by its name"))
        elif split or not is_split:
            files.append(ImageFile(path, "/".join(folders[1:] if split else folders), split))
        elif folders:
            others.add(folders[0])
        else:
            passed_over.append((path, "lies beside the folders of the splits"))
    if others:
        raise InputError(
            f"{folder} has images in {', '.join(sorted(others)[:3])} too, beside what looks like a split, train: "
            "rename train if it is a class, or take the others away."
        )
    if not files:
        raise InputError(f"{folder} holds no images: put .png or .jpg files into it, or into {folder}/<class>/")
    if any(file.label for file in files):
        passed_over += [(file.path, "lies beside the folders of the classes") for file in files if not file.label]
        files = [file for file in files if file.label]
    else:
        files = [file._replace(label=UNLABELLED) for file in files]
    return sorted(files, key=lambda file: (file.label, os.fsencode(file.path))), passed_over


def list_table(path: Path) -> list[ImageFile]:
    """Read a CSV file with a column `path`, and perhaps `label` and `split`.

    Args:
        path: The file; paths in it are relative to its folder.

    Returns:
        The images in the order of their classes and rows.

    Raises:
        InputError: It is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = {(name or "").strip().lower(): name for name in reader.fieldnames or ()}
            paths, labels = (
                next((columns[name] for name in names if name in columns), None)
                for names in (PATH_COLUMNS, LABEL_COLUMNS)
            )
            if paths is None:
                raise InputError(
                    f"{path} has no column 'path' (its columns: {', '.join(columns) or 'none'}): "
                    "begin it with a line path,label or path,label,split"
                )
            rows = [
                _image_file(path, number, row, paths, labels, columns.get("split"))
                for number, row in enumerate(reader, 2)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV file in UTF-8 ({error}).") from error
    if not rows:
        raise InputError(f"{path} names no images.")
    unlabelled = sum(row.label == UNLABELLED for row in rows)
    if 0 < unlabelled < len(rows):
        raise InputError(f"{path}: {unlabelled:,} of {len(rows):,} images have no label: {LABEL_ALL}.")
    return sorted(rows, key=lambda file: file.label)


def _image_file(
    table: Path, number: int, row: Mapping[str | None, Any], paths: str, labels: str | None, splits: str | None
) -> ImageFile:
    """The image of a row; its path, label and split are in the columns of these names, None where there is none."""
    if any(map(str.strip, row.get(None, ()))):  # where the reader puts what no column has a name for
        raise InputError(f"{table}, line {number}: it has more fields than columns: put a path with commas in quotes.")
    path, label, split = (row[name] if name is not None else None for name in (paths, labels, splits))
    if not (path or "").strip() or "\0" in str(path):
        raise InputError(f"{table}, line {number}: there is no path of an image.")
    wanted = (split or "").strip().lower()
    if wanted and wanted not in SPLIT_NAMES:
        raise InputError(f"{table}, line {number}: the split {split!r} is none of train, validation and test.")
    place = expanded(str(path).strip())
    return ImageFile(table.parent / place, (label or "").strip() or UNLABELLED, SPLIT_NAMES.get(wanted, ""))


def _subfolders(folder: Path) -> list[Path]:
    return [Path(entry) for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith(".")]


def _walk(root: Path) -> Iterator[Path]:
    """Every file below a folder; a link to a folder is followed, but no folder is entered twice."""
    entered = set()
    for place, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(place)
        if real in entered:
            folders.clear()
            continue
        entered.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))
