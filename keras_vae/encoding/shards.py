"""A collection cut into files, and the folder of those: what is in it is complete and of one model."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from keras_vae.errors import InputError
from keras_vae.files import replace_durably, write_atomically
from keras_vae.runs import read_record

__all__ = ["DESCRIPTION", "Shard", "claimed", "open_output", "shards_of", "write_shard"]

DESCRIPTION = "_encoding.json"  # which readers of a folder of Parquet files pass over


class Shard(NamedTuple):
    """A stretch of a split that one file holds.

    Attributes:
        split: `train`, `validation` or `test`.
        number: of the file among those of the split, counted from 0.
        files: how many the split has.
        start: number of its first image in the split.
        end: number after its last one.
    """

    split: str
    number: int
    files: int
    start: int
    end: int

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.split}-{self.number:05}-of-{self.files:05}.parquet"


def shards_of(counts: Mapping[str, int], size: int) -> list[Shard]:
    """Cut splits into stretches, always the same ones, whoever works on them.

    Args:
        counts: images of each split.
        size: images in a stretch; the last one of a split may have fewer.
    """
    return [
        Shard(split, start // size, -(-count // size), start, min(start + size, count))
        for split, count in counts.items()
        for start in range(0, count, size)
    ]


def open_output(folder: Path, description: Mapping[str, Any]) -> None:
    """Begin a folder of shards, or go on with one of the same description.

    Args:
        folder: is made where it is not there.
        description: what all its shards have in common, by names that the user knows it by.

    Raises:
        InputError: the folder holds something else, shards of another description, or is none.
    """
    path = folder / DESCRIPTION
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--output {folder} is a file: give a folder.")
    if not path.is_file():
        others = folder.iterdir() if folder.is_dir() else iter(())
        if any(each.name != DESCRIPTION and not each.name.startswith(".") for each in others):
            raise InputError(f"--output {folder} holds something else: give a folder of its own.")
        write_atomically(path, json.dumps(description, indent=2) + "\n")
    found = read_record(path, {}, "give another --output")
    if different := [name for name in description if found.get(name) != description[name]]:
        here = ", ".join(f"{name} {found.get(name)}, not {description[name]}" for name in different)
        raise InputError(f"--output {folder} holds another encoding ({here}): give another folder.")


@contextlib.contextmanager
def claimed(folder: Path, shard: Shard) -> Iterator[Path | None]:
    """Have a shard to oneself.

    Yields:
        The file to write it to, for `write_shard`; None where it is there already.

    Raises:
        InputError: another process is writing it.
    """
    if (folder / shard.name).is_file():
        yield None
        return
    part = folder / f".{shard.name}.part"  # what a killed process left there is written over
    with part.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{folder / shard.name} is being written by another process: give each process a --shard of its own."
            ) from None
        try:
            yield None if (folder / shard.name).is_file() else part
        finally:
            part.unlink(missing_ok=True)


def write_shard(part: Path, path: Path, ids: list[str], columns: Mapping[str, np.ndarray]) -> None:
    r"""Write a table of images; its file appears whole or not at all.

    Args:
        part: what `claimed` gave.
        path: the file.
        ids: what the n images are known by; bytes of a file's name that are not UTF-8 become `\xe9`, as Python shows
            them.
        columns: `(n,)` or `(n, d)` float32 for each name; of the latter, a row is a list of d numbers.
    """
    names = [os.fsencode(each).decode("utf-8", "backslashreplace") for each in ids]
    arrays: dict[str, pa.Array] = {"id": pa.array(names, pa.string())}
    for name, values in columns.items():
        flat = pa.array(np.ascontiguousarray(values, np.float32).reshape(-1))
        arrays[name] = flat if values.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    # Numbers that hardly repeat: neither a dictionary nor statistics of them would help a reader.
    pq.write_table(pa.table(arrays), part, compression="zstd", use_dictionary=False, write_statistics=["id"])
    replace_durably(part, path)
