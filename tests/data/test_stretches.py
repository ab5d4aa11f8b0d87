"""A stretch of a split can be read without what lies before it, and each image has a name."""

import numpy as np
import pytest

from keras_vae.data import open_dataset


def arrays(tmp_path):
    return open_dataset(np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8))


def kept(tmp_path):
    return arrays(tmp_path).keep(tmp_path / "data")


@pytest.mark.parametrize("make", [arrays, kept, "picture_folder", "fashion_mnist"])
@pytest.mark.parametrize(("start", "end", "size"), [(0, 4, 3), (3, 10, 3), (7, 10**9, 1000)])
def test_stretches_are_parts_of_the_split(make, start, end, size, tmp_path, request):
    made = request.getfixturevalue(make) if isinstance(make, str) else make(tmp_path)
    data = open_dataset(str(made)) if make == "picture_folder" else made
    for split in ("validation", "test"):  # of Fashion-MNIST, the first is taken out of the training images
        batches = list(data.stretch(split, start, end, size))
        assert {len(batch) for batch in batches[:-1]} <= {size}
        assert np.array_equal(np.concatenate(batches), data.images(split)[start:end])
        assert len(data.ids(split, start, end)) == len(data.images(split)[start:end])


def test_no_two_images_have_one_name(picture_folder, tmp_path):
    for data in (open_dataset(str(picture_folder)), arrays(tmp_path), kept(tmp_path)):
        names = [name for split, count in data.counts.items() for name in data.ids(split, 0, count)]
        assert len(set(names)) == sum(data.counts.values())


def test_images_of_a_folder_are_known_by_their_files(picture_folder):
    data = open_dataset(str(picture_folder))
    assert all((picture_folder / name).is_file() for name in data.ids("train", 0, 10**9))
