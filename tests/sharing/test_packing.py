"""A packed run is small, is whole, and is not written to."""

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard_server import get_json, tensorboard

from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig, card_of, evaluate, open_model_and_data, read_metrics
from keras_vae.files import write_atomically
from keras_vae.model import load_model
from keras_vae.runs import NOTED, Run, TrainConfig, folder_for_copy, working_copy
from keras_vae.sharing import pack
from keras_vae.tensorboard import read_events
from keras_vae.training import train

ALL_SESSIONS = json.dumps({"startIndex": 0, "sliceSize": 10, "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS"]})


@pytest.fixture(scope="module")
def run(tmp_path_factory, picture_folder) -> Run:
    """A run that is measured; of its exploration and report there is what packing looks at."""
    root = tmp_path_factory.mktemp("root")
    options = {"likelihood": "gaussian", "prior": "mixture", "prior_components": 8}
    config = TrainConfig(dataset=str(picture_folder), latent_dim=3, widths=(16,), epochs=2, batch_size=10, **options)
    run = train(config, "bars", root)
    metrics = evaluate(run, EvaluationConfig(features="none", importance_samples=5))[1]
    count = metrics["evaluations"]["grey"]["measurements"]["likelihood.kl"]["images"]
    run.write("latent.json", {"weights": metrics["weights"], "run": "bars"})
    points = {name: np.zeros((count, 3 if name == "means" else 2)) for name in ("means", "umap", "tsne", "pca")}
    np.savez(run.folder / "maps.npz", labels=np.zeros(count), **points)
    write_atomically(run.folder / "report.pdf", b"%PDF")
    return run


@pytest.fixture(scope="module")
def packed(run) -> Run:
    return pack(run, "small")


def files(*folders) -> dict:
    return {path: path.read_bytes() for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()}


def test_the_weights_are_there_once_and_the_same(run, packed):
    assert not packed.model_file.exists()
    assert not packed.checkpoints.exists()
    pairs = zip(load_model(run.model_file).weights, load_model(packed.saved_model).weights, strict=True)
    assert all(np.array_equal(mine.numpy(), its.numpy()) for mine, its in pairs)


def test_the_numbers_belong_to_its_weights(run, packed):
    assert read_metrics(packed)["evaluations"] == read_metrics(run)["evaluations"]
    assert json.loads((packed.folder / "latent.json").read_text())["weights"] == read_metrics(packed)["weights"]
    assert packed.model_config == run.model_config


def test_a_packed_run_of_own_images_still_refuses_others_in_their_place(packed, run):
    assert (packed.folder / NOTED).read_bytes() == (run.folder / NOTED).read_bytes()


def test_tensorboard_has_its_scalars_pictures_and_projector(packed):
    def tags(folder):
        (file,) = folder.glob("events.out.tfevents.*")
        records = tf.data.TFRecordDataset(str(file))
        events = [tf.compat.v1.Event.FromString(record.numpy()) for record in records]
        return [value.tag for event in events for value in event.summary.value]

    assert tags(packed.logs / "validation").count("epoch_elbo") == 2
    assert not any("kernel" in tag for tag in tags(packed.logs / "train"))
    assert {"samples", "samples_by_class", "reconstructions"} <= set(tags(packed.logs / "images"))
    assert (packed.logs / "projector" / "projector_config.pbtxt").is_file()
    assert "MSE per pixel" in tags(packed.logs / "evaluation")


def test_curves_of_a_training_that_was_killed_are_packed_up_to_there(run, tmp_path):
    for folder in (run.folder, run.logs):
        shutil.copytree(folder, tmp_path / folder.relative_to(run.root))
    run = Run.open(run.name, tmp_path)
    (file,) = (run.logs / "validation").glob("events*")
    file.with_name(f"{file.name}.again").write_bytes(file.read_bytes()[:-20])
    packed = pack(run, "killed")
    (events,) = (packed.logs / "validation").glob("events*")
    tags = [value.tag for event in read_events(events) for value in event.summary.value]
    assert tags.count("epoch_loss") in (3, 4)  # of two epochs, and of one or two again


def test_hparams_tells_it_from_the_run_that_it_was_packed_from(run, packed):
    with tensorboard(packed.root / "logs", ["hparams"]) as url:
        found = get_json(url, "/data/plugin/hparams/session_groups", request=ALL_SESSIONS)["sessionGroups"]
    assert {group["name"] for group in found} == {run.name, packed.name}


def test_it_says_where_the_weights_come_from_and_whose_they_are(packed):
    card = (packed.folder / "README.md").read_text()
    assert "scripts/train.py" in card
    assert "Apache-2.0" in card


def test_whoever_would_write_to_it_works_on_a_copy(packed, capsys):
    before = files(packed.folder, packed.logs)
    copy = working_copy(packed)
    assert copy.name == "small-copy"
    assert "small stays as it was shipped" in capsys.readouterr().out
    card = (copy.folder / "README.md").read_text()
    assert card == card_of(copy, read_metrics(copy))
    assert card.count("small-copy") == 3  # title, index and export
    metrics = evaluate(copy, EvaluationConfig(features="none", importance_samples=5))[1]
    assert files(packed.folder, packed.logs) == before
    mine, its = (each["evaluations"]["grey"]["measurements"] for each in (metrics, read_metrics(packed)))
    name = "reconstruction.mean.mse_per_pixel"
    assert mine[name]["value"] == pytest.approx(its[name]["value"], rel=1e-5)
    assert working_copy(packed) == copy  # which is gone on with
    assert working_copy(copy) == copy


def test_two_commands_that_begin_together_work_on_one_copy(packed, tmp_path, monkeypatch):
    shutil.copytree(packed.root, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "saved_models" / "small-copy", ignore_errors=True)
    copytree = shutil.copytree

    def slowly(*arguments, **options):
        time.sleep(0.3)
        return copytree(*arguments, **options)

    monkeypatch.setattr(shutil, "copytree", slowly)
    run = Run.open("small", tmp_path)
    with ThreadPoolExecutor() as threads:
        names = {copy.name for copy in threads.map(working_copy, [run, run])}
    assert names == {"small-copy"}
    assert Run.open("small-copy", tmp_path).logs.is_dir()


def test_a_copy_of_other_weights_is_left_alone(packed):
    other = working_copy(packed)
    other.weights_file.write_bytes(b"others")
    assert working_copy(packed).name == "small-copy-2"
    shutil.rmtree(other.folder)


def test_the_only_weights_are_found_where_a_killed_export_put_them_aside(packed):
    packed.saved_model.rename(packed.folder / ".saved_model.aside")
    assert open_model_and_data(packed)[0].latent_dim == 3
    assert packed.has_weights


@pytest.mark.parametrize("name", ["../escaped", "../../escaped", ".", "", "a/b"])
def test_a_name_that_leads_out_of_the_folder_is_refused_and_nothing_is_written(name, run):
    before = sorted(run.root.parent.rglob("*"))
    with pytest.raises(InputError, match="cannot name a run"):
        pack(run, name)
    assert sorted(run.root.parent.rglob("*")) == before


def test_a_packed_run_is_not_packed_again(packed):
    with pytest.raises(InputError, match="'small' is packed already"):
        pack(packed, "smaller")


def test_what_a_killed_copy_left_in_the_root_is_cleared(run, packed):
    left, mine = run.root / ".copy.part-abcd1234" / "logs", run.root / ".copy-settings"
    for folder in (left, mine):
        folder.mkdir(parents=True)
    for folder in (left, left.parent, mine):
        os.utime(folder, (0, 0))
    with folder_for_copy(run.root) as begun, folder_for_copy(run.root):
        assert Path(begun).is_dir()  # another process works there
    assert not left.exists()
    assert mine.is_dir()
    mine.rmdir()


def test_a_name_that_is_taken_and_a_run_that_is_not_measured_are_refused(run, packed, tmp_path):
    with pytest.raises(InputError, match="'small' exists already"):
        pack(run, "small")
    with pytest.raises(InputError, match="not measured as a whole"):
        pack(Run.create(TrainConfig(), "begun", tmp_path), "small")
