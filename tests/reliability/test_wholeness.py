"""What counts as damaged, and what counts as the same, when tries are counted."""

import json
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from keras_vae.reliability import Tally, damaged_files, outcome_of, tally_table
from keras_vae.reliability.edits import edited_bytes, edited_json
from keras_vae.reliability.outcomes import Record
from keras_vae.runs import Run, TrainConfig


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
    return run


def test_a_run_that_is_whole_has_no_damaged_file(run):
    assert damaged_files(run.root) == []


@pytest.mark.parametrize("name", ["training.json", "samples.png", "maps.npz", "epoch-00001.weights.h5", "vae.keras"])
def test_half_a_file_is_damaged_unless_it_is_hidden(run, name):
    path = run.folder / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    (found,) = damaged_files(run.root)
    assert found.startswith(f"saved_models/whole/{name}: ")
    path.rename(path.with_name(f".{name}.0a1b2c3d"))
    assert damaged_files(run.root) == []


def test_times_do_not_count_and_figures_and_weights_do(run):
    before = outcome_of(run)
    assert set(before) == {"vae.keras", "config.json", "training.json", "maps.npz", "projector"}
    run.write("training.json", {"seconds": 4.0, "splits": {"test": {"elbo": -1.0}}})
    assert outcome_of(run) == before
    run.write("training.json", {"seconds": 4.0, "splits": {"test": {"elbo": -2.0}}})
    with h5py.File(run.folder / "epoch-00001.weights.h5", "w") as file:
        file["kernel"] = np.arange(3.0) + 1e-7
    with zipfile.ZipFile(run.model_file, "w") as archive:
        archive.write(run.folder / "epoch-00001.weights.h5", "model.weights.h5")
    after = outcome_of(run)
    assert {name for name in after if after[name] != before[name]} == {"vae.keras", "training.json"}


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
