"""Runs are listed whatever state they are in, and what is removed is what was asked for."""

import contextlib
import json

import numpy as np
import pytest

from keras_vae.cli import main
from keras_vae.errors import InputError
from keras_vae.model import VAE, fit_prior
from keras_vae.plotting import draw_pictures
from keras_vae.runs import Run, TrainConfig, all_runs, description, prune, remove, run_table, size_of

DRAWN = ("samples", "samples_by_class", "reconstructions", "traversal", "interpolation", "manifold")


@pytest.fixture
def finished(tmp_path) -> Run:
    """What a run leaves on disk, in small."""
    run = Run.create(TrainConfig.from_preset("quick", beta=2.0), "done", tmp_path)
    run.write("vae.keras", b"w" * 1000)
    run.write("training.json", {"splits": {"test": {"elbo": -12.345}}})
    measurements = {"reconstruction.mean.mse_per_pixel": {"value": 0.0123456}}
    run.write("metrics.json", {"evaluations": {"grey": {"measurements": measurements}}})
    for name in [f"figures/{name}.png" for name in (*DRAWN, "error_map", "map_umap")]:
        run.write(name, b"d" * 100)
    run.write("figures/progress/samples-0003.png", b"d" * 100)
    for name in ("figures/plain/samples.png", "explorer.html", "vae-int8.tflite", "checkpoints/epoch-00006.npz"):
        run.write(name, b"x" * 500)
    for name in ("train/events", "projector-epoch-0002/sprite.png", "projector-maps/sprite.png"):
        (run.logs / name).parent.mkdir(parents=True)
        (run.logs / name).write_bytes(b"l" * 500)
    return run


def test_every_run_has_a_row_with_its_state_size_and_figures(finished, tmp_path):
    begun = Run.create(TrainConfig(), "begun", tmp_path)
    stopped = Run.create(TrainConfig(), "stopped", tmp_path)
    stopped.write("history.json", [{"epoch": 1}, {"epoch": 2}])
    Run.create(TrainConfig(), "broken", tmp_path).write("config.json", "{")
    assert [run.name for run in all_runs(tmp_path)] == ["begun", "broken", "done", "stopped"]
    rows = [line.strip("| ").split(" | ") for line in run_table(all_runs(tmp_path)).splitlines()[2:]]
    assert rows[0][:2] + rows[0][4:5] == ["begun", "default", "begun"]
    assert rows[1][:3] == ["broken", "?", "?"]
    size = f"{size_of(finished) / 1e6:.1f}"
    assert rows[2][:7] == ["done", "quick", "fashion_mnist", size, "finished", "-12.35", "0.01235"]
    assert rows[3][4].startswith("stopped after 2 epochs")
    assert begun in all_runs(tmp_path)


def test_a_run_that_is_being_trained_is_neither_pruned_nor_removed(finished, capsys):
    before = size_of(finished)
    with finished.locked():
        for change in (prune, remove):
            with pytest.raises(InputError, match="is being trained by another process"):
                change(finished)
        main(["runs", "prune", "--root", str(finished.root)])
    assert "is being trained by another process" in capsys.readouterr().err
    assert size_of(finished) == before
    assert prune(finished) > 0


def test_the_command_that_makes_a_run_again_is_shown(finished):
    shown = description(finished)
    assert "--run done --preset quick --beta 2.0" in shown
    assert str(finished.model_file) in shown


def test_the_command_that_is_shown_is_one_that_a_shell_takes(tmp_path):
    blanks = Run.create(TrainConfig(dataset="/data/my pictures"), "blanks", tmp_path)
    assert "--run blanks --dataset '/data/my pictures'\n" in description(blanks)
    arrays = Run.create(TrainConfig(dataset="arrays"), "of-arrays", tmp_path)
    arrays.data.mkdir()
    assert "--run of-arrays --dataset saved_models/of-arrays/data\n" in description(arrays)


def test_pruning_leaves_what_no_command_makes_again(finished):
    before = size_of(finished)
    assert prune(finished) == 4 * 500 + 2 * 100 == before - size_of(finished)
    assert finished.model_file.is_file()
    assert finished.checkpoints.is_dir()
    assert (finished.logs / "train" / "events").is_file()
    assert (finished.logs / "projector-epoch-0002" / "sprite.png").is_file()
    assert {path.stem for path in finished.figures.rglob("*.png")} == {*DRAWN, "samples-0003"}
    assert prune(finished, checkpoints=True) == 500
    assert finished.is_finished


def test_the_figures_that_stay_are_those_that_a_training_draws():
    model = VAE((8, 8, 1), 2, widths=(8,), prior="mixture", prior_components=3)
    images, labels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 3
    fit_prior(model, images, labels)
    assert set(draw_pictures(model, images, labels, ["a", "b", "c"])) == set(DRAWN)


def test_a_run_that_is_not_finished_is_not_pruned(finished):
    (finished.folder / "training.json").unlink()
    assert prune(finished, checkpoints=True) == 0


def test_a_run_that_is_removed_leaves_its_name_free(finished, tmp_path):
    other = Run.create(TrainConfig(), "done-2", tmp_path)
    size = size_of(finished)
    assert remove(finished) == [size]
    assert all_runs(tmp_path) == [other]
    Run.create(TrainConfig(), "done", tmp_path)


@pytest.mark.parametrize(
    ("stays", "message"), [("is shipped", "'done' is shipped"), ("is trained", "'done' is being trained")]
)
def test_of_several_runs_all_are_removed_or_none(stays, message, finished, tmp_path):
    other = Run.create(TrainConfig(), "another", tmp_path)
    with contextlib.ExitStack() as stack:
        if stays == "is shipped":
            finished.write("shipped.json", json.dumps({}))
        else:
            stack.enter_context(finished.locked())
        with pytest.raises(InputError, match=message):
            remove(other, finished)
    assert all_runs(tmp_path) == [other, finished]


def test_a_run_that_is_named_twice_is_removed_once(finished, tmp_path, capsys):
    main(["runs", "remove", "done", str(finished.folder), "--root", str(tmp_path)])
    assert capsys.readouterr().out.count("done") == 1
    assert all_runs(tmp_path) == []
    with pytest.raises(InputError, match="There is no run 'done' any more"):
        remove(finished)


def test_a_shipped_run_stays(finished):
    finished.write("shipped.json", json.dumps({}))
    with pytest.raises(InputError, match="'done' is shipped"):
        remove(finished)
    assert prune(finished, checkpoints=True) == 0
