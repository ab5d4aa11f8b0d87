"""What a new user does, for real: train the quick preset on Fashion-MNIST, look at it in TensorBoard, reuse it."""

import json
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from browser import check_projector
from tensorboard_server import get, get_json, tensorboard

from keras_vae.config import TrainConfig
from keras_vae.dashboard import EVALUATION_FIGURES
from keras_vae.data import open_dataset
from keras_vae.runs import Run
from keras_vae.training import train

ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = ROOT / "test-artefacts"


def command(script: str, *arguments: str, root: Path) -> subprocess.CompletedProcess:
    process = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments],
        cwd=root,
        env={name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process


@pytest.fixture(scope="module")
def output(tmp_path_factory, picture_folder) -> dict:
    """The quick preset, trained and measured by commands in another folder than the repository; a second, small run."""
    root = tmp_path_factory.mktemp("user")
    training = command("train.py", "--preset", "quick", "--run", "first", root=root)
    train(TrainConfig(dataset=str(picture_folder), latent_dim=3, epochs=1, batch_size=10, xla="off"), "second", root)
    evaluation = command("evaluate.py", "first", "--importance-samples", "5", root=root)
    return {
        "root": root,
        "stdout": training.stdout,
        "stderr": training.stderr + evaluation.stderr,
        "table": evaluation.stdout,
    }


@pytest.fixture(scope="module")
def run(output) -> Run:
    return Run.open("first", output["root"])


@pytest.fixture(scope="module")
def url(output):
    plugins = ["scalars", "images", "histograms", "text", "hparams", "projector"]
    with tensorboard(output["root"] / "logs", plugins) as address:
        yield address


def test_the_quick_preset_learns_the_real_data(run):
    result = json.loads((run.folder / "training.json").read_text())
    assert result["training_images"] == 50_000
    assert {split: figures["images"] for split, figures in result["splits"].items()} == {
        "validation": 10_000,
        "test": 10_000,
    }
    # The mean Bernoulli entropy of the test images is a floor that no model can pass; a broken one stays far above.
    assert 189.86 < -result["splits"]["test"]["elbo"] < 250.0


def test_the_console_shows_progress_a_table_and_the_next_commands(output):
    lines = output["stdout"].splitlines()
    assert any(line.startswith("Epoch 1/") for line in lines)
    assert any("test (10,000 images)" in line for line in lines)
    assert any(line.endswith(f"tensorboard --logdir {output['root'] / 'logs'}") for line in lines)


def test_the_console_is_free_of_start_up_noise(output):
    noise = [line for line in output["stderr"].splitlines() if line and not line.startswith("Preparing Fashion-MNIST")]
    assert noise == []


def test_scalars_of_training_and_validation_are_served(url):
    tags = get_json(url, "/data/plugin/scalars/tags")
    names = {f"epoch_{name}" for name in ("loss", "reconstruction", "kl", "elbo")}
    assert names <= set(tags["first/train"]) & set(tags["first/validation"])
    assert {"epoch_learning_rate", "epoch_beta", "epoch_images_per_second"} <= set(tags["first/train"])
    assert {"reconstruction", "kl", "elbo"} <= set(tags["first/test"])


def test_scalars_are_those_of_the_history(url, run):
    history = json.loads((run.folder / "history.json").read_text())
    series = get_json(url, "/data/plugin/scalars/scalars", run="first/validation", tag="epoch_elbo")
    assert [value for _, _, value in series] == pytest.approx([row["val_elbo"] for row in history], rel=1e-5)


def test_images_are_served_and_decode(url):
    tags = get_json(url, "/data/plugin/images/tags")["first/images"]
    assert set(tags) == {"samples", "reconstructions", "traversal", "interpolation"}
    for tag in tags:
        entries = get_json(url, "/data/plugin/images/images", run="first/images", tag=tag, sample="0")
        content = get(url, "/data/plugin/images/individualImage", **dict(urllib.parse.parse_qsl(entries[-1]["query"])))
        image = tf.io.decode_image(content).numpy()
        assert min(image.shape[:2]) > 200
        assert image.std() > 30


def test_histograms_of_weights_are_served(url):
    assert any("kernel" in tag for tag in get_json(url, "/data/plugin/histograms/tags")["first/train"])


def test_the_configuration_is_served_as_text(url):
    assert b"latent_dim" in get(url, "/data/plugin/text/text", run="first", tag="configuration")


def test_hyperparameters_compare_runs(url):
    experiment = get_json(url, "/data/plugin/hparams/experiment", request="{}")
    assert {"latent_dim", "beta", "likelihood", "learning_rate"} <= {each["name"] for each in experiment["hparamInfos"]}
    body = json.dumps({"colParams": [], "allowedStatuses": ["STATUS_UNKNOWN"], "startIndex": 0, "sliceSize": 10})
    groups = get_json(url, "/data/plugin/hparams/session_groups", request=body)["sessionGroups"]
    assert sorted(group["hparams"]["latent_dim"] for group in groups) == [3.0, 16.0]
    for group in groups:
        assert ("test", "elbo") in {(each["name"]["group"], each["name"]["tag"]) for each in group["metricValues"]}


def test_the_evaluation_compares_the_run_with_pca_and_with_real_images(output, run):
    metrics = json.loads((run.folder / "metrics.json").read_text())
    value = {name: figure["value"] for name, figure in metrics["evaluations"]["grey"]["measurements"].items()}
    trained = json.loads((run.folder / "training.json").read_text())["splits"]["test"]
    assert value["likelihood.kl"] == pytest.approx(trained["kl"], rel=1e-4)
    assert value["likelihood.negative_elbo"] == pytest.approx(-trained["elbo"], abs=0.3)  # other posterior samples
    assert value["reconstruction.mean.mse_per_pixel"] < value["pca.mse_per_pixel"] == pytest.approx(0.0198, abs=2e-4)
    assert value["real_images.cross_entropy"] == pytest.approx(189.86, abs=0.005)
    assert value["real_images.classifier.frechet_distance"] < 1 < value["generation.classifier.frechet_distance"]
    assert value["real_images.classifier.recall"] > value["generation.classifier.recall"]
    assert "|  | first | PCA, 16 | real images |" in output["table"]


def test_the_figures_of_the_evaluation_stand_beside_the_hyperparameters(url):
    body = json.dumps({"colParams": [], "allowedStatuses": ["STATUS_UNKNOWN"], "startIndex": 0, "sliceSize": 10})
    groups = get_json(url, "/data/plugin/hparams/session_groups", request=body)["sessionGroups"]
    (first,) = [group for group in groups if group["hparams"]["latent_dim"] == 16]
    figures = {each["name"]["tag"] for each in first["metricValues"] if each["name"]["group"] == "evaluation"}
    assert figures == set(EVALUATION_FIGURES.values()) - {"FID"}


def test_the_pictures_of_the_evaluation_are_served(url):
    tags = get_json(url, "/data/plugin/images/tags")["first/evaluation"]
    assert {"reconstruction_extremes", "kl_by_latent", "error_by_class", "aggregate_posterior"} <= set(tags)


def test_the_projector_serves_the_means_of_the_test_images(url, run):
    images = open_dataset().images("test")
    info = get_json(url, "/data/plugin/projector/info", run="first/projector")
    assert [embedding["tensorName"] for embedding in info["embeddings"]] == ["latent_mean"]
    content = get(url, "/data/plugin/projector/tensor", run="first/projector", name="latent_mean")
    served = np.frombuffer(content, np.float32).reshape(10_000, 16)
    served_model = tf.saved_model.load(str(run.saved_model))
    encoded = served_model.encode(images[:500] / np.float32(255))["mean"].numpy()
    assert served[:500] == pytest.approx(encoded, abs=1e-3)


def test_the_metadata_of_the_projector_are_the_true_labels(url):
    source = open_dataset()
    table = get(url, "/data/plugin/projector/metadata", run="first/projector", name="latent_mean").decode()
    header, *rows = [line.split("\t") for line in table.splitlines()]
    assert header[0] == "label"
    assert [row[0] for row in rows] == [source.class_names[label] for label in source.labels("test")]


@pytest.mark.slow
def test_the_projector_shows_ten_coloured_classes_in_a_browser(url):
    counts = dict.fromkeys(open_dataset().class_names, 1000)
    picture = ARTEFACTS / "projector-trained.png"
    check_projector(url, "first/projector", "latent_mean", counts, "Trouser", picture)
    assert picture.stat().st_size > 10_000


@pytest.mark.slow
def test_the_latent_space_is_explored_from_the_command_line(output, run):
    explored = command(
        "explore.py", "first", "--from", "Sneaker", "--to", "Ankle boot", "--points", "1000", "--pairs", "5",
        "--repeats", "2", root=output["root"],
    )  # fmt: skip
    result = json.loads((run.folder / "latent.json").read_text())
    assert "| latent |" in explored.stdout
    assert result["interpretation"] in explored.stdout
    # Ten classes: chance is 0.1. The interval is wide, because it is one short training and 1,000 images.
    assert 0.75 < result["spaces"]["latent"]["knn_5"] < 0.9
    ways = result["between_random_pairs"]
    assert ways["geodesic"]["energy"]["value"] < ways["straight"]["energy"]["value"]
    assert ways["straight"]["smoothness"]["value"] > 1.0
    assert ways["straight"]["realism"]["value"] > 0.0
    seen = result["path"]["classes_seen"]["straight"]
    assert seen[0]["class"] in {"Sneaker", "Sandal"}
    assert seen[-1]["class"] == "Ankle boot"


def test_a_class_that_is_not_there_is_answered_with_those_that_are(output):
    process = subprocess.run(
        [sys.executable, ROOT / "scripts" / "explore.py", "first", "--from", "Hat", "--to", "Bag"],
        cwd=output["root"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 2
    assert "--from 'Hat' is no class: give one of T-shirt/top, Trouser" in process.stderr.splitlines()[-1]
