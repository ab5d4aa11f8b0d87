"""What counts as damaged, and what counts as the same, when tries are counted."""

import json
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from keras_vae.reliability import Tally, damaged_files, outcome_of, tally_table
from keras_vae.reliability.edits import edited_bytes, edited_json
from keras_vae.reliability.outcomes import Record
from keras_vae.runs import Run, TrainConfig
from keras_vae.tensorboard import describe_run, write_projector


@pytest.fixture
def run(tmp_path) -> Run:
    """Files of each kind that a run has, all whole."""
    run = Run.create(TrainConfig(), "whole", tmp_path)
    run.write("training.json", {"seconds": 3.0, "splits": {"test": {"elbo": -1.0}}})
    Image.new("L", (8, 8)).save(run.folder / "samples.png")
    np.savez(run.folder / "maps.npz", umap=np.zeros((3, 2)))
    with h5py.File(run.folder / "epoch-00001.weights.h5", "w") as file:
        file["kernel"] = np.arange(3.0)
    with zipfile.ZipFile(run.model_file, "w") as archive:
        archive.write(run.folder / "epoch-00001.weights.h5", "model.weights.h5")
    (run.folder / "report.pdf").write_bytes(b"%PDF-1.7 %%EOF")
    (run.folder / "figures").mkdir()
    (run.saved_model / "variables").mkdir(parents=True)
    (run.saved_model / "saved_model.pb").write_bytes(SavedModel(saved_model_schema_version=1).SerializeToString())
    tf.train.Checkpoint(kernel=tf.Variable([1.0, 2.0])).write(str(run.saved_model / "variables" / "variables"))
    describe_run(run, TrainConfig(), "a CPU")
    write_projector(run.logs / "projector", {"latent_mean": np.eye(3)}, ["a", "b", "c"])
    return run


def test_a_run_that_is_whole_has_no_damaged_file(run):
    assert damaged_files(run.root) == []


@pytest.mark.parametrize(
    "name",
    [
        *("training.json", "samples.png", "maps.npz", "epoch-00001.weights.h5", "vae.keras", "report.pdf"),
        *("saved_model/saved_model.pb", "saved_model/variables/variables.index", "projector/latent_mean.tsv"),
    ],
)
def test_half_a_file_is_damaged_unless_it_is_hidden(run, name):
    path = (run.logs if name.startswith("projector") else run.folder) / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    found = damaged_files(run.root)
    assert any(each.startswith(f"{path.relative_to(run.root)}: ") for each in found)
    path.rename(path.with_name(f".{path.name}.0a1b2c3d"))
    assert not any(name in each.partition(": ")[0] for each in damaged_files(run.root))


def test_times_do_not_count_and_figures_and_weights_do(run):
    before = outcome_of(run)
    assert {"vae.keras", "config.json", "training.json", "maps.npz"} <= set(before)
    run.write("training.json", {"seconds": 4.0, "splits": {"test": {"elbo": -1.0}}})
    assert outcome_of(run) == before
    run.write("training.json", {"seconds": 4.0, "splits": {"test": {"elbo": -2.0}}})
    with h5py.File(run.folder / "epoch-00001.weights.h5", "w") as file:
        file["kernel"] = np.arange(3.0) + 1e-7
    with zipfile.ZipFile(run.model_file, "w") as archive:
        archive.write(run.folder / "epoch-00001.weights.h5", "model.weights.h5")
    (run.folder / "report.pdf").unlink()
    (run.folder / "figures" / "more.png").write_bytes((run.folder / "samples.png").read_bytes())
    after = outcome_of(run)
    assert set(before) ^ set(after) == {"report.pdf", "figures/more.png"}
    assert {name for name in {*before} & {*after} if after[name] != before[name]} == {
        "vae.keras",
        "training.json",
    }


def test_the_variables_of_the_saved_model_count(run):
    before = outcome_of(run)
    tf.train.Checkpoint(kernel=tf.Variable([1.0, 2.5])).write(str(run.saved_model / "variables" / "variables"))
    after = outcome_of(run)
    assert [name for name in before if after[name] != before[name]] == ["saved_model/variables/variables.index"]


@pytest.mark.parametrize("lost", ["HParams", "event file", "embedding"])
def test_what_tensorboard_shows_counts(run, lost):
    before = outcome_of(run)
    if lost == "HParams":
        for path in run.logs.glob("events*"):
            path.unlink()
        with tf.summary.create_file_writer(str(run.logs)).as_default(step=0):
            tf.summary.text("configuration", "")
        missing = {"logs/events"}
    else:
        (path,) = (run.logs / "projector").glob("events*" if lost == "event file" else "latent_mean.tsv")
        path.unlink()
        missing = {f"logs/projector/{'events' if lost == 'event file' else path.name}"}
    after = outcome_of(run)
    assert {name for name in before if after.get(name) != before[name]} == missing


def test_a_record_of_events_may_be_cut_off_at_the_end_and_not_be_changed(run):
    (path,) = run.logs.glob("events*")
    content = path.read_bytes()
    path.write_bytes(content[:-3])
    assert damaged_files(run.root) == []
    path.write_bytes(content[:60] + bytes([content[60] ^ 1]) + content[61:])
    (found,) = damaged_files(run.root)
    assert path.name in found


def test_tries_are_counted_by_what_came_of_them():
    tallies = {"export": Tally(), "report": Tally()}
    tallies["export"].add("SIGKILL")
    tallies["export"].add("SIGINT", "differ: vae.keras")
    tallies["report"].add("SIGKILL")
    assert tally_table(tallies, "phase").splitlines() == [
        "| phase | survived / tried | outcomes |",
        "| --- | ---: | --- |",
        "| export | 1 / 2 | 1 SIGINT, 1 SIGKILL |",
        "| report | 1 / 1 | 1 SIGKILL |",
        "| all | 2 / 3 | |",
        "",
        "export: differ: vae.keras",
    ]


def test_tries_that_were_interrupted_are_counted_with_those_that_follow(tmp_path):
    Record(tmp_path / "tried.json").add("export", "SIGKILL")
    record = Record(tmp_path / "tried.json")
    assert len(record.tries) == 1
    record.add("export", "SIGINT", "differ: vae.keras")
    tally = Record(tmp_path / "tried.json").tallies(["export", "report"])["export"]
    assert (tally.survived, tally.tried) == (1, 2)


def test_edits_follow_from_their_seed_and_leave_what_they_are_given():
    content = {"a": [1, 2, {"b": "c"}], "d": 1.5}
    kept = json.dumps(content)
    texts = {edited_json(content, np.random.default_rng(seed)) for seed in range(100)}
    assert len(texts) > 50
    assert json.dumps(content) == kept
    assert edited_json(content, np.random.default_rng(3)) == edited_json(content, np.random.default_rng(3))
    assert any(edited_bytes(b"whole", np.random.default_rng(seed)) == b"" for seed in range(20))
