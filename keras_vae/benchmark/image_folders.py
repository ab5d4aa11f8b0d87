"""How long a folder of many image files takes to open: once to check and decode it, and every time after that."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from keras_vae.data import open_dataset

__all__ = ["image_folder_table"]

CLASSES = 10


def image_folder_table(count: int, side: int = 28, seed: int = 0) -> Iterator[str]:
    """Write image files, open them as a data set, and say how long that takes beside reading their bytes.

    Args:
        count: PNG files, of noise in grey.
        side: pixels.
        seed: of the noise.

    Yields:
        Rows of a table in Markdown, as they are measured.
    """
    yield f"| {count:,} PNG files of {side} x {side} | seconds | files/s | times as long as reading |"
    yield "| --- | ---: | ---: | ---: |"
    with tempfile.TemporaryDirectory() as temporary:
        pictures, prepared = Path(temporary, "pictures"), Path(temporary, "prepared")
        files = list(_write(pictures, count, side, seed))
        works: dict[str, Callable[[], object]] = {
            "their bytes read, one after the other": lambda: [file.read_bytes() for file in files],
            "opened: listed, checked and decoded": lambda: open_dataset(pictures, data_dir=prepared).counts,
            "opened again: listed and compared": lambda: open_dataset(pictures, data_dir=prepared).counts,
        }
        reading = 0.0
        for title, work in works.items():
            start = time.perf_counter()
            work()
            seconds = time.perf_counter() - start
            reading = reading or seconds
            yield f"| {title} | {seconds:.1f} | {count / seconds:,.0f} | {seconds / reading:.1f} |"


def _write(folder: Path, count: int, side: int, seed: int) -> Iterator[Path]:
    rng = np.random.default_rng(seed)
    for label in range(CLASSES):
        (folder / f"class-{label}").mkdir(parents=True)
    for number in range(count):
        file = folder / f"class-{number % CLASSES}" / f"{number:07}.png"
        Image.fromarray(rng.integers(0, 256, (side, side), np.uint8)).save(file)
        yield file
