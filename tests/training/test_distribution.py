"""Several devices, or several machines, train to the weights of one device; what stands in the way is named."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from workers import ROOT, addresses, outcome, tf_config, workers

from keras_vae.errors import InputError
from keras_vae.model import VAE, AveragingAdamW
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import is_chief, open_strategy, train
from keras_vae.training.checkpoints import latest_checkpoint
from keras_vae.training.distribution import LOST_SECONDS

# Replicas add up in another order than one device, and Adam divides by the size of a gradient.
TOLERANCE = 1e-4

# What makes one step depend on all replicas: the best variance, clipping; and what goes by the number of steps.
OPTIONS = {
    "latent_dim": 3,
    "widths": (16,),
    "epochs": 3,
    "batch_size": 10,
    "beta_warmup": 2.0,
    "gradient_clip": 10.0,
    "prior_components": 8,
    "mixed_precision": "off",
    "xla": "off",
    "grid_every": 0,
    "histogram_every": 0,
}


def config(folder: Path, **options) -> TrainConfig:
    return TrainConfig(**{"dataset": str(folder), **OPTIONS, **options})


def command(config: TrainConfig, root: Path, name: str, *more: str) -> list[str]:
    return [
        "scripts/train.py", "--root", root, "--run", name, "--dataset", config.dataset, *config.command_options(), *more
    ]  # fmt: skip


def command_to_resume(root: Path, name: str) -> list[str]:
    return ["scripts/train.py", "--root", root, "--run", name, "--distribute", "multiworker", "--resume"]


def state(run: Run) -> dict[str, np.ndarray]:
    """Everything that the last checkpoint holds: weights, the optimizer's variables, the noise."""
    with np.load(latest_checkpoint(run.checkpoints)[1]) as saved:
        return {name: saved[name].astype(np.float64) for name in saved.files if name != "sha256"}


def assert_same(run: Run, other: Run) -> None:
    expected, found = state(run), state(other)
    assert len(expected) > 20
    assert expected.keys() == found.keys()
    assert {name for name in expected if not np.allclose(found[name], expected[name], rtol=0, atol=TOLERANCE)} == set()
    for split, figures in run.summary["splits"].items():
        assert other.summary["splits"][split] == pytest.approx(figures, rel=2e-3)


@pytest.fixture(scope="module")
def alone(picture_folder, tmp_path_factory) -> Run:
    return train(config(picture_folder), "alone", tmp_path_factory.mktemp("alone"))


def test_two_devices_train_to_the_weights_of_one(alone, picture_folder, two_devices, tmp_path):
    assert two_devices.num_replicas_in_sync == 2
    assert_same(alone, train(config(picture_folder, distribute="mirrored"), "two", tmp_path))


def test_one_device_is_no_cluster(monkeypatch):
    (cpu, *_) = tf.config.list_logical_devices("CPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [cpu] if kind == "CPU" else [])
    assert open_strategy("mirrored") is tf.distribute.get_strategy()


def test_two_workers_train_to_the_weights_of_one_and_the_chief_alone_writes(alone, picture_folder, tmp_path):
    shared = config(picture_folder, distribute="multiworker")
    roots = [tmp_path / "chief", tmp_path / "other"]
    with workers(*(command(shared, root, "two") for root in roots)) as processes:
        (code, output, errors), (other_code, other_output, other_errors) = map(outcome, processes)
    assert (code, other_code) == (0, 0), errors + other_errors
    assert errors + other_errors == ""
    assert "tensorboard --logdir" in output
    assert other_output.splitlines() == ["This worker is done; the chief has written the run."]
    assert not roots[1].exists()
    run = Run.open("two", roots[0])
    assert_same(alone, run)
    names = [{path.name for path in each.folder.rglob("*")} for each in (alone, run)]
    assert names[0] == names[1]
    histories = [json.loads((each.folder / "history.json").read_text()) for each in (alone, run)]
    for name in ("loss", "kl", "val_elbo", "beta"):
        assert [row[name] for row in histories[1]] == pytest.approx([row[name] for row in histories[0]], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "options"),
    [
        (3, {"batch_size": 14, "prior": "vamp", "prior_components": 3}),  # 5, 5 and 4 images
        (3, {"batch_size": 14, "levels": 2, "latent_dim": 4, "likelihood": "bernoulli", "prior": "standard_normal"}),
        (2, {"xla": "on", "prior": "flow", "prior_training": "joint", "prior_components": 2, "sharpening_epochs": 1}),
    ],
    ids=["3-vamp", "3-two levels", "2-xla-flow"],
)
def test_workers_share_a_batch_that_does_not_come_out_even(count, options, picture_folder, tmp_path):
    expected = train(config(picture_folder, **{**options, "xla": "off"}), "alone", tmp_path / "alone")
    shared = config(picture_folder, distribute="multiworker", **options)
    with workers(*(command(shared, tmp_path / str(index), "shared") for index in range(count))) as processes:
        outcomes = [outcome(process) for process in processes]
    assert [code for code, _, _ in outcomes] == [0] * count, outcomes
    assert_same(expected, Run.open("shared", tmp_path / "0"))
    assert not any((tmp_path / str(index)).exists() for index in range(1, count))


IMAGES = np.random.default_rng(0).random((50, 8, 8, 1), np.float32)


def fitted(
    strategy: tf.distribute.Strategy, *, xla: bool = False, samples: int = 1, **options
) -> tuple[list[np.ndarray], dict]:
    """Weights, the optimizer's too, after a `fit` in which neither the last batch nor the validation comes out even."""
    with strategy.scope():
        model = VAE((8, 8, 1), 3, widths=(16,) if options.get("network") != "convolutional" else (4, 8), **options)
        rate = AveragingAdamW(1e-2, weight_decay=0.1, global_clipnorm=1.0, use_ema=True, ema_momentum=0.9)
        model.compile(rate, jit_compile=xla)
        model.objective_samples = samples
    batches = tf.data.Dataset.from_tensor_slices(IMAGES).batch(20)
    history = model.fit(batches, validation_data=batches.take(2), epochs=2, verbose=0, shuffle=False).history
    return [np.asarray(weight, np.float64) for weight in (*model.get_weights(), *model.optimizer.variables)], history


@pytest.mark.parametrize(
    "options",
    [
        {"prior": "vamp", "prior_components": 3, "likelihood": "gaussian"},
        pytest.param({"xla": True, "likelihood": "gaussian"}, marks=pytest.mark.slow),
        pytest.param({"prior": "mixture", "prior_training": "joint", "prior_components": 3}, marks=pytest.mark.slow),
        {"levels": 2, "samples": 4, "likelihood": "laplace"},
        pytest.param({"prior": "flow", "prior_training": "joint", "prior_components": 2}, marks=pytest.mark.slow),
        pytest.param({"likelihood": "continuous_bernoulli", "network": "convolutional"}, marks=pytest.mark.slow),
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_replicas_share_a_batch_of_any_size(options, two_devices):
    # One device without XLA: a step that XLA compiles whole makes its normal noise in another way.
    weights, history = fitted(tf.distribute.get_strategy(), **{**options, "xla": False})
    shared, shared_history = fitted(two_devices, **options)
    assert all(np.allclose(a, b, rtol=0, atol=TOLERANCE) for a, b in zip(weights, shared, strict=True))
    for name in ("loss", "kl", "elbo", "val_loss", "val_elbo"):
        assert shared_history[name] == pytest.approx(history[name], rel=1e-5)


@pytest.mark.slow
def test_replicas_that_multiply_in_bfloat16_make_the_steps_of_one_device_to_its_rounding(two_devices):
    weights, history = fitted(tf.distribute.get_strategy(), dtype="mixed_bfloat16")
    _, shared = fitted(two_devices, dtype="mixed_bfloat16")
    assert shared["val_elbo"] == pytest.approx(history["val_elbo"], rel=2**-8)
    assert weights


FOUR_DEVICES = """
import sys
import numpy as np
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
from keras_vae.runs import TrainConfig
from keras_vae.training import open_strategy, train
config = TrainConfig.from_json(sys.argv[1])
assert open_strategy(config.distribute).num_replicas_in_sync == 4
train(config, "four", sys.argv[2])
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"sharpening_epochs": 1}, {"batch_size": 14, "prior": "vamp", "prior_components": 3}],
    ids=["default, sharpened", "vamp, uneven"],
)
def test_four_devices_train_to_the_weights_of_one(options, picture_folder, tmp_path):
    alone = train(config(picture_folder, **options), "alone", tmp_path)
    text = config(picture_folder, distribute="mirrored", **options).to_json()
    subprocess.run([sys.executable, "-c", FOUR_DEVICES, text, tmp_path], check=True, cwd=ROOT)
    assert_same(alone, Run.open("four", tmp_path))


EPOCH_OF_A_WORKER = """
import hashlib, sys
import tensorflow as tf
from keras_vae.data import open_dataset
from keras_vae.training import open_strategy
strategy = open_strategy("multiworker")
data = open_dataset(sys.argv[1], memory_budget=int(sys.argv[2]))
for batches in (data.training_batches(16, seed=0).take(10), data.batches("validation", 16)):
    seen = []
    for shared in strategy.experimental_distribute_dataset(batches):
        for images in strategy.experimental_local_results(shared):
            seen += [hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in images.numpy()]
    print(*seen)
"""


@pytest.mark.slow
@pytest.mark.parametrize("memory", [2**30, 0], ids=["in memory", "streamed"])
def test_each_of_three_workers_reads_its_own_share_and_no_image_is_read_twice_or_never(memory, picture_folder):
    with workers(*[("-c", EPOCH_OF_A_WORKER, picture_folder, memory)] * 3) as processes:
        outcomes = list(map(outcome, processes))
    assert [code for code, _, _ in outcomes] == [0, 0, 0], outcomes
    for split, count in (("train", 160), ("validation", 40)):
        line = 0 if split == "train" else 1
        shares = [output.splitlines()[line].split() for _, output, _ in outcomes]
        assert all(len(share) > count // 5 for share in shares)
        assert len({image for share in shares for image in share}) == sum(map(len, shares)) == count


@pytest.mark.slow
def test_a_killed_worker_stops_the_other_and_resumed_they_end_as_if_undisturbed(picture_folder, tmp_path):
    shared = config(picture_folder, distribute="multiworker", epochs=40)
    for victim, arguments in ((1, command(shared, tmp_path, "killed")), (0, command_to_resume(tmp_path, "killed"))):
        run_folder = tmp_path / "saved_models" / "killed"
        begun, _ = latest_checkpoint(run_folder / "checkpoints")
        with workers(arguments, arguments) as processes:
            while latest_checkpoint(run_folder / "checkpoints")[0] < begun + 2:
                assert [process.poll() for process in processes] == [None, None], processes[0].communicate()
                time.sleep(0.01)
            processes[victim].send_signal(signal.SIGKILL)
            code, _, errors = outcome(processes[1 - victim], seconds=LOST_SECONDS + 60)
        assert code == 2
        assert "Traceback" not in errors
        assert errors.splitlines()[-1] == (
            "error: Another worker has stopped, so that this one cannot go on. "
            "Start all of them again with --resume --run killed."
        )
        assert not (run_folder / "training.json").exists(), "the run ended before a worker could be killed"
    with workers(*[command_to_resume(tmp_path, "killed")] * 2) as processes:
        assert [outcome(process)[0] for process in processes] == [0, 0]
    assert_same(train(config(picture_folder, epochs=40), "alone", tmp_path), Run.open("killed", tmp_path))


@pytest.mark.slow
def test_workers_that_would_not_train_the_same_are_told_in_what_they_differ(picture_folder, tmp_path):
    shared = config(picture_folder, distribute="multiworker")
    other = tmp_path / "other-pictures"
    other.mkdir()
    for folder in picture_folder.iterdir():
        (other / folder.name).mkdir()
        for number, path in enumerate(sorted(folder.iterdir())[:-1]):
            (other / folder.name / f"{number:03}.png").symlink_to(path)
    commands = [
        command(shared, tmp_path, "two"),
        command(shared.replace(dataset=str(other), beta=2.0), tmp_path, "two"),
    ]
    with workers(*commands) as processes:
        for code, _, errors in map(outcome, processes):
            assert code == 2
            assert "Traceback" not in errors
            # The first to leave may make TensorFlow's own service tell the other of it, before or after.
            (line,) = [each for each in errors.splitlines() if each.startswith("error: ")]
            assert "Worker 1 would not train what worker 0 does; they differ in --beta, the data:" in line
    assert not (tmp_path / "saved_models").exists()


@pytest.mark.slow
def test_workers_whose_labels_alone_differ_are_told(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), np.uint8)
    commands = []
    for number in range(2):
        file = tmp_path / f"{number}.npz"
        np.savez(file, images=images, labels=(np.arange(60) + (np.arange(60) == 7 * number)) % 3)
        commands.append(command(config(file, distribute="multiworker"), tmp_path, "two"))
    with workers(*commands) as processes:
        for code, _, errors in map(outcome, processes):
            assert code == 2
            assert "they differ in the data:" in errors
    assert not (tmp_path / "saved_models").exists()


IMPATIENT = """
from keras_vae.console import run_command
from keras_vae.training import distribution
distribution.JOIN_SECONDS = 5
run_command(lambda: distribution.open_strategy("multiworker"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("present", [0, 1])
def test_a_worker_that_does_not_come_is_named(present):
    cluster = addresses(2)
    process = subprocess.run(
        [sys.executable, "-c", IMPATIENT],
        env={**os.environ, "TF_CONFIG": tf_config(cluster, present)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert process.returncode == 2, process.stderr
    assert f"did not find each other within 5 s; nothing answers at {cluster[1 - present]}." in process.stderr


def cluster(**jobs: list[str]) -> dict:
    return {"cluster": jobs, "task": {"type": next(iter(jobs)), "index": 0}}


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (None, "set TF_CONFIG on each, or start it by srun"),
        ("worker one", "TF_CONFIG must be like"),
        ({"cluster": {"worker": ["a:1"]}}, "TF_CONFIG must be like .* KeyError 'task'"),
        ({**cluster(worker=["a:1"]), "task": {"type": "worker", "index": 1}}, "with a task that is one of the cluster"),
        ({**cluster(worker=["a:1"]), "task": {"type": "worker", "index": -1}}, "like .* no worker of index -1"),
        (cluster(worker=["a", "b:1"]), "TF_CONFIG must be like"),
        (cluster(worker=["a:70000"]), "TF_CONFIG must be like .* 70000 is no port"),
        (cluster(chief=["a:1", "b:1"], worker=["c:1"]), "names 2 chiefs: there can be one"),
        (cluster(worker=["a:1", "a:1"]), "names a:1 twice"),
        (cluster(worker=["a:1"], ps=["b:1"]), "names the job 'ps'"),
    ],
)
def test_a_cluster_that_is_described_wrongly_is_refused(described, message, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if described is not None:
        monkeypatch.setenv("TF_CONFIG", described if isinstance(described, str) else json.dumps(described))
    with pytest.raises(InputError, match=message):
        open_strategy("multiworker")


def test_a_worker_that_is_started_twice_is_told(monkeypatch):
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        port = first.getsockname()[1]
        monkeypatch.setenv("TF_CONFIG", json.dumps(cluster(worker=[f"127.0.0.1:{port}", "127.0.0.1:1"])))
        with pytest.raises(InputError, match=rf"Port {port} of worker 0, .* is the same worker started twice"):
            open_strategy("multiworker")


@pytest.mark.parametrize(("task", "writes"), [("0", True), ("1", False)])
def test_the_workers_of_a_slurm_step_are_those_of_its_variables(task, writes, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    step = {"STEP_NUM_TASKS": "2", "STEP_NODELIST": "node[1-2]", "STEP_TASKS_PER_NODE": "1(x2)", "PROCID": task}
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    assert is_chief("multiworker") == writes


def test_several_workers_need_a_name_for_the_run(picture_folder, tmp_path):
    with pytest.raises(InputError, match="needs --run NAME, the same on every machine"):
        train(config(picture_folder, distribute="multiworker"), root=tmp_path)


def test_a_batch_with_nothing_for_a_device_is_refused_before_anything_is_written(picture_folder, two_devices, tmp_path):
    with pytest.raises(InputError, match="gives nothing to some of the 2 devices"):
        train(config(picture_folder, distribute="mirrored", batch_size=1), root=tmp_path)
    assert not list(tmp_path.iterdir())
