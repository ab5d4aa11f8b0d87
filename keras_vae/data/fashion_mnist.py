"""The bundled Fashion-MNIST archives, served to the builder of TensorFlow Datasets as its download."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import logging
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.image_classification import FashionMNIST

from keras_vae.errors import InputError
from keras_vae.files import BUNDLED, make_folder, prepared_folder, replace_durably

__all__ = ["FASHION_MNIST_ARCHIVES", "fashion_mnist_builder", "quiet_tfds"]

FASHION_MNIST_ARCHIVES: Path = BUNDLED / "fashion_mnist"

UNPACKED_AT_ONCE = 2**20  # bytes
LARGEST_PAYLOAD = 50_000_000  # bytes: the images of the training split are 47 MB

_PAYLOADS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def fashion_mnist_builder(
    data_dir: Path | None = None, archives: Path = FASHION_MNIST_ARCHIVES
) -> tfds.core.DatasetBuilder:
    """Return the builder of Fashion-MNIST, its data set prepared: by the first start, in seconds, without a network.

    The archives are read by that first start alone, and only if their payloads match their SHA-256 sums. A preparation
    killed at any moment leaves nothing that the next start does not clear away, and of two starts at once the second
    waits for the first.

    Args:
        data_dir: Folder that receives `fashion_mnist/file_order/<version>/`, the prepared data set; None takes
            `prepared_folder()`. Plain TFDS reads it too: `tfds.load("fashion_mnist/file_order", data_dir=data_dir)`.
        archives: Folder of the four IDX archives and their `SHA256SUMS`.

    Returns:
        A builder with the splits `train` (60,000) and `test` (10,000), both in the order of the archives.

    Raises:
        InputError: An archive or what was prepared is missing, damaged or altered, or `data_dir` cannot be written.
    """
    data_dir = data_dir or prepared_folder()
    builder = _open_builder(data_dir)
    if _is_whole(builder):
        return builder
    try:
        make_folder(data_dir)
        with _exclusive(data_dir / "fashion_mnist.lock"):
            builder = _open_builder(data_dir)  # another process may have prepared it while this one waited
            if not _is_whole(builder):
                _verify(archives)
                _prepare(builder, archives)
                builder = _open_builder(data_dir)
    except (OSError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{data_dir}: Fashion-MNIST cannot be prepared there ({reason}): mend that or choose another --data-dir"
        ) from error
    return builder


@contextlib.contextmanager
def quiet_tfds() -> Iterator[None]:
    """Keep TFDS's messages, nested progress bars and absl warnings off the console; errors are still raised."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)


class _FashionMNISTInFileOrder(FashionMNIST, skip_registration=True):  # type: ignore[call-arg]
    """TFDS's `fashion_mnist`, with local archives as its download and the examples in their order.

    TFDS's own builder shuffles what it writes, and published protocols mean the archives' order when they speak of the
    last 10,000 training images. It also compresses image by image to PNG; raw bytes are prepared six times faster.
    """

    name = "fashion_mnist"
    # A configuration of its own keeps the data set apart from a shuffled `fashion_mnist` in the same folder.
    BUILDER_CONFIGS: ClassVar = [tfds.core.BuilderConfig(name="file_order", description="In the archives' order.")]

    def _info(self) -> tfds.core.DatasetInfo:
        original = super()._info()
        pixels = tfds.features.Tensor(shape=(28, 28, 1), dtype=np.uint8, encoding=tfds.features.Encoding.BYTES)
        return tfds.core.DatasetInfo(
            builder=self,
            description=original.description,
            features=tfds.features.FeaturesDict({"image": pixels, "label": original.features["label"]}),
            supervised_keys=original.supervised_keys,
            homepage=original.homepage,
            citation=original.citation,
            disable_shuffling=True,
        )


def _open_builder(data_dir: Path) -> tfds.core.DatasetBuilder:
    try:
        with quiet_tfds():
            return _FashionMNISTInFileOrder(data_dir=data_dir)
    except (OSError, ImportError):
        raise
    except Exception as error:  # whatever TFDS stumbles over in files that are damaged
        raise InputError(f"{data_dir / 'fashion_mnist'} is damaged: delete it and start again.") from error


def _is_whole(builder: tfds.core.DatasetBuilder) -> bool:
    """Whether the data set is prepared, and says of what splits it is."""
    if builder.is_prepared() and not {"train", "test"} <= set(builder.info.splits):
        raise InputError(f"{builder.data_dir} is damaged: delete it and start again.")
    return builder.is_prepared()


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock that the operating system itself releases when the process dies."""
    import fcntl  # of POSIX alone

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _verify(archives: Path) -> None:
    remedy = f"restore the folder {archives} from the repository (git checkout -- data/fashion_mnist)"
    try:
        lines = (archives / "SHA256SUMS").read_text().splitlines()
        sums = {payload: digest for digest, payload in (line.split() for line in lines)}
    except (OSError, ValueError) as error:
        raise InputError(f"{archives / 'SHA256SUMS'} is missing or damaged: {remedy}") from error
    for payload in _PAYLOADS:
        archive = archives / f"{payload}.gz"
        try:
            digest = _digest_of_payload(archive)
        except FileNotFoundError as error:
            raise InputError(f"{archive} is missing: {remedy}") from error
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{archive} is truncated or damaged ({error}): {remedy}") from error
        if digest != sums.get(payload):
            raise InputError(f"{archive} does not hold the original data (its SHA-256 sum differs): {remedy}")


def _digest_of_payload(archive: Path) -> str:
    """SHA-256 of what an archive holds, in parts: what has been made to unpack without end would fill the memory."""
    digest, size = hashlib.sha256(), 0
    with gzip.open(archive) as payload:
        while part := payload.read(UNPACKED_AT_ONCE):
            digest.update(part)
            size += len(part)
            if size > LARGEST_PAYLOAD:
                raise OSError(f"it holds more than {LARGEST_PAYLOAD / 1e6:.0f} MB")
    return digest.hexdigest()


def _prepare(builder: tfds.core.DatasetBuilder, archives: Path) -> None:
    print(f"Preparing Fashion-MNIST in {builder.data_dir}, once ...", file=sys.stderr, flush=True)
    prepared, data_dir = Path(builder.data_dir), Path(builder.data_dir_root)
    for leftover in data_dir.glob(".preparing-*"):  # of a preparation that was killed
        shutil.rmtree(leftover)
    with (
        tempfile.TemporaryDirectory(dir=data_dir, prefix=".preparing-") as building,
        tempfile.TemporaryDirectory() as directory,
        quiet_tfds(),
    ):
        link = Path(directory) / "archives"  # in a URL, a # or ? in the name of a folder would mean something else
        link.symlink_to(archives.resolve())
        builder = _open_builder(Path(building))
        builder.URL = f"{link}/"
        builder.download_and_prepare(download_dir=Path(building) / "downloads")
        make_folder(prepared.parent)
        replace_durably(Path(builder.data_dir), prepared)
