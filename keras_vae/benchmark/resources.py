"""What a command takes of a machine: memory at its peak, seconds until it begins. Each is measured in a new process."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_vae.benchmark.processes import measured_in_child, output_of
from keras_vae.data import open_dataset

__all__ = ["Memory", "memory_table", "peak_memories", "start_table"]

SPLITS = {"train": 50_000, "validation": 10_000, "test": 10_000}
BLOCK = 10_000  # images that are drawn; a larger data set repeats them


class Memory(NamedTuple):
    """What a process took.

    Attributes:
        work: what it did.
        images: in the data set.
        peak: bytes, without pages of files.
        speed: images a second; of encoding, also as a share of the encoder's alone.
    """

    work: str
    images: int
    peak: int
    speed: str


def peak_memories(times: int = 20, steps: int = 100, splits: dict[str, int] = SPLITS) -> Iterator[Memory]:
    """Work on noise in new processes: with the images in memory, streamed from disk, and many times as many streamed.

    Args:
        times: how many times as many images.
        steps: of each training, in batches of 500.
        splits: images of each split.
    """
    with tempfile.TemporaryDirectory() as folder:
        small = _prepared(Path(folder, "small"), splits)
        yield _measured("training, images in memory", "train", small, steps, 2048)
        yield _measured("training, streamed", "train", small, steps, 0)
        yield _measured("encoding, streamed", "encode", small, steps, 0)
        large = _prepared(Path(folder, "large"), {split: times * count for split, count in splits.items()})
        yield _measured("training, streamed", "train", large, steps, 0)
        yield _measured("encoding, streamed", "encode", large, steps, 0)
        many = _prepared(Path(folder, "many"), {**splits, "test": times * sum(splits.values())})
        for kind, work in (("evaluate", "evaluation"), ("explore", "exploration")):
            yield _measured(f"{work} of the test images, streamed", kind, small, steps, 0)
            yield _measured(f"{work} of the test images, streamed", kind, many, steps, 0)


def memory_table(memories: Iterator[Memory]) -> Iterator[str]:
    """Rows in Markdown."""
    yield "| | images | peak of memory, MiB | images/s |"
    yield "| --- | ---: | ---: | ---: |"
    for each in memories:
        yield f"| {each.work} | {each.images:,} | {each.peak / 2**20:,.0f} | {each.speed} |"


def start_table(rounds: int = 3) -> Iterator[str]:
    """Rows in Markdown: seconds until a command answers, and until a training of the default has made a step."""
    starts = {
        "`keras-vae train --help`": ["-m", "keras_vae", "train", "--help"],
        "`import keras_vae`": ["-c", "import keras_vae"],
        "`import tensorflow`": ["-c", "import tensorflow"],
    }
    yield f"| start | seconds, median of {rounds} |"
    yield "| --- | ---: |"
    for name, arguments in starts.items():
        yield f"| {name} | {statistics.median(_seconds(arguments)[0] for _ in range(rounds)):.2f} |"
    first = [_seconds(["-m", "keras_vae.benchmark.child", "first_step"]) for _ in range(rounds)]
    yield f"| `keras-vae train`, to its first steps | {statistics.median(seconds for seconds, _ in first):.2f} |"
    compilation = statistics.median(json.loads(told.splitlines()[-1])["compilation"] for _, told in first)
    yield f"| of which tracing and compiling | {compilation:.2f} |"


def _prepared(folder: Path, splits: dict[str, int]) -> str:
    """A prepared data set of noise, whose images stay on disk."""
    block = np.random.default_rng(0).integers(0, 256, (BLOCK, 28, 28, 1), np.uint8)
    images = {}
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        for split, count in splits.items():
            path = Path(temporary, f"{split}.npy")
            written = np.lib.format.open_memmap(path, "w+", np.uint8, shape=(count, *block.shape[1:]))
            for start in range(0, count, BLOCK):
                written[start : start + BLOCK] = block[: min(BLOCK, count - start)]
            images[split] = written
        open_dataset(images, name="noise").keep(folder)
    return str(folder)


def _measured(work: str, kind: str, dataset: str, steps: int, budget: int) -> Memory:
    answer = measured_in_child(kind, dataset=dataset, steps=steps, memory_budget=budget)
    return Memory(work, answer["images"], answer["peak"], answer["speed"])


def _seconds(arguments: Sequence[str]) -> tuple[float, str]:
    start = time.perf_counter()
    told = output_of(arguments, TF_CPP_MIN_LOG_LEVEL="3")
    return time.perf_counter() - start, told
