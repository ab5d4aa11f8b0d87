"""One process that trains, serves, evaluates, explores and reports for a long time: what it holds must not grow."""

import contextlib
import ctypes
import gc
import os
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_vae.reliability.processes import Main
from keras_vae.reliability.small_run import EVALUATE, EXPLORE, NAME, REPORT, SIDE, TRAIN, write_pictures
from keras_vae.runs import Run

__all__ = ["Soak", "Use", "soak", "soak_table", "what_grew"]

EPOCHS = 1_000_000  # of the long training: more than there is time for
REQUESTS = 100  # between two looks
WARM_UP = 6  # rounds in which libraries are loaded and caches filled
LOOKS = 30  # at a training or a server, over its time
SETTLED = 1 / 3  # of the looks are left out: caches fill while they are taken
JUDGED = 6  # looks that are left, at least, before files or threads count as growing
SERVER, ROUND = "one server", "a round"
MOST_GROWTH = {SERVER: 1.0, ROUND: 2.0}  # MiB a minute
NOISE = {SERVER: 8.0, ROUND: 24.0}  # MiB that allocators may take or give back at any time


class Use(NamedTuple):
    """What the process holds.

    Attributes:
        minutes: since the beginning.
        memory: MiB that lie in RAM, once the C library has given back what it keeps of freed memory.
        files: open files and sockets.
        threads: of Python.
    """

    minutes: float
    memory: float
    files: int
    threads: int


class Soak(NamedTuple):
    """What the process held over its time.

    Attributes:
        uses: for each thing that it did, one look after another.
        growth: MiB that each step of a round left behind, on average over the rounds.
    """

    uses: dict[str, list[Use]]
    growth: dict[str, float]


def soak(main: Main, folder: Path, minutes: float, seed: int = 0, progress: Callable[[str], None] = print) -> Soak:
    """Train one model, serve it, and then do everything anew again and again, in this process.

    Args:
        main: the console program.
        folder: an empty folder.
        minutes: a third for each; there are three rounds at least.
        seed: of the images.
        progress: is told a line for each look.
    """
    pictures, log = write_pictures(folder / "pictures", seed), folder / "log.txt"
    images = np.random.default_rng(seed).random((4, SIDE, SIDE, 1), np.float32)
    train = [*TRAIN, "--dataset", str(pictures), "--data-dir", str(folder / "prepared")]
    start, share = time.monotonic(), 20 * minutes
    uses: dict[str, list[Use]] = {}
    growth: dict[str, list[float]] = {}

    def look(name: str) -> None:
        use = _use((time.monotonic() - start) / 60)
        uses.setdefault(name, []).append(use)
        progress(f"{name}, {use.minutes:.1f} minutes: {use.memory:,.0f} MiB, {use.files} open files")

    def run(words: list[str] | tuple[str, ...], root: Path) -> None:
        with log.open("w") as output, contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            main([*words, "--root", str(root)])

    with _looking(lambda: look("one training"), share / LOOKS), contextlib.suppress(SystemExit):
        _interrupt_after(share)
        run([*train, "--epochs", str(EPOCHS)], folder / "long")
    run(train, folder / "served")
    served = tf.saved_model.load(str(Run(NAME, folder / "served").saved_model))
    end = time.monotonic() + share
    with _looking(lambda: look(SERVER), share / LOOKS):
        while time.monotonic() < end:
            _request(served, images)
    root = folder / "root"
    steps: dict[str, Callable[[], None]] = {
        "train": lambda: run(train, root),
        "evaluate": lambda: run(EVALUATE, root),
        "explore": lambda: run(EXPLORE, root),
        "report": lambda: run(REPORT, root),
        "load and serve": lambda: _request(tf.saved_model.load(str(Run(NAME, root).saved_model)), images),
    }
    while len(uses.get(ROUND, [])) <= WARM_UP or time.monotonic() - start < 3 * share:
        for name, step in steps.items():
            before = _use(0.0).memory
            step()
            keras.utils.clear_session()
            growth.setdefault(name, []).append(_use(0.0).memory - before)
        shutil.rmtree(root)
        look(ROUND)
    return Soak(uses, {name: statistics.mean(values[WARM_UP:]) for name, values in growth.items()})


def soak_table(found: Soak) -> str:
    """Put what a process held into tables in Markdown.

    Args:
        found: by `soak`.
    """
    lines = ["| | minutes | looks | MiB: first | last | growth a minute | open files | threads |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, uses in found.uses.items():
        counted = _counted(name, uses)
        minutes, memory = [use.minutes for use in counted], [use.memory for use in counted]
        slope = _slope(counted)
        files, threads = (_range([getattr(use, what) for use in counted]) for what in ("files", "threads"))
        ends = f"{memory[0]:,.0f} | {memory[-1]:,.0f} | {slope:.2f}"
        lines.append(f"| {name} | {minutes[-1] - minutes[0]:.1f} | {len(counted)} | {ends} | {files} | {threads} |")
    lines += ["", "| step of a round | MiB that it left behind |", "| --- | ---: |"]
    lines += [f"| {name} | {value:.1f} |" for name, value in found.growth.items()]
    return "\n".join(lines)


def what_grew(found: Soak) -> list[str]:
    """Name what grew and may not: open files and threads of anything, and the memory of a server and of rounds.

    Files and threads grow where each look of the last third found more than any of the first did.

    Args:
        found: by `soak`.

    Returns:
        A line for each; none where all is well.
    """
    lines = []
    for name, uses in found.uses.items():
        counted = _counted(name, uses)
        third = len(counted) // 3
        for what in ("files", "threads") if len(counted) >= JUDGED else ():
            most = max(getattr(use, what) for use in counted[:third])
            least = min(getattr(use, what) for use in counted[-third:])
            if least > most:
                lines.append(f"{name}: {what} grew from {most} at most to {least} at least")
        minutes = counted[-1].minutes - counted[0].minutes if counted else 0.0
        if name in NOISE and _slope(counted) * minutes > max(MOST_GROWTH[name] * minutes, NOISE[name]):
            lines.append(f"{name}: memory grew by {_slope(counted):.2f} MiB a minute")
    return lines


def _counted(name: str, uses: list[Use]) -> list[Use]:
    return uses[WARM_UP:] if name == ROUND else uses[round(SETTLED * len(uses)) :]


def _slope(uses: list[Use]) -> float:
    """MiB a minute."""
    times = [use.minutes for use in uses]
    return statistics.linear_regression(times, [use.memory for use in uses]).slope if len(set(times)) > 1 else 0.0


@contextlib.contextmanager
def _looking(look: Callable[[], None], seconds: float) -> Iterator[None]:
    """Look every so many seconds, from a thread."""
    done = threading.Event()

    def repeat() -> None:
        while not done.wait(seconds):
            look()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _interrupt_after(seconds: float) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts behind it ignore Ctrl-C
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.daemon = True
    timer.start()


def _request(served: Any, images: np.ndarray) -> None:
    for number in range(REQUESTS):
        served.reconstruct(images[: 1 + number % len(images)])
        served.sample(3)


def _range(values: list[float]) -> str:
    return f"{min(values):.0f}" if min(values) == max(values) else f"{min(values):.0f} to {max(values):.0f}"


def _use(minutes: float) -> Use:
    gc.collect()
    # glibc keeps freed memory for what is asked for next: more of it after each of some ten rounds.
    if give_back := getattr(ctypes.CDLL(None), "malloc_trim", None):
        give_back(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return Use(minutes, memory, len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
