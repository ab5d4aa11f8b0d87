"""A run is never overwritten, is found again, and its files are never half written."""

import json
import os

import pytest
from zip_files import model_with_a_password

from keras_vae.errors import InputError
from keras_vae.files import write_atomically
from keras_vae.runs import Run, TrainConfig
from keras_vae.runs.run import _free_name


def test_a_new_run_keeps_its_configuration(tmp_path):
    run = Run.create(TrainConfig(latent_dim=5), "first", tmp_path)
    assert Run.open("first", tmp_path).config.latent_dim == 5
    assert run.logs == tmp_path / "logs" / "first"
    assert run.folder == tmp_path / "saved_models" / "first"


def test_without_a_name_runs_are_numbered(tmp_path):
    names = [Run.create(TrainConfig.from_preset("quick"), root=tmp_path).name for _ in range(3)]
    assert names == ["quick", "quick-2", "quick-3"]


def test_an_existing_name_is_refused_and_nothing_in_it_changes(tmp_path):
    run = Run.create(TrainConfig(seed=1), "taken", tmp_path)
    before = (run.folder / "config.json").read_bytes()
    with pytest.raises(InputError, match=r"'taken' exists already.*--resume --run taken"):
        Run.create(TrainConfig(seed=2), "taken", tmp_path)
    assert (run.folder / "config.json").read_bytes() == before


def test_a_folder_left_empty_by_a_kill_does_not_take_the_name(tmp_path):
    (tmp_path / "saved_models" / "begun").mkdir(parents=True)
    assert Run.create(TrainConfig(seed=3), "begun", tmp_path).config.seed == 3


def test_a_run_stopped_while_it_is_made_leaves_no_folder(tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("keras_vae.runs.run.replace_durably", stopped)
        Run.create(TrainConfig(), "begun", tmp_path)
    assert not list((tmp_path / "saved_models").iterdir())


def test_names_that_nobody_gave_are_not_taken_from_a_run_that_is_begun_at_the_same_moment(tmp_path, monkeypatch):
    names = iter(["default", "default"])
    monkeypatch.setattr("keras_vae.runs.run._free_name", lambda *wanted: next(names, None) or _free_name(*wanted))
    assert [Run.create(TrainConfig(), root=tmp_path).name for _ in range(2)] == ["default", "default-2"]


def test_a_file_where_the_folder_of_runs_should_be_is_named(tmp_path):
    (tmp_path / "saved_models").write_text("")
    with pytest.raises(InputError, match=r"Cannot make .*saved_models.*Choose another --root"):
        Run.create(TrainConfig(), root=tmp_path)


def test_logs_left_over_from_a_removed_run_are_not_added_to(tmp_path):
    (tmp_path / "logs" / "left").mkdir(parents=True)
    with pytest.raises(InputError, match="left over from another run"):
        Run.create(TrainConfig(), "left", tmp_path)


def test_a_folder_that_is_no_run_is_not_opened(tmp_path):
    (tmp_path / "saved_models" / "empty").mkdir(parents=True)
    with pytest.raises(InputError, match="no run 'empty'"):
        Run.open(str(tmp_path / "saved_models" / "empty"))


@pytest.mark.parametrize("name", ["", "a b", "../up", "a/b", "ä", ".hidden", "-x"])
def test_a_name_that_tensorboard_would_not_show_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot name a run"):
        Run.create(TrainConfig(), name, tmp_path)
    assert not list(tmp_path.rglob("config.json"))


def test_a_missing_run_is_answered_with_the_nearest_names(tmp_path):
    for name in ("default", "default-2", "other"):
        Run.create(TrainConfig(), name, tmp_path)
    with pytest.raises(InputError, match=r"no run 'defualt'.*nearest are default"):
        Run.open("defualt", tmp_path)


def test_without_any_run_the_command_that_makes_one_is_named(tmp_path):
    with pytest.raises(InputError, match=r"python scripts/train\.py"):
        Run.open("default", tmp_path)


def test_a_run_is_also_found_by_its_folder(tmp_path):
    run = Run.create(TrainConfig(), "here", tmp_path)
    assert Run.open(str(run.folder)) == run


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path):
    path = write_atomically(tmp_path / "deep" / "file.json", json.dumps({"whole": True}))
    with pytest.raises(TypeError):
        write_atomically(path, 3)
    assert json.loads(path.read_text()) == {"whole": True}
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/", "saved_models/..", "x" * 300, "nul\0", "\udcff", "elsewhere/taken", "/tmp/taken"]
)
def test_what_cannot_name_a_run_is_refused_in_one_line(tmp_path, name):
    Run.create(TrainConfig(), "taken", tmp_path)
    with pytest.raises(InputError) as error:
        Run.open(name, tmp_path)
    assert "\n" not in str(error.value)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="--run"):
        Run.create(TrainConfig(), name, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["config.json", "training.json", "history.json", "vae.keras"])
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"null", b"\xff", b"PK\x03\x04", pytest.param(model_with_a_password(), id="password")]
)
def test_a_damaged_file_of_a_run_is_named(tmp_path, name, content):
    run = Run.create(TrainConfig(), "damaged", tmp_path)
    run.write(name, content)
    attribute = {"training.json": "summary", "history.json": "history", "vae.keras": "model_config"}.get(name, "config")
    with pytest.raises(InputError, match=name):
        getattr(run, attribute)


def test_what_a_killed_process_left_is_removed_once_nobody_writes_to_it(tmp_path):
    run = Run.create(TrainConfig(), "killed", tmp_path)
    left = [
        run.folder / ".history.json.0a1b2c3d",
        run.checkpoints / ".part.weights.h5",
        run.folder / ".exploring-abcd_123" / "latent.json",
        run.logs / ".projector-12345678" / "metadata.tsv",
    ]
    kept = [run.folder / ".bounds-0123456789abcdef.json", run.folder / ".DS_Store", run.folder / ".maps.npz.89abcdef"]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in left:
        for each in (path, path.parent):
            os.utime(each, (0, 0))
    with run.locked():
        pass
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)
