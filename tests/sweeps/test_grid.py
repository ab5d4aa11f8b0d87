"""A sweep trains every combination once, loses none to another's failure, and puts them into one table."""

import argparse
import csv
import fcntl
import itertools
import json
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dask_cluster import dask_cluster
from tensorboard_server import get_json, tensorboard

from keras_vae.cli.training import _single_and_several
from keras_vae.command_line import add_arguments, given_options
from keras_vae.errors import InputError
from keras_vae.plotting import chart_rate_distortion, rendered
from keras_vae.runs import PRESETS, TrainConfig
from keras_vae.sweeps import combinations, grid, sweep, sweep_table, trained_runs
from keras_vae.tensorboard import Row, write_table

CHOICES = {"beta": [0.5, 1.0], "latent_dim": [8, 16]}
ROOT = Path(__file__).resolve().parents[2]
MSE = "reconstruction.mean.mse_per_pixel"


def test_every_combination_is_a_run_of_its_own_for_each_seed():
    planned = combinations(TrainConfig(epochs=3), CHOICES, [0, 1])
    assert [each.options for each in planned] == [
        {"beta": beta, "latent_dim": size} for beta in (0.5, 1.0) for size in (8, 16)
    ]
    configs = {name: config for each in planned for name, config in each.configs.items()}
    assert len(configs) == 8
    assert configs["beta-0.5-latent-dim-16-seed-1"] == TrainConfig(epochs=3, beta=0.5, latent_dim=16, seed=1)


def test_a_value_twice_or_out_of_its_range_is_named_before_anything_is_trained():
    with pytest.raises(InputError, match="--beta has a value twice: 1, 1"):
        combinations(TrainConfig(), {"beta": [1, 1]}, [0])
    with pytest.raises(InputError, match="--latent-dim must be between 1"):
        combinations(TrainConfig(), {"latent_dim": [4, 0]}, [0])


@pytest.mark.parametrize("name", ["table/mine.txt", "table"])
def test_a_folder_that_holds_another_table_is_refused_before_anything_is_trained(name, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(InputError, match="table is something else, which would be lost"):
        next(sweep(TrainConfig(), {"beta": [1.0]}, [0], tmp_path))
    assert path.read_text() == "mine"
    assert [each.name for each in tmp_path.iterdir()] == ["table"]


def test_runs_are_named_after_paths_without_their_slashes():
    planned = combinations(TrainConfig(), {"dataset": ["/data/my digits.npz", "b.npz"]}, [0])
    configs = {name: config for each in planned for name, config in each.configs.items()}
    assert list(configs) == ["dataset-data-my-digits.npz-seed-0", "dataset-b.npz-seed-0"]
    assert configs["dataset-data-my-digits.npz-seed-0"].dataset == "/data/my digits.npz"
    with pytest.raises(InputError, match="Two combinations would have a run dataset-a-b-seed-0"):
        combinations(TrainConfig(), {"dataset": ["a/b", "a b"]}, [0])
    with pytest.raises(InputError, match="letters: give a name of"):
        combinations(TrainConfig(), {"dataset": ["a" * 150, "b" * 250]}, [0])


def test_an_option_that_is_a_list_is_one_value_of_a_sweep():
    parser = argparse.ArgumentParser()
    add_arguments(parser, TrainConfig, PRESETS, several=True)
    words = "--image-size 32 48 --value-range -1 1 --widths 16 8 --beta 0.5 1 --epochs 3"
    single, choices = _single_and_several(given_options(parser.parse_args(words.split()), TrainConfig))
    assert choices == {"beta": [0.5, 1.0]}
    config = TrainConfig.from_preset("default", **single)
    assert (config.image_size, config.value_range, config.widths) == ((32, 48), (-1.0, 1.0), (16, 8))
    assert config.epochs == 3


def test_the_table_has_mean_and_spread_over_seeds_and_what_failed():
    planned = combinations(TrainConfig(), {"beta": [0.5, 1.0]}, [0, 1])
    found = {"beta-0.5-seed-0": {MSE: 0.25}, "beta-0.5-seed-1": {MSE: 0.75}, "beta-1.0-seed-0": {MSE: 0.5}}
    table = sweep_table(planned, found, {"beta-1.0-seed-1": "The loss became nan."}).splitlines()
    assert table[0] == "| beta | seeds | MSE per pixel |"  # what was not measured has no column
    assert table[2] == "| 0.5 | 2 | 0.50000 ± 0.35355 |"
    assert table[3] == "| 1.0 | 1 | 0.50000 |"
    assert table[-1] == "beta-1.0-seed-1 failed: The loss became nan."


def test_a_figure_that_is_not_finite_stops_no_sweep(tmp_path, monkeypatch):
    figures = {MSE: {"value": None}, "likelihood.kl": {"value": 3.0}}
    monkeypatch.setattr(grid, "trained_run", lambda *_: None)
    monkeypatch.setattr(grid, "measurements", lambda _: figures)
    monkeypatch.setattr(grid, "known_measurements", lambda *_: figures)
    assert list(sweep(TrainConfig(), {"beta": [0.5]}, [0, 1], tmp_path))[-1] == "beta-0.5-seed-1: measured"
    assert "| 0.5 | 2 | 3.00 ± 0.00 |" in (tmp_path / "sweep.md").read_text()


def test_a_mean_over_fewer_runs_than_there_are_says_so():
    planned = combinations(TrainConfig(), {"beta": [0.5]}, [0, 1, 2])
    found = {"beta-0.5-seed-0": {MSE: 0.25}, "beta-0.5-seed-1": {MSE: 0.75}, "beta-0.5-seed-2": {}}
    assert sweep_table(planned, found, {}).splitlines()[2] == "| 0.5 | 3 | 0.50000 ± 0.35355 (of 2) |"


def test_tensorboard_shows_the_table_under_hparams(tmp_path):
    rows = {
        "beta-0.5": Row({"beta": 0.5, "seeds": 2}, {"MSE per pixel": 0.25, "MSE per pixel, deviation": 0.125}),
        "beta-1.0": Row({"beta": 1.0, "seeds": 1}, {"MSE per pixel": 0.5}),
    }
    write_table(tmp_path / "table", {"beta-7.0": rows["beta-1.0"]})
    write_table(tmp_path / "table", rows)
    with tensorboard(tmp_path / "table", ["hparams"]) as url:
        experiment = get_json(url, "/data/plugin/hparams/experiment", request="{}")
        statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
        request = {
            "startIndex": 0, "sliceSize": 9, "allowedStatuses": statuses,
            "colParams": [{"metric": each["name"]} for each in experiment["metricInfos"]],
        }  # fmt: skip
        groups = get_json(url, "/data/plugin/hparams/session_groups", request=json.dumps(request))["sessionGroups"]
    shown = {
        group["name"]: (
            group["hparams"],
            {each["name"]["tag"]: each["value"] for each in group["sessions"][0]["metricValues"]},
        )
        for group in groups
    }
    assert shown == {name: (row.options, row.figures) for name, row in rows.items()}


def test_rate_and_distortion_are_drawn_at_their_means():
    chart = chart_rate_distortion(
        {"beta 1": [("latents 8", [10.0, 20.0], [0.02, 0.04]), ("latents 16", [30.0], [0.01])]}
    )
    (axes,) = chart.axes
    line = axes.lines[0]
    assert list(line.get_xdata()) == [15.0, 30.0]
    assert list(line.get_ydata()) == pytest.approx([0.03, 0.01])
    (bars,) = axes.containers
    (left, right), single = (segment[:, 0] for segment in bars.lines[2][0].get_segments())
    assert (right - left) / 2 == pytest.approx(statistics.stdev([10.0, 20.0]))  # as in the table
    assert np.ptp(single) == 0.0
    assert [each.get_text() for each in axes.texts] == ["latents 8", "latents 16"]
    assert axes.get_ylabel().startswith("distortion")
    assert "Distortion against rate" in [each.get_text() for each in chart.texts]


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_labels_of_the_chart_cover_no_point_no_line_no_legend_and_no_other_label(seeds):
    spread = np.linspace(-0.5, 0.5, seeds) if seeds > 1 else np.zeros(1)

    def point(size: int, beta: float) -> tuple[str, list[float], list[float]]:
        distortion = 0.004 * beta**0.5 - 0.0001 * size
        return f"beta {beta:g}", [60.0 / beta**0.5 + size + apart for apart in spread], [distortion] * seeds

    lines = {f"latents {size}": [point(size, beta) for beta in (0.5, 1.0, 2.0, 4.0)] for size in (8, 16)}
    chart = chart_rate_distortion(lines)
    rendered(chart)
    (axes,) = chart.axes
    boxes = [each.get_window_extent() for each in axes.texts]
    assert len(boxes) == 8
    apart = [*boxes, axes.get_legend().get_window_extent()]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(apart, 2))
    for line in axes.lines:
        path = line.get_path().transformed(line.get_transform())
        assert not any(path.intersects_bbox(box, filled=False) for box in boxes)
        assert not any(box.padded(1.0).contains(*place) for place in path.vertices for box in boxes)


@pytest.mark.parametrize("name", ["beta", "learning rate warmup"])
def test_the_labels_of_the_chart_lie_within_it(name):
    points = [(f"{name} {value}", [60.0 / value], [0.001 * value]) for value in (1, 2, 16)]
    chart = chart_rate_distortion({"latents 8": points})
    width = rendered(chart).shape[1]
    assert all(each.get_window_extent().x1 < width for each in chart.axes[0].texts)


@pytest.mark.slow
def test_a_failed_run_does_not_stop_the_others_and_none_is_trained_twice(picture_folder, tmp_path, monkeypatch):
    base = TrainConfig(
        dataset=str(picture_folder), latent_dim=3, widths=(16,), epochs=2, batch_size=10, grid_every=0,
        histogram_every=0, prior="standard_normal",
    )  # fmt: skip
    choices = {"batch_size": [100_000, 10]}
    lines = list(sweep(base, choices, [0], tmp_path))
    assert "--batch-size 100000 is not possible" in lines[0]
    assert lines[1] == "batch-size-10-seed-0: measured"
    with (tmp_path / "sweep.csv").open() as file:
        failed, fine = csv.DictReader(file)
    assert "not possible" in failed["failed"]
    assert float(fine[MSE]) > 0.0
    assert float(fine["training.minutes"]) > 0.0
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in (tmp_path / "table").iterdir() if path.is_dir()] == ["batch-size-10"]

    def train(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(trained_runs, "train", train)
    assert list(sweep(base, choices, [0], tmp_path))[1] == lines[1]


@pytest.fixture
def trained(monkeypatch) -> dict[str, float]:
    """The KL of runs that are measured in no time, and shared by all processes."""
    measured: dict[str, float] = {}
    monkeypatch.setattr(grid, "trained_run", lambda config, name, root: (config, name))
    monkeypatch.setattr(grid, "known_measurements", lambda config, name, root: _figures(measured.get(name)))
    monkeypatch.setattr(grid, "SECONDS_BETWEEN_LOOKS", 0.0)

    def measurements(run):
        config, name = run
        if config.beta == 4.0:
            raise InputError("too much")
        measured[name] = config.beta

    monkeypatch.setattr(grid, "measurements", measurements)
    return measured


def _figures(kl: float | None) -> dict | None:
    return None if kl is None else {MSE: {"value": 0.5}, "likelihood.kl": {"value": kl}}


def test_a_run_that_another_process_is_at_is_left_to_it_and_read_when_it_is_done(tmp_path, trained):
    first, second = "beta-0.5-seed-0", "beta-1.0-seed-0"
    (tmp_path / ".sweep").mkdir()
    lines = []
    with (tmp_path / ".sweep" / f"{first}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = sweep(TrainConfig(), {"beta": [0.5, 1.0]}, [0], tmp_path)
        lines += [next(running), next(running)]
    assert [*lines, *running] == [f"{first}: another process is at it", f"{second}: measured", f"{first}: measured"]


def test_the_table_has_all_runs_of_the_folder_whichever_process_has_trained_them(tmp_path, trained):
    trained["beta-1.0-seed-0"] = 9.0  # by another process
    running = sweep(TrainConfig(), {"beta": [0.5, 1.0]}, [0], tmp_path)
    assert next(running) == "beta-0.5-seed-0: measured"
    assert "| 1.0 | 1 | 9.00 | 0.50000 |" in (tmp_path / "sweep.md").read_text()


def test_what_has_failed_is_tried_again_by_a_later_sweep_and_by_none_beside(tmp_path, trained, monkeypatch):
    tried = []
    monkeypatch.setattr(grid, "trained_run", lambda config, name, root: tried.append(name) or (config, name))
    one = sweep(TrainConfig(), {"beta": [4.0, 1.0]}, [0], tmp_path)
    assert next(one) == "beta-4.0-seed-0: too much"
    assert "beta-4.0-seed-0: too much" in list(sweep(TrainConfig(), {"beta": [4.0, 1.0]}, [0], tmp_path))
    list(one)
    assert tried.count("beta-4.0-seed-0") == 1
    assert "beta-4.0-seed-0 failed: too much" in (tmp_path / "sweep.md").read_text()
    list(sweep(TrainConfig(), {"beta": [4.0, 1.0]}, [0], tmp_path))
    assert tried.count("beta-4.0-seed-0") == 2


@pytest.mark.slow
def test_processes_that_share_a_folder_share_its_runs_and_each_ends_with_the_whole_table(picture_folder, tmp_path):
    options = (
        "--dataset", picture_folder, "--preset", "quick", "--widths", "16", "--epochs", "2", "--prior",
        "standard_normal", "--latent-dim", "2", "3", "4", "5", "--root", tmp_path,
    )  # fmt: skip
    command = [sys.executable, "scripts/sweep.py", *map(str, options)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    trained = [sum("Run latent-dim-" in line for line in output.splitlines()) for output in outputs]
    assert sum(trained) == 4
    assert all(0 < count < 4 for count in trained)
    tables = [output.partition("Measured on the validation split:")[2].partition("sweep.csv")[0] for output in outputs]
    assert tables[0] == tables[1] and tables[0].count("\n| ") == 6


@pytest.mark.slow
def test_a_cluster_trains_what_one_process_does_though_one_of_its_machines_is_lost(picture_folder, tmp_path):
    command = [
        sys.executable, ROOT / "scripts" / "sweep.py", "--dataset", picture_folder, "--epochs", 100, "--batch-size", 10,
        "--latent-dim", 3, "--widths", 16, "--prior", "standard_normal", "--beta", 0.5, 1.0,
        "--grid-every", 0, "--histogram-every", 0, "--projector-every", 0, "--root",
    ]  # fmt: skip
    subprocess.run([*map(str, command), "alone"], cwd=tmp_path, check=True)
    with dask_cluster(tmp_path, workers=2) as cluster:
        shared = [*map(str, command), "shared", "--scheduler", cluster.address]
        with subprocess.Popen(shared, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as sweeping:
            while len(list(tmp_path.glob("shared/saved_models/*/checkpoints/*"))) < 2:
                assert sweeping.poll() is None, sweeping.stdout.read()
                time.sleep(0.05)
            cluster.workers[0].send_signal(signal.SIGKILL)
            output, _ = sweeping.communicate(timeout=400)
    assert sweeping.returncode == 0
    assert all(f"beta-{beta}-seed-0: measured" in output for beta in (0.5, 1.0))
    rows = {name: list(csv.DictReader((tmp_path / name / "sweep.csv").open())) for name in ("alone", "shared")}
    for row in itertools.chain(*rows.values()):
        assert float(row.pop("training.minutes")) > 0.0
    assert rows["shared"] == rows["alone"]
