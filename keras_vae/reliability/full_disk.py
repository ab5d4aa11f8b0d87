"""Commands on disks of every size: each ends well, or with one line that names what is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from keras_vae.reliability.kills import PHASES, run_undisturbed
from keras_vae.reliability.outcomes import Tally
from keras_vae.reliability.processes import Main, finish, last_line, start
from keras_vae.reliability.small_run import EVALUATE, EXPLORE, NAME, REPORT, TRAIN
from keras_vae.reliability.wholeness import damaged_files, outcome_of
from keras_vae.runs import Run

__all__ = ["try_full_disks"]

LARGEST = 120_000_000  # bytes: more than the smallest training asks for
ANSWERS = {0: "ended well", 2: "refused in one line"}
TRAININGS = ("train, small from the beginning", "train, full meanwhile")
COPY = "packed"
COMMANDS = {
    "evaluate": EVALUATE,
    "explore": EXPLORE,
    "report": REPORT,
    "export": ("export", NAME, "--format", "saved_model"),
    "pack": ("pack", NAME, COPY),
}  # of a run that has all of it already
LITTLE = 600_000  # bytes that are left to them from the beginning, at most
LONGEST = 15.0  # seconds until nothing is left


def try_full_disks(
    main: Main, folder: Path, tries: int, seed: int = 0, progress: Callable[[str], None] = print
) -> dict[str, Tally]:
    """Run commands on file systems of several sizes, and on such as become full while they write.

    One disk of a training is small from the beginning. On another something else takes the room once the training has
    begun; then the room is given back, and the training must go on by `--resume`. Every other command works on a run
    that has all files already: those must be as they were where it is refused.

    Args:
        main: the console program.
        folder: where the file systems are mounted; only root can.
        tries: how many.
        seed: of the sizes.
        progress: is told a line for each try.

    Returns:
        Tallies; without tries where nothing can be mounted.
    """
    tallies = {name: Tally() for name in (*TRAININGS, *COMMANDS)}
    if os.geteuid() != 0 or shutil.which("mount") is None:
        progress("full disks are not tried: only root can mount file systems of a given size")
        return tallies
    rng = np.random.default_rng(seed)
    pictures = run_undisturbed(main, folder, PHASES, seed).pictures
    whole = folder / "undisturbed" / REPORT[0]
    for number in range(tries):
        name = list(tallies)[number % len(tallies)]
        is_small = name == TRAININGS[0]
        size = int(LARGEST * rng.random() ** 2) + 4096 if is_small else 2 * LARGEST
        log = folder / f"log-{number}.txt"
        with _disk(folder / f"disk-{number}", size) as root:
            if name in COMMANDS:
                outcome, failure = _command(main, COMMANDS[name], whole, root, log, rng)
            elif is_small:
                code = _train(main, root, pictures, log)
                outcome, failure = ANSWERS.get(code, "failed"), _failure(code, root, log)
            else:
                outcome, failure = _filling(main, root, pictures, log, rng)
        tallies[name].add(outcome, failure and f"{size:,} bytes: {failure}")
        progress(f"{number + 1}/{tries} {name}, {size:,} bytes: {failure or outcome}")
    return tallies


def _command(
    main: Main, words: tuple[str, ...], whole: Path, root: Path, log: Path, rng: np.random.Generator
) -> tuple[str, str]:
    """A command on a copy of a run, with little room from the beginning, or none from a random moment on."""
    shutil.copytree(whole, root, dirs_exist_ok=True)
    run = Run(NAME, root)
    before = outcome_of(run)
    is_small = rng.random() < 0.5
    if is_small:
        _fill(root, int(LITTLE * rng.random()))
    process = start(main, [*words, "--root", str(root)], log, {"XDG_CACHE_HOME": str(log.with_name("cache"))})
    if not is_small:
        process.join(rng.uniform(0.0, LONGEST))
        _fill(root, int(LITTLE * rng.random()))
    code = finish(process)
    if failure := _failure(code, root, log):
        return "failed", failure
    after = outcome_of(run)
    if lost := [name for name in before if name not in after or (code and after[name] != before[name])]:
        return "failed", f"lost or changed: {', '.join(lost)}"
    if code and (Run(COPY, root).folder.exists() or Run(COPY, root).logs.exists()):
        return "failed", f"left a part of {COPY}"
    return ANSWERS[code], ""


def _filling(main: Main, root: Path, pictures: Path, log: Path, rng: np.random.Generator) -> tuple[str, str]:
    words = [*TRAIN, "--dataset", str(pictures), "--root", str(root)]
    process = start(main, words, log, {"XDG_CACHE_HOME": str(log.with_suffix(".cache"))})
    process.join(rng.uniform(0.0, 20.0))
    filler = _fill(root, int(2e6 * rng.random() ** 3))
    code = finish(process)
    if failure := _failure(code, root, log):
        return "failed", failure
    filler.unlink()
    if code == 0:
        return "ended well", ""
    run = Run(NAME, root)
    code = _train(main, root, pictures, log, is_resumed=run.is_begun)
    return "went on", _failure(code, root, log) or (f"did not go on: {last_line(log)}" if code else "")


def _train(main: Main, root: Path, pictures: Path, log: Path, *, is_resumed: bool = False) -> int:
    words = ["train", "--resume", "--run", NAME] if is_resumed else [*TRAIN, "--dataset", str(pictures)]
    environment = {"XDG_CACHE_HOME": str(log.with_suffix(".cache"))}
    return finish(start(main, [*words, "--root", str(root)], log, environment))


def _fill(root: Path, left: int) -> Path:
    """Take the room of a disk but for some bytes."""
    filler = root / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, shutil.disk_usage(root).free - left))
    return filler


def _failure(code: int, root: Path, log: Path) -> str:
    if code not in ANSWERS:
        return f"ended with {code}: {last_line(log)}"
    if "Traceback" in log.read_text(errors="replace"):
        return f"a traceback before {last_line(log)}"
    damaged = damaged_files(root)
    return f"damaged: {', '.join(damaged)}" if damaged else ""


@contextmanager
def _disk(folder: Path, size: int) -> Iterator[Path]:
    """A file system of a given size in memory."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
