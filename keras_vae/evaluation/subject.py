"""What an evaluation measures: a model, images that fit it, and a network that compares them."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from tqdm import tqdm

from keras_vae.data import ImageData
from keras_vae.errors import InputError
from keras_vae.evaluation.config import EvaluationConfig
from keras_vae.evaluation.features import FeatureNetwork, open_features, train_features
from keras_vae.evaluation.known_images import classifier_knows
from keras_vae.evaluation.metrics import Measurement, mean_of, read_metrics, weights_digest
from keras_vae.files import require_room
from keras_vae.model import VAE, load_model
from keras_vae.runs import Run, open_data

__all__ = [
    "BATCH",
    "MOST_PAIRED",
    "REFINEMENTS",
    "Results",
    "Subject",
    "open_model_and_data",
    "open_subject",
    "progress_bar",
    "spread_rows",
]

Results = tuple[dict[str, Measurement], dict[str, Figure]]  # measurements and charts, by their names

BATCH = 500
REFINEMENTS = 20  # gradient steps
MOST_PAIRED = 10_000  # images whose pairs are looked at: what that takes grows with the square of their number
BYTES_WRITTEN = 10_000_000  # of an evaluation: pictures, for TensorBoard too, a feature network and numbers
OWN_FEATURES = "features.weights.h5"
LEAST_COMPARED = 10  # images in a set
BINARY_TEST_SUM = 2_248_637  # white pixels of the binarised test images in the published protocol


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is measured, and how.

    Attributes:
        run: the run that is measured.
        config: what is measured of it.
        model: model of the run.
        data: the run's own, or others of the same shape.
        features: compares images; None leaves generated images unmeasured.
        digest: SHA-256 of the weights.
    """

    run: Run
    config: EvaluationConfig
    model: VAE
    data: ImageData
    features: FeatureNetwork | None
    digest: str

    @property
    def name(self) -> str:
        """What the measurements are filed under: the protocol, and split and data set where they are not the usual."""
        name = self.config.protocol if self.split == "test" else f"{self.config.protocol}-{self.split}"
        return name if self.is_own_data else f"{name}-{self._name_of_data}"

    @property
    def split(self) -> str:
        """The split that is measured."""
        return self.config.split

    @property
    def count(self) -> int:
        """How many images are measured."""
        return self.data.counts[self.split]

    @property
    def _name_of_data(self) -> str:
        name = self.data.name.replace("/", "-")
        if Path(self.data.name).is_absolute():  # folders may differ, and yet end alike
            name = f"{Path(self.data.name).name}-{hashlib.sha256(self.data.name.encode()).hexdigest()[:8]}"
        return name

    @property
    def is_own_data(self) -> bool:
        """Whether the images are those of the data set that the run was trained on."""
        return self.data.name == self.run.config.dataset

    @cached_property
    def labels(self) -> np.ndarray:
        """Labels of the images that are measured, `(n,)`."""
        return self.data.labels(self.split)

    def batches(self, split: str | None = None, *, grey: bool = False) -> tf.data.Dataset:
        """One pass over a split (None: the one that is measured), as the protocol has it or with its grey values."""
        binarized = self.config.protocol == "binarized" and not grey
        return self.data.batches(split or self.split, BATCH, binarize="fixed" if binarized else "none")

    def told_batches(self, words: str) -> Iterable[Any]:
        """One pass over the images that are measured, with a progress bar that begins with some words."""
        with progress_bar(f"  {words}", self.count, " images") as bar:
            for batch in self.batches():
                yield batch
                bar.update(len(batch))

    def spread_batches(self, most: int) -> Iterable[Any]:
        """Grey batches of as many images as there are, or of `most` that are spread evenly over them."""
        chosen = spread_rows(self.count, most)
        start = 0
        for batch in self.batches(grey=True):
            end = start + len(batch)
            within = chosen[(chosen >= start) & (chosen < end)] - start
            if len(within):
                yield batch if len(within) == len(batch) else batch.numpy()[within]
            start = end

    def pick(self, numbers: np.ndarray, *, grey: bool = False) -> np.ndarray:
        """The images of some numbers, in their order, without keeping the others."""
        found: dict[int, np.ndarray] = {}
        start = 0
        for batch in self.batches(grey=grey):
            for number in numbers[(numbers >= start) & (numbers < start + len(batch))]:
                found[int(number)] = np.asarray(batch[number - start])
            start += len(batch)
        return np.stack([found[int(number)] for number in numbers])

    def mean_of(self, values: np.ndarray, unit: str, *, by_class: bool = False, details: str = "") -> Measurement:
        """The mean of a measure of each image."""
        labels = self.labels if by_class else None
        classes = self.data.class_names
        return mean_of(
            values, unit, self.split, self.config.protocol, labels=labels, class_names=classes, details=details
        )

    def measurement(self, value: Any, unit: str, **options: Any) -> Measurement:
        """A measurement of all images, unless its options have another number."""
        images, protocol = options.pop("images", self.count), options.pop("protocol", self.config.protocol)
        return Measurement(value, unit, self.split, images, protocol, **options)


def spread_rows(count: int, most: int) -> np.ndarray:
    """Numbers of `most` of so many rows, or of all where they are not more, spread evenly: `(at most most,)`."""
    return np.arange(count) if count <= most else np.linspace(0, count - 1, most).round().astype(int)


def progress_bar(words: str, total: int, unit: str, done: int = 0) -> tqdm:
    """A bar that shows how far something is and how long it still takes: on a terminal, or now and then in a log."""
    often = 0.5 if sys.stdout.isatty() else 30.0
    return tqdm(
        desc=words, total=total, initial=done, unit=unit, unit_scale=True, file=sys.stdout, mininterval=often,
        delay=often,
    )  # fmt: skip


def open_subject(run: Run, config: EvaluationConfig) -> Subject:
    """Load what is to be measured, and find out whatever could stop the measuring later.

    Args:
        run: a trained run.
        config: what to measure.

    Raises:
        InputError: the run has no weights or damaged metrics, the data do not fit it, a feature network cannot be
            had, or there is no room on the disk.
    """
    require_room(run.folder, BYTES_WRITTEN)
    model, data = open_model_and_data(run, config.dataset)
    digest = weights_digest(run)
    read_metrics(run, digest)  # whether the old ones are damaged is told before minutes are spent on new ones
    features = _open_features(run, config, data)
    subject = Subject(run, config, model, data, features, digest)
    if config.protocol == "binarized" and classifier_knows(data.name, data.image_shape):  # as they are published
        total = sum(int(batch.sum()) for batch in subject.batches("test").as_numpy_iterator())
        if total != BINARY_TEST_SUM:
            raise InputError(
                f"The binarised test images of {data.name} have {total:,} white pixels, not the {BINARY_TEST_SUM:,} of "
                "the published protocol: remove data/prepared, and evaluate again."
            )
    return subject


def _open_features(run: Run, config: EvaluationConfig, data: ImageData) -> FeatureNetwork | None:
    """The network that compares images; None where that is not asked for, or there are too few images for it."""
    name = config.features
    is_possible = min(data.counts["train"], data.counts[config.split]) >= LEAST_COMPARED
    if name == "none" or (name == "auto" and not is_possible):
        return None
    if not is_possible:
        raise InputError(
            f"{data.name} has too few images to compare sets of them, it takes {LEAST_COMPARED}: "
            "--features none leaves generated images unmeasured."
        )
    if name == "auto":
        name = "classifier" if classifier_knows(data.name, data.image_shape) else "own"
    if name != "own":
        return open_features(name, data.image_shape, config.inception_weights)
    if not (run.folder / OWN_FEATURES).is_file():
        print(f"{run.name}: a feature network is trained on its training images, once", flush=True)
    own = data if data.name == run.config.dataset else open_data(run.config, run)
    return train_features(own, run.folder / OWN_FEATURES)


def open_model_and_data(run: Run, dataset: str | None = None) -> tuple[VAE, ImageData]:
    """Load a trained model and images that fit it.

    Args:
        run: a trained run.
        dataset: None takes the run's own.

    Raises:
        InputError: the run has no weights, or the images have another shape.
    """
    if not run.has_weights:
        run.clear_leftovers(alone=True)  # among which they may lie, put aside
    if not run.has_weights:
        raise InputError(f"Run {run.name!r} has no weights yet, there is no {run.model_file}: {run.resume_command}.")
    data = open_data(run.config, run, dataset)
    model = load_model(run.model_file if run.model_file.is_file() else run.saved_model)
    if data.image_shape != model.image_shape:
        taken, given = (" x ".join(map(str, shape)) for shape in (model.image_shape, data.image_shape))
        raise InputError(f"Run {run.name!r} takes images of {taken}, {data.name} has {given}: give another --dataset.")
    return model, data
