"""What surrounds a training may be odd: no home, folders that vanish, a clock that jumps, no inotify, nine others."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from system_calls import WITHOUT_INOTIFY
from tensorboard_server import get_json, tensorboard

from keras_vae.cli import main
from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.reliability import damaged_files, outcome_of
from keras_vae.reliability.processes import finish, start
from keras_vae.reliability.small_run import TRAIN, write_pictures
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import train
from keras_vae.training.checkpoints import Checkpoint

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "/proc/none"  # where nobody, not even root, can make a folder
SMALL = TrainConfig(
    latent_dim=2, widths=(4,), epochs=2, batch_size=20, prior="standard_normal", xla="off", mixed_precision="off"
)
PROGRAM_WITHOUT_INOTIFY = """
import ctypes, errno, sys
assert ctypes.CDLL(None, use_errno=True).inotify_init1(0) == -1 and ctypes.get_errno() == errno.EMFILE
from keras_vae.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def data():
    return open_dataset(np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8), name="noise")


def test_a_training_whose_folder_is_removed_ends_in_one_line(data, tmp_path, monkeypatch):
    begun = Checkpoint.on_train_begin

    def removing(callback, logs=None):
        begun(callback, logs)
        shutil.rmtree(tmp_path / "saved_models")

    monkeypatch.setattr(Checkpoint, "on_train_begin", removing)
    with pytest.raises(InputError, match="was removed while it was trained") as refused:
        train(SMALL, "removed", tmp_path, data)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "saved_models").exists()


def test_a_clock_that_jumps_changes_neither_weights_nor_figures(data, tmp_path, monkeypatch):
    steady = train(SMALL, "steady", tmp_path, data)
    jumps = itertools.cycle([-86_400.0, 1e9, 0.0, -1e9, 3600.0])
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + next(jumps))
    jumping = train(SMALL, "jumping", tmp_path, data)
    assert outcome_of(jumping)["vae.keras"] == outcome_of(steady)["vae.keras"]
    seconds = [row["seconds"] for row in json.loads((jumping.folder / "history.json").read_text())]
    assert all(0 < each < 600 for each in seconds)
    assert damaged_files(tmp_path) == []


def test_a_folder_that_nobody_can_write_is_refused_in_one_line(data, capsys):
    with pytest.raises(InputError, match="/proc") as refused:
        train(SMALL, "anywhere", NOWHERE, data)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
def test_without_a_home_folder_arrays_are_trained_and_pictures_refused_in_one_line(data, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG", "TF_CPP"))}
    write_pictures(tmp_path / "pictures")
    np.save(tmp_path / "images.npy", data.images("train"))

    def trained_on(dataset: str) -> subprocess.CompletedProcess:
        command = [
            sys.executable,
            "scripts/train.py",
            *TRAIN[1:],
            "--epochs",
            "1",
            "--dataset",
            str(tmp_path / dataset),
        ]
        return subprocess.run(
            [*command, "--root", str(tmp_path / "root")],
            cwd=ROOT, env={**environment, "HOME": NOWHERE}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    refused = trained_on("pictures")
    assert refused.returncode == 2, refused.stderr
    assert [line[:7] for line in refused.stderr.splitlines() if not line.startswith("Preparing ")] == ["error: "]
    assert not (tmp_path / "root").exists()
    taken = trained_on("images.npy")
    assert taken.returncode == 0, taken.stderr


def test_a_machine_without_inotify_trains_and_tensorboard_shows_its_curves(data, tmp_path):
    np.save(tmp_path / "images.npy", data.images("train"))
    words = [*TRAIN, "--epochs", "2", "--dataset", str(tmp_path / "images.npy"), "--root", str(tmp_path)]
    process = subprocess.run(
        [*WITHOUT_INOTIFY, sys.executable, "-c", PROGRAM_WITHOUT_INOTIFY, *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    assert damaged_files(tmp_path) == []
    with tensorboard(tmp_path / "logs", ["scalars"], under=WITHOUT_INOTIFY) as url:
        assert len(get_json(url, "/data/plugin/scalars/scalars", run="small/validation", tag="epoch_loss")) == 2


def test_of_two_trainings_of_one_name_begun_at_once_one_is_refused_in_one_line(tmp_path):
    pictures = write_pictures(tmp_path / "pictures")
    words = [*TRAIN, "--epochs", "1", "--dataset", str(pictures), "--root", str(tmp_path / "root")]
    logs = [tmp_path / "one.txt", tmp_path / "other.txt"]
    processes = [start(main, words, log, {"XDG_CACHE_HOME": str(tmp_path / "cache")}) for log in logs]
    codes = [finish(process) for process in processes]
    assert sorted(codes) == [0, 2], [log.read_text() for log in logs]
    said = logs[codes.index(2)].read_text().splitlines()
    assert [line for line in said if line.startswith(("error: ", "Traceback"))] == said[-1:]
    assert "A run named 'small' exists already" in said[-1]
    assert Run.open("small", tmp_path / "root").summary["epochs"] == 1
    assert damaged_files(tmp_path / "root") == []


@pytest.mark.slow
def test_ten_trainings_at_once_have_names_of_their_own_and_the_same_bits(tmp_path):
    pictures = write_pictures(tmp_path / "pictures")
    words = [word for word in TRAIN if word not in ("--run", "small")]
    words += ["--epochs", "1", "--dataset", str(pictures), "--root", str(tmp_path)]
    processes = [start(main, words, tmp_path / f"{number}.txt") for number in range(10)]
    assert [finish(process) for process in processes] == [0] * 10
    names = sorted(path.name for path in (tmp_path / "saved_models").iterdir())
    assert names == sorted(["default", *(f"default-{number}" for number in range(2, 11))])
    outcomes = [outcome_of(Run(name, tmp_path)) for name in names]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert damaged_files(tmp_path) == []
