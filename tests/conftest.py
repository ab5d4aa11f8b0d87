"""Fixtures that several test files share."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

pytest.register_assert_rewrite(
    "browser", "commands", "explorer_page", "tensorboard_server", "workers"
)  # so that their assertions show values

import keras_vae  # noqa: E402, F401  (decides Keras's backend before any test imports Keras)
from keras_vae.data import ImageData, open_dataset  # noqa: E402
from keras_vae.training import open_strategy  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def logical_devices() -> None:
    """Two devices on one CPU, for tests of several replicas; must happen before TensorFlow uses any."""
    configuration = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], configuration)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """A cache of the tests' own, so that what they prepare does not stay with the user."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    return folder / "keras_vae"


@pytest.fixture
def two_devices() -> tf.distribute.Strategy:
    """A strategy of two replicas; there is one in a process, whose sums over replicas TensorFlow counts."""
    return open_strategy("mirrored")


@pytest.fixture(scope="session")
def fashion_mnist() -> ImageData:
    """The bundled data set, prepared at the first use."""
    return open_dataset()


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory) -> Path:
    """A small data set in a folder: four classes of bright bars, 60 grey images of 16 x 16 pixels in each."""
    folder = tmp_path_factory.mktemp("pictures") / "bars"
    rng = np.random.default_rng(0)
    for label, name in enumerate(("left", "right", "top", "bottom")):
        (folder / name).mkdir(parents=True)
        for number in range(60):
            image = rng.integers(0, 40, (16, 16), np.uint8)
            band = image if label < 2 else image.T
            start = rng.integers(0, 4) + (label % 2) * 8
            band[:, start : start + 4] = rng.integers(180, 255)
            Image.fromarray(image).save(folder / name / f"{number:03}.png")
    return folder


@pytest.fixture(scope="session")
def picture_images(picture_folder) -> np.ndarray:
    """All images of `picture_folder`, float32 in [0, 1]."""
    return np.stack([np.asarray(Image.open(path)) for path in sorted(picture_folder.rglob("*.png"))])[
        ..., None
    ] / np.float32(255)
