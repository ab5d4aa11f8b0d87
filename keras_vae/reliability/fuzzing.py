"""Damaged and absurd inputs: each is taken, with a sound result, or refused in one line that changes nothing."""

from __future__ import annotations

import gzip
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_vae.data import fashion_mnist_builder, open_dataset
from keras_vae.model import VAE, AveragingAdamW, export_saved_model, posterior_means
from keras_vae.reliability.answers import REFUSED, TAKEN, Subject, Try, refusing
from keras_vae.reliability.edits import edited_bytes, odd_array
from keras_vae.reliability.fuzzed_options import combinations, command_lines, configurations, trainings
from keras_vae.reliability.fuzzed_runs import files_of_a_run, for_its_report, keras_files
from keras_vae.reliability.outcomes import Tally
from keras_vae.reliability.processes import Main
from keras_vae.reliability.small_run import write_pictures

__all__ = ["SUBJECTS", "fuzz"]

SHAPE = (8, 8, 1)
ANY, HUGE = (-np.inf, np.inf), 1e3  # of latents
BOMB = 200_000_000  # bytes of zeros, which gzip packs to a thousandth


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
        with refusing() as answer:
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
            with refusing() as answer:
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
        with refusing() as answer:
            fashion_mnist_builder(folder / "prepared", folder)
            raise AssertionError("archives of other data were taken")
        return answer.outcome

    return attempt


class _Method(NamedTuple):
    """A method of the library, or an endpoint of a SavedModel.

    Attributes:
        call: from what it is given to numbers, which must be finite.
        shape: of one element of what it takes.
        range: of its values; where it is `ANY`, all finite numbers are taken, and what comes of huge ones may be not.
        rows: whether it gives one for each element.
    """

    call: Callable[[Any], Any]
    shape: tuple[int, ...] = SHAPE
    range: tuple[float, float] = (-0.01, 1.01)
    rows: bool = True


def _entry_points(main: Main, folder: Path) -> Try:
    """The library's methods and the SavedModel's endpoints: what they give is finite, of images that are images."""
    del main
    model = VAE(SHAPE, 2, widths=(4,))
    model.compile(AveragingAdamW(1e-3), jit_compile=False)
    served = tf.saved_model.load(str(export_saved_model(model, folder / "saved_model")))
    latents, noise = (2,), (3,)
    methods = [
        _Method(model),
        _Method(lambda images: model.log_likelihood(images, 2)),
        _Method(lambda images: model.encode(images)[0]),
        _Method(lambda images: model.draw(images, (0, 0)).latents),
        _Method(lambda images: posterior_means(model, images), range=(0.0, 255.0)),
        _Method(lambda images: model.evaluate(_at_once(images), verbose=0), rows=False),
        _Method(lambda images: model.predict(_at_once(images), verbose=0)),
        _Method(lambda images: served.encode(images)["mean"]),
        _Method(lambda images: served.reconstruct(images)["images"]),
        _Method(lambda images: served.log_likelihood(images, 2)["nats"]),
        _Method(lambda latents: served.decode(latents)["images"], latents, ANY),
        _Method(lambda latents: served.log_prior(latents)["nats"], latents, ANY),
        _Method(lambda noise: served.decode_prior(noise)["images"], noise, ANY),
    ]

    def attempt(rng: np.random.Generator) -> str:
        method = methods[int(rng.integers(0, len(methods)))]
        given = odd_array(rng, (3, *method.shape))
        try:
            found = np.asarray(method.call(given))
        except (ValueError, TypeError, tf.errors.InvalidArgumentError):
            return REFUSED
        if given.dtype.kind not in "fbiu":  # TensorFlow itself has made numbers of them
            given = given.astype(np.float32)
        fits = given.shape[1:] == method.shape and (not method.rows or len(found) == len(given))
        least, most = method.range
        in_range = not given.size or (np.isfinite(given).all() and least <= given.min() <= given.max() <= most)
        is_huge = method.range == ANY and given.size and np.abs(given).max() > HUGE
        if not (fits and in_range and (is_huge or np.isfinite(found).all())):
            raise AssertionError(f"{given.dtype} {given.shape} were taken, and gave {found.shape}")
        return TAKEN

    return attempt


def _at_once(images: Any) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(images).batch(max(1, len(images)))


SUBJECTS = (
    Subject("configuration file", 0.25, configurations),
    Subject("combination of options", 0.02, combinations),
    Subject("command line of train", 0.2, command_lines),
    Subject("combination of options, by the command", 0.003, trainings),
    *(
        Subject(f"{name} of a run, for its report", 0.06, for_its_report(name))
        for name in ("config.json", "training.json", "history.json", "metrics.json", "latent.json", "maps.npz")
    ),
    Subject("picture of a run, for its report", 0.02, for_its_report("figures/plain/samples.png")),
    Subject("a file of a run, for each command", 0.02, files_of_a_run),
    Subject(".keras file", 0.01, keras_files),
    Subject("file of arrays", 0.07, _array_files),
    Subject("folder of images", 0.02, _image_folders),
    Subject("archives of Fashion-MNIST (IDX)", 0.02, _archives),
    Subject("images at an entry point", 0.05, _entry_points),
)
