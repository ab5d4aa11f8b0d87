"""An evaluation measures the whole test split, can be repeated, and loses nothing when it cannot go on."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_vae.errors import InputError
from keras_vae.evaluation import (
    EvaluationConfig,
    evaluate,
    likelihood_study,
    open_subject,
    reconstruction_study,
    sample_study,
    subject,
)
from keras_vae.files import write_atomically
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import train

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "evaluate.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory, picture_folder) -> Run:
    config = config_to_train(picture_folder, likelihood="bernoulli", beta=1.0, prior="standard_normal")
    return train(config, "bars", tmp_path_factory.mktemp("root"))


@pytest.fixture
def small_batches(monkeypatch) -> None:
    for module in (subject, likelihood_study, reconstruction_study, sample_study):
        monkeypatch.setattr(module, "BATCH", 7)


def config_to_train(folder: Path, **options) -> TrainConfig:
    small = {"dataset": str(folder), "latent_dim": 3, "epochs": 2, "batch_size": 10, "xla": "off", "widths": (16,)}
    return TrainConfig(**small, **options)


def config_of(**options) -> EvaluationConfig:
    return EvaluationConfig(**{"features": "none", "importance_samples": 20, **options})


def measurements_of(metrics: dict, protocol: str = "grey") -> dict:
    measured = dict(metrics["evaluations"][protocol]["measurements"])
    measured.pop("likelihood.image_samples_per_second")
    return measured


def command(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=300, check=False, **options
    )


@pytest.fixture(scope="module")
def metrics(run) -> dict:
    return evaluate(run, config_of())[1]


def test_every_figure_has_its_unit_split_count_and_protocol(run, metrics):
    assert metrics == json.loads((run.folder / "metrics.json").read_text())
    measured = metrics["evaluations"]["grey"]["measurements"]
    counts = {figure["images"] for figure in measured.values()}
    assert counts == {json.loads((run.folder / "training.json").read_text())["splits"]["test"]["images"]}
    assert all(figure["unit"] and figure["split"] == "test" for figure in measured.values())
    assert {figure["protocol"] for figure in measured.values()} == {"grey"}
    for group in ("reconstruction.mean", "reconstruction.sample", "pca", "likelihood"):
        assert any(name.startswith(group + ".") for name in measured)


def test_figures_that_must_agree_do(metrics):
    value = {name: figure["value"] for name, figure in measurements_of(metrics).items()}
    assert value["likelihood.negative_elbo"] == pytest.approx(
        value["likelihood.reconstruction"] + value["likelihood.kl"]
    )
    assert sum(value["likelihood.kl_by_latent"]) == pytest.approx(value["likelihood.kl"])
    assert value["likelihood.importance_weighted_nll"] < value["likelihood.negative_elbo"]
    assert value["likelihood.largest_negative_elbo"] > value["likelihood.negative_elbo"]
    assert value["likelihood.aggregate_kl_lower_bound"] < value["likelihood.aggregate_kl_upper_bound"]
    assert value["likelihood.aggregate_kl_upper_bound"] <= value["likelihood.kl"] + 0.5
    assert value["reconstruction.mean.cross_entropy"] > value["real_images.cross_entropy"]
    assert value["reconstruction.mean.squared_error"] == pytest.approx(256 * value["reconstruction.mean.mse_per_pixel"])


def test_with_another_prior_and_likelihood_figures_say_what_they_are_of(picture_folder, tmp_path):
    options = {"prior": "vamp", "prior_components": 5, "likelihood": "discretized_logistic"}
    run = train(config_to_train(picture_folder, **options), "other", tmp_path)
    measured = measurements_of(evaluate(run, config_of())[1])
    nll, bits = measured["likelihood.importance_weighted_nll"], measured["likelihood.bits_per_dimension"]
    assert bits["value"] == pytest.approx(nll["value"] / 256 / np.log(2.0))
    assert "prior VampPrior of 5 images" in nll["details"]
    assert "8-bit values" in nll["details"]
    assert measured["likelihood.kl_by_latent"]["details"] == "to N(0, 1)"
    assert "by the same samples" in measured["likelihood.kl"]["details"]
    assert "likelihood.aggregate_kl_lower_bound" not in measured  # which holds for Gaussian priors alone


def test_classes_make_up_the_whole(metrics):
    for figure in measurements_of(metrics).values():
        if "by_class" in figure:
            classes = figure["by_class"].values()
            assert sum(each["images"] for each in classes) == figure["images"]
            whole = sum(each["images"] * each["value"] for each in classes) / figure["images"]
            assert whole == pytest.approx(figure["value"], rel=1e-6)


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(run, metrics):
    again = evaluate(run, config_of())[1]
    assert measurements_of(again) == measurements_of(metrics)
    other = measurements_of(evaluate(run, config_of(seed=1))[1])
    assert other["reconstruction.mean.ssim"] == measurements_of(metrics)["reconstruction.mean.ssim"]
    assert other["likelihood.negative_elbo"] != measurements_of(metrics)["likelihood.negative_elbo"]


def test_pictures_and_a_table_are_written(run, metrics):
    expected = {
        "aggregate_posterior", "error_by_class", "error_map", "kl_by_latent", "nearest_training_images",
        "reconstruction_extremes", "training",
    }  # fmt: skip
    assert expected <= {path.stem for path in run.figures.glob("*.png")}
    assert {"reconstructions", "samples"} <= {path.stem for path in (run.figures / "plain").glob("*.png")}
    assert (run.folder / "metrics.md").read_text().startswith("|  | bars | PCA, 3 | real images |")
    assert list((run.logs / "evaluation").glob("events.out.tfevents.*"))


def test_an_evaluation_of_validation_images_leaves_the_pictures_of_test_images_alone(run, tmp_path):
    shutil.copytree(run.folder, tmp_path / "saved_models" / run.name)
    copy = Run.open(run.name, tmp_path)
    write_atomically(copy.figures / "plain" / "reconstructions.png", b"of test images")
    evaluate(copy, config_of(split="validation", importance_samples=2))
    assert (copy.figures / "plain" / "reconstructions.png").read_bytes() == b"of test images"
    assert (copy.figures / "reconstruction_extremes-grey-validation.png").is_file()


def test_another_protocol_stands_beside_the_first(run, metrics):
    evaluate(run, config_of())
    name, both = evaluate(run, config_of(protocol="binarized"))
    assert name == "binarized"
    assert measurements_of(both) == measurements_of(metrics)
    binary = measurements_of(both, "binarized")
    assert binary["likelihood.negative_elbo"]["protocol"] == "binarized"
    assert binary["likelihood.negative_elbo"]["value"] != measurements_of(both)["likelihood.negative_elbo"]["value"]
    assert (run.folder / "metrics-binarized.md").is_file()


def test_another_data_set_of_the_same_shape_is_filed_under_its_name(run, metrics, picture_folder, tmp_path):
    other = tmp_path / "others"
    shutil.copytree(picture_folder, other)
    evaluate(run, config_of())
    before = (run.folder / "metrics.md").read_text()
    name, both = evaluate(run, config_of(dataset=str(other)))
    assert re.fullmatch(r"grey-others-[0-9a-f]{8}", name)
    assert set(both["evaluations"]) >= {"grey", name}
    assert (run.folder / "metrics.md").read_text() == before


def test_an_interrupted_bound_goes_on_to_the_same_figures(run, small_batches, monkeypatch):
    expected = measurements_of(evaluate(run, config_of())[1])
    taken = []
    bounds = likelihood_study.importance_weighted_bounds

    def interrupted(*arguments, first_batch, **options):
        for number, batch in enumerate(bounds(*arguments, first_batch=first_batch, **options), start=first_batch):
            taken.append(number)
            yield batch
            if number == 1:
                raise KeyboardInterrupt

    monkeypatch.setattr(likelihood_study, "importance_weighted_bounds", interrupted)
    with pytest.raises(KeyboardInterrupt, match="kept for 14 images"):
        evaluate(run, config_of())
    assert measurements_of(evaluate(run, config_of())[1]) == expected
    assert taken == sorted(set(taken))  # no batch was taken twice
    assert not list(run.folder.glob(".bounds*"))


@pytest.mark.parametrize(("seconds", "written"), [(1e9, 1), (-1.0, 6)])
def test_the_bounds_are_written_now_and_then_and_at_the_end(run, small_batches, monkeypatch, seconds, written):
    sizes = []
    monkeypatch.setattr(likelihood_study, "SECONDS_BETWEEN_KEEPS", seconds)
    monkeypatch.setattr(likelihood_study, "write_atomically", lambda path, text: sizes.append(len(json.loads(text))))
    measured = open_subject(run, config_of())
    likelihood_study._bounds(measured)
    assert (sizes[-1], len(sizes)) == (measured.count, written)


def test_the_nearest_of_other_images_is_found_in_whatever_batch_it_is():
    rng = np.random.default_rng(0)
    batches = [rng.random((50, 6, 6, 1)).astype(np.float32) for _ in range(3)]
    planted = np.stack([batches[2][7], batches[0][0], batches[1][49]])
    near = planted + rng.uniform(-0.05, 0.05, planted.shape).astype(np.float32)
    assert np.array_equal(sample_study.nearest_images(near, batches), planted)


def test_the_published_protocol_takes_as_many_samples_as_the_published_tables():
    assert EvaluationConfig(protocol="binarized").importance_samples == 5000
    assert EvaluationConfig(protocol="binarized", importance_samples=3).importance_samples == 3


def test_the_binarised_test_images_of_fashion_mnist_are_those_of_the_published_protocol(fashion_mnist):
    batches = fashion_mnist.batches("test", 500, binarize="fixed").as_numpy_iterator()
    assert sum(int(batch.sum()) for batch in batches) == subject.BINARY_TEST_SUM == 2_248_637


@pytest.mark.parametrize("samples", [0, -1])
def test_a_bound_needs_a_sample(samples):
    with pytest.raises(InputError, match="--importance-samples must be between 1 and 1,000,000"):
        config_of(importance_samples=samples)


def test_two_folders_of_one_name_are_told_apart(run, picture_folder, tmp_path):
    names = set()
    for parent in ("a", "b"):
        shutil.copytree(picture_folder, tmp_path / parent / "test")
        names.add(open_subject(run, config_of(dataset=str(tmp_path / parent / "test"))).name)
    assert len(names) == 2


def test_images_that_the_classifier_does_not_know_are_compared_by_a_network_of_the_runs_own(run, capsys):
    first, second = (
        measurements_of(evaluate(run, config_of(features="auto", importance_samples=2))[1]) for _ in range(2)
    )
    compared = {name: each for name, each in first.items() if name.startswith("generation.")}
    assert set(compared) == {
        f"generation.own.{name}" for name in ("frechet_distance", "kernel_distance", "precision", "recall")
    }
    assert all("trained on the training images of this run" in each["details"] for each in compared.values())
    assert all("grey" not in each["details"] for each in compared.values())
    assert compared == {name: second[name] for name in compared}
    assert capsys.readouterr().out.count("a feature network is trained") == 1
    real = first["real_images.own.frechet_distance"]["value"]
    assert first["generation.own.frechet_distance"]["value"] > real  # after two epochs of training


def test_a_run_without_weights_says_how_to_get_them(tmp_path):
    run = Run.create(TrainConfig(), "unfinished", tmp_path)
    with pytest.raises(InputError, match=r"no weights yet.*vae\.keras.*--resume --run unfinished"):
        evaluate(run, config_of())


def test_data_of_another_shape_are_refused(run):
    with pytest.raises(InputError, match="takes images of 16 x 16 x 1, fashion_mnist has 28 x 28 x 1"):
        evaluate(run, config_of(dataset="fashion_mnist"))


def test_images_that_the_classifier_does_not_take_are_refused_before_anything_is_measured(run, capsys):
    with pytest.raises(InputError, match="--features own"):
        evaluate(run, config_of(features="classifier"))
    assert "reconstruction" not in capsys.readouterr().out


def test_damaged_metrics_are_named_before_anything_is_measured(run, metrics):
    kept = (run.folder / "metrics.json").read_text()
    run.write("metrics.json", "{")
    with pytest.raises(InputError, match=r"metrics\.json is damaged"):
        evaluate(run, config_of())
    run.write("metrics.json", kept)


def test_a_run_that_does_not_exist_is_answered_with_the_nearest_one(run):
    result = command("bar", cwd=run.root)
    assert result.returncode == 2
    assert result.stderr == f"error: There is no run 'bar' in {run.folder.parent}; the nearest are bars.\n"


def test_a_disk_that_takes_no_more_leaves_the_old_figures_whole(run, metrics):
    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    before = (run.folder / "metrics.json").read_bytes()
    files = set(run.root.rglob("*"))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = command(
        "bars", "--features", "none", "--importance-samples", "2",
        cwd=run.root, preexec_fn=no_large_files, env=environment,
    )  # fmt: skip
    assert result.returncode == 2, result.stderr
    print(result.stderr)
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: cannot write ")
    assert line.endswith("File too large. Make room, or give another --root.")
    assert (run.folder / "metrics.json").read_bytes() == before
    left = {path.name for path in set(run.root.rglob("*")) - files}
    assert all(name.startswith(".bounds-") for name in left)  # what is done of the bound may stay
