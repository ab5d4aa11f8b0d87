"""A user's mistake, or a disk without room, is answered by one line, exit code 2, and nothing is left behind."""

import errno
import json
import os
import shutil
import types

import numpy as np
import pytest
import tensorflow as tf

from keras_vae import files
from keras_vae.cli import main
from keras_vae.console import run_command
from keras_vae.encoding.shards import open_output
from keras_vae.errors import InputError
from keras_vae.model import VAE, save_model
from keras_vae.runs import Run, TrainConfig

LONG = "l" * 300
SMALL = ["--widths", "4", "--latent-dim", "2", "--batch-size", "20", "--epochs", "1", "--prior", "standard_normal"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Where a user is: a folder with what a run has once it has weights."""
    root = tmp_path / "here"
    root.mkdir()
    np.save(root / "images.npy", np.random.default_rng(0).integers(0, 256, (240, 8, 8, 1), np.uint8))
    run = Run.create(TrainConfig(dataset=str(root / "images.npy"), latent_dim=2), "small", root)
    save_model(VAE((8, 8, 1), 2, widths=(4,)), run.model_file)
    run.logs.mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


def refused(words, capsys) -> str:
    """The one line with which a command ends."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, words)))
    line = capsys.readouterr().err.splitlines()[-1]
    assert ended.value.code == 2, line
    assert line.startswith("error: ")
    return line


def listing(folder):
    return sorted((path, path.stat().st_size) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["train", *SMALL, "--dataset", "~nouser/x"], "~nouser/x"),
        (["train", *SMALL, "--data-dir", "~nouser/x"], "~nouser/x"),
        (["train", *SMALL, "--dataset", "images.npy", "--root", LONG], "File name too long"),
        (["runs", "--root", LONG], "File name too long"),
        (["evaluate", "small", "--root", LONG], LONG),
        (["sheet", LONG + ".md"], "File name too long"),
        (["sheet", "latin.md"], "latin.md is no text in UTF-8"),
        (["page", "small", "folder.html"], "folder.html is a folder"),
        (["export", "small", "--output", "/proc/none/x"], "/proc"),
        (["export", "small", "--format", "litert", "--output", "file.txt/x.tflite"], "file.txt"),
        (["encode", "small", "--output", "/proc/none/x"], "/proc"),
        (["encode", "small", "--output", "file.txt/x"], "file.txt"),
        (["train-classifier", "--output", "/proc/none/x.weights.h5"], "/proc"),
        (["train-classifier", "--output", "folder.weights.h5"], "is a folder"),
        (["pack", "small", "../../escaped"], "cannot name a run"),
    ],
)
def test_a_path_that_cannot_be_is_named_before_anything_is_computed(words, named, root, capsys, monkeypatch):
    (root / "latin.md").write_bytes(b"\xe9t\xe9")
    (root / "file.txt").touch()
    for name in ("folder.html", "folder.weights.h5"):
        (root / name).mkdir()
    monkeypatch.setattr("keras_vae.evaluation.train_classifier", lambda *_: pytest.fail("it is trained already"))
    before = listing(root.parent)
    assert named in refused(words, capsys)
    assert listing(root.parent) == before


@pytest.mark.parametrize("words", [["--files", "100"], ["--peers"], ["--memory"]])
def test_a_benchmark_that_has_options_of_its_own_takes_none_of_a_training(words, capsys):
    assert "has options of its own" in refused(["benchmark", *words, "--latent-dim", "7"], capsys)


@pytest.mark.parametrize(("command", "remedy"), [("page", "explore"), ("pack", "report"), ("evaluate", "train")])
def test_a_remedy_can_be_typed_where_the_user_is(command, remedy, root, tmp_path, capsys, monkeypatch):
    if command == "evaluate":
        Run.open("small", root).model_file.unlink()
    monkeypatch.chdir(tmp_path)
    words = {"page": ["page.html"], "pack": ["packed"]}.get(command, [])
    line = refused([command, "small", *words, "--root", root], capsys)
    assert remedy in line and f"small --root {root}" in line


def test_logs_that_are_a_file_are_named_before_a_run_is_made(root, capsys):
    shutil.rmtree(root / "logs")
    (root / "logs").touch()
    before = listing(root / "saved_models")
    with pytest.raises(InputError, match="logs is a file"):
        Run.create(TrainConfig(), "other", root)
    assert listing(root / "saved_models") == before


@pytest.mark.parametrize("content", [b"[]", b"\xff", b"null", b"{"])
def test_a_damaged_description_of_an_encoding_is_named(content, tmp_path):
    (tmp_path / "_encoding.json").write_bytes(content)
    with pytest.raises(InputError, match=r"_encoding\.json is damaged .*give another --output"):
        open_output(tmp_path, {"run": "small"})


def test_a_link_to_a_run_is_removed_and_the_run_is_not(root, capsys):
    (root / "saved_models" / "link").symlink_to(root / "saved_models" / "small")
    main(["runs", "remove", "link"])
    assert Run.open("small", root).has_weights
    assert not os.path.lexists(root / "saved_models" / "link")


@pytest.mark.parametrize(
    "words",
    [
        ["export", "small"],
        ["export", "small", "--format", "litert"],
        ["evaluate", "small"],
        ["explore", "small"],
        ["report", "small"],
        ["encode", "small", "--output", "encoded"],
    ],
)
@pytest.mark.parametrize("free", [0, 250_000])
def test_a_disk_without_room_is_named_before_anything_is_computed(words, free, root, capsys, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: types.SimpleNamespace(free=free))
    monkeypatch.setattr("keras_vae.encoding.encoder.BYTES_BESIDE", 10_000)  # of an image, of which there are few
    for name in ("keras_vae.evaluation.subject.open_model_and_data", "keras_vae.latent_space.exploration.explore_maps"):
        monkeypatch.setattr(name, lambda *_: pytest.fail("it is computed already"))
    before = listing(root / "saved_models" / "small")
    assert "make room there" in refused(words, capsys)
    assert listing(root / "saved_models" / "small") == before


def outcome(error, capsys, words=()) -> str:
    def command():
        raise error

    with pytest.raises(SystemExit) as ended:
        run_command(command, words)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL, "x"),
        OSError(f"Can't write data (errno = 28, error message = '{FULL}')"),  # as HDF5 says it
        tf.errors.ResourceExhaustedError(None, None, f"saved_model/variables; {FULL}"),
        tf.errors.UnknownError(None, None, f"x\n{FULL}"),
    ],
)
def test_a_full_disk_is_one_line_whoever_meets_it(error, capsys):
    assert FULL in outcome(error, capsys)


def test_no_place_for_temporary_files_is_one_line(capsys):
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/here']")
    assert "['/tmp', '/here']: make room" in outcome(error, capsys)


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [
        (errno.ENOENT, "given/none", ["export", "--output", "given/none"]),
        (errno.ENOENT, "given", ["export", "--output=given/none"]),
        (errno.ENOTDIR, "file.txt/x/.x.part", ["encode", "--output", "file.txt/x"]),
        (errno.ENOTDIR, "file.txt/logs/x", ["train", "--root", "file.txt"]),
        (errno.EISDIR, "given", ["given"]),
        (errno.ENAMETOOLONG, LONG, []),
        (errno.EIO, "logs/x", []),
        (errno.ELOOP, "link", []),
    ],
)
def test_a_file_that_the_user_gave_is_named(number, name, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").touch()
    assert outcome(OSError(number, os.strerror(number), name), capsys, words).startswith(f"error: {name}: ")


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(errno.ENOENT, "none", "/none/of/the/users"),
        FileNotFoundError(errno.ENOENT, "none", "given/within"),
        FileNotFoundError("none"),
        IsADirectoryError(errno.EISDIR, "none", "other"),
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        ValueError(FULL),
        json.JSONDecodeError("none", "", 0),
    ],
)
def test_a_bug_keeps_its_traceback(error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "given").mkdir()

    def command():
        raise error

    with pytest.raises(type(error)) as raised:
        run_command(command, ["export", "--output", "given"])
    assert raised.value is error
