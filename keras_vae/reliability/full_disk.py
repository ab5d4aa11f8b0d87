"""Commands on disks of every size: each ends well, or with one line that names what is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from keras_vae.reliability.kills import NAME, TRAIN, write_pictures
from keras_vae.reliability.outcomes import Tally
from keras_vae.reliability.processes import Main, finish, start
from keras_vae.reliability.wholeness import damaged_files
from keras_vae.runs import Run

__all__ = ["try_full_disks"]

LARGEST = 120_000_000  # bytes: more than the smallest training asks for
ANSWERS = {0: "ended well", 2: "refused in one line"}


def try_full_disks(
    main: Main, folder: Path, tries: int, seed: int = 0, progress: Callable[[str], None] = print
) -> dict[str, Tally]:
    """Train on file systems of several sizes, and on such as become full while a training writes.

    Half of the tries have a disk that is small from the beginning. Of the others something else takes the room once the
    training has begun; then the room is given back, and the training must go on by `--resume`.

    Args:
        main: the console program.
        folder: where the file systems are mounted; only root can.
        tries: how many.
        seed: of the sizes.
        progress: is told a line for each try.

    Returns:
        Tallies; without tries where nothing can be mounted.
    """
    tallies = {"small from the beginning": Tally(), "full while it trains": Tally()}
    if os.geteuid() != 0 or shutil.which("mount") is None:
        progress("full disks are not tried: only root can mount file systems of a given size")
        return tallies
    rng = np.random.default_rng(seed)
    pictures = write_pictures(folder / "pictures", seed)
    for number in range(tries):
        name = list(tallies)[number % 2]
        size = int(LARGEST * rng.random() ** 2) + 4096
        with _disk(folder / f"disk-{number}", size if number % 2 == 0 else 2 * LARGEST) as root:
            log = folder / f"log-{number}.txt"
            attempt = _small if number % 2 == 0 else _filling
            outcome, failure = attempt(main, root, pictures, log, rng)
        tallies[name].add(outcome, failure and f"{size:,} bytes: {failure}")
        progress(f"{number + 1}/{tries} {name}, {size:,} bytes: {failure or outcome}")
    return tallies


def _small(main: Main, root: Path, pictures: Path, log: Path, rng: np.random.Generator) -> tuple[str, str]:
    del rng
    code = _train(main, root, pictures, log)
    return ANSWERS.get(code, "failed"), _failure(code, root, log)


def _filling(main: Main, root: Path, pictures: Path, log: Path, rng: np.random.Generator) -> tuple[str, str]:
    words = [*TRAIN, "--dataset", str(pictures), "--root", str(root)]
    process = start(main, words, log, {"XDG_CACHE_HOME": str(log.with_suffix(".cache"))})
    process.join(rng.uniform(0.0, 20.0))
    filler = root / "filler"
    left = int(2e6 * rng.random() ** 3)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, shutil.disk_usage(root).free - left))
    code = finish(process)
    if failure := _failure(code, root, log):
        return "failed", failure
    filler.unlink()
    if code == 0:
        return "ended well", ""
    run = Run(NAME, root)
    code = _train(main, root, pictures, log, is_resumed=run.is_begun)
    return "went on", _failure(code, root, log) or (f"did not go on: {_last_line(log)}" if code else "")


def _train(main: Main, root: Path, pictures: Path, log: Path, *, is_resumed: bool = False) -> int:
    words = ["train", "--resume", "--run", NAME] if is_resumed else [*TRAIN, "--dataset", str(pictures)]
    environment = {"XDG_CACHE_HOME": str(log.with_suffix(".cache"))}
    return finish(start(main, [*words, "--root", str(root)], log, environment))


def _failure(code: int, root: Path, log: Path) -> str:
    if code not in ANSWERS:
        return f"ended with {code}: {_last_line(log)}"
    if "Traceback" in log.read_text(errors="replace"):
        return f"a traceback before {_last_line(log)}"
    damaged = damaged_files(root)
    return f"damaged: {', '.join(damaged)}" if damaged else ""


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


@contextmanager
def _disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of a given size in memory."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
