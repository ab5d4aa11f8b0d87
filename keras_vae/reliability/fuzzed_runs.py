"""Files of a run, edited at random: each command that reads them takes them, or refuses them and changes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_vae.errors import InputError
from keras_vae.files import REPOSITORY
from keras_vae.model import VAE, load_model, save_model
from keras_vae.reliability.answers import REFUSED, TAKEN, Try, outcome, refusing
from keras_vae.reliability.edits import edited_bytes, edited_json
from keras_vae.reliability.processes import Main
from keras_vae.reliability.small_run import EVALUATE, EXPLORE, NAME, TRAIN, write_pictures
from keras_vae.reliability.wholeness import damaged_files
from keras_vae.report import page_facts, read_inputs
from keras_vae.runs import Run

__all__ = ["files_of_a_run", "for_its_report", "keras_files"]

SHIPPED = "reference-default"
SHAPE = (8, 8, 1)
# Files that commands read.
READ = ("*.json", "*.npz", "*.keras", "checkpoints/*", "saved_model/*.pb", "saved_model/variables/*")


def for_its_report(name: str) -> Callable[[Main, Path], Try]:
    """One file of the run that is shipped, for what a report reads of it."""

    def prepare(main: Main, folder: Path) -> Try:
        del main
        if REPOSITORY is None:
            raise InputError("The run that is shipped with the repository is needed: run this in a checkout.")
        run = Run(SHIPPED, folder)
        shutil.copytree(Run(SHIPPED, REPOSITORY).folder, run.folder)
        path = run.folder / name
        whole = path.read_bytes()

        def attempt(rng: np.random.Generator) -> str:
            is_json = path.suffix == ".json"
            path.write_bytes(edited_json(json.loads(whole), rng) if is_json else edited_bytes(whole, rng))
            try:
                with refusing() as answer:
                    page_facts(run, read_inputs(run))
            finally:
                path.write_bytes(whole)
            return answer.outcome

        return attempt

    return prepare


def keras_files(main: Main, folder: Path) -> Try:
    """Models in Keras's format."""
    del main
    path = save_model(VAE(SHAPE, 2, widths=(4,)), folder / "vae.keras")
    whole = path.read_bytes()

    def attempt(rng: np.random.Generator) -> str:
        path.write_bytes(edited_bytes(whole, rng))
        with refusing() as answer:
            load_model(path)
        return answer.outcome

    return attempt


def files_of_a_run(main: Main, folder: Path) -> Try:
    """Any file of a run, for the commands that list and show runs, go on with one, measure it and write its page.

    A command that refuses the file leaves all others as they are.
    """
    pictures, whole, root = write_pictures(folder / "pictures"), folder / "whole", folder / "root"
    train = [*TRAIN, "--epochs", "1", "--dataset", str(pictures), "--data-dir", str(folder / "prepared")]
    for words in (train, list(EVALUATE), list(EXPLORE)):
        code, output = outcome(main, [*words, "--root", str(whole)])
        if code:
            raise RuntimeError(f"{words[0]} ended with {code}: {output.splitlines()[-1:]}")
    run = Run(NAME, whole).folder.relative_to(whole)
    files = [path.relative_to(whole) for pattern in READ for path in sorted((whole / run).glob(pattern))]
    commands: list[tuple[float, list[str]]] = [
        (0.3, ["runs"]),
        (0.2, ["runs", "show", NAME]),
        (0.3, ["page", NAME, str(folder / "page.html")]),
        (0.1, list(EVALUATE)),
        (0.1, ["train", "--resume", "--run", NAME, "--epochs", "2"]),
    ]

    def attempt(rng: np.random.Generator) -> str:
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(whole, root)
        name = files[int(rng.integers(0, len(files)))]
        content = (whole / name).read_bytes()
        is_json = name.suffix == ".json"
        (root / name).write_bytes(edited_json(json.loads(content), rng) if is_json else edited_bytes(content, rng))
        before, damaged_before = _contents(root), damaged_files(root)
        words = commands[int(rng.choice(len(commands), p=[share for share, _ in commands]))][1]
        code, output = outcome(main, [*words, "--root", str(root)])
        if code not in (0, 2) or (code == 2 and "error: " not in output.splitlines()[-1]):
            raise AssertionError(f"{words} of an edited {name} ended with {code}: {output.splitlines()[-1:]}")
        after = _contents(root)
        if code == 2 and (changed := [str(path) for path in before if after.get(path) != before[path]]):
            raise AssertionError(f"{words} refused an edited {name}, and changed {changed}")
        if damaged := [each for each in damaged_files(root) if each not in damaged_before]:
            raise AssertionError(f"{words} of an edited {name} left {damaged}")
        return REFUSED if code else TAKEN

    return attempt


def _contents(root: Path) -> dict[Path, bytes]:
    """Of the files of all runs but those that the system or TensorBoard writes."""
    files = (path for path in (root / "saved_models").rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(root): path.read_bytes() for path in files}
