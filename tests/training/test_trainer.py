"""A run survives whatever interrupts it, and says what happened."""

import contextlib
import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.evaluation import open_model_and_data
from keras_vae.model import VAE, load_model, save_model
from keras_vae.runs import Run, TrainConfig, open_data
from keras_vae.tensorboard import projector
from keras_vae.training import checkpoints, resume, train, training_table
from keras_vae.training.checkpoints import latest_checkpoint
from keras_vae.training.compilation import compiled_model
from keras_vae.training.trainer import _shows_progress_bars

ROOT = Path(__file__).resolve().parents[2]


def tiny(folder: Path, **options) -> TrainConfig:
    """A configuration that exercises every part of a training on a few small images."""
    defaults = {
        "dataset": str(folder),
        "latent_dim": 3,
        "widths": (16,),
        "epochs": 3,
        "batch_size": 10,
        "beta_warmup": 2.0,
        "xla": "off",
        "likelihood": "bernoulli",
        "beta": 1.0,
        "prior": "standard_normal",
        "grid_every": 0,
        "histogram_every": 0,
    }
    return TrainConfig(**{**defaults, **options})


def flags(config: TrainConfig) -> list[str]:
    """The command line that makes this configuration."""
    line = []
    for name, value in dataclasses.asdict(config).items():
        if value is not None:  # the defaults too: what is not given follows the number of images
            values = value if isinstance(value, tuple) else [value]
            line += ["--" + name.replace("_", "-"), *map(str, values)]
    return line


def start(root: Path, *arguments: str, folder: Path = ROOT) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "train.py", "--root", root, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        # A test suite started in the background ignores interrupts, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for_epoch(run_folder: Path, epoch: int, process: subprocess.Popen) -> None:
    while latest_checkpoint(run_folder / "checkpoints")[0] < epoch:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.01)


def weights_of(run: Run) -> list[np.ndarray]:
    return load_model(run.model_file).get_weights()


@pytest.fixture(scope="module")
def trained(picture_folder, tmp_path_factory) -> Run:
    return train(tiny(picture_folder), "trained", tmp_path_factory.mktemp("root"))


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (None, "For images of 16 x 16 pixels: --network dense"),
        ((48,), "For images of 48 x 48 pixels, as --widths or --dropout are those of dense layers: --network dense"),
    ],
)
def test_the_network_of_auto_is_told_and_kept(size, told, picture_folder, tmp_path, capsys):
    run = train(tiny(picture_folder, image_size=size, network="auto", epochs=1), "chosen", tmp_path)
    assert f"{told}\n" in capsys.readouterr().out
    assert run.config.network == run.model_config["network"] == "dense"


def test_more_widths_than_halvings_are_refused_before_anything_is_written(picture_folder, tmp_path):
    with pytest.raises(InputError, match=r"of 16 x 16 pixels there can be 4, not 5"):
        train(tiny(picture_folder, network="convolutional", widths=(4,) * 5), "deep", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_leaves_everything_that_was_promised(trained):
    for name in ("config.json", "history.json", "training.json", "vae.keras", "saved_model/saved_model.pb"):
        assert (trained.folder / name).is_file(), name
    pictures = {path.stem for path in trained.figures.glob("*.png")}
    assert pictures == {"samples", "reconstructions", "traversal", "interpolation"}
    assert (trained.logs / "projector" / "projector_config.pbtxt").is_file()
    assert not list(trained.logs.rglob("*.h5"))


@pytest.mark.parametrize(("module", "expected"), [("ipykernel.iostream", True), ("io", False)])
def test_a_notebook_shows_a_progress_bar(module, expected):
    output = type("Output", (), {"__module__": module, "isatty": lambda self: False})()
    assert _shows_progress_bars(output) == expected


def test_results_name_their_unit_split_and_number_of_images(trained):
    result = json.loads((trained.folder / "training.json").read_text())
    assert result["unit"].startswith("nats per image")
    assert set(result["splits"]) == {"validation", "test"}
    for figures in result["splits"].values():
        assert figures["images"] > 0
        assert figures["elbo"] == pytest.approx(-figures["reconstruction"] - figures["kl"], rel=1e-5)


def test_results_name_the_commit_of_the_code(trained):
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert json.loads((trained.folder / "training.json").read_text())["commit"].removesuffix("+") == head


def test_history_has_train_and_validation_figures_for_every_epoch(trained):
    history = json.loads((trained.folder / "history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    names = {"loss", "reconstruction", "kl", "elbo"}
    assert names | {f"val_{name}" for name in names} | {"beta", "images_per_second"} <= set(history[0])


def test_beta_warms_up_and_the_learning_rate_decays(trained):
    history = json.loads((trained.folder / "history.json").read_text())
    betas = [row["beta"] for row in history]
    assert 0.0 < betas[0] < betas[1] <= betas[2] == 1.0
    rates = [row["learning_rate"] for row in history]
    assert rates[0] == pytest.approx(TrainConfig().learning_rate)
    assert rates[0] > rates[1] > rates[2] == pytest.approx(0.0, abs=1e-6)


def test_the_saved_model_is_the_trained_model(trained, picture_images):
    served = tf.saved_model.load(str(trained.saved_model))
    model = load_model(trained.model_file)
    assert served.reconstruct(picture_images)["images"].numpy() == pytest.approx(
        model(picture_images).numpy(), abs=1e-5
    )


def test_the_same_configuration_gives_the_same_weights(trained, picture_folder, tmp_path):
    again = train(tiny(picture_folder), root=tmp_path)
    other = train(tiny(picture_folder, seed=1), root=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(trained), weights_of(again), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(weights_of(trained), weights_of(other), strict=True))


@pytest.mark.parametrize(
    "options",
    [
        {"likelihood": "gaussian", "sharpening_epochs": 2, "grid_every": 4, "projector_every": 4},
        pytest.param({"xla": "on", "binarize": "dynamic", "steps_per_execution": 1}, marks=pytest.mark.slow),
        pytest.param({"levels": 2, "prior": "vamp", "prior_components": 5}, marks=pytest.mark.slow),
        pytest.param({"beta": 1.0, "importance_epochs": 10, "importance_samples": 3}, marks=pytest.mark.slow),
        pytest.param(
            {"memory_budget": 0, "weight_average": 0.0, "network": "convolutional", "widths": (4, 4)},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {
                "likelihood": "gaussian",
                "variance": "learned",
                "dropout": 0.2,
                "input_noise": 0.1,
                "patience": 9,
                "learning_rate": 0.05,
            },
            marks=pytest.mark.slow,
        ),
    ],
    ids=["sharpened", "xla", "two_levels", "importance_weighted", "streamed", "disturbed"],
)
def test_a_run_killed_and_resumed_ends_with_the_weights_of_one_never_interrupted(options, picture_folder, tmp_path):
    config = tiny(picture_folder, epochs=12, **options)
    whole = train(config, "whole", tmp_path)
    process = start(tmp_path, "--run", "killed", *flags(config))
    wait_for_epoch(tmp_path / "saved_models" / "killed", 3, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = Run.open("killed", tmp_path)
    assert not (killed.folder / "training.json").exists(), "the run ended before it could be killed"

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    output, errors = start(tmp_path, "--resume", "--run", "killed", folder=elsewhere).communicate(timeout=300)
    assert "tensorboard --logdir" in output, errors
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(whole), weights_of(killed), strict=True))
    histories = [json.loads((run.folder / "history.json").read_text()) for run in (whole, killed)]
    assert [row["val_elbo"] for row in histories[0]] == [row["val_elbo"] for row in histories[1]]


def test_a_training_with_patience_ends_early_says_what_it_keeps_and_has_ended(picture_folder, tmp_path, capsys):
    config = tiny(picture_folder, epochs=50, patience=1, learning_rate=0.3, schedule="constant", beta_warmup=0.0)
    run = train(config, root=tmp_path)
    history = json.loads((run.folder / "history.json").read_text())
    losses = [row["val_reconstruction"] + run.config.beta * row["val_kl"] for row in history]
    kept = int(np.argmin(losses)) + 1
    assert kept == len(history) - 1 < 49
    assert run.summary["kept_epoch"] == kept
    assert f"weights of epoch {kept}" in training_table(run)
    assert -run.summary["splits"]["validation"]["elbo"] == pytest.approx(-history[kept - 1]["val_elbo"], rel=1e-2)
    with pytest.raises(InputError, match=f"has finished {len(history)} epochs"):
        resume(run)


def test_ctrl_c_saves_the_last_epoch_and_exits_with_one_line(picture_folder, tmp_path):
    process = start(tmp_path, "--run", "stopped", *flags(tiny(picture_folder, epochs=5000)))
    wait_for_epoch(tmp_path / "saved_models" / "stopped", 3, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "--resume --run stopped" in errors.strip().splitlines()[-1]
    assert load_model(tmp_path / "saved_models" / "stopped" / "vae.keras").optimizer.iterations.numpy() > 0
    assert "those of the last finished epoch" in (tmp_path / "saved_models" / "stopped" / "README.md").read_text()


@pytest.mark.parametrize(
    "moment",
    [
        "keras_vae.runs.run.Run.write",
        "keras_vae.training.trainer.describe_run",
        "keras_vae.data.ImageData.labels",
        "keras_vae.training.checkpoints.Checkpoint.on_train_begin",
        "keras_vae.training.checkpoints.Checkpoint._save",
    ],
)
@pytest.mark.parametrize("stop", [KeyboardInterrupt, RuntimeError])
def test_a_run_stopped_before_its_first_checkpoint_costs_nothing(moment, stop, picture_folder, tmp_path, monkeypatch):
    def stopped(*arguments, **options):
        raise stop

    config = tiny(picture_folder, epochs=1)
    with monkeypatch.context() as patch, pytest.raises(stop):
        patch.setattr(moment, stopped)
        train(config, "early", tmp_path)
    if (tmp_path / "saved_models" / "early").exists():
        run = resume(Run.open("early", tmp_path))
    else:  # stopped so early that the name is still free
        run = train(config, "early", tmp_path)
    assert (run.folder / "training.json").is_file()


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("a bug")], ids=lambda error: type(error).__name__)
def test_what_draws_never_costs_the_weights(error, picture_folder, tmp_path, monkeypatch, capsys):
    def failing(*arguments, **options):
        raise error

    for name in ("keras_vae.tensorboard.callbacks.draw_pictures", "keras_vae.tensorboard.callbacks.write_projector"):
        monkeypatch.setattr(name, failing)
    run = train(tiny(picture_folder, epochs=1), "plain", tmp_path)
    assert run.is_finished
    errors = capsys.readouterr().err
    assert f"SampleGrid failed ({error})" in errors
    assert f"EmbeddingProjector failed ({error})" in errors
    assert ("Traceback" in errors) == isinstance(error, RuntimeError)


def test_logs_that_are_removed_while_a_run_is_trained_are_missed_once(picture_folder, tmp_path, monkeypatch, capsys):
    save = checkpoints.Checkpoint.on_epoch_end

    def save_and_remove(self, epoch, logs):
        save(self, epoch, logs)
        shutil.rmtree(tmp_path / "logs", ignore_errors=True)

    monkeypatch.setattr(checkpoints.Checkpoint, "on_epoch_end", save_and_remove)
    run = train(tiny(picture_folder), "watched", tmp_path)
    assert run.is_finished
    assert capsys.readouterr().err.count(f"{run.logs} was removed") == 1


def interrupt(*arguments, **options) -> None:
    raise KeyboardInterrupt


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_weights(picture_folder, tmp_path, monkeypatch):
    config = tiny(picture_folder, learning_rate_warmup=0.0, epochs=1, weight_average=0.0)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("keras_vae.training.trainer._Saving.on_train_end", interrupt)
        train(config, "diverged", tmp_path)
    run = Run.open("diverged", tmp_path)
    run.write("config.json", run.config.replace(learning_rate=1e30, epochs=6).to_json())
    with pytest.raises(
        InputError, match=r"loss became (nan|inf|-inf) at .* of epoch .*kept. Try a smaller --learning-rate"
    ):
        resume(run)
    assert all(np.isfinite(weight).all() for weight in load_model(run.model_file).get_weights())


def test_a_loss_that_is_not_finite_from_the_beginning_leaves_no_weights(picture_folder, tmp_path):
    with pytest.raises(InputError, match=r"loss became (nan|inf|-inf) at .* of epoch 1: try a smaller --learning-rate"):
        train(tiny(picture_folder, learning_rate=1e30, learning_rate_warmup=4.0), "diverged", tmp_path)
    assert not Run.open("diverged", tmp_path).has_weights


def test_a_finished_run_is_prolonged_only_by_more_epochs(trained):
    with pytest.raises(InputError, match="has finished 3 epochs"):
        resume(trained)


def test_a_finished_run_can_be_prolonged(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=1), "longer", tmp_path)
    resume(run, epochs=2)
    assert [row["epoch"] for row in json.loads((run.folder / "history.json").read_text())] == [1, 2]
    assert run.config.epochs == 2
    assert (run.logs / "projector-epoch-0002").is_dir()


@pytest.mark.parametrize(
    "moment", ["keras_vae.training.trainer.describe_run", "keras_vae.training.trainer.require_disk"]
)
def test_a_finished_run_stays_as_it_is_until_it_has_had_another_epoch(moment, trained, monkeypatch):
    def stopped(*arguments, **options):
        raise KeyboardInterrupt

    def content() -> dict:
        files = [path for path in trained.folder.rglob("*") if path.is_file() and path.name != ".lock"]
        return {path: path.read_bytes() for path in files}

    before = content()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(moment, stopped)
        resume(trained, epochs=5)
    assert content() == before


def test_two_processes_do_not_train_one_run_at_once(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=1), "busy", tmp_path)
    before = (run.folder / "config.json").read_bytes()
    with run.locked(), pytest.raises(InputError, match="is being trained by another process"):
        resume(run, epochs=2)
    assert (run.folder / "config.json").read_bytes() == before


def test_a_run_is_locked_before_it_is_read(picture_folder, tmp_path, monkeypatch):
    run = train(tiny(picture_folder, epochs=1), "raced", tmp_path)
    locked = Run.locked
    others = iter([3])  # another process goes on with the run just before this one has it

    @contextlib.contextmanager
    def overtaken(self):
        for epochs in others:
            resume(run, epochs=epochs)
        with locked(self):
            yield

    monkeypatch.setattr(Run, "locked", overtaken)
    with pytest.raises(InputError, match="has finished 3 epochs"):
        resume(run, epochs=2)
    assert (run.config.epochs, run.summary["epochs"], latest_checkpoint(run.checkpoints)[0]) == (3, 3, 3)


@pytest.mark.parametrize("text", ["[1, 2]", '"ab"', "[null, null]", '[{"epoch": 1}, {"epoch": 2}]'])
def test_a_damaged_history_is_refused_before_anything_is_changed(text, picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=2), "damaged", tmp_path)
    for path in [*run.checkpoints.glob("*.json"), run.folder / "history.json"]:
        path.write_text(text)

    def content() -> dict:
        files = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".lock"]
        return {path: path.read_bytes() for path in files}

    before = content()
    with pytest.raises(InputError, match=r"history\.json does not tell of the 2 epochs") as refused:
        resume(run, epochs=3)
    assert "\n" not in str(refused.value)
    assert content() == before


def test_ctrl_c_in_the_first_epoch_leaves_no_model_that_has_learned_nothing(picture_folder, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="Nothing was trained yet"):
        patch.setattr("keras_vae.model.VAE.train_step", interrupt)
        train(tiny(picture_folder), "early", tmp_path)
    run = Run.open("early", tmp_path)
    assert not run.has_weights
    with pytest.raises(InputError, match="has no weights yet"):
        open_model_and_data(run)
    assert resume(run).is_finished


def test_the_model_of_a_stopped_training_has_the_prior_that_is_fitted_to_it(picture_folder, tmp_path, monkeypatch):
    options = {"likelihood": "gaussian", "prior": "mixture", "prior_components": 4, "epochs": 2}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt, match="after 2 of 2 epochs are in"):
        patch.setattr("keras_vae.training.callbacks.sharpen", interrupt)
        train(tiny(picture_folder, **options), "stopped", tmp_path)
    run = Run.open("stopped", tmp_path)
    prior = load_model(run.model_file).prior
    assert prior.class_labels
    means = prior.means.numpy()
    plain = train(tiny(picture_folder, **options, sharpening_epochs=0), "plain", tmp_path)
    np.testing.assert_array_equal(means, load_model(plain.model_file).prior.means.numpy())


@pytest.mark.parametrize("seed", range(3))
def test_a_training_that_its_patience_has_ended_is_not_gone_on_with(seed, picture_folder, tmp_path, monkeypatch):
    options = {"epochs": 50, "patience": 1, "learning_rate": 0.3, "schedule": "constant", "beta_warmup": 0.0}
    config = tiny(picture_folder, **options, likelihood="gaussian", seed=seed)
    whole = train(config, "whole", tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("keras_vae.training.callbacks.sharpen", interrupt)
        train(config, "stopped", tmp_path)
    run = resume(Run.open("stopped", tmp_path))
    assert run.summary["epochs"] == whole.summary["epochs"]
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(run), weights_of(whole), strict=True))


def test_a_training_that_is_ended_early_is_of_as_many_epochs_as_it_has_had(picture_folder, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("keras_vae.training.trainer._Saving.on_train_end", interrupt)
        train(tiny(picture_folder, epochs=2), "early", tmp_path)
    run = Run.open("early", tmp_path)
    run.write("config.json", run.config.replace(epochs=9).to_json())
    resume(run, epochs=2)
    assert run.is_finished
    assert run.config.epochs == run.summary["epochs"] == 2


def test_the_table_of_a_training_tells_of_the_epochs_of_the_decoder_alone(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=2, likelihood="gaussian", sharpening_epochs=3), "sharp", tmp_path)
    assert "2 epochs of" in training_table(run)
    assert "and 3 of the decoder alone" in training_table(run)


def test_ctrl_c_after_the_model_is_saved_tells_where_it_is(picture_folder, tmp_path, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    with (
        monkeypatch.context() as patch,
        pytest.raises(KeyboardInterrupt, match=r"after 2 of 2 epochs are in .*\.keras"),
    ):
        patch.setattr("keras_vae.training.trainer._measured", stopped)
        train(tiny(picture_folder, epochs=2), "saved", tmp_path)
    assert resume(Run.open("saved", tmp_path)).is_finished


def test_a_run_killed_as_it_is_prolonged_goes_on_without_options(picture_folder, tmp_path, monkeypatch):
    def killed(*arguments):
        raise SystemExit

    run = train(tiny(picture_folder, epochs=1), "longer", tmp_path)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("keras_vae.runs.run.Run.write", killed)  # of the configuration
        resume(run, epochs=2)
    assert not run.is_finished
    assert resume(run).summary["epochs"] == run.config.epochs == 1


def test_a_run_with_more_epochs_than_it_has_had_goes_on_although_it_was_finished(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=1), "longer", tmp_path)
    run.write("config.json", run.config.replace(epochs=2).to_json())
    assert resume(run).summary["epochs"] == 2


def test_a_finished_run_has_its_card_before_it_counts_as_finished(picture_folder, tmp_path, monkeypatch):
    write = Run.write

    def killed_at_the_end(self, name, content):
        if name == "training.json":
            raise SystemExit
        return write(self, name, content)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Run, "write", killed_at_the_end)
        train(tiny(picture_folder, epochs=1), "late", tmp_path)
    run = Run.open("late", tmp_path)
    assert "Weights: " in (run.folder / "README.md").read_text()
    assert resume(run).is_finished


@pytest.mark.parametrize("step", ["visualize_embeddings", "_announce"])  # before its folder, and its event file
def test_what_shows_an_epoch_is_whole_after_a_kill_within_it(step, picture_folder, tmp_path, monkeypatch):
    """The checkpoint of the epoch is there, its projector and its pictures are not."""

    def killed(*arguments):
        raise SystemExit

    config = tiny(picture_folder, epochs=2, projector_every=1, grid_every=1)
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(projector, step, killed)
        train(config, "cut", tmp_path)
    run = Run.open("cut", tmp_path)
    for picture in run.figures.glob("progress/*-0001.png"):
        picture.unlink()
    resume(run)
    found = {folder.name: projector.is_projector(folder) for folder in run.logs.glob("projector*")}
    assert found == {"projector": True, "projector-epoch-0001": True}
    pictures = sorted(path.name for path in run.figures.glob("progress/*"))
    assert pictures == sorted(f"{path.stem}-000{epoch}.png" for path in run.figures.glob("*.png") for epoch in (1, 2))


def test_a_projector_without_its_event_file_is_completed_whatever_epoch_it_shows(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=1, projector_every=1), "dead", tmp_path)
    for name in ("projector-epoch-0007", "projector-maps"):
        shutil.copytree(run.logs / "projector", run.logs / name, ignore=shutil.ignore_patterns("events*"))
    resume(run, epochs=2)
    assert all(projector.is_projector(folder) for folder in run.logs.glob("projector*"))


def test_a_disk_without_room_is_refused_before_anything_is_written(picture_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: types.SimpleNamespace(free=1_000_000))
    with pytest.raises(InputError, match=r"has 1 MB free, and \d+ MB are needed"):
        train(tiny(picture_folder), "full", tmp_path)
    assert not list(tmp_path.iterdir())


def test_fewer_epochs_than_are_finished_are_refused(trained):
    before = (trained.folder / "config.json").read_bytes()
    with pytest.raises(InputError, match="has finished 3 epochs"):
        resume(trained, epochs=2)
    assert (trained.folder / "config.json").read_bytes() == before


def test_a_run_killed_after_its_last_epoch_is_completed(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=2), "late", tmp_path)
    expected = weights_of(run)
    (run.folder / "training.json").unlink()
    run.model_file.unlink()
    resume(run)
    assert (run.folder / "training.json").is_file()
    assert all(np.array_equal(a, b) for a, b in zip(expected, weights_of(run), strict=True))
    assert [path.name for path in run.logs.glob("projector*")] == ["projector"]


def test_a_run_without_its_checkpoints_is_not_trained_anew(picture_folder, tmp_path):
    run = train(tiny(picture_folder, epochs=1), "bare", tmp_path)
    shutil.rmtree(run.checkpoints)
    with pytest.raises(InputError, match="cannot go on without"):
        resume(run, epochs=2)


def test_mixed_precision_trains_and_is_exported(picture_folder, picture_images, tmp_path):
    run = train(tiny(picture_folder, mixed_precision="on", epochs=2), "mixed", tmp_path)
    model = load_model(run.model_file)
    assert model.dtype_policy.name == "mixed_bfloat16"
    served = tf.saved_model.load(str(run.saved_model))
    images = served.reconstruct(picture_images)["images"].numpy()
    assert images.dtype == np.float32
    assert images == pytest.approx(model(picture_images).numpy(), abs=4e-3)  # the rounding of bfloat16
    assert np.array_equal(model(picture_images), model.decode(model.encode(picture_images)[0]))


def test_colour_images_are_trained(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        (tmp_path / "colour" / name).mkdir(parents=True)
        for number in range(30):
            picture = Image.fromarray(rng.integers(0, 256, (8, 12, 3), np.uint8))
            picture.save(tmp_path / "colour" / name / f"{number}.png")
    run = train(tiny(tmp_path / "colour", epochs=1, likelihood="continuous_bernoulli", latent_dim=2), root=tmp_path)
    assert load_model(run.model_file).image_shape == (8, 12, 3)
    assert (run.figures / "manifold.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs must be between 1 and 1,000,000, not 0"),
        (["--dataset", "no/such/folder"], "no/such/folder"),
        (["--resume"], "use it with --run NAME"),
        (["--resume", "--run", "x", "--beta", "2"], "use it without --beta"),
        (["--resume", "--run", "nobody"], "There is no run 'nobody'"),
        (["--run", "a b"], "cannot name a run"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(arguments, message, tmp_path):
    process = start(tmp_path, *arguments)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 2
    assert errors.startswith("error: ")
    assert len(errors.strip().splitlines()) == 1
    assert message in errors
    assert output == ""
    assert not (tmp_path / "saved_models").exists()


def test_a_prior_that_is_fitted_afterwards_is_in_all_that_a_run_leaves(picture_folder, tmp_path):
    options = {"prior": "mixture", "prior_components": 8, "likelihood": "gaussian"}
    run = train(tiny(picture_folder, **options), root=tmp_path)
    model, served = load_model(run.model_file), tf.saved_model.load(str(run.saved_model))
    assert model.prior.classes == 4
    assert (run.figures / "samples_by_class.png").is_file()
    latents = model.prior.sample(20, (0, 0))
    assert served.log_prior(latents)["nats"].numpy() == pytest.approx(
        model.prior.log_density(latents).numpy(), abs=1e-3
    )
    assert served.sample_class(2, 5)["images"].shape == (5, 16, 16, 1)
    history = json.loads((run.folder / "history.json").read_text())
    kl = json.loads((run.folder / "training.json").read_text())["splits"]["validation"]["kl"]
    assert kl < history[-1]["val_kl"]  # the last validation was against N(0, I)


@pytest.mark.parametrize(
    "prior", ["mixture", *(pytest.param(name, marks=pytest.mark.slow) for name in ("flow", "vamp"))]
)
def test_a_prior_that_is_learned_jointly_is_resumed_with_the_model(prior, picture_folder, tmp_path):
    # A prolonged training has another course of what goes by the share of its epochs: here nothing does.
    options = {"prior": prior, "prior_training": "joint", "prior_components": 3, "augmentation": 0.0}
    whole = train(tiny(picture_folder, epochs=2, schedule="constant", **options), root=tmp_path / "whole")
    part = train(tiny(picture_folder, epochs=1, schedule="constant", **options), root=tmp_path / "part")
    resume(part, epochs=2)
    assert all(np.array_equal(a, b) for a, b in zip(weights_of(whole), weights_of(part), strict=True))


def test_a_run_starts_from_the_weights_of_another(trained, picture_folder):
    data = open_dataset(str(picture_folder))
    config = tiny(picture_folder, seed=5, init_from=str(trained.folder), likelihood="bernoulli")
    model, other = compiled_model(config, data), load_model(trained.model_file)
    images = data.images("test", 5) / np.float32(255)
    assert np.array_equal(model(images), other(images))
    assert not np.array_equal(compiled_model(config.replace(init_from=None), data)(images), other(images))
    assert not model.optimizer.iterations.numpy()


def test_a_run_starts_from_both_levels_and_the_variance_of_another(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1), np.uint8)
    other = VAE((8, 8, 1), 4, widths=(16,), likelihood="gaussian", levels=2, seed=1)
    other.variance.assign(0.01)
    run = types.SimpleNamespace(name="other", has_weights=True, model_file=save_model(other, tmp_path / "vae.keras"))
    monkeypatch.setattr(Run, "open", lambda name: run)
    options = {"latent_dim": 4, "levels": 2, "likelihood": "gaussian", "variance": "learned", "init_from": "other"}
    model = compiled_model(tiny(tmp_path, **options), open_dataset(images))
    pixels = images[:5] / np.float32(255)
    assert np.array_equal(model(pixels), other(pixels))
    assert np.array_equal(model.prior.sample(3, (0, 0)), other.prior.sample(3, (0, 0)))
    assert np.exp(model.log_variance) == pytest.approx(0.01)


@pytest.mark.parametrize(("name", "its", "own"), [("latent_dim", 3, 4), ("levels", 1, 2)])
def test_a_run_of_another_network_is_not_started_from(name, its, own, trained, picture_folder, tmp_path):
    config = tiny(picture_folder, init_from="trained", **{name: own})
    with pytest.raises(InputError, match=f"--init-from trained: its {name} is {its}, that of the new run {own}"):
        train(config, "other", trained.root)
    with pytest.raises(InputError, match="no run 'trained'"):
        train(config, "other", tmp_path)
    assert not (trained.root / "saved_models" / "other").exists()


def test_weight_decay_leaves_biases_and_the_prior_alone(picture_folder):
    config = tiny(picture_folder, weight_decay=0.5, prior="vamp", prior_components=3)
    model = compiled_model(config, open_dataset(str(picture_folder)))
    decayed = [each for each in model.trainable_variables if model.optimizer._use_weight_decay(each)]
    assert {variable.name for variable in decayed} == {"kernel"}
    assert len(decayed) == 4


def test_a_batch_larger_than_the_training_split_is_refused_before_anything_is_written(picture_folder, tmp_path):
    with pytest.raises(InputError, match="--batch-size 100000"):
        train(tiny(picture_folder, batch_size=100_000), root=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_of_arrays_keeps_them_and_goes_on_without_them(picture_images, tmp_path):
    labels = np.arange(len(picture_images)) // 60
    data = open_dataset((picture_images, labels), name="mine", class_names=["bottom", "left", "right", "top"])
    run = train(tiny("fashion_mnist", epochs=1), "arrays", tmp_path, data)
    assert run.config.dataset == "mine"
    for kept in (open_data(run.config, run), open_model_and_data(run)[1]):
        assert (kept.name, kept.class_names, kept.counts) == (data.name, data.class_names, data.counts)
        np.testing.assert_array_equal(kept.images("test"), data.images("test"))
    assert resume(run, epochs=2).summary["epochs"] == 2


def test_a_run_whose_arrays_cannot_be_kept_is_not_begun(picture_images, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda place: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(InputError, match="make room"):
        train(tiny("fashion_mnist"), "arrays", tmp_path, open_dataset(picture_images))
    assert not list(tmp_path.rglob("arrays"))


def test_a_run_of_arrays_has_them_as_soon_as_it_has_its_name(picture_images, tmp_path, monkeypatch):
    def killed(*arguments):
        raise SystemExit

    data = open_dataset(picture_images, name="mnist")  # a name that others could be opened by
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Run, "locked", killed)
        train(tiny("fashion_mnist", epochs=1), "arrays", tmp_path, data)
    run = Run.open("arrays", tmp_path)
    np.testing.assert_array_equal(open_data(run.config, run).images("test"), data.images("test"))
    assert resume(run).is_finished


def test_the_command_says_how_it_follows_few_images(picture_folder, tmp_path):
    process = start(tmp_path, "--dataset", str(picture_folder), "--epochs", "1", "--latent-dim", "2", "--widths", "8")
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "For 160 training images, where nothing else is given: " in out
    saved = Run.open("default", tmp_path).config
    assert (saved.batch_size, saved.epochs) == (16, 1)
