"""Images as batches: what a data set holds, and tf.data pipelines over it that a resumed training can take up again."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import tensorflow as tf

from keras_vae.data.array_store import ArraySource, open_array_folder, write_array_folder
from keras_vae.data.arrays import UNLABELLED, HeldOut, Split
from keras_vae.data.augmentation import varied
from keras_vae.data.binarization import binarised, binomial, fixed_binarization, published_generator
from keras_vae.data.sources import Source, open_source
from keras_vae.errors import InputError
from keras_vae.files import expanded

__all__ = ["Binarize", "ImageData", "open_dataset"]

Binarize = Literal["none", "dynamic"]  # while training: drawn anew every epoch
HeldOutBinarize = Literal["none", "fixed"]  # while measuring: the same at every call

_BATCHES_AHEAD = 4
_PARALLEL_CALLS = os.cpu_count()
_DRAWN_AT_ONCE = 256  # images of the binarised splits
_STREAMED_SHUFFLE = 16_384  # images: as many as are held back to be mixed where a data set does not fit into memory


def open_dataset(
    data: Any = "fashion_mnist",
    *,
    name: str | None = None,
    data_dir: Path | str | None = None,
    memory_budget: int = 2 * 2**30,
    image_size: int | Sequence[int] | None = None,
    value_range: Sequence[float] | None = None,
    class_names: Sequence[str] | None = None,
    held_out: HeldOut = "shuffled",
) -> ImageData:
    """Open a data set of grey or colour images of one size; sides are from 8 to 256.

    Args:
        data: `fashion_mnist`, which is bundled, or `colour_shapes`, which is drawn: neither needs a network; or any
            other image data set of TensorFlow Datasets by its name; or the path of a folder of images, of a CSV file of
            their paths, or of a `.npy` or `.npz` file; or arrays: images, `(images, labels)`, a pair of such pairs as
            `keras.datasets` gives them, a mapping from `train`, `validation` and `test` to them, or a `tf.data.Dataset`
            in their place. A name of TFDS wins over a folder of the same name: write `./name` for the folder.
        name: What arrays are called in messages and reports.
        data_dir: Folder of the prepared data sets; by default `data/prepared` in the repository for `fashion_mnist`,
            TFDS's own folder for others, and the user's cache for decoded image files.
        memory_budget: Bytes that the images of all splits may take in memory; a larger data set is streamed from disk.
        image_size: The side, or height and width, that images are resized and cropped to, with antialiasing; None
            leaves them as they are, and they must be of one size.
        value_range: The values of black and white in arrays, where their type does not tell.
        class_names: The names of the labels 0, 1, ... of arrays.
        held_out: How splits that are missing are taken out of the training images, a sixth of each class each:
            `shuffled`, always in the same way, or `in_order`, the fifth and sixth of every six; of data sets of TFDS
            they are the last.

    Returns:
        The data set; of what is on disk nothing is loaded yet.

    Raises:
        InputError: There is no such data set, or it cannot be had, or its images are not supported.
    """
    source = open_source(
        data,
        name=name,
        data_dir=None if data_dir is None else expanded(data_dir),
        image_size=_height_and_width(image_size),
        value_range=value_range,
        class_names=class_names,
        held_out=held_out,
    )
    options = {
        "image_size": None if image_size is None else tuple(np.atleast_1d(image_size).tolist()),
        "value_range": None if value_range is None else tuple(map(float, value_range)),
        "held_out": held_out,
        "class_names": None if class_names is None else tuple(class_names),
    }
    return ImageData(source, memory_budget, options)


class ImageData:
    """A data set of images in three splits: `train`, `validation` and `test`.

    Splits are read when they are first asked for, and then stay in memory as uint8 if the data set fits the budget.

    Attributes:
        name: The name that it was opened by, or the absolute path of the file or folder.
        image_shape: Height, width and channels of every image.
        class_names: The name of each label.
        counts: Number of images in each split.
        in_memory: Whether the images stay in memory; otherwise they are streamed from disk.
        memory_budget: Bytes that the images may take there.
        options: What `open_dataset` was given: `image_size`, `value_range`, `held_out` and `class_names`.
    """

    def __init__(self, source: Source, memory_budget: int, options: Mapping[str, Any] | None = None) -> None:
        self.options = options or {}
        self.name = source.name
        self.image_shape = source.image_shape
        self.class_names = source.class_names
        self.counts = source.counts
        self.in_memory = sum(self.counts.values()) * math.prod(self.image_shape) <= memory_budget
        self._source = source
        self.memory_budget = memory_budget
        self._loaded: dict[str, tuple[tf.Tensor, tf.Tensor]] = {}

    @classmethod
    def of_pixels(cls, train: np.ndarray, validation: np.ndarray) -> ImageData:
        """Hold images of 8 bits in memory, of any size and without classes, to train a model on them and no more.

        Args:
            train: uint8 (n, h, w, c).
            validation: uint8 (m, h, w, c).
        """
        images = {"train": train, "validation": validation, "test": validation[:0]}
        parts = {split: Split(pixels, np.zeros(len(pixels), np.int64)) for split, pixels in images.items()}
        source = ArraySource("arrays", (UNLABELLED,), parts, is_kept=False)
        return cls(source, memory_budget=train.nbytes + validation.nbytes)

    @property
    def has_classes(self) -> bool:
        """Whether the images are of several classes."""
        return len(self.class_names) > 1

    @property
    def is_kept(self) -> bool:
        """Whether the data set can be opened again by its name; otherwise `keep` writes it where it can."""
        return self._source.is_kept

    def digest(self) -> str | None:
        """What a file or folder holds, in short, so that a change is noticed; None where a data set's name says it."""
        return self._source.digest() if Path(self.name).is_absolute() else None

    def keep(self, folder: Path) -> ImageData:
        """Write all images and labels into a new folder, which `open_dataset` takes.

        Returns:
            The data set, read from there.

        Raises:
            InputError: There is no room for it, or the folder cannot be written.
            ValueError: The data set is one of TFDS.
        """
        if not isinstance(self._source, ArraySource):
            raise ValueError(f"{self.name} can be opened by its name: there is no need to keep it.")
        write_array_folder(folder, self._source)
        return ImageData(open_array_folder(folder), self.memory_budget)

    def steps_per_epoch(self, batch_size: int) -> int:
        """Return how many full batches an epoch has.

        Raises:
            InputError: The training split does not fill one batch.
        """
        count = self.counts["train"]
        if not 1 <= batch_size <= count:
            here = f"{self.name} has {count} training images"
            raise InputError(f"--batch-size {batch_size} is not possible: {here}, and no batch has more")
        return count // batch_size

    def training_batches(
        self,
        batch_size: int,
        *,
        seed: int,
        first_epoch: int = 0,
        binarize: Binarize = "none",
        varied_epochs: float = 0.0,
    ) -> tf.data.Dataset:
        """Return the endless batches of a training, `steps_per_epoch` of them an epoch.

        Every epoch passes once over the training split in an order of its own and leaves out what does not fill a
        batch. Order and noise are functions of the seed, the epoch and the step alone, so that a training resumed with
        `first_epoch` sees what an uninterrupted one would have seen.

        Args:
            batch_size: Images in a batch.
            seed: Any integer of 64 bits.
            first_epoch: The epoch, counted from 0, to begin with.
            binarize: `dynamic` draws each pixel anew as 0 or 1, with its grey value as the probability of 1.
            varied_epochs: How many epochs it takes until images are as they are: mirrored, shifted, brighter and darker
                ones (`varied`) become fewer and closer to them with every step. 0 varies none.

        Returns:
            float32 batches (batch_size, h, w, c) in [0, 1].

        Raises:
            InputError: The training split does not fill one batch.
        """
        steps = self.steps_per_epoch(batch_size)
        shuffled = self._gathered if self.in_memory else self._streamed
        pixels = shuffled(batch_size, np.array([seed, 0]), tf.data.Dataset.range(first_epoch, tf.int64.max))
        numbers = tf.data.Dataset.range(first_epoch * steps, tf.int64.max)
        if varied_epochs > first_epoch:
            vary = partial(_vary, last=varied_epochs * steps, seed=np.array([seed, 2]))
            pixels = tf.data.Dataset.zip(numbers, pixels).map(vary, num_parallel_calls=_PARALLEL_CALLS)
        if binarize == "dynamic":
            binarise = partial(binarised, seed=np.array([seed, 1]))
            batches = tf.data.Dataset.zip(numbers, pixels).map(binarise, num_parallel_calls=_PARALLEL_CALLS)
        else:
            batches = pixels.map(_to_float, num_parallel_calls=_PARALLEL_CALLS)
        endless = batches.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        return _finish(endless)

    def batches(self, split: str, batch_size: int, *, binarize: HeldOutBinarize = "none") -> tf.data.Dataset:
        """Return one pass over a split in its own order.

        Args:
            split: `train`, `validation` or `test`.
            batch_size: Images in a batch; the last one may have fewer.
            binarize: `fixed` gives the validation and the test split as `fixed_binarization` does, and the training
                split with noise that is the same at every call.

        Returns:
            float32 batches (at most batch_size, h, w, c) in [0, 1].

        Raises:
            ValueError: `dynamic`, which is for training batches alone.
        """
        if binarize not in get_args(HeldOutBinarize):
            raise ValueError(f"binarize must be one of {', '.join(get_args(HeldOutBinarize))}, not {binarize!r}.")
        if binarize == "fixed" and split != "train":
            if self.in_memory:
                return _finish(tf.data.Dataset.from_tensor_slices(self._binary[split]).batch(batch_size).map(_to_float))
            shape = tf.TensorSpec((None, *self.image_shape), tf.uint8)
            streamed = tf.data.Dataset.from_generator(partial(self._binary_batches, split), output_signature=shape)
            return _finish(streamed.unbatch().batch(batch_size).map(_to_float))
        examples = (
            tf.data.Dataset.from_tensor_slices(self._load(split)) if self.in_memory else self._source.examples(split)
        )
        pixels = examples.batch(batch_size).map(_images)
        if binarize == "fixed":
            return _finish(pixels.enumerate().map(partial(binarised, seed=np.array([0, 1]))))
        return _finish(pixels.map(_to_float))

    def stretch(self, split: str, start: int, end: int, batch_size: int) -> Iterator[np.ndarray]:
        """Yield the images of a split from one place to another, which are read as they are asked for.

        Args:
            split: `train`, `validation` or `test`.
            start: Number of the first image, counted from 0.
            end: Number after the last one; what is beyond the split is left out.
            batch_size: Images in a batch; the last one may have fewer.

        Yields:
            uint8 batches (at most batch_size, h, w, c).
        """
        return self._source.stretch(split, start, end, batch_size)

    def ids(self, split: str, start: int, end: int) -> list[str]:
        """What the images of such a stretch are known by.

        Image files are known by their path from the folder or the list that they were opened by; images of arrays by
        the array and their row in it, such as `train/17`, also where a split was taken out of the training images;
        those of TFDS by the split and their number in it.
        """
        return self._source.ids(split, start, end)

    def images(self, split: str, count: int | None = None) -> np.ndarray:
        """Return the first `count` images of a split, or all of them, as read-only uint8 (n, h, w, c)."""
        return np.asarray(self._load(split, count)[0])

    def labels(self, split: str, count: int | None = None) -> np.ndarray:
        """Return the first `count` labels of a split, or all of them, as read-only int64 (n,)."""
        if self.in_memory:
            return np.asarray(self._load(split, count)[1])
        labels = self._source.labels(split, self.counts[split] if count is None else min(count, self.counts[split]))
        labels.flags.writeable = False
        return labels

    def drawn(self, split: str, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Draw images of a split at random, in the order that they have there; of data that are streamed, the first.

        Args:
            split: `train`, `validation` or `test`.
            count: how many at most; where there are no more, it is all of them.
            seed: seed of the draw.

        Returns:
            uint8 `(n, h, w, c)` and their labels, int64 `(n,)`.
        """
        if not self.in_memory or count >= self.counts[split]:  # no more are read, or copied, than there must be
            return self.images(split, count), self.labels(split, count)
        chosen = np.sort(np.random.default_rng(seed).permutation(self.counts[split])[:count])
        return self.images(split)[chosen], self.labels(split)[chosen]

    def _gathered(self, batch_size: int, seed: np.ndarray, epochs: tf.data.Dataset) -> tf.data.Dataset:
        """Shuffle the indices of an epoch as a whole and gather by batch: no work is left to do image by image."""
        images, _ = self._load("train")
        steps = self.steps_per_epoch(batch_size)

        def indices(epoch: tf.Tensor) -> tf.data.Dataset:
            order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), tf.random.fold_in(seed, epoch))
            return tf.data.Dataset.from_tensor_slices(tf.reshape(order[: steps * batch_size], (steps, batch_size)))

        return epochs.flat_map(indices).map(partial(tf.gather, images), num_parallel_calls=_PARALLEL_CALLS)

    def _streamed(self, batch_size: int, seed: np.ndarray, epochs: tf.data.Dataset) -> tf.data.Dataset:
        """Mix the images on their way from disk in a buffer that the memory budget allows."""
        examples = self._source.examples("train")
        buffer = min(_STREAMED_SHUFFLE, max(batch_size, self.memory_budget // math.prod(self.image_shape)))

        def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
            tf.random.set_seed(1)  # of this traced function alone: the program's own seed must not change the order
            shuffle_seed = tf.random.stateless_uniform((), tf.random.fold_in(seed, epoch), None, None, tf.int64)
            mixed = examples.shuffle(buffer, shuffle_seed, reshuffle_each_iteration=False)
            return mixed.batch(batch_size, drop_remainder=True)

        return epochs.flat_map(shuffled).map(_images)

    @cached_property
    def _binary(self) -> dict[str, np.ndarray]:
        validation, test = fixed_binarization(self.images("validation"), self.images("test"))
        return {"validation": 255 * validation, "test": 255 * test}

    def _binary_batches(self, split: str) -> Iterator[np.ndarray]:
        """What `_binary` has of a split, drawn as it is read; of the test split after the validation split."""
        generator = published_generator()
        for each in ("validation", "test"):
            for images, _ in self._source.examples(each).batch(_DRAWN_AT_ONCE).as_numpy_iterator():
                binary = binomial(generator, images)
                if each == split:
                    yield 255 * binary
            if each == split:
                return

    def _load(self, split: str, count: int | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        total = self.counts[split]
        count = total if count is None else min(count, total)
        if not self.in_memory:
            return self._source.read(split, count)
        if split not in self._loaded:
            self._loaded[split] = self._source.read(split, total)
        images, labels = self._loaded[split]
        return (images, labels) if count == total else (images[:count], labels[:count])


def _images(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    del labels
    return images


def _to_float(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels, tf.float32) / 255.0


def _vary(number: tf.Tensor, pixels: tf.Tensor, last: float, seed: np.ndarray) -> tf.Tensor:
    """Vary a batch the less, the higher its number, and not at all from the last one on."""
    strength = 1.0 - tf.cast(number, tf.float32) / last
    result = tf.cond(strength > 0.0, lambda: varied(pixels, strength, tf.random.fold_in(seed, number)), lambda: pixels)
    return tf.ensure_shape(result, pixels.shape)


def _finish(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Prepare some batches ahead, and let each worker of a distributed training take its own share of them.

    Nothing is tuned while it runs: the thread that does so sleeps for up to a minute between its rounds, and what
    reads the batches waits at its end until it wakes.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(_BATCHES_AHEAD).with_options(options)


def _height_and_width(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    sides = (size,) if isinstance(size, int) else tuple(size)
    if len(sides) not in (1, 2) or not all(isinstance(side, int) and side > 0 for side in sides):
        raise InputError(f"--image-size takes a side, or a height and a width, not {size}.")
    return sides[0], sides[-1]
