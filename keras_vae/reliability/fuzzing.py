"""Damaged and absurd inputs: each is taken, with a sound result, or refused in one line that changes nothing."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_vae.data import fashion_mnist_builder, open_dataset
from keras_vae.errors import InputError
from keras_vae.files import REPOSITORY
from keras_vae.model import VAE, export_saved_model, load_model, save_model
from keras_vae.reliability.edits import VALUES, edited_bytes, edited_json, odd_array
from keras_vae.reliability.kills import write_pictures
from keras_vae.reliability.outcomes import Tally
from keras_vae.reliability.processes import Main
from keras_vae.reliability.wholeness import damaged_files
from keras_vae.report import page_facts, read_inputs
from keras_vae.runs import PRESETS, Run, TrainConfig

__all__ = ["SUBJECTS", "fuzz"]

SHIPPED = "reference-default"
SHAPE = (8, 8, 1)
TAKEN, REFUSED = "taken", "refused"
TWO_STEPS = ("--epochs", "1", "--batch-size", "80", "--widths", "8", "--prior-components", "4")  # of 160 images
OPTIONS = {
    "latent-dim": ("1", "2", "7", "512"),
    "levels": ("1", "2"),
    "network": ("dense", "convolutional"),
    "widths": ("1", "8", "8 4", "64"),
    "likelihood": ("bernoulli", "gaussian", "discretized_logistic", "continuous_bernoulli"),
    "variance": ("optimal", "learned"),
    "beta": ("0", "1e-3", "1", "100", "1e6"),
    "prior": ("standard_normal", "mixture", "flow", "vamp"),
    "prior-components": ("1", "3", "50"),
    "prior-training": ("afterwards", "joint"),
    "beta-warmup": ("0", "0.5", "1000"),
    "augmentation": ("0", "0.5", "1"),
    "binarize": ("none", "dynamic"),
    "image-size": ("8", "9", "16 12"),
    "memory-budget": ("0", "1", "2048"),
    "batch-size": ("1", "53", "160", "161"),
    "learning-rate": ("1e-30", "1e-3", "0.1", "1e10"),
    "learning-rate-warmup": ("0", "0.5", "100"),
    "schedule": ("cosine", "constant"),
    "weight-decay": ("0", "0.1", "1000"),
    "dropout": ("0", "0.5", "0.9"),
    "input-noise": ("0", "1", "10"),
    "patience": ("0", "1"),
    "importance-epochs": ("0", "1", "1000"),
    "importance-samples": ("2", "9"),
    "gradient-clip": ("0", "1e-9", "1"),
    "weight-average": ("0", "0.5", "0.995"),
    "xla": ("on", "off"),
    "mixed-precision": ("on", "off"),
    "steps-per-execution": ("1", "10"),
    "grid-every": ("0", "1"),
    "projector-every": ("0", "1"),
    "histogram-every": ("0", "1"),
}  # each with values that are usual, and others that are at an end of what is allowed
BOMB = 200_000_000  # bytes of zeros, which gzip packs to a thousandth

Try = Callable[[np.random.Generator], str]


class Subject(NamedTuple):
    """What is fuzzed.

    Attributes:
        name: what it is.
        share: of all tries.
        prepare: from the console program and an empty folder to a function that tries one input, and returns `TAKEN` or
            `REFUSED`; it raises where the promise is broken.
    """

    name: str
    share: float
    prepare: Callable[[Main, Path], Try]


def fuzz(
    main: Main, folder: Path, tries: int, seed: int = 0, progress: Callable[[str], None] = print
) -> dict[str, Tally]:
    """Try inputs at random.

    Args:
        main: the console program.
        folder: an empty folder.
        tries: how many, shared out to `SUBJECTS`.
        seed: of the inputs.
        progress: is told a line for each subject.

    Returns:
        Tallies by subject.
    """
    tallies = {}
    for number, subject in enumerate(SUBJECTS):
        place = folder / str(number)
        place.mkdir(parents=True)
        attempt, tally = subject.prepare(main, place), Tally()
        for at in range(max(1, round(subject.share * tries))):
            rng = np.random.default_rng((seed, number, at))
            try:
                tally.add(attempt(rng))
            except Exception as error:  # whatever is not foreseen is what is looked for
                lines = str(error).splitlines() or [""]
                tally.add("failed", f"input {at}: {type(error).__name__}: {lines[0][:200]}")
        progress(f"{subject.name}: {tally.survived:,} of {tally.tried:,}")
        tallies[subject.name] = tally
    return tallies


# ---- configurations and command lines ----


def _configurations(main: Main, folder: Path) -> Try:
    del main, folder

    def attempt(rng: np.random.Generator) -> str:
        preset = list(PRESETS)[int(rng.integers(0, len(PRESETS)))]
        text = edited_json(json.loads(TrainConfig.from_preset(preset).to_json()), rng)
        with _refusing() as answer:
            config = TrainConfig.from_json(text)
            if TrainConfig.from_json(config.to_json()) != config:
                raise AssertionError("the configuration does not survive its own file")
            config.suited_to(int(rng.integers(1, 60_000)))
        return answer.outcome

    return attempt


def _command_lines(main: Main, folder: Path) -> Try:
    flags = ["--" + name.replace("_", "-") for name in TrainConfig.__dataclass_fields__] + ["--run", "--resume", "--x"]

    def attempt(rng: np.random.Generator) -> str:
        words = ["train", "--root", str(folder)]
        for _ in range(rng.integers(1, 4)):
            words.append(flags[int(rng.integers(0, len(flags)))])
            values = [VALUES[int(rng.integers(0, len(VALUES)))] for _ in range(rng.integers(0, 3))]
            words += [str(value).replace("\0", "") for value in values]
        code, output = _outcome(main, [*words, "--show"])
        if any(folder.iterdir()):
            raise AssertionError(f"{words} has written something")
        if code == 0:
            if not output.startswith("usage:"):
                TrainConfig.from_json(output)
            return TAKEN
        lines = output.splitlines()
        if code != 2 or "error: " not in lines[-1]:
            raise AssertionError(f"{words} ended with {code}: {lines[-1:]}")
        return REFUSED

    return attempt


def _trainings(main: Main, folder: Path) -> Try:
    """Each combination of options is trained for an epoch of two steps, or refused before anything is written."""
    pictures, root = write_pictures(folder / "pictures"), folder / "root"

    def attempt(rng: np.random.Generator) -> str:
        words = ["train", "--run", "tried", "--dataset", str(pictures), "--root", str(root), *TWO_STEPS]
        for option in rng.choice(list(OPTIONS), int(rng.integers(1, 6)), replace=False):
            value = OPTIONS[option][int(rng.integers(0, len(OPTIONS[option])))]
            words += [f"--{option}", *value.split()]
        shutil.rmtree(root, ignore_errors=True)
        code, output = _outcome(main, words)
        if code not in (0, 2) or (code == 2 and "error: " not in output.splitlines()[-1]):
            raise AssertionError(f"{words} ended with {code}: {output.splitlines()[-1:]}")
        if damaged := damaged_files(root):
            raise AssertionError(f"{words} left {damaged}")
        if code == 2 and (root / "saved_models").exists() and "The loss became" not in output:
            raise AssertionError(f"{words} left a run that it refused")
        return TAKEN if code == 0 else REFUSED

    return attempt


# ---- files of a run ----


def _file_of_run(name: str) -> Callable[[Main, Path], Try]:
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
                with _refusing() as answer:
                    if page_facts(run, read_inputs(run)) is None:
                        raise AssertionError
            finally:
                path.write_bytes(whole)
            return answer.outcome

        return attempt

    return prepare


def _models(main: Main, folder: Path) -> Try:
    del main
    path = save_model(VAE(SHAPE, 2, widths=(4,)), folder / "vae.keras")
    whole = path.read_bytes()

    def attempt(rng: np.random.Generator) -> str:
        path.write_bytes(edited_bytes(whole, rng))
        with _refusing() as answer:
            load_model(path)
        return answer.outcome

    return attempt


# ---- images ----


def _array_files(main: Main, folder: Path) -> Try:
    del main

    def attempt(rng: np.random.Generator) -> str:
        path = folder / ("images.npy" if rng.random() < 0.5 else "images.npz")
        content, images = io.BytesIO(), odd_array(rng, (24, *SHAPE))
        labels = odd_array(rng, (len(images) if images.ndim else 24,))
        if path.suffix == ".npy":
            np.save(content, images)
        else:
            arrays: dict[str, Any] = {"images": images, "labels": labels} if rng.random() < 0.5 else {"a": images}
            np.savez(content, **arrays)
        whole = content.getvalue()
        path.write_bytes(edited_bytes(whole, rng) if rng.random() < 0.5 else whole)
        with _refusing() as answer:
            data = open_dataset(str(path))
            if data.images("train").dtype != np.uint8 or len(data.labels("train")) != data.counts["train"]:
                raise AssertionError("the images are not as they must be")
        return answer.outcome

    return attempt


def _image_folders(main: Main, folder: Path) -> Try:
    del main
    write_pictures(folder / "pictures")
    files = sorted((folder / "pictures").rglob("*.png"))
    for path in files[24:]:
        path.unlink()
    files = files[:24]
    wholes = {path: path.read_bytes() for path in files}

    def attempt(rng: np.random.Generator) -> str:
        changed = [files[int(each)] for each in rng.integers(0, len(files), rng.integers(1, 4))]
        for path in changed:
            path.write_bytes(edited_bytes(wholes[path], rng))
        try:
            with _refusing() as answer:
                data = open_dataset(str(folder / "pictures"), data_dir=folder / "cache")
                if data.images("train").shape[1:] != SHAPE:
                    raise AssertionError("the images are not as they must be")
        finally:
            shutil.rmtree(folder / "cache", ignore_errors=True)
            for path in changed:
                path.write_bytes(wholes[path])
        return answer.outcome

    return attempt


def _archives(main: Main, folder: Path) -> Try:
    """Archives in the format IDX: none that is not the original is taken, and none fills the memory."""
    del main
    name = "t10k-labels-idx1-ubyte.gz"
    (folder / "SHA256SUMS").write_text("".join(f"{'0' * 64}  {each}\n" for each in ("train-images-idx3-ubyte",)))
    whole = gzip.compress(b"\0\0\x08\x01" + (100).to_bytes(4, "big") + bytes(100))
    bomb = gzip.compress(bytes(BOMB), 1)

    def attempt(rng: np.random.Generator) -> str:
        for payload in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"):
            (folder / f"{payload}.gz").write_bytes(bomb if rng.random() < 0.05 else edited_bytes(whole, rng))
        (folder / name).write_bytes(edited_bytes(whole, rng))
        with _refusing() as answer:
            fashion_mnist_builder(folder / "prepared", folder)
            raise AssertionError("archives of other data were taken")
        return answer.outcome

    return attempt


def _entry_points(main: Main, folder: Path) -> Try:
    """The library's methods and the SavedModel's endpoints: what they give is finite, of images that are images."""
    del main
    model = VAE(SHAPE, 2, widths=(4,))
    served = tf.saved_model.load(str(export_saved_model(model, folder / "saved_model")))
    methods: list[Callable[[Any], Any]] = [
        lambda images: model.reconstruct(images) if hasattr(model, "reconstruct") else model(images),
        lambda images: model.log_likelihood(images, 2),
        lambda images: served.encode(images)["mean"],
        lambda images: served.reconstruct(images)["images"],
        lambda images: served.log_likelihood(images, 2)["nats"],
    ]

    def attempt(rng: np.random.Generator) -> str:
        images = odd_array(rng, (3, *SHAPE))
        method = methods[int(rng.integers(0, len(methods)))]
        try:
            found = np.asarray(method(images))
        except (ValueError, TypeError, tf.errors.InvalidArgumentError):
            return REFUSED
        if images.dtype.kind not in "fbiu":  # TensorFlow itself has made numbers of them
            images = images.astype(np.float32)
        fits = images.shape[1:] == SHAPE
        in_range = not images.size or (np.isfinite(images).all() and -0.01 <= images.min() <= images.max() <= 1.01)
        if not (fits and in_range and np.isfinite(found).all() and len(found) == len(images)):
            raise AssertionError(f"{images.dtype} {images.shape} were taken, and gave {found.shape}")
        return TAKEN

    return attempt


def _outcome(main: Main, words: list[str]) -> tuple[int, str]:
    """The exit code of a command line; what it printed, or where that is not 0, its errors."""
    output, errors, code = io.StringIO(), io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main(words)
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, (errors if code else output).getvalue()


class _Answer:
    outcome = TAKEN


@contextlib.contextmanager
def _refusing() -> Iterator[_Answer]:
    """Take `InputError` for a refusal, as long as it is one line that can be printed."""
    answer = _Answer()
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield answer
    except InputError as error:
        if "\n" in str(error) or not str(error):
            raise AssertionError(f"the message is no line: {str(error)!r}") from error
        answer.outcome = REFUSED


SUBJECTS = (
    Subject("configuration file", 0.25, _configurations),
    Subject("command line of train", 0.2, _command_lines),
    Subject("options, trained for two steps", 0.003, _trainings),
    *(
        Subject(f"{name} of a run, for its report", 0.06, _file_of_run(name))
        for name in ("config.json", "training.json", "history.json", "metrics.json", "latent.json", "maps.npz")
    ),
    Subject("picture of a run, for its report", 0.02, _file_of_run("figures/plain/samples.png")),
    Subject(".keras file", 0.01, _models),
    Subject("file of arrays", 0.07, _array_files),
    Subject("folder of images", 0.02, _image_folders),
    Subject("archives of Fashion-MNIST (IDX)", 0.02, _archives),
    Subject("images at an entry point", 0.05, _entry_points),
)
