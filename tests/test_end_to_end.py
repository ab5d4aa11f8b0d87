"""What a new user does, for real: train the quick preset on Fashion-MNIST, look at it in TensorBoard, reuse it."""

import json
import re
import urllib.parse
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from browser import check_projector
from commands import command
from tensorboard_server import get, get_json, tensorboard

from keras_vae.data import open_dataset
from keras_vae.model import load_model
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import train

ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = ROOT / "test-artefacts"


@pytest.fixture(scope="module")
def output(tmp_path_factory, picture_folder) -> dict:
    """The quick preset, trained by its command in another folder than the repository, and a second, small run."""
    root = tmp_path_factory.mktemp("user")
    training = command("train.py", "--preset", "quick", "--run", "first", root=root)
    train(TrainConfig(dataset=str(picture_folder), latent_dim=3, epochs=1, batch_size=10, xla="off"), "second", root)
    return {"root": root, "stdout": training.stdout, "stderr": training.stderr}


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
    # Nats of a density: with residuals of 0.3, as of a model that knows the mean image alone, they would be above 160.
    assert -900.0 < -result["splits"]["test"]["elbo"] < -550.0


def test_the_console_shows_progress_a_table_and_the_next_commands(output):
    lines = output["stdout"].splitlines()
    (first,) = (line for line in lines if line.startswith("Epoch 1/"))
    assert re.search(r"elbo -?\d+\.\d, .*val_elbo -?\d+\.\d", first)
    assert any("test (10,000 images)" in line for line in lines)
    assert any(line.endswith(f"tensorboard --logdir {output['root'] / 'logs'}") for line in lines)
    explore = lines.index("    python scripts/explore.py first")
    assert lines[explore + 1].endswith("/saved_models/first/explorer.html")


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
    assert set(tags) == {"samples", "samples_by_class", "reconstructions", "traversal", "interpolation"}
    for tag in tags:
        entries = get_json(url, "/data/plugin/images/images", run="first/images", tag=tag, sample="0")
        content = get(url, "/data/plugin/images/individualImage", **dict(urllib.parse.parse_qsl(entries[-1]["query"])))
        image = tf.io.decode_image(content).numpy()
        assert min(image.shape[:2]) > 200
        assert image.std() > 30


def test_histograms_of_weights_are_served(url, run):
    sizes = sorted(np.size(weight) for weight in load_model(run.model_file).weights if "kernel" in weight.path)
    kernels = [tag for tag in get_json(url, "/data/plugin/histograms/tags")["first/train"] if "kernel" in tag]
    latest = [get_json(url, "/data/plugin/histograms/histograms", run="first/train", tag=tag)[-1][2] for tag in kernels]
    assert sorted(sum(count for _, _, count in buckets) for buckets in latest) == sizes
    assert all(left < right for buckets in latest for left, right, _ in buckets)


def test_the_configuration_is_served_as_text(url):
    assert b"latent_dim" in get(url, "/data/plugin/text/text", run="first", tag="configuration")


def test_hyperparameters_compare_runs(url):
    experiment = get_json(url, "/data/plugin/hparams/experiment", request="{}")
    assert {"latent_dim", "beta", "likelihood", "learning_rate"} <= {each["name"] for each in experiment["hparamInfos"]}
    body = json.dumps({"colParams": [], "allowedStatuses": ["STATUS_UNKNOWN"], "startIndex": 0, "sliceSize": 10})
    groups = get_json(url, "/data/plugin/hparams/session_groups", request=body)["sessionGroups"]
    assert sorted(group["hparams"]["latent_dim"] for group in groups) == [3.0, 32.0]
    for group in groups:
        assert ("test", "elbo") in {(each["name"]["group"], each["name"]["tag"]) for each in group["metricValues"]}


def test_the_projector_serves_the_means_of_the_test_images(url, run):
    images = open_dataset().images("test")
    info = get_json(url, "/data/plugin/projector/info", run="first/projector")
    assert [embedding["tensorName"] for embedding in info["embeddings"]] == ["latent_mean"]
    content = get(url, "/data/plugin/projector/tensor", run="first/projector", name="latent_mean")
    served = np.frombuffer(content, np.float32).reshape(10_000, 32)
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
