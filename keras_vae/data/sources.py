"""Where the images come from: a TensorFlow Datasets builder found by name or folder, and its three splits."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_vae.data.fashion_mnist import fashion_mnist_builder, quiet_tfds
from keras_vae.data.image_folder import check_image_shape, image_folder_builder
from keras_vae.errors import InputError

__all__ = ["Source", "open_source"]


@dataclass(frozen=True)
class Source:
    """A prepared TFDS builder of images, and how it is split.

    Attributes:
        name: The name that it was opened by, or the absolute path of the folder.
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

    @property
    def counts(self) -> dict[str, int]:
        """Number of images in each split."""
        return {name: self.builder.info.splits[split].num_examples for name, split in self.splits.items()}

    def examples(self, split: str) -> tf.data.Dataset:
        """Return pairs of an image, uint8 (h, w, c), and its label, int64 (), in the same order at every call."""
        labelled = _has_classes(self.builder.info.features)

        def pair(example: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            return example["image"], example["label"] if labelled else tf.constant(0, tf.int64)

        read_config = tfds.ReadConfig(try_autocache=False)  # whoever reads decides what stays in memory
        return self.builder.as_dataset(split=self.splits[split], read_config=read_config).map(pair)


def open_source(name: str, data_dir: Path | None = None) -> Source:
    """Open a TFDS data set by its name, or a folder of images by its path, and prepare it where that is still to do.

    The name of a data set wins over a folder of that name: write `./name` for the folder.

    The validation split is the data set's own or, where it has none, the last sixth of its training split, and the test
    split is its own or the next sixth from the end. `image_folder_builder` tells how a folder is split.

    Args:
        name: `fashion_mnist` (bundled), another TFDS name such as `cifar10` or `emnist/letters`, or a folder.
        data_dir: Folder of the prepared data sets; by default `data/prepared` in the repository for `fashion_mnist` and
            TFDS's own for others.

    Raises:
        InputError: There is no such data set, or it cannot be had, or its images are not supported.
    """
    if name == "fashion_mnist":
        return _source(name, fashion_mnist_builder(data_dir))
    is_path = name.startswith((".", "~")) or Path(name).is_absolute()
    builder = None if is_path else _find_builder(name, data_dir)
    if builder is not None:
        _image_shape(name, builder)  # before the download of images that could not be used
        if not builder.is_prepared():
            _download_and_prepare(name, builder)
        return _source(name, builder)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _source(str(folder.resolve()), image_folder_builder(folder))
    if is_path or os.sep in name:
        raise InputError(f"{name}: there is no such folder: give a folder of images by class, or a TFDS name")
    near = difflib.get_close_matches(name.lower(), tfds.list_builders(with_community_datasets=False), n=3, cutoff=0.5)
    advice = f"did you mean {' or '.join(near)}?" if near else "see https://www.tensorflow.org/datasets/catalog"
    raise InputError(f"{name!r} is neither a data set of TensorFlow Datasets nor a folder here: {advice}")


def _find_builder(name: str, data_dir: Path | None) -> tfds.core.DatasetBuilder | None:
    try:
        with quiet_tfds():
            return tfds.builder(name, data_dir=data_dir)
    except (ValueError, TypeError, AssertionError):  # unknown name, configuration, argument or version
        return None
    except ImportError as error:
        raise InputError(f"{name}: TFDS needs the package {error.name} for it: pip install {error.name}") from error


def _source(name: str, builder: tfds.core.DatasetBuilder) -> Source:
    features = builder.info.features
    class_names = tuple(features["label"].names) if _has_classes(features) else ("unlabelled",)
    return Source(name, _image_shape(name, builder), class_names, _splits(name, builder), builder)


def _image_shape(name: str, builder: tfds.core.DatasetBuilder) -> tuple[int, int, int]:
    features = builder.info.features
    image = dict(features.items()).get("image")
    if image is None or len(image.shape or ()) != 3 or image.np_dtype != np.uint8:
        raise InputError(f"{name} is not a data set of 8-bit images: choose one, such as mnist or cifar10, or a folder")
    if None in image.shape:
        raise InputError(f"{name}: its images differ in size: resize them first and give their folder as the data set")
    check_image_shape(name, image.shape)
    return image.shape


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
