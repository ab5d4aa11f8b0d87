"""What the data of a training promises: which images, in which order, as which numbers, and a clear word when not."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from picture_files import write_folder

from keras_vae.data import ImageData, open_dataset
from keras_vae.data.binarization import fixed_binarization
from keras_vae.data.fashion_mnist import FASHION_MNIST_ARCHIVES, fashion_mnist_builder
from keras_vae.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
STREAM = 5000  # bytes: a memory budget that none of these data sets fits


def read_archive(name: str) -> np.ndarray:
    payload = gzip.decompress((FASHION_MNIST_ARCHIVES / f"{name}.gz").read_bytes())
    if "labels" in name:
        return np.frombuffer(payload, np.uint8, offset=8)
    return np.frombuffer(payload, np.uint8, offset=16).reshape(-1, 28, 28, 1)


@pytest.fixture(scope="session")
def noise_folder(tmp_path_factory) -> Path:
    """Ninety images of 8 x 8 pixels, no two alike, thirty in each of three classes."""
    images = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1), np.uint8)
    return write_folder(tmp_path_factory.mktemp("noise"), images, np.arange(90) % 3)


@pytest.fixture(scope="session", params=["in memory", "streamed"])
def noise(request, noise_folder) -> ImageData:
    budget = 2**30 if request.param == "in memory" else STREAM
    data = open_dataset(str(noise_folder), memory_budget=budget)
    assert data.in_memory == (request.param == "in memory")
    return data


def take(dataset: tf.data.Dataset, count: int) -> np.ndarray:
    return np.stack([batch.numpy() for batch in islice(dataset, count)])


def distinct(images: np.ndarray) -> set[bytes]:
    """The images of any leading shape as a set of their pixels in uint8."""
    pixels = np.rint(images * 255).astype(np.uint8) if images.dtype == np.float32 else images
    return {image.tobytes() for image in pixels.reshape(-1, *images.shape[-3:])}


# Fashion-MNIST, bundled


def test_fashion_mnist_opens_without_arguments(fashion_mnist):
    assert fashion_mnist.name == "fashion_mnist"
    assert fashion_mnist.image_shape == (28, 28, 1)
    assert fashion_mnist.counts == {"train": 50_000, "validation": 10_000, "test": 10_000}
    assert fashion_mnist.class_names[0] == "T-shirt/top"
    assert len(fashion_mnist.class_names) == 10
    assert fashion_mnist.in_memory


@pytest.mark.parametrize(
    ("split", "archive", "part"),
    [
        ("train", "train", slice(0, 50_000)),
        ("validation", "train", slice(50_000, 60_000)),
        ("test", "t10k", slice(0, 10_000)),
    ],
)
def test_the_splits_are_the_archives_images_in_the_archives_order(fashion_mnist, split, archive, part):
    np.testing.assert_array_equal(fashion_mnist.images(split), read_archive(f"{archive}-images-idx3-ubyte")[part])
    np.testing.assert_array_equal(fashion_mnist.labels(split), read_archive(f"{archive}-labels-idx1-ubyte")[part])
    assert fashion_mnist.images(split).dtype == np.uint8
    assert fashion_mnist.labels(split).dtype == np.int64


def test_plain_tfds_reads_what_was_prepared(fashion_mnist):
    prepared = tfds.load("fashion_mnist/file_order", split="test[:3]", data_dir=ROOT / "data" / "prepared")
    images = np.stack([example["image"] for example in prepared.as_numpy_iterator()])
    np.testing.assert_array_equal(images, fashion_mnist.images("test", 3))


def test_the_binary_test_set_is_that_of_the_published_protocol(fashion_mnist):
    validation, test = fixed_binarization(fashion_mnist.images("validation"), fashion_mnist.images("test"))
    assert test.sum() == 2_248_637
    for split, expected in (("validation", validation), ("test", test)):
        batches = fashion_mnist.batches(split, 3_000, binarize="fixed")
        np.testing.assert_array_equal(np.concatenate(list(batches.as_numpy_iterator())), expected)


def test_an_epoch_shuffles_all_of_fashion_mnist(fashion_mnist):
    steps = fashion_mnist.steps_per_epoch(500)
    epochs = take(fashion_mnist.training_batches(500, seed=0), 2 * steps)
    train = fashion_mnist.images("train")
    for epoch in (epochs[:steps], epochs[steps:]):
        assert distinct(epoch) == distinct(train)
    assert not np.array_equal(epochs[:steps], epochs[steps:])


# Batches


@pytest.mark.parametrize("binarize", ["none", "dynamic"])
def test_training_batches_are_endless_floats_of_a_static_shape(noise, binarize):
    batches = noise.training_batches(7, seed=0, binarize=binarize)
    assert batches.element_spec == tf.TensorSpec((7, 8, 8, 1), tf.float32)
    assert batches.cardinality() == tf.data.INFINITE_CARDINALITY
    values = take(batches, 3 * noise.steps_per_epoch(7))
    assert values.min() == 0
    assert values.max() == 1
    assert set(np.unique(values)) == (
        {0.0, 1.0} if binarize == "dynamic" else set(np.arange(256, dtype=np.float32) / 255)
    )


def test_an_epoch_passes_once_over_the_images_and_leaves_out_what_fills_no_batch(noise):
    steps = noise.steps_per_epoch(7)
    assert (noise.counts["train"], steps) == (60, 8)
    epochs = take(noise.training_batches(7, seed=0), 20 * steps).reshape(20, 56, 8, 8, 1)
    train = distinct(noise.images("train"))
    left_out = set()
    for epoch in epochs:
        assert len(distinct(epoch)) == 56
        assert distinct(epoch) < train
        left_out |= train - distinct(epoch)
    assert len(left_out) > 30, "the same images are left out every time"


@pytest.mark.parametrize("varied_epochs", [0.0, 2.5])
@pytest.mark.parametrize("binarize", ["none", "dynamic"])
def test_a_resumed_training_sees_what_an_uninterrupted_one_sees(noise, binarize, varied_epochs):
    steps, options = noise.steps_per_epoch(9), {"seed": 3, "binarize": binarize, "varied_epochs": varied_epochs}
    tf.random.set_seed(1)  # the program's own seed plays no part
    uninterrupted = take(noise.training_batches(9, **options), 4 * steps)
    tf.random.set_seed(2)
    resumed = take(noise.training_batches(9, first_epoch=2, **options), 2 * steps)
    np.testing.assert_array_equal(resumed, uninterrupted[2 * steps :])


def test_images_are_varied_ever_less_and_then_not_at_all(noise):
    steps = noise.steps_per_epoch(10)
    plain, varied = (take(noise.training_batches(10, seed=1, varied_epochs=epochs), 4 * steps) for epochs in (0.0, 3.0))
    apart = np.abs(plain - varied).reshape(4, -1).mean(axis=1)
    assert apart[0] > apart[1] > apart[2] > apart[3] == 0


@pytest.mark.parametrize("binarize", ["none", "dynamic"])
def test_another_seed_gives_other_batches(noise, binarize):
    one, other = (take(noise.training_batches(9, seed=seed, binarize=binarize), 6) for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_every_epoch_is_binarised_afresh_with_the_grey_value_as_probability(fashion_mnist):
    draws = 400
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    data = open_dataset(dict.fromkeys(("train", "validation", "test"), image[np.newaxis]), name="ramp")
    values, others = (take(data.training_batches(1, seed=seed, binarize="dynamic"), draws)[:, 0] for seed in (0, 1))
    assert not np.array_equal(values, others)
    frequency = values.mean(axis=0)
    probability = image / 255
    assert frequency[0, 0, 0] == 0
    assert frequency[15, 15, 0] == 1
    deviation = np.sqrt(probability * (1 - probability) / draws)
    standard = ((frequency - probability) / np.maximum(deviation, 1e-9)).ravel()[1:-1]
    assert abs(standard.mean()) < 4 / np.sqrt(254)
    assert 0.7 < standard.std() < 1.3
    neighbours = np.corrcoef(values[:, 7, 8:10, 0].T)[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(draws), "the two halves of a random word are not independent"


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_one_ordered_pass_holds_every_image_as_floats(noise, split):
    batches = list(noise.batches(split, 13).as_numpy_iterator())
    assert [len(batch) for batch in batches[:-1]] == [13] * (len(batches) - 1)
    images = np.concatenate(batches)
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, noise.images(split) / np.float32(255))


def test_an_ordered_pass_over_binarised_training_images_is_the_same_every_time(noise):
    first, second = (np.concatenate(list(noise.batches("train", 13, binarize="fixed"))) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert set(np.unique(first)) == {0, 1}


def test_images_are_drawn_from_all_of_a_split_and_in_its_order(noise):
    images, labels = noise.drawn("train", 20, seed=1)
    assert len(distinct(images)) == len(labels) == 20
    assert np.array_equal(images, noise.drawn("train", 20, seed=1)[0])
    everything = noise.drawn("train", 10_000, seed=1)
    assert np.array_equal(everything[0], noise.images("train"))
    assert np.array_equal(everything[1], noise.labels("train"))
    if noise.in_memory:  # of streamed ones the first are taken
        assert not np.array_equal(images, noise.drawn("train", 20, seed=2)[0])
        assert not np.array_equal(images, noise.images("train", 20))


def test_streamed_images_are_those_in_memory(noise_folder):
    memory, stream = (open_dataset(str(noise_folder), memory_budget=budget) for budget in (2**30, STREAM))
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(stream.images(split), memory.images(split))
        np.testing.assert_array_equal(stream.labels(split), memory.labels(split))
        np.testing.assert_array_equal(stream.images(split, 4), memory.images(split)[:4])
        np.testing.assert_array_equal(memory.labels(split, 4), memory.labels(split)[:4])


def test_labels_of_streamed_images_are_read_without_the_images(noise_folder, monkeypatch):
    data = open_dataset(str(noise_folder), memory_budget=STREAM)
    labels = open_dataset(str(noise_folder)).labels("train")

    def read(*arguments):
        raise AssertionError("images were read")

    monkeypatch.setattr(type(data._source), "read", read)
    np.testing.assert_array_equal(data.labels("train"), labels)
    np.testing.assert_array_equal(data.labels("train", 4), labels[:4])
    with pytest.raises(ValueError, match="read-only"):
        data.labels("train")[0] = 0


def test_streamed_images_are_binarised_as_those_in_memory_and_never_held_as_a_whole(noise_folder, monkeypatch):
    memory, stream = (open_dataset(str(noise_folder), memory_budget=budget) for budget in (2**30, STREAM))
    held_out = ("validation", "test")
    binary = {split: np.concatenate(list(memory.batches(split, 4, binarize="fixed"))) for split in held_out}
    monkeypatch.setattr(type(stream), "images", None)
    monkeypatch.setattr("keras_vae.data.image_data._DRAWN_AT_ONCE", 3)
    for split, expected in binary.items():
        for _ in range(2):
            batches = list(stream.batches(split, 4, binarize="fixed").as_numpy_iterator())
            assert {len(batch) for batch in batches[:-1]} == {4}
            np.testing.assert_array_equal(np.concatenate(batches), expected)


def test_the_images_in_memory_cannot_be_changed_by_a_caller(fashion_mnist):
    with pytest.raises(ValueError, match="read-only"):
        fashion_mnist.images("test")[0] = 0


def test_only_the_split_that_is_asked_for_is_read(noise_folder, monkeypatch):
    data = open_dataset(str(noise_folder))
    read = []
    original = type(data._source).read
    monkeypatch.setattr(
        type(data._source), "read", lambda self, split, count: read.append(split) or original(self, split, count)
    )
    data.images("test")
    data.labels("test", 2)
    assert read == ["test"]


@pytest.mark.parametrize("batch_size", [0, 61])
def test_a_batch_that_the_training_split_cannot_fill_is_refused(noise, batch_size):
    with pytest.raises(InputError, match=f"--batch-size {batch_size} .* 60 training images"):
        noise.training_batches(batch_size, seed=0)


def test_replicas_share_the_batches_and_workers_divide_them(noise):
    batches = noise.training_batches(8, seed=0)
    policy = batches.options().experimental_distribute.auto_shard_policy
    assert policy == tf.data.experimental.AutoShardPolicy.DATA
    strategy = tf.distribute.MirroredStrategy(tf.config.list_logical_devices("CPU"))
    replicas = strategy.experimental_local_results(next(iter(strategy.experimental_distribute_dataset(batches))))
    np.testing.assert_array_equal(np.concatenate(replicas), next(iter(batches)))


def test_no_training_waits_at_its_end_for_the_thread_that_tunes_a_pipeline(noise):
    for batches in (noise.training_batches(8, seed=0, varied_epochs=1.0), noise.batches("validation", 8)):
        assert batches.options().autotune.enabled is False


# Names


@pytest.mark.parametrize("name", ["./nowhere", "no/where", "~/nowhere-at-all"])
def test_a_folder_that_does_not_exist_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: there is no such file or folder"):
        open_dataset(name)


@pytest.mark.parametrize(
    ("name", "near"), [("fashion_mnst", "fashion_mnist"), ("cifar", "cifar10"), ("KMNSIT", "kmnist")]
)
def test_a_wrong_name_gets_the_nearest_ones(name, near):
    with pytest.raises(InputError, match=f"{name}.*{near}"):
        open_dataset(name)


def test_a_name_wins_over_a_folder_unless_the_folder_is_written_as_a_path(noise_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fashion_mnist").symlink_to(noise_folder)
    Path("pictures").symlink_to(noise_folder)
    assert open_dataset("fashion_mnist").image_shape == (28, 28, 1)
    assert open_dataset("./fashion_mnist").image_shape == (8, 8, 1)
    assert open_dataset("pictures").image_shape == (8, 8, 1)


@pytest.fixture(scope="session")
def cifar10(tmp_path_factory) -> Path:
    """A folder that holds a prepared `cifar10` of thirty training and five test images."""
    rng = np.random.default_rng(0)
    data_dir = tmp_path_factory.mktemp("tfds")

    def examples(count: int) -> tf.data.Dataset:
        numbers = np.arange(count)
        images = rng.integers(0, 256, (count, 32, 32, 3), np.uint8)
        return tf.data.Dataset.from_tensor_slices({"id": numbers.astype(str), "image": images, "label": numbers % 10})

    features = tfds.builder("cifar10", data_dir=data_dir).info.features
    features["label"].names = ["airplane", "automobile", *"cdefghij"]
    tfds.dataset_builders.store_as_tfds_dataset(
        "cifar10",
        version=str(tfds.builder_cls("cifar10").VERSION),
        features=features,
        split_datasets={"train": examples(30), "test": examples(5)},
        data_dir=data_dir,
        disable_shuffling=True,
    )
    return data_dir


@pytest.mark.parametrize("budget", [2**30, STREAM])
def test_another_data_set_of_tfds_opens_by_name(cifar10, budget):
    data = open_dataset("cifar10", data_dir=cifar10, memory_budget=budget)
    assert data.image_shape == (32, 32, 3)
    assert data.class_names[:2] == ("airplane", "automobile")
    assert data.counts == {"train": 25, "validation": 5, "test": 5}
    np.testing.assert_array_equal(data.labels("train"), np.arange(25) % 10)
    np.testing.assert_array_equal(data.labels("validation"), np.arange(25, 30) % 10)
    assert next(iter(data.training_batches(5, seed=0))).shape == (5, 32, 32, 3)


def test_splits_that_a_data_set_lacks_are_sixths_from_the_end_of_its_training_images(tmp_path):
    """Shown on a data set of the user's own, without labels, that TFDS knows from its files alone."""
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)
    tfds.dataset_builders.store_as_tfds_dataset(
        "textures",
        version="1.0.0",
        features=tfds.features.FeaturesDict({"image": tfds.features.Image(shape=(8, 8, 3))}),
        split_datasets={
            "train": tf.data.Dataset.from_tensor_slices({"image": images[:12]}),
            "validation": tf.data.Dataset.from_tensor_slices({"image": images[12:]}),
        },
        data_dir=tmp_path,
        disable_shuffling=True,
    )
    data = open_dataset("textures", data_dir=tmp_path)
    for split, expected in (("train", images[:10]), ("test", images[10:12]), ("validation", images[12:])):
        np.testing.assert_array_equal(data.images(split), expected)
        np.testing.assert_array_equal(data.labels(split), [0] * len(expected))
    assert data.class_names == ("unlabelled",)


def test_images_of_tfds_are_brought_to_another_size(cifar10):
    data = open_dataset("cifar10", data_dir=cifar10, image_size=(16, 20))
    assert data.image_shape == (16, 20, 3)
    assert data.counts == {"train": 25, "validation": 5, "test": 5}
    whole = open_dataset("cifar10", data_dir=cifar10).images("test").mean(axis=(1, 2))
    np.testing.assert_allclose(data.images("test").mean(axis=(1, 2)), whole, atol=8)


def test_a_prepared_file_that_was_damaged_later_is_named(cifar10, tmp_path):
    data_dir = shutil.copytree(cifar10, tmp_path / "tfds")
    (record,) = data_dir.rglob("*-test.tfrecord*")
    record.write_bytes(record.read_bytes()[:-10])
    data = open_dataset("cifar10", data_dir=data_dir)
    with pytest.raises(InputError, match=f"cifar10: .* {record.parent} are damaged: delete"):
        data.images("test")
    with pytest.raises(InputError, match=f"cifar10: .* {record.parent} are damaged: delete"):
        open_dataset("cifar10", data_dir=data_dir, image_size=(16, 16))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("imdb_reviews", "not a data set of 8-bit images"),
        ("stanford_dogs", "differ in size: give --image-size"),
        ("horses_or_humans", "300 x 300 .* from 8 to 256"),
    ],
)
def test_a_data_set_of_unsuitable_images_is_refused_before_its_download(tmp_path, name, problem):
    with pytest.raises(InputError, match=f"{name}.*{problem}"):
        open_dataset(name, data_dir=tmp_path)


def test_without_a_network_a_download_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("urllib.request._opener", None)  # urllib keeps the proxies of its first call for all others
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # the port of the discard service: nobody listens
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(InputError, match=r"mnist must be downloaded, and .* cannot be reached"):
        open_dataset("mnist", data_dir=tmp_path)
    assert not list(tmp_path.rglob("*.tfrecord*"))


# Preparing Fashion-MNIST


def remove(archive: Path) -> None:
    archive.unlink()


def cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])


def alter(archive: Path) -> None:
    payload = bytearray(gzip.decompress(archive.read_bytes()))
    payload[-1] ^= 1
    archive.write_bytes(gzip.compress(payload))


def replace(archive: Path) -> None:
    archive.write_bytes(b"<html>not found</html>")


@pytest.mark.parametrize("damage", [remove, cut, alter, replace])
def test_a_damaged_archive_is_named_and_nothing_is_prepared(tmp_path, damage):
    archives = shutil.copytree(FASHION_MNIST_ARCHIVES, tmp_path / "archives")
    archive = archives / "t10k-labels-idx1-ubyte.gz"
    damage(archive)
    with pytest.raises(InputError, match="restore") as error:
        fashion_mnist_builder(tmp_path / "prepared", archives)
    assert str(archive) in str(error.value)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "prepared").rglob("*.tfrecord*"))


def test_archives_without_their_sums_are_refused(tmp_path):
    archives = shutil.copytree(FASHION_MNIST_ARCHIVES, tmp_path / "archives")
    (archives / "SHA256SUMS").unlink()
    with pytest.raises(InputError, match=r"SHA256SUMS is missing .* restore"):
        fashion_mnist_builder(tmp_path / "prepared", archives)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/prepared: Fashion-MNIST cannot be prepared there"):
        fashion_mnist_builder(tmp_path / "file" / "prepared")


def test_archives_packed_by_another_gzip_in_a_folder_of_any_name_are_the_same_data(tmp_path, fashion_mnist):
    archives = shutil.copytree(FASHION_MNIST_ARCHIVES, tmp_path / "C# and 100%?")
    archive = archives / "t10k-images-idx3-ubyte.gz"
    archive.write_bytes(gzip.compress(gzip.decompress(archive.read_bytes()), compresslevel=1))
    builder = fashion_mnist_builder(archives / "prepared", archives)
    images = builder.as_dataset(split="test", batch_size=-1)["image"]
    np.testing.assert_array_equal(images, fashion_mnist.images("test"))


def test_a_killed_preparation_is_no_obstacle_to_the_next_starts(tmp_path, fashion_mnist, capfd):
    """A start killed in the middle leaves what the next one clears away, while a third, at the same time, waits."""
    program = "import sys; from keras_vae.data import open_dataset; print(open_dataset(data_dir=sys.argv[1]).counts)"
    half_prepared = ".preparing-*/fashion_mnist/file_order/incomplete.*"

    def start_and_wait_for_the_middle() -> subprocess.Popen:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", program, str(tmp_path)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        before = set(tmp_path.glob(half_prepared))
        while process.poll() is None and not set(tmp_path.glob(half_prepared)) - before:
            time.sleep(0.01)
        return process

    killed = start_and_wait_for_the_middle()
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    assert list(tmp_path.glob(half_prepared))

    first = start_and_wait_for_the_middle()
    second = open_dataset(data_dir=tmp_path)
    out, err = (stream.decode() for stream in first.communicate())
    assert out.strip() == str(fashion_mnist.counts), err
    assert err.count("Preparing Fashion-MNIST") == 1
    assert "examples" not in err
    assert capfd.readouterr().err == "", "the second start did not wait"
    np.testing.assert_array_equal(second.images("test"), fashion_mnist.images("test"))
    assert not [*tmp_path.glob(".preparing-*"), *tmp_path.rglob("*.gz")]


def test_an_odd_number_of_pixels_is_binarised_too():
    data = open_dataset(np.random.default_rng(0).integers(0, 256, (30, 9, 9), np.uint8))
    (batch,) = take(data.training_batches(3, seed=0, binarize="dynamic"), 1)
    assert batch.shape == (3, 9, 9, 1)
    assert set(np.unique(batch)) == {0.0, 1.0}
    assert take(data.batches("train", 19, binarize="fixed"), 1).shape == (1, 19, 9, 9, 1)


def test_held_out_images_are_not_binarised_afresh(noise):
    with pytest.raises(ValueError, match="none, fixed, not 'dynamic'"):
        noise.batches("test", 10, binarize="dynamic")
