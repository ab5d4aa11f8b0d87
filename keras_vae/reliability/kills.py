"""Commands stopped at random moments and taken up again: they must end as if nothing had happened."""

from __future__ import annotations

import functools
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_vae.reliability.outcomes import Record, Tally
from keras_vae.reliability.processes import Main, finish, interrupt, last_line, start, wait_for
from keras_vae.reliability.small_run import EVALUATE, EXPLORE, NAME, REPORT, TRAIN, write_pictures
from keras_vae.reliability.wholeness import damaged_files, outcome_of
from keras_vae.runs import Run

__all__ = ["PHASES", "Phase", "Stop", "Undisturbed", "is_kept", "run_undisturbed", "try_kills"]

POLLED = 0.01  # seconds between looks for the beginning of a phase
LOG = "log.txt"  # in the folder of a trial
FINISHED = "has finished"  # what a training answers that is resumed and has nothing left to do


Stop = Callable[[BaseProcess], None]
"""Ends a command in whatever way is tried."""


class Phase(NamedTuple):
    """A part of a command's work.

    Attributes:
        name: what it is called.
        words: the command line.
        begins: pattern of a file, below the folder of a trial, that shows that it has begun; none: at once.
    """

    name: str
    words: tuple[str, ...]
    begins: str = ""


class Undisturbed(NamedTuple):
    """What nothing has stopped.

    Attributes:
        before: for each command, the folder that it begins with.
        outcomes: for each command, what its run comes to.
        lengths: of the phases, in seconds.
        pictures: the data set.
    """

    before: dict[str, Path]
    outcomes: dict[str, dict[str, str]]
    lengths: dict[Phase, float]
    pictures: Path


PHASES = (
    Phase("preparing data", TRAIN),
    Phase("first epoch", TRAIN, f"saved_models/{NAME}/config.json"),
    Phase("checkpoint", TRAIN, f"saved_models/{NAME}/checkpoints/epoch-00001.npz"),
    Phase("image", TRAIN, f"saved_models/{NAME}/figures/progress/*-0001.png"),
    Phase("projector", TRAIN, f"logs/{NAME}/*projector*"),
    Phase("export", TRAIN, f"saved_models/{NAME}/.vae.part.keras"),
    Phase("evaluation", EVALUATE),
    Phase("exploration", EXPLORE),
    Phase("explorer page", EXPLORE, f"saved_models/{NAME}/latent.json"),
    Phase("report", REPORT),
)


def try_kills(
    main: Main, folder: Path, trials: int, seed: int = 0, progress: Callable[[str], None] = print,
    phases: Sequence[Phase] = PHASES,
) -> dict[str, Tally]:  # fmt: skip
    """Kill commands at random moments of their phases, and take each up again.

    A training is taken up by `--resume` where its run is there, and else by the same command; every other command by
    itself. A trial survives where no file that bears its name is damaged, the second command succeeds, and weights and
    figures are those of an undisturbed run, to the last bit.

    Args:
        main: the console program.
        folder: for the trials, emptied of each as it ends; their outcomes stay in it, and one that was tried before is
            not tried again.
        trials: how many, in turns over the phases, by SIGKILL and SIGINT.
        seed: of the moments.
        progress: is told a line for each trial.
        phases: those of which moments are taken.

    Returns:
        Tallies by phase.
    """
    record = Record(folder / f"tried-{seed}.json")
    undisturbed = run_undisturbed(main, folder, phases, seed)
    for number in range(len(record.tries), trials):
        rng = np.random.default_rng((seed, number))
        phase = phases[number % len(phases)]
        kind = (signal.SIGKILL, signal.SIGINT)[number // len(phases) % 2]
        delay = rng.uniform(0.0, undisturbed.lengths[phase])
        root = folder / f"trial-{number}"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(undisturbed.before[phase.words[0]], root)
        failure, ended = is_kept(main, phase, root, delay, functools.partial(interrupt, kind=kind), undisturbed)
        record.add(phase.name, f"{kind.name}{' too late' if ended else ''}", failure)
        progress(f"{number + 1}/{trials} {phase.name}, {kind.name} after {delay:.2f} s: {failure or 'survived'}")
        if not failure:
            shutil.rmtree(root)
    return record.tallies(phase.name for phase in phases)


def run_undisturbed(main: Main, folder: Path, phases: Sequence[Phase], seed: int = 0) -> Undisturbed:
    """Run each command once, up to the last that has one of the phases."""
    found = Undisturbed({}, {}, {}, write_pictures(folder / "pictures", seed))
    shutil.rmtree(folder / "undisturbed", ignore_errors=True)
    before = folder / "undisturbed" / "nothing"
    before.mkdir(parents=True)
    names = [phase.words[0] for phase in phases]
    commands = {phase.words[0]: phase.words for phase in PHASES}
    for command in list(commands)[: 1 + max(list(commands).index(name) for name in names)]:
        after = folder / "undisturbed" / command
        shutil.copytree(before, after)
        ours = [phase for phase in phases if phase.words[0] == command]
        begun: dict[Phase, float] = {}
        process = _start(main, commands[command], after, found.pictures)
        first = time.monotonic()
        while process.is_alive():
            for phase in ours:
                if phase not in begun and _has_begun(phase, after):
                    begun[phase] = time.monotonic() - first
            time.sleep(POLLED)
        if code := finish(process):
            raise RuntimeError(f"{command} ended with {code}, undisturbed: {last_line(after / LOG)}")
        end = time.monotonic() - first
        moments = sorted([*begun.values(), end])
        for phase in ours:
            at = begun.get(phase, end)
            found.lengths[phase] = min(moment for moment in [*moments, end + 0.1] if moment > at) - at
        found.before[command] = before
        found.outcomes[command] = outcome_of(Run(NAME, after))
        before = after
    return found


def is_kept(
    main: Main, phase: Phase, root: Path, delay: float, stop: Stop, undisturbed: Undisturbed
) -> tuple[str, bool]:
    """Stop a command in a phase, and take it up again.

    Args:
        main: the console program.
        phase: in which it is stopped.
        root: a copy of the folder that the command begins with.
        delay: seconds after the beginning of the phase.
        stop: ends it.
        undisturbed: what must come of it.

    Returns:
        A line on what went wrong, or none; and whether the command had ended before it was stopped.
    """
    pictures = undisturbed.pictures
    process = _start(main, phase.words, root, pictures)
    wait_for(process, lambda: _has_begun(phase, root))
    process.join(delay)
    stop(process)
    ended = finish(process) == 0
    if damaged := damaged_files(root):
        return f"damaged: {', '.join(damaged)}", ended
    run = Run(NAME, root)
    is_training = phase.words[0] == "train"
    words = ("train", "--resume", "--run", NAME) if is_training and run.is_begun else phase.words
    code = finish(_start(main, words, root, pictures))
    if code and not (is_training and FINISHED in last_line(root / LOG)):
        return f"{words[0]} again ended with {code}: {last_line(root / LOG)}", ended
    found, wanted = outcome_of(run), undisturbed.outcomes[phase.words[0]]
    differing = [name for name in sorted({*wanted, *found}) if found.get(name) != wanted.get(name)]
    differing += [f"after all {each}" for each in damaged_files(root)]
    return (f"differ: {', '.join(differing)}" if differing else ""), ended


def _start(main: Main, words: Sequence[str], root: Path, pictures: Path) -> BaseProcess:
    dataset = ["--dataset", str(pictures)] if words[0] == "train" and "--resume" not in words else []
    cache = {"XDG_CACHE_HOME": str(root / "cache")}
    return start(main, [*words, *dataset, "--root", str(root)], root / LOG, cache)


def _has_begun(phase: Phase, root: Path) -> bool:
    return not phase.begins or any(root.glob(phase.begins))
