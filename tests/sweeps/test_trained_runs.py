"""A run that there is already is taken for a configuration's where it is of that configuration, and else refused."""

from pathlib import Path

import pytest

from keras_vae.errors import InputError
from keras_vae.runs import Run, TrainConfig
from keras_vae.sweeps import trained_runs


@pytest.fixture
def taken(tmp_path, monkeypatch):
    """Whether a run of one configuration is gone on with for another one; the current folder is another than theirs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(trained_runs, "resume", lambda run: run)

    def is_taken(kept: TrainConfig, wanted: TrainConfig, *, has_arrays: bool = False) -> bool:
        root = tmp_path / f"root-{len(list(tmp_path.iterdir()))}"
        run = Run.create(kept, "one", root)
        if has_arrays:
            run.data.mkdir()
        try:
            return trained_runs.trained_run(wanted, "one", root) == run
        except InputError as error:
            assert "is a run of another configuration" in str(error)
            return False

    return is_taken


def test_runs_of_another_data_set_are_not_taken_for_these(taken, tmp_path):
    assert not taken(TrainConfig(), TrainConfig(dataset="mnist"))
    assert taken(TrainConfig(dataset="mnist"), TrainConfig(dataset="mnist"))
    pictures = TrainConfig(dataset=str(tmp_path / "pictures"))  # a run keeps the whole path
    assert taken(pictures, TrainConfig(dataset="pictures"))
    assert taken(pictures, TrainConfig(dataset="./pictures"))
    assert not taken(pictures, TrainConfig(dataset="others"))


def test_a_run_of_arrays_is_known_by_their_name_and_by_the_folder_that_it_keeps_them_in(taken, tmp_path):
    arrays = TrainConfig(dataset="arrays")
    assert taken(arrays, arrays, has_arrays=True)
    root = f"root-{len(list(tmp_path.iterdir()))}"
    assert taken(arrays, TrainConfig(dataset=f"{root}/saved_models/one/data"), has_arrays=True)
    assert not taken(arrays, TrainConfig(), has_arrays=True)


def test_runs_that_started_from_another_run_are_not_taken_for_these(taken, tmp_path):
    root = tmp_path / f"root-{len(list(tmp_path.iterdir()))}"
    started = TrainConfig(init_from=str(Path(root, "saved_models", "first")))
    assert taken(started, TrainConfig(init_from="first"))
    assert not taken(started, TrainConfig(init_from="second"))
    assert not taken(started, TrainConfig())
    assert not taken(TrainConfig(), started)
