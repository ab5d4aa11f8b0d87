"""Where the images come from: arrays, files, folders, or a builder of TensorFlow Datasets by its name."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_vae.data.array_files import open_arrays, read_array_file
from keras_vae.data.array_store import ArraySource, is_array_folder, open_array_folder
from keras_vae.data.arrays import UNLABELLED, HeldOut, Split, check_image_shape
from keras_vae.data.colour_shapes import COLOUR_SHAPES, colour_shapes
from keras_vae.data.fashion_mnist import fashion_mnist_builder, quiet_tfds
from keras_vae.data.image_decoding import Size, fitted
from keras_vae.data.image_files import open_image_files
from keras_vae.data.image_lists import list_folder, list_table
from keras_vae.data.prepared_images import image_cache
from keras_vae.errors import InputError
from keras_vae.files import expanded

__all__ = ["Source", "open_source"]

FASHION_MNIST = "fashion_mnist"
LABELS_AT_ONCE = 4096


class Source(Protocol):
    """Images in three splits, `train`, `validation` and `test`, of which nothing need be in memory yet.

    Attributes:
        name: The name that they were opened by, or the absolute path of the file or folder.
        image_shape: Height, width and channels of every image.
        class_names: The name of each label.
        counts: Number of images in each split.
        is_kept: Whether they can be opened again by their name.
    """

    @property
    def name(self) -> str: ...

    @property
    def image_shape(self) -> tuple[int, int, int]: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def counts(self) -> dict[str, int]: ...

    @property
    def is_kept(self) -> bool: ...

    def read(self, split: str, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the first images, uint8 (n, h, w, c), and their labels, int64 (n,)."""

    def labels(self, split: str, count: int) -> np.ndarray:
        """Return the first labels, int64 (n,), without the images."""

    def examples(self, split: str) -> tf.data.Dataset:
        """Return pairs of an image, uint8 (h, w, c), and its label, int64 (), in the same order at every call."""

    def stretch(self, split: str, start: int, end: int, batch_size: int) -> Iterator[np.ndarray]:
        """Yield the images from one place to another, uint8 (at most batch_size, h, w, c)."""

    def ids(self, split: str, start: int, end: int) -> list[str]:
        """Return what images from one place to another are known by, each by another name."""

    def digest(self) -> str | None:
        """Return what tells the images from others; None where the name does."""


@dataclass(frozen=True)
class _TFDSSource:
    """A prepared TFDS builder of images, and how it is split.

    Attributes:
        name: The name that it was opened by.
        image_shape: Height, width and channels of every image.
        class_names: The name of each label.
        splits: TFDS's expression for the splits `train`, `validation` and `test`, such as `train[:50000]`.
        builder: The TFDS builder.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    splits: Mapping[str, str]
    builder: tfds.core.DatasetBuilder
    is_kept: bool = True

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each split."""
        return {name: self.builder.info.splits[split].num_examples for name, split in self.splits.items()}

    def read(self, split: str, count: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the first images, uint8 (n, h, w, c), and their labels, int64 (n,).

        Raises:
            InputError: The files are damaged.
        """
        try:
            return self.examples(split).take(count).batch(count).get_single_element()
        except tf.errors.OpError as error:
            raise self.damaged() from error

    def labels(self, split: str, count: int) -> np.ndarray:
        """Return the first labels, int64 (n,), without decoding the images.

        Raises:
            InputError: The files are damaged.
        """
        undecoded = {"image": tfds.decode.SkipDecoding()}
        try:
            labels = self.examples(split, undecoded).map(lambda _, label: label).take(count)
            return np.concatenate(list(labels.batch(LABELS_AT_ONCE).as_numpy_iterator()))
        except tf.errors.OpError as error:
            raise self.damaged() from error

    def examples(self, split: str, decoders: Mapping[str, Any] | None = None) -> tf.data.Dataset:
        """Return pairs of an image, uint8 (h, w, c), and its label, int64 (), in the same order at every call."""
        labelled = _has_classes(self.builder.info.features)

        def pair(example: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return example["image"], example["label"] if labelled else tf.constant(0, tf.int64)

        read_config = tfds.ReadConfig(try_autocache=False)  # whoever reads decides what stays in memory
        examples = self.builder.as_dataset(split=self.splits[split], read_config=read_config, decoders=decoders)
        return examples.map(pair)

    def stretch(self, split: str, start: int, end: int, batch_size: int) -> Iterator[np.ndarray]:
        """Yield the images from one place to another, in the order of the files, uint8 (at most batch_size, h, w, c).

        Raises:
            InputError: The files are damaged.
        """
        (whole,) = tfds.core.ReadInstruction.from_spec(self.splits[split]).to_absolute(self.builder.info.splits)
        first, last = (whole.from_ or 0) + start, (whole.from_ or 0) + min(end, self.counts[split])
        part = tfds.core.ReadInstruction(whole.splitname, from_=first, to=last, unit="abs")
        in_order = tfds.ReadConfig(try_autocache=False, interleave_cycle_length=1)
        images = self.builder.as_dataset(split=part, read_config=in_order).map(lambda example: example["image"])
        try:
            yield from images.batch(batch_size).prefetch(2).with_options(_untuned()).as_numpy_iterator()
        except tf.errors.OpError as error:
            raise self.damaged() from error

    def ids(self, split: str, start: int, end: int) -> list[str]:
        """Return the split and the number of each image in it, in the order of the files."""
        return [f"{split}/{number}" for number in range(start, min(end, self.counts[split]))]

    def digest(self) -> None:
        """None: the name and the version of a data set of TFDS stand for its images."""

    def damaged(self) -> InputError:
        """What to raise where TensorFlow cannot read the files."""
        return InputError(f"{self.name}: its files in {self.builder.data_dir} are damaged: delete them and start again")


def open_source(
    data: Any,
    *,
    name: str | None = None,
    data_dir: Path | None = None,
    image_size: Size | None = None,
    value_range: Sequence[float] | None = None,
    class_names: Sequence[str] | None = None,
    held_out: HeldOut = "shuffled",
) -> Source:
    """Open images, wherever they are, and prepare them where that is still to do.

    The name of a TFDS data set wins over a file or folder of that name: write `./name` for those.

    The validation split is the data set's own or, where it has none, the last sixth of its training split, and the test
    split is its own or the next sixth from the end. `held_out_rows` tells how one's own images are split.

    Args:
        data: `fashion_mnist` (bundled); `colour_shapes` (drawn, at the size that is asked for); another TFDS name such
            as `cifar10` or `emnist/letters`; the path of a folder of images, of a `.npy`, `.npz` or CSV file, or of a
            folder that `write_array_folder` wrote; or arrays, as `open_arrays` takes them.
        name: What arrays are called, and those of a folder that `write_array_folder` wrote; None takes the path there.
        data_dir: Folder of the prepared data sets; by default `data/prepared` in the repository for `fashion_mnist`,
            TFDS's own for others, and the user's cache for image files.
        image_size: Height and width that images are resized and cropped to.
        value_range: The values of black and white in arrays.
        class_names: The names of the labels of arrays.
        held_out: How splits that are missing are taken out of the training images; data sets of TFDS give their last.

    Raises:
        InputError: There is no such data set, or it cannot be had, or its images are not supported.
    """
    of_arrays: dict[str, Any] = {"size": image_size, "value_range": value_range, "class_names": class_names}
    of_arrays["held_out"] = held_out
    if not isinstance(data, (str, os.PathLike)):
        if name in (FASHION_MNIST, COLOUR_SHAPES):
            raise InputError(f"{name} names a data set that is bundled: call other images something else.")
        return open_arrays(data, name or "arrays", **of_arrays)
    path = expanded(data)
    known_as = os.fspath(data)
    is_of_arrays = path.suffix.lower() in (".npy", ".npz") or is_array_folder(path)
    if value_range is not None and not is_of_arrays:
        raise InputError(f"--value-range is for arrays, whose type may not tell: {known_as} has pixels; leave it out.")
    if class_names is not None and not is_of_arrays:
        raise InputError(f"class_names are for arrays: {known_as} has names of its own; leave them out.")
    is_path = isinstance(data, os.PathLike) or known_as.startswith((".", "~")) or path.is_absolute()
    is_path = is_path or path.suffix.lower() in (".npy", ".npz", ".csv")
    if known_as == COLOUR_SHAPES:
        if image_size is not None:
            check_image_shape(COLOUR_SHAPES, (*image_size, 3))
        return colour_shapes(*(image_size or ()))
    source = None if is_path else _from_tfds(known_as, data_dir, image_size)
    if source is not None:
        return source
    if (is_path or os.sep in known_as) and not path.exists():
        raise InputError(f"{known_as}: there is no such file or folder: give images by class, arrays, or a TFDS name")
    if path.exists():
        if name is not None and not is_array_folder(path):
            raise InputError(f"name is what arrays are called: {known_as} is called by its path; leave it out.")
        return _from_path(path, name, data_dir or image_cache(), of_arrays)
    near = difflib.get_close_matches(
        known_as.lower(), tfds.list_builders(with_community_datasets=False), n=3, cutoff=0.5
    )
    advice = f"did you mean {' or '.join(near)}?" if near else "see https://www.tensorflow.org/datasets/catalog"
    raise InputError(f"{known_as!r} is neither a data set of TensorFlow Datasets nor a file or folder here: {advice}")


def _from_path(path: Path, name: str | None, cache: Path, of_arrays: Mapping[str, Any]) -> Source:
    called, size, held_out = name or str(path.resolve()), of_arrays["size"], of_arrays["held_out"]
    if path.is_dir():
        if is_array_folder(path):
            return _from_array_folder(path, called, of_arrays)
        files, passed_over = list_folder(path.resolve())
        return open_image_files(called, files, path.resolve(), cache, size, passed_over, held_out)
    if path.suffix.lower() == ".csv":
        return open_image_files(
            called, list_table(path.resolve()), path.resolve().parent, cache, size, held_out=held_out
        )
    if path.suffix.lower() not in (".npy", ".npz"):
        raise InputError(f"{path} is no data set: give a folder of images, a .npy, .npz or .csv file, or a TFDS name")
    return open_arrays(read_array_file(path), called, **of_arrays, is_kept=True)


def _from_array_folder(path: Path, name: str, of_arrays: Mapping[str, Any]) -> Source:
    source, size = open_array_folder(path, name), of_arrays["size"]
    if size not in (None, source.image_shape[:2]):
        height, width, _ = source.image_shape
        raise InputError(f"--image-size: the arrays in {path} are {height} x {width} already; leave it out.")
    for option, called in (("value_range", "--value-range"), ("class_names", "class_names")):
        if of_arrays[option] is not None:
            raise InputError(f"{called}: the arrays in {path} are of 8 bits and have named classes; leave it out.")
    return source


def _from_tfds(name: str, data_dir: Path | None, image_size: Size | None) -> Source | None:
    """The data set of this name; None where TFDS has none."""
    if name == FASHION_MNIST:
        return _source(name, fashion_mnist_builder(data_dir), image_size)
    builder = _find_builder(name, data_dir)
    if builder is None:
        return None
    _image_shape(name, builder, image_size)  # before the download of images that could not be used
    if not builder.is_prepared():
        _download_and_prepare(name, builder)
    return _source(name, builder, image_size)


def _find_builder(name: str, data_dir: Path | None) -> tfds.core.DatasetBuilder | None:
    try:
        with quiet_tfds():
            return tfds.builder(name, data_dir=data_dir)
    except (ValueError, TypeError, AssertionError):  # unknown name, configuration, argument or version
        return None
    except ImportError as error:
        raise InputError(f"{name}: TFDS needs the package {error.name} for it: pip install {error.name}") from error


def _source(name: str, builder: tfds.core.DatasetBuilder, size: Size | None) -> Source:
    features = builder.info.features
    class_names = tuple(features["label"].names) if _has_classes(features) else (UNLABELLED,)
    shape = _image_shape(name, builder, size)
    source = _TFDSSource(name, shape, class_names, _splits(name, builder), builder)
    return source if size is None else _resized(source, size)


def _resized(source: _TFDSSource, size: Size) -> Source:
    """Images of a builder, each resized and cropped; in memory.

    Raises:
        InputError: The files are damaged.
    """
    parts = {}
    for split, count in source.counts.items():
        images, labels = np.empty((count, *source.image_shape), np.uint8), np.empty(count, np.int64)
        try:
            for place, (image, label) in enumerate(source.examples(split).as_numpy_iterator()):
                images[place], labels[place] = fitted(image[np.newaxis], size)[0], label
        except tf.errors.OpError as error:
            raise source.damaged() from error
        parts[split] = Split(images, labels)
    return ArraySource(source.name, source.class_names, parts)


def _image_shape(name: str, builder: tfds.core.DatasetBuilder, size: Size | None) -> tuple[int, int, int]:
    features = builder.info.features
    image = dict(features.items()).get("image")
    if image is None or len(image.shape or ()) != 3 or image.np_dtype != np.uint8:
        raise InputError(f"{name} is not a data set of 8-bit images: choose one, such as mnist or cifar10, or a folder")
    shape = image.shape if size is None else (*size, image.shape[2])
    if None in shape:
        raise InputError(f"{name}: its images differ in size: give --image-size 64, say, to bring them to one")
    check_image_shape(name, shape)
    return shape


def _untuned() -> tf.data.Options:
    """Without the thread that tunes a pipeline, which is waited for at its end."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


def _has_classes(features: tfds.features.FeaturesDict) -> bool:
    return "label" in features and isinstance(features["label"], tfds.features.ClassLabel)


def _splits(name: str, builder: tfds.core.DatasetBuilder) -> dict[str, str]:
    sizes = {split: info.num_examples for split, info in builder.info.splits.items()}
    if sizes.get("train", 0) < 6:
        raise InputError(f"{name} has no training split to learn from (its splits: {', '.join(sizes)}): choose another")
    splits, end, sixth = {}, sizes["train"], sizes["train"] // 6
    for split in ("validation", "test"):
        if sizes.get(split):
            splits[split] = split
        else:
            splits[split] = f"train[{end - sixth}:{end}]"
            end -= sixth
    return {"train": f"train[:{end}]" if end < sizes["train"] else "train", **splits}


def _download_and_prepare(name: str, builder: tfds.core.DatasetBuilder) -> None:
    _require_network(name, builder)
    print(f"Downloading and preparing {name} in {builder.data_dir}, once ...", file=sys.stderr, flush=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except Exception as error:  # every data set brings code of its own, which raises what it likes
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"{name} could not be prepared in {builder.data_dir} ({reason}): mend that, or choose another data set"
        ) from error


def _require_network(name: str, builder: tfds.core.DatasetBuilder) -> None:
    """Say at once that a download cannot work: TFDS itself tries again for minutes."""
    urls = [url for url in builder.url_infos or () if url.startswith("http")]
    downloads = Path(builder.data_dir_root) / "downloads" / builder.name
    if not urls or any(downloads.glob("*.INFO*")):  # what was downloaded before may be all that it needs
        return
    try:
        urllib.request.urlopen(urllib.request.Request(urls[0], method="HEAD"), timeout=10).close()
    except urllib.error.HTTPError:
        return  # the host answers: what it says to a plain HEAD does not matter
    except OSError as error:
        raise InputError(
            f"{name} must be downloaded, and {urlsplit(urls[0]).netloc} cannot be reached ({error}): connect to the "
            f"network once, or copy a prepared {name} to {builder.data_dir_root}; fashion_mnist needs no network"
        ) from error
