"""Coloured shapes are always the same, of six kinds that can be told apart, at every size."""

import numpy as np
import pytest

from keras_vae.data import colour_shapes as module
from keras_vae.data import open_dataset
from keras_vae.data.colour_shapes import draw_shapes
from keras_vae.errors import InputError


@pytest.fixture
def few(monkeypatch) -> None:
    monkeypatch.setattr(module, "COUNTS", {"train": 60, "validation": 12, "test": 12})


def test_the_data_set_opens_by_its_name_and_is_the_same_every_time(few):
    first, again = open_dataset("colour_shapes"), open_dataset("colour_shapes")
    assert (first.image_shape, first.name) == ((64, 64, 3), "colour_shapes")
    assert first.class_names == ("disc", "ring", "square", "cross", "triangle", "star")
    assert first.counts == {"train": 60, "validation": 12, "test": 12}
    for split in first.counts:
        assert np.array_equal(first.images(split), again.images(split))
        assert np.array_equal(first.labels(split), again.labels(split))
    seen = {image.tobytes() for split in first.counts for image in first.images(split)}
    assert len(seen) == 84


@pytest.mark.parametrize(("size", "shape"), [(32, (32, 32, 3)), ((16, 24), (16, 24, 3))])
def test_it_is_drawn_at_the_size_that_is_asked_for(few, size, shape):
    assert open_dataset("colour_shapes", image_size=size).image_shape == shape


def test_the_same_image_is_drawn_at_each_size():
    large, small = (draw_shapes(20, side, side, np.random.default_rng(3))[0] for side in (64, 32))
    halved = large.reshape(20, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small).mean() < 1.0


def covered(images: np.ndarray) -> np.ndarray:
    """The share of the pixels that differ from the ground, which a plane through the corners gives."""
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]].astype(float)
    across = np.linspace(0, 1, images.shape[1])
    weights = np.stack([np.outer(a, b) for a in (1 - across, across) for b in (1 - across, across)])
    ground = np.einsum("kij,nkc->nijc", weights, corners)
    return (np.abs(images - ground).max(axis=-1) > 50).mean(axis=(1, 2))


def test_a_shape_is_neither_lost_nor_all_of_the_image():
    images, labels = draw_shapes(300, 64, 64, np.random.default_rng(0))
    share = covered(images)
    assert np.quantile(share, 0.02) > 0.01
    assert share.max() < 0.5
    by_shape = [share[labels == label].mean() for label in range(6)]
    assert by_shape[0] > by_shape[1]  # a disc covers more than a ring
    assert by_shape[2] > max(by_shape[3:])  # and a square more than a cross, a triangle and a star


def test_other_images_cannot_have_its_name():
    with pytest.raises(InputError, match="colour_shapes names a data set that is bundled"):
        open_dataset(np.zeros((9, 8, 8), np.uint8), name="colour_shapes")
