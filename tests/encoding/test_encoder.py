"""Every image of a collection is encoded once, whoever works on it and whatever stops them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from dask_cluster import dask_cluster
from picture_files import write_folder
from PIL import Image

from keras_vae.data import open_dataset
from keras_vae.encoding import EncodingConfig, encode_collection
from keras_vae.encoding.shards import claimed, shards_of
from keras_vae.errors import InputError
from keras_vae.model import VAE, export_saved_model, load_model, save_model
from keras_vae.runs import Run, TrainConfig

ROOT = Path(__file__).resolve().parents[2]


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def trained(root: Path, shape: tuple[int, int, int], dataset: str = "fashion_mnist") -> Run:
    """What a run has once it has weights."""
    run = Run.create(TrainConfig(dataset=dataset, latent_dim=3), "run", root)
    save_model(VAE(shape, 3, widths=(8,)), run.model_file)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A run that takes images of 9 x 10 pixels, with its SavedModel."""
    run = trained(tmp_path_factory.mktemp("small"), (9, 10, 1))
    export_saved_model(load_model(run.model_file), run.saved_model)
    return run


@pytest.fixture(scope="module")
def served(run) -> Any:
    """The SavedModel, which TensorFlow forgets as soon as nobody holds it."""
    return tf.saved_model.load(str(run.saved_model))


def classes(folder: Path) -> Path:
    return write_folder(folder / "pictures", noise(50, 9, 10, 1), np.arange(50) % 2)


def unlabelled(folder: Path) -> Path:
    return write_folder(folder / "pictures", noise(50, 9, 10, 1), np.zeros(50)) / "class 0.0"


def arrays(folder: Path) -> Path:
    np.savez(folder / "arrays.npz", images=noise(50, 9, 10))
    return folder / "arrays.npz"


def array_file(folder: Path) -> Path:
    np.save(folder / "array.npy", noise(50, 9, 10))
    return folder / "array.npy"


@pytest.mark.parametrize("make", [classes, unlabelled, arrays, array_file])
def test_every_image_stands_beside_what_encode_of_the_saved_model_gives_it(make, run, served, tmp_path):
    dataset = make(tmp_path)
    done = encode_collection(run, str(dataset), tmp_path / "out", EncodingConfig(shard_size=7))
    assert (done.images, done.missing) == (50, 0)
    table = pq.read_table(tmp_path / "out")
    ids = table["id"].to_pylist()
    assert len(set(ids)) == len(ids) == 50
    if dataset.is_dir():
        images = np.stack([np.asarray(Image.open(dataset / each))[..., None] for each in ids])
    else:
        images = noise(50, 9, 10, 1)[[int(each.removeprefix("train/")) for each in ids]]
    posterior = served.encode(images / np.float32(255))
    for name, expected in posterior.items():
        found = np.stack(table[name].to_numpy())
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_split_of_fashion_mnist_is_encoded_in_its_order(fashion_mnist, tmp_path):
    run = trained(tmp_path, (28, 28, 1))
    encode_collection(run, None, tmp_path / "out", EncodingConfig(split="validation", shard_size=4000))
    table = pq.read_table(tmp_path / "out")
    assert table["id"].to_pylist() == [f"validation/{number}" for number in range(10_000)]
    images = fashion_mnist.images("validation") / np.float32(255)
    mean, _ = load_model(run.model_file).encode(images)
    np.testing.assert_allclose(np.stack(table["mean"].to_numpy()), mean, atol=1e-5)


def test_the_bound_is_that_of_the_saved_model_up_to_its_noise(run, served, tmp_path):
    dataset = str(arrays(tmp_path))
    encode_collection(run, dataset, tmp_path / "out", EncodingConfig(importance_samples=300, split="train"))
    bound = pq.read_table(tmp_path / "out")["bound"].to_numpy()
    images = open_dataset(dataset).images("train") / np.float32(255)
    expected = served.log_likelihood(images, tf.constant(300))["nats"]
    assert np.ptp(bound) > 1
    difference = bound - expected
    assert np.quantile(np.abs(difference), 0.9) < 3
    assert abs(np.mean(difference)) < 5 * np.std(difference) / np.sqrt(len(difference))  # of its standard errors


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_and_started_again_leave_what_one_would(picture_folder, tmp_path):
    run = trained(tmp_path, (16, 16, 1), str(picture_folder))
    options = {"shard_size": 10, "importance_samples": 500}
    alone = encode_collection(run, None, tmp_path / "alone", EncodingConfig(**options))
    command = [sys.executable, ROOT / "scripts" / "encode.py", run.folder, "--output", tmp_path / "shared"]
    command += ["--shard-size", 10, "--importance-samples", 500, "--shard"]
    killed, other = (
        subprocess.Popen([*map(str, command), f"{number}/2"], cwd=tmp_path, stderr=subprocess.PIPE) for number in (1, 2)
    )
    with killed, other:
        own = tmp_path / "shared" / "train-00000-of-00016.parquet"
        while not own.is_file():
            assert killed.poll() is None, killed.stderr.read()
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        assert other.wait(timeout=200) == 0, other.stderr.read()
    written = own.stat().st_mtime_ns
    before = {path.name for path in (tmp_path / "shared").glob("*.parquet")}
    assert len(before) < alone.files
    resumed = encode_collection(run, None, tmp_path / "shared", EncodingConfig(**options, shard="1/2"))
    assert resumed.missing == 0
    assert 0 < resumed.images < alone.images
    assert own.stat().st_mtime_ns == written
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("alone", "shared")]
    assert files[0].keys() == files[1].keys()
    assert files[0] == files[1]


@pytest.mark.slow
def test_a_cluster_of_which_a_worker_is_lost_leaves_what_one_process_would(picture_folder, tmp_path, monkeypatch):
    run = trained(tmp_path, (16, 16, 1), str(picture_folder))
    config = EncodingConfig(shard_size=10, importance_samples=500)
    alone = encode_collection(run, None, tmp_path / "alone", config)
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, ROOT / "scripts" / "encode.py", run.folder, "--output", "shared"]
    command += ["--shard-size", 10, "--importance-samples", 500, "--scheduler"]
    with dask_cluster(tmp_path, workers=2) as cluster:
        with subprocess.Popen([*map(str, command), cluster.address], stdout=subprocess.PIPE, text=True) as encoding:
            while not list((tmp_path / "shared").glob("*.parquet")):
                assert encoding.poll() is None, encoding.stdout.read()
                time.sleep(0.01)
            cluster.workers[0].send_signal(signal.SIGKILL)
            output, _ = encoding.communicate(timeout=400)
        assert encoding.returncode == 0
        assert f"{alone.files} of {alone.files} files are in shared, which is all." in output
        again = encode_collection(run, None, Path("shared"), config, cluster.address)
    assert (again.images, again.missing) == (0, 0)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("alone", "shared")]
    assert files[0] == files[1]


def test_a_cluster_shares_out_the_work_by_itself(run, tmp_path):
    with pytest.raises(InputError, match="--shard is a share for one process"):
        encode_collection(run, None, tmp_path, EncodingConfig(shard="1/2"), "tcp://127.0.0.1:1")


@pytest.mark.parametrize(("count", "size"), [(1, 7), (7, 7), (8, 7), (100, 1)])
def test_files_share_out_every_image_once(count, size):
    shards = shards_of({"train": count, "test": 3}, size)
    assert [n for each in shards if each.split == "train" for n in range(each.start, each.end)] == list(range(count))
    assert len({each.name for each in shards}) == len(shards)


def test_a_file_is_written_by_one_process_at_a_time(tmp_path):
    (shard,) = shards_of({"test": 5}, 10)
    with claimed(tmp_path, shard) as part, pytest.raises(InputError, match=r"--shard of its own"):
        assert part is not None
        with claimed(tmp_path, shard):
            pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shard_size": 8}, "shard_size 7, not 8"),
        ({"importance_samples": 3}, "importance_samples 0, not 3"),
        ("others.npy", "dataset arrays.npz, not others.npy"),
    ],
)
def test_a_folder_holds_one_encoding(change, message, run, tmp_path):
    own = str(arrays(tmp_path))
    np.save(tmp_path / "others.npy", noise(50, 9, 10))
    encode_collection(run, own, tmp_path / "out", EncodingConfig(shard_size=7))
    files = {path: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    dataset = str(tmp_path / "others.npy") if change == "others.npy" else own
    options = {"shard_size": 7, **(change if isinstance(change, dict) else {})}
    with pytest.raises(InputError, match=message):
        encode_collection(run, dataset, tmp_path / "out", EncodingConfig(**options))
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files


def test_a_name_that_is_no_utf_8_is_written_with_escapes(run, tmp_path):
    classes(tmp_path)
    first = sorted((tmp_path / "pictures").rglob("*.png"))[0]
    first.rename(first.with_name(os.fsdecode(b"caf\xe9.png")))
    encode_collection(run, str(tmp_path / "pictures"), tmp_path / "out", EncodingConfig())
    ids = pq.read_table(tmp_path / "out").column("id").to_pylist()
    assert sum(each.endswith(r"caf\xe9.png") for each in ids) == 1


def test_a_folder_of_something_else_is_left_alone(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds something else"):
        encode_collection(run, str(arrays(tmp_path)), tmp_path / "mine", EncodingConfig())
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b", "1/0"])
def test_what_names_no_share_is_refused(shard):
    with pytest.raises(InputError, match="--shard must be like 2/8"):
        EncodingConfig(shard=shard)
