"""A run whose images lie in a file or folder is not gone on with, nor measured, on others than it was begun with."""

import csv
from pathlib import Path

import numpy as np
import pytest
from picture_files import write_folder
from PIL import Image

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.evaluation import open_model_and_data
from keras_vae.runs import Run, TrainConfig, config_as_opened, keep_data, open_data
from keras_vae.training import resume, train

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
LABELS = np.arange(60) % 2


def folder(place: Path, images: np.ndarray) -> Path:
    return write_folder(place / "pictures", images, np.arange(len(images)) % 2)


def table(place: Path, images: np.ndarray) -> Path:
    files = sorted(folder(place, images).rglob("*.png"))
    with (place / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((path, path.parent.name) for path in files)])
    return place / "list.csv"


def npy(place: Path, images: np.ndarray) -> Path:
    np.save(place / "images.npy", images)
    return place / "images.npy"


def npz(place: Path, images: np.ndarray) -> Path:
    np.savez(place / "images.npz", images=images, labels=np.arange(len(images)) % 2)
    return place / "images.npz"


def begun(path: Path, root: Path) -> Run:
    data = open_dataset(path)
    return Run.create(TrainConfig(dataset=data.name), "begun", root, lambda folder: keep_data(folder, data))


@pytest.mark.parametrize("write", [folder, table, npy, npz])
@pytest.mark.parametrize("change", ["one more", "one other"])
def test_data_that_changed_since_a_run_was_begun_are_refused_in_one_line(tmp_path, write, change):
    run = begun(write(tmp_path, IMAGES), tmp_path)
    assert open_data(run.config, run).counts == {"train": 40, "validation": 10, "test": 10}
    others = IMAGES.copy()
    others[30] = 0
    write(tmp_path, np.concatenate([IMAGES, IMAGES[:1]]) if change == "one more" else others)
    for dataset in (None, run.config.dataset):
        with pytest.raises(InputError, match=r"holds other images .*\(40 train.* bring them back") as error:
            open_data(run.config, run, dataset)
        assert "\n" not in str(error.value)
    write_back = tmp_path / "elsewhere"
    write_back.mkdir()
    assert open_data(run.config, run, str(write(write_back, IMAGES))).counts["test"] == 10  # data of another name


def test_a_range_of_values_is_that_of_other_arrays_too_and_of_nothing_else(tmp_path):
    config = TrainConfig(dataset=str(npy(tmp_path, IMAGES / 127.5 - 1.0)), value_range=(-1.0, 1.0))
    np.save(tmp_path / "others.npy", IMAGES[::-1] / 127.5 - 1.0)
    for other in (tmp_path / "others.npy", folder(tmp_path, IMAGES)):
        assert open_data(config, dataset=str(other)).counts == {"train": 40, "validation": 10, "test": 10}


@pytest.mark.parametrize(
    ("write", "options"),
    [
        (folder, {"image_size": 12}),
        (npy, {"held_out": "in_order"}),
        (npy, {"image_size": (12, 16)}),
    ],
)
def test_a_run_opens_its_images_as_they_were_opened_for_it(write, options, tmp_path):
    data = open_dataset(write(tmp_path, IMAGES), **options)
    config = config_as_opened(TrainConfig(dataset=data.name), data)
    run = Run.create(config, "begun", tmp_path, lambda folder: keep_data(folder, data))
    assert open_data(run.config, run).image_shape == data.image_shape
    for split in data.counts:
        np.testing.assert_array_equal(open_data(run.config, run).images(split), data.images(split))


def test_a_range_of_values_is_that_of_a_run_too(tmp_path):
    data = open_dataset(npy(tmp_path, IMAGES / 127.5 - 1.0), value_range=np.array([-1, 1]))
    config = config_as_opened(TrainConfig(dataset=data.name), data)
    np.testing.assert_array_equal(open_data(config).images("test"), data.images("test"))


def test_what_a_run_could_not_open_again_is_refused(tmp_path):
    with pytest.raises(InputError, match="class_names are kept of arrays alone"):
        config_as_opened(TrainConfig(), open_dataset(npz(tmp_path, IMAGES), class_names=np.array(["a", "b"])))
    with pytest.raises(InputError, match="name is what arrays are called"):
        open_dataset(npy(tmp_path, IMAGES), name="mine")
    arrays = open_dataset((IMAGES, LABELS), name="mine", class_names=["a", "b"])  # these are copied
    assert config_as_opened(TrainConfig(), arrays) == TrainConfig()


def test_a_run_of_before_opens_whatever_its_folder_holds(tmp_path):
    data = open_dataset(folder(tmp_path, IMAGES))
    run = Run.create(TrainConfig(dataset=data.name), "old", tmp_path)
    folder(tmp_path, np.concatenate([IMAGES, IMAGES]))
    assert sum(open_data(run.config, run).counts.values()) == 120


def test_a_training_notes_its_images_and_is_neither_resumed_nor_measured_on_others(tmp_path):
    pictures = folder(tmp_path, IMAGES)
    config = TrainConfig(dataset=str(pictures), widths=(8,), latent_dim=2, epochs=1, batch_size=10, xla="off")
    run = train(config.replace(prior="standard_normal"), "noted", tmp_path)
    open_model_and_data(run)
    card = (run.folder / "README.md").read_text()
    assert f"{run.summary['parameters']:,}" in card
    assert "None yet." in card
    Image.fromarray(IMAGES[0, ..., 0]).save(pictures / "class 0" / "new.png")
    with pytest.raises(InputError, match="holds other images"):
        resume(run, epochs=2)
    with pytest.raises(InputError, match="holds other images"):
        open_model_and_data(run)
