"""One process that trains, evaluates, explores, reports and serves for a long time: memory and open files must stay."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_vae.reliability.kills import EVALUATE, EXPLORE, NAME, REPORT, SIDE, TRAIN, write_pictures
from keras_vae.reliability.processes import Main
from keras_vae.runs import Run

__all__ = ["Use", "soak", "soak_table"]

SERVED = 200  # requests in a round
WARM_UP = 2  # rounds in which libraries are loaded and caches filled


class Use(NamedTuple):
    """What the process holds after a round.

    Attributes:
        minutes: since the beginning.
        memory: MiB that lie in RAM.
        files: open files and sockets.
        threads: of Python.
    """

    minutes: float
    memory: float
    files: int
    threads: int


def soak(main: Main, folder: Path, minutes: float, seed: int = 0, progress: Callable[[str], None] = print) -> list[Use]:
    """Do everything again and again in this process, and look at what it holds after each round.

    Args:
        main: the console program.
        folder: an empty folder; each round leaves nothing in it.
        minutes: after which no other round begins; there are three at least.
        seed: of the images.
        progress: is told a line for each round.
    """
    pictures, log = write_pictures(folder / "pictures", seed), folder / "log.txt"
    images = np.random.default_rng(seed).random((4, SIDE, SIDE, 1), np.float32)
    train = [*TRAIN, "--dataset", str(pictures), "--data-dir", str(folder / "prepared")]
    uses: list[Use] = []
    start = time.monotonic()
    while len(uses) <= WARM_UP or time.monotonic() - start < 60 * minutes:
        root = folder / "root"
        with log.open("w") as output, contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            for words in (train, EVALUATE, EXPLORE, REPORT):
                main([*words, "--root", str(root)])
        _serve(Run(NAME, root), images)
        shutil.rmtree(root)
        keras.backend.clear_session()
        gc.collect()
        uses.append(_use((time.monotonic() - start) / 60))
        latest = uses[-1]
        progress(
            f"round {len(uses)}, {latest.minutes:.1f} minutes: {latest.memory:,.0f} MiB, {latest.files} open files"
        )
    return uses


def soak_table(uses: list[Use]) -> str:
    """Put what a process held into a table in Markdown, the rounds of its warm-up left out.

    Args:
        uses: of `soak`.
    """
    counted = uses[WARM_UP:]
    lines = ["| | first | last | largest | growth a round |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, unit in (("memory", "MiB in RAM"), ("files", "open files"), ("threads", "threads")):
        values = [float(getattr(use, name)) for use in counted]
        growth = statistics.linear_regression(range(len(values)), values).slope if len(values) > 1 else 0.0
        lines.append(f"| {unit} | {values[0]:,.0f} | {values[-1]:,.0f} | {max(values):,.0f} | {growth:,.2f} |")
    rounds = f"{len(uses)} rounds in {uses[-1].minutes:.0f} minutes; the first {WARM_UP} are left out."
    return "\n".join([*lines, "", rounds])


def _serve(run: Run, images: np.ndarray) -> None:
    served = tf.saved_model.load(str(run.saved_model))
    for number in range(SERVED):
        served.reconstruct(images[: 1 + number % len(images)])
        served.sample(3)


def _use(minutes: float) -> Use:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Use(minutes, memory, len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
