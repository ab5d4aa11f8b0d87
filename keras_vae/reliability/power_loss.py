"""Power that fails: what was not put on the disk is gone, and the command is taken up again."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from keras_vae.reliability.kills import PHASES, is_kept, run_undisturbed
from keras_vae.reliability.outcomes import Record, Tally
from keras_vae.reliability.processes import Main, finish

__all__ = ["try_power_losses"]

SIZE = 400_000_000  # bytes of the disk, which is a file; only what is written takes room
# Nothing is put on the disk early, neither by time nor because a file is replaced; only where it is asked for.
MOUNTED = "loop,commit=3600,noauto_da_alloc"
SHUT_DOWN = 0x8004587D  # ioctl FS_IOC_SHUTDOWN of Linux, by which ext4 is tried for losses of power
WITHOUT_FLUSH = 2  # EXT4_GOING_FLAGS_NOLOGFLUSH: neither files nor the journal are written any more
ATTEMPTS = 30  # to unmount it, a second apart


def try_power_losses(
    main: Main, folder: Path, trials: int, seed: int = 0, progress: Callable[[str], None] = print
) -> dict[str, Tally]:
    """Take the power from commands at random moments of their phases, and take each up again.

    Each works on an ext4 file system of its own, which is shut down so that all is lost that was not synchronised. A
    trial survives as one of `try_kills` does.

    Args:
        main: the console program.
        folder: for the file systems, which only root can mount; outcomes stay in it, as those of `try_kills`.
        trials: how many, in turns over the phases.
        seed: of the moments.
        progress: is told a line for each trial.

    Returns:
        Tallies by phase; without tries where nothing can be mounted.
    """
    record = Record(folder / f"tried-{seed}.json")
    if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        progress("losses of power are not tried: only root can mount ext4 from a file, by mkfs.ext4 and loop devices")
        return record.tallies(phase.name for phase in PHASES)
    undisturbed = run_undisturbed(main, folder, PHASES, seed)
    for number in range(len(record.tries), trials):
        rng = np.random.default_rng((seed, number))
        phase = PHASES[number % len(PHASES)]
        delay = rng.uniform(0.0, undisturbed.lengths[phase])
        with _disk(folder / f"disk-{number}") as disk:
            root = disk.folder / "root"
            shutil.copytree(undisturbed.before[phase.words[0]], root)
            os.sync()
            failure, ended = is_kept(main, phase, root, delay, disk.fail, undisturbed)
        record.add(phase.name, "too late" if ended else "power lost", failure)
        progress(f"{number + 1}/{trials} {phase.name}, power lost after {delay:.2f} s: {failure or 'survived'}")
    return record.tallies(phase.name for phase in PHASES)


class _Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image = folder.with_suffix(".ext4")
        folder.mkdir(parents=True)
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        _run("mkfs.ext4", "-q", "-F", str(self.image))
        self._mount()

    def fail(self, process: BaseProcess) -> None:
        """Lose the power, with what is not on the disk, and the process; then have it back."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUT_DOWN, struct.pack("I", WITHOUT_FLUSH))
        finally:
            os.close(descriptor)
        process.kill()
        finish(process)
        self._unmount()
        self._mount()

    def remove(self) -> None:
        _run("umount", "--lazy", str(self.folder))
        self.image.unlink()

    def _mount(self) -> None:
        _run("mount", "-o", MOUNTED, str(self.image), str(self.folder))

    def _unmount(self) -> None:
        """Wait for what still holds its files: a child of the process that was killed ends a moment later."""
        for _ in range(ATTEMPTS):
            with suppress(subprocess.CalledProcessError):
                return _run("umount", str(self.folder))
            time.sleep(1.0)
        return _run("umount", str(self.folder))


@contextmanager
def _disk(folder: Path) -> Iterator[_Disk]:
    disk = _Disk(folder)
    try:
        yield disk
    finally:
        disk.remove()


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
