"""Arrays of one's own: every usual way to have them is taken, and what they mean is never guessed."""

import numpy as np
import pytest
import tensorflow as tf
from zip_files import arrays_with_a_password

from keras_vae.data import open_dataset
from keras_vae.data.array_files import read_array_file
from keras_vae.errors import InputError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (36, 10, 12, 3), np.uint8)
LABELS = np.arange(36) % 3


def everything(data) -> np.ndarray:
    return np.concatenate([data.images(split) for split in data.counts])


def same(data, images: np.ndarray) -> bool:
    return {each.tobytes() for each in everything(data)} == {each.tobytes() for each in images}


# Ways to have them

MEDMNIST = {
    f"{split}_{what}": values[:count]
    for split, count in (("train", 20), ("val", 8), ("test", 8))
    for what, values in (("images", IMAGES), ("labels", LABELS[:, np.newaxis]))
}
KERAS_DATASETS = ((IMAGES[:30], LABELS[:30, np.newaxis]), (IMAGES[30:], LABELS[30:, np.newaxis]))


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (IMAGES, (24, 6, 6)),
        ((IMAGES, LABELS), (24, 6, 6)),
        (KERAS_DATASETS, (27, 3, 6)),
        ({"images": IMAGES, "labels": LABELS}, (24, 6, 6)),
        ({"train": (IMAGES[:24], LABELS[:24]), "test": (IMAGES[24:], LABELS[24:])}, (21, 3, 12)),
        ({"x_train": IMAGES[:24], "y_train": LABELS[:24], "x_test": IMAGES[24:], "y_test": LABELS[24:]}, (21, 3, 12)),
        (MEDMNIST, (20, 8, 8)),
        (lambda: tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)), (24, 6, 6)),
        (lambda: tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(7), (24, 6, 6)),
        (lambda: tf.data.Dataset.from_tensor_slices({"image": IMAGES, "label": LABELS}), (24, 6, 6)),
        (lambda: {"train": tf.data.Dataset.from_tensor_slices(IMAGES), "test": IMAGES}, (30, 6, 36)),
    ],
    ids=lambda given: type(given).__name__,
)
def test_arrays_are_taken_as_they_come(given, counts):
    data = open_dataset(given() if callable(given) else given)
    assert tuple(data.counts.values()) == counts
    assert data.image_shape == (10, 12, 3)
    assert {each.tobytes() for each in everything(data)} <= {each.tobytes() for each in IMAGES}
    if data.has_classes:
        assert data.class_names == ("0", "1", "2")
        for split in data.counts:
            rows = [np.flatnonzero(np.all(image == IMAGES, axis=(1, 2, 3)))[0] for image in data.images(split)]
            np.testing.assert_array_equal(data.labels(split), LABELS[rows])


@pytest.mark.parametrize("batched", [False, True])
def test_grey_images_of_a_dataset_need_no_axis_of_channels(batched):
    grey = IMAGES[..., 0]
    given = tf.data.Dataset.from_tensor_slices((grey, LABELS))
    data = open_dataset(given.batch(7) if batched else given)
    assert data.image_shape == (10, 12, 1)
    assert same(data, grey[..., np.newaxis])


@pytest.mark.parametrize(
    "elements",
    [(IMAGES, LABELS, LABELS), ({"image": IMAGES}, LABELS), ["a.png", "b.png"], (IMAGES, {"label": LABELS})],
    ids=["with weights", "dict with labels", "names", "labels in a dict"],
)
def test_elements_of_a_dataset_that_are_no_images_are_refused_in_one_line(elements):
    with pytest.raises(InputError, match="elements must be an image, "):
        open_dataset(tf.data.Dataset.from_tensor_slices(elements))


def test_whole_numbers_in_an_array_of_objects_are_whole_numbers():
    labels = np.arange(len(IMAGES)) % 12
    names = [f"class {number}" for number in range(12)]
    data = open_dataset((IMAGES, labels.astype(object)), class_names=names)
    assert data.class_names == tuple(names)
    expected = open_dataset((IMAGES, labels), class_names=names)
    for split in data.counts:
        np.testing.assert_array_equal(data.labels(split), expected.labels(split))


@pytest.mark.parametrize(
    "labels", [[[1], [1, 2]] * (len(IMAGES) // 2), np.full(len(IMAGES), np.inf)], ids=["ragged", "infinite"]
)
def test_labels_that_are_none_are_refused_in_one_line(labels):
    with pytest.raises(InputError, match="labels must be whole numbers or words") as error:
        open_dataset((IMAGES, labels))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_large_arrays_of_an_archive_stay_on_disk_unless_they_are_compressed(save, order, tmp_path):
    images = np.asarray(np.random.default_rng(0).integers(0, 256, (1200, 32, 32), np.uint8), order=order)
    labels = np.arange(1200) % 3
    save(tmp_path / "mine.npz", note=np.array("first"), images=images, labels=labels)
    found = read_array_file(tmp_path / "mine.npz")
    assert isinstance(found["images"], np.memmap) == (save is np.savez)
    for name, values in {"images": images, "labels": labels, "note": np.array("first")}.items():
        assert np.array_equal(found[name], values) and found[name].dtype == values.dtype
    assert sum(open_dataset(str(tmp_path / "mine.npz")).counts.values()) == 1200


def test_a_large_array_of_which_a_byte_has_changed_is_refused(tmp_path):
    file = tmp_path / "mine.npz"
    np.savez(file, images=np.zeros((1200, 32, 32), np.uint8))
    content = bytearray(file.read_bytes())
    content[600_000] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.npz cannot be read as arrays of numpy"):
        read_array_file(file)


@pytest.mark.parametrize("suffix", ["npz", "npy"])
@pytest.mark.parametrize("budget", [2**30, 1000])
def test_a_file_of_arrays_is_read_and_streamed_where_it_is_large(tmp_path, suffix, budget):
    path = tmp_path / f"mine.{suffix}"
    np.save(path, IMAGES) if suffix == "npy" else np.savez_compressed(path, images=IMAGES, labels=LABELS)
    data = open_dataset(str(path), memory_budget=budget)
    assert data.name == str(path)
    assert data.in_memory == (budget > 1000)
    assert data.has_classes == (suffix == "npz")
    assert same(data, IMAGES)
    (batch,) = data.batches("test", 10).as_numpy_iterator()
    np.testing.assert_array_equal(batch, data.images("test") / np.float32(255))
    assert next(iter(data.training_batches(5, seed=0))).shape == (5, 10, 12, 3)


def test_a_npy_file_stays_on_disk_until_it_is_asked_for(tmp_path):
    np.save(tmp_path / "mine.npy", IMAGES)
    data = open_dataset(str(tmp_path / "mine.npy"))
    assert isinstance(data._source.parts["train"].images, np.memmap)


def test_a_file_of_medmnist_opens_as_it_is(tmp_path):
    np.savez_compressed(tmp_path / "pathmnist.npz", **MEDMNIST)
    data = open_dataset(str(tmp_path / "pathmnist.npz"))
    assert data.counts == {"train": 20, "validation": 8, "test": 8}
    np.testing.assert_array_equal(data.images("validation"), IMAGES[:8])
    np.testing.assert_array_equal(data.labels("test"), LABELS[:8])


def test_a_keras_npz_of_grey_images_gets_a_channel(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=IMAGES[..., 0], y_train=LABELS, x_test=IMAGES[..., 1], y_test=LABELS)
    assert open_dataset(str(tmp_path / "mnist.npz")).image_shape == (10, 12, 1)


@pytest.mark.parametrize("images", [IMAGES, IMAGES.repeat(30, axis=1), IMAGES[:, :4]])
def test_arrays_of_any_size_are_brought_to_another(images):
    assert open_dataset(images, image_size=16).image_shape == (16, 16, 3)


# Splits


def test_images_that_take_turns_are_held_out_alike():
    turns = np.zeros((600, 8, 8), np.uint8)
    turns[1::2] = 200
    turns[:, 0, 0], turns[:, 0, 1] = np.arange(600) // 256, np.arange(600) % 256  # each its own
    data = open_dataset(turns)
    assert tuple(data.counts.values()) == (400, 100, 100)
    assert same(data, turns[..., np.newaxis])
    for split in data.counts:
        assert 0.3 < np.mean(data.images(split)[:, -1, -1] == 200) < 0.7
        np.testing.assert_array_equal(open_dataset(turns).images(split), data.images(split))
    in_order = open_dataset(turns, held_out="in_order")
    np.testing.assert_array_equal(in_order.images("test")[..., 0], turns[4::6])
    np.testing.assert_array_equal(in_order.images("validation")[..., 0], turns[5::6])


def test_each_class_gives_a_sixth_to_each_held_out_split():
    labels = np.arange(36) // 12
    data = open_dataset((IMAGES, labels))
    assert np.bincount(data.labels("test")).tolist() == [2, 2, 2]
    assert np.bincount(data.labels("validation")).tolist() == [2, 2, 2]


# Values


@pytest.mark.parametrize(
    ("images", "value_range"),
    [
        (IMAGES / np.float32(255), None),
        (IMAGES / 255.0, None),
        (IMAGES / 127.5 - 1.0, (-1, 1)),
        (IMAGES.astype(np.float32), (0, 255)),
        (IMAGES.astype(np.int64), (0, 255)),
        (IMAGES.astype(np.uint16) * 257, (0, 65535)),
    ],
)
def test_values_become_8_bits_exactly(images, value_range):
    assert same(open_dataset(images, value_range=value_range), IMAGES)


def test_booleans_are_black_and_white():
    data = open_dataset(IMAGES[..., 0] > 127)
    assert set(np.unique(everything(data))) == {0, 255}


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        (IMAGES.astype(np.float32), r"float32 values from 0 to 255 do not say .* give --value-range 0 255"),
        (IMAGES / 127.5 - 1.0, r"float64 values from -1 to 1 do not say .* give --value-range -1 1"),
        (IMAGES.astype(np.int64), r"int64 values from 0 to 255 do not say .* --value-range 0 255"),
        (IMAGES.astype(np.uint16) * 257, "--value-range 0 65535"),
        ((IMAGES > 127).astype(np.uint8), "uint8 values from 0 to 1 do not say .* --value-range 0 1"),
        (np.where(IMAGES[..., :1] == IMAGES[3, 0, 0, 0], np.nan, 0.5), "image .* has NaN or infinite values"),
        (np.full((36, 10, 12), np.inf), "image 0 has NaN or infinite values"),
        (IMAGES / 127.5 - 1.0 - 1e-8, r"give --value-range -1 1"),
        ([*IMAGES[:30], IMAGES[30, :9]], "its images differ in size: resize them all to one"),
        ((IMAGES, ["a", None] * 18), "18 of 36 images have no label"),
        ((IMAGES, np.array(["a", np.nan] * 18, object)), "18 of 36 images have no label"),
        ((IMAGES, [1.0, np.nan] * 18), "18 of 36 images have no label"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}, "train has labels, test has none: label them all"),
        (IMAGES.astype(str), "must be numbers"),
        (IMAGES.astype(complex), "must be numbers"),
        (IMAGES[0], r"sides must be from 8 to 256"),
        (IMAGES[:, 0, 0], r"\(36, 3\), not \(n, h, w\)"),
        (IMAGES.reshape(36, 360)[:, :144], r"give images.reshape\(-1, 12, 12\)"),
        (np.moveaxis(IMAGES, -1, 1), r"give np.moveaxis\(images, 1, -1\)"),
        (np.concatenate([IMAGES, IMAGES[..., :1]], axis=-1), r"give images\[..., :3\]"),
        (IMAGES[:, np.newaxis], r"not \(n, h, w\)"),
        (IMAGES[:0], "no image in it"),
        (IMAGES[:3], "too few images for a validation split"),
        ((IMAGES, LABELS[:-1]), r"36 images need labels \(36,\), not \(35,\)"),
        ((IMAGES, LABELS / 2), "labels must be whole numbers or words"),
        ({"train": IMAGES, "test": IMAGES[:, :8]}, r"its splits have images of"),
        ({"test": IMAGES}, "no training images: name them images and labels"),
        ({}, "holds nothing, but no training images"),
        (lambda: tf.data.Dataset.from_tensor_slices(IMAGES).repeat(), "has no end"),
        (lambda: tf.data.Dataset.from_tensor_slices(IMAGES).take(0), "is empty"),
        (lambda: tf.data.Dataset.from_tensor_slices({"pixels": IMAGES}), "or a dict with 'image'"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_one_line_with_the_remedy(images, problem):
    with pytest.raises(InputError, match=problem) as error:
        open_dataset(images() if callable(images) else images)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value_range", [(0, 0), (1, 0), (np.nan, 1), (0, np.nan), (0, np.inf), (0,), (0, 1, 2)])
def test_a_range_that_is_none_is_refused_as_by_the_command(value_range):
    with pytest.raises(InputError, match="--value-range takes two values, black and a larger white"):
        open_dataset(IMAGES, value_range=value_range)


@pytest.mark.parametrize("images", [IMAGES / 255.0 - 1e-8, IMAGES / 255.0 + 1e-6, IMAGES / 255.0 * (1 + 1e-6) - 1e-7])
def test_what_rounding_adds_to_shares_of_white_changes_none(images):
    assert images.min() < 0.0 or images.max() > 1.0
    assert same(open_dataset(images), IMAGES)
    assert same(open_dataset(images, value_range=(0, 1)), IMAGES)


@pytest.mark.parametrize(
    "labels", [[None] * 36, np.full((36, 1), None), np.full(36, np.nan, object), np.full(36, np.nan)]
)
def test_labels_that_are_all_missing_are_no_labels(labels):
    assert not open_dataset((IMAGES, labels)).has_classes


def test_8_bits_are_brought_from_the_range_that_was_given():
    levels = np.uint8(IMAGES // 16)
    assert same(open_dataset(levels, value_range=(0, 15)), levels * 17)
    with pytest.raises(InputError, match="values lie between 0 and 15, outside of --value-range 0 7"):
        open_dataset(levels, value_range=(0, 7))


def test_values_outside_of_the_range_that_was_given_are_refused():
    with pytest.raises(InputError, match="values lie between 0 and 255, outside of --value-range 0 1"):
        open_dataset(IMAGES, value_range=(0, 1))


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"text", pytest.param(arrays_with_a_password(), id="password")],
)
@pytest.mark.parametrize("suffix", ["npz", "npy"])
def test_a_damaged_file_is_named(tmp_path, suffix, content):
    path = tmp_path / f"mine.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"mine\.{suffix} cannot be read as arrays"):
        open_dataset(str(path))


def test_a_file_that_unpacks_to_more_than_the_memory_holds_is_refused(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "mine.npz", images=np.zeros((10_000, 32, 32), np.uint8))
    assert (tmp_path / "mine.npz").stat().st_size < 20_000
    monkeypatch.setattr("keras_vae.memory.available_memory", lambda: 5e6)
    with pytest.raises(InputError, match="unpacks to"):
        open_dataset(str(tmp_path / "mine.npz"))


def test_python_objects_in_a_file_are_not_loaded(tmp_path):
    np.save(tmp_path / "mine.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read as arrays"):
        open_dataset(str(tmp_path / "mine.npy"))


# Labels


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (LABELS[:, np.newaxis], ("0", "1", "2")),
        (LABELS.astype(np.float32), ("0", "1", "2")),
        (np.eye(3)[LABELS], ("0", "1", "2")),
        (LABELS * 10 - 5, ("-5", "5", "15")),
        (np.array(["cat", "dog", "eel"])[LABELS], ("cat", "dog", "eel")),
        (np.array(["cat", "dog", "eel"], dtype=object)[LABELS], ("cat", "dog", "eel")),
        (np.ones((36, 4)), ("unlabelled",)),
        (None, ("unlabelled",)),
    ],
)
def test_labels_are_taken_as_they_come(labels, names):
    data = open_dataset((IMAGES, labels))
    assert data.class_names == names
    if len(names) == 3:
        np.testing.assert_array_equal(np.bincount(data.labels("train")), [8, 8, 8])


def test_classes_can_be_given_names():
    assert open_dataset((IMAGES, LABELS), class_names=["a", "b", "c", "d"]).class_names == ("a", "b", "c", "d")
    with pytest.raises(InputError, match="2 class names do not fit labels 0 to 2"):
        open_dataset((IMAGES, LABELS), class_names=["a", "b"])


# Kept beside a run


def test_arrays_that_are_kept_open_again_as_they_were(tmp_path):
    data = open_dataset((IMAGES, LABELS), name="stripes", class_names=["a", "b", "c"])
    assert not data.is_kept
    kept = data.keep(tmp_path / "data")
    again = open_dataset(tmp_path / "data", name="stripes")
    assert open_dataset(tmp_path / "data").name == str(tmp_path / "data")
    for each in (kept, again):
        assert (each.name, each.class_names, each.is_kept) == ("stripes", ("a", "b", "c"), True)
        for split in data.counts:
            np.testing.assert_array_equal(each.images(split), data.images(split))
            np.testing.assert_array_equal(each.labels(split), data.labels(split))


def test_kept_arrays_that_were_damaged_are_named(tmp_path):
    open_dataset(IMAGES).keep(tmp_path / "data")
    path = tmp_path / "data" / "test-images.npy"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"data: its files are damaged .* delete the folder"):
        open_dataset(tmp_path / "data")


def test_arrays_cannot_pass_for_the_bundled_data():
    with pytest.raises(InputError, match="call other images something else"):
        open_dataset(IMAGES, name="fashion_mnist")
