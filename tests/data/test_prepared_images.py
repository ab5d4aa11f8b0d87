"""Decoded images are removed from the cache where they can be decoded again, and only there."""

import json
import shutil

import numpy as np
from commands import command
from picture_files import write_folder

from keras_vae.data import open_dataset, remove_prepared_images


def test_images_whose_files_are_there_are_removed_and_made_again(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
    there, gone = (str(write_folder(tmp_path / name, images, np.zeros(12, int))) for name in ("there", "gone"))
    before = [open_dataset(name, data_dir=tmp_path / "cache").images("train") for name in (there, gone)]
    shutil.rmtree(gone)
    found = {name: (size, is_removed) for name, size, is_removed in remove_prepared_images(tmp_path / "cache")}
    assert {name: is_removed for name, (_, is_removed) in found.items()} == {there: True, gone: False}
    assert all(size > images.nbytes for size, _ in found.values())
    assert [folder.name.partition("-")[0] for folder in (tmp_path / "cache").iterdir()] == ["gone"]
    np.testing.assert_array_equal(open_dataset(there, data_dir=tmp_path / "cache").images("train"), before[0])


def test_folders_of_something_else_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stripes").mkdir()
    other = tmp_path / "cache" / "other"
    other.mkdir(parents=True)
    (other / "data.json").write_text(json.dumps({"name": str(tmp_path)}))
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8), np.uint8)
    open_dataset(images, name="stripes").keep(tmp_path / "cache" / "kept")
    assert [(name, removed) for name, _, removed in remove_prepared_images(tmp_path / "cache")] == [("stripes", False)]
    assert sorted(each.name for each in (tmp_path / "cache").iterdir()) == ["kept", "other"]


def test_the_command_removes_them_where_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = tmp_path / "cache" / "keras_vae"
    images = np.random.default_rng(1).integers(0, 256, (12, 8, 8, 1), np.uint8)
    folder = write_folder(tmp_path / "pictures", images, np.zeros(12, int))
    open_dataset(str(folder))
    assert not command("runs.py", "prune", root=tmp_path).stdout
    assert list((cache / "images").glob("pictures-*"))
    assert f"MB  {folder}" in command("runs.py", "prune", "--images", root=tmp_path).stdout
    assert not list((cache / "images").glob("pictures-*"))
