"""Runs that are shipped, and stay as they are: whoever would write to one works on a copy."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keras_vae.files import clear_leftovers, replace_durably, temporary_folder
from keras_vae.runs.card import CARD_FILE, renamed_card
from keras_vae.runs.run import Run

__all__ = ["KEPT_NOTE", "SHIPPED", "folder_for_copy", "is_shipped", "working_copy"]

SHIPPED = "shipped.json"  # the file that marks such a run
A_DAY = 86_400.0  # seconds, in which a copy is made
KEPT_NOTE = "\nCommands that would change this folder work on a copy of it.\n"  # at the end of its card


def is_shipped(run: Run) -> bool:
    """Whether a run came with the code."""
    return (run.folder / SHIPPED).is_file()


def working_copy(run: Run) -> Run:
    """The run itself; of a shipped one a copy beside it that may be changed, and a line that says so.

    A copy that was made before is gone on with, as long as it has the same weights.
    """
    if not is_shipped(run):
        run.clear_leftovers()
        return run
    weights = run.weights_file.read_bytes()
    with _one_at_a_time(run.folder):
        for number in itertools.count(1):
            copy = Run(f"{run.name}-copy{f'-{number}' if number > 1 else ''}", run.root)
            if not copy.folder.exists():
                _copy(run, copy)
                break
            copy.clear_leftovers()
            if copy.has_weights and copy.weights_file.read_bytes() == weights:
                break
    print(f"{run.name} stays as it was shipped: what follows is of its copy, {copy.name}.", flush=True)
    return copy


def folder_for_copy(root: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder in a root in which a copy of a run is put together, and clear those that were left there."""
    clear_leftovers(root.glob(".copy.part-*"), A_DAY)  # files that are copied have the times of those that they are of
    return temporary_folder(root / "copy")


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process copies from a folder, which is locked itself: a file in it would change it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _copy(run: Run, copy: Run) -> None:
    shutil.rmtree(copy.logs, ignore_errors=True)  # of a copy that was interrupted
    with folder_for_copy(run.root) as temporary:
        part = Run(copy.name, Path(temporary))
        shutil.copytree(run.folder, part.folder, ignore=shutil.ignore_patterns(SHIPPED))
        card = part.folder / CARD_FILE
        if card.is_file():
            card.write_text(renamed_card(card.read_text().removesuffix(KEPT_NOTE), run.name, copy.name))
        if run.logs.is_dir():
            shutil.copytree(run.logs, part.logs)
            replace_durably(part.logs, copy.logs)
        replace_durably(part.folder, copy.folder)
