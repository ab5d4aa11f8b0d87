"""The runs that are shipped are whole, and their numbers are those of their weights."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from commands import command
from tensorboard_server import get, get_json, tensorboard

from keras_vae.data import open_dataset
from keras_vae.evaluation import MEASURES, read_metrics
from keras_vae.runs import SHIPPED, Run

ROOT = Path(__file__).resolve().parents[1]
NAME, BENCHMARK = "reference-default", "reference-benchmark"
PROTOCOLS = {NAME: {"grey"}, BENCHMARK: {"grey", "binarized"}}


@pytest.fixture(scope="module")
def reference() -> Run:
    return Run.open(NAME, ROOT)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_run_takes_less_than_15_megabytes_without_what_only_its_training_took(name):
    run = Run.open(name, ROOT)
    files = [path for place in (run.folder, run.logs) for path in place.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 15e6
    assert not run.model_file.exists()
    assert not run.checkpoints.exists()
    assert (run.folder / SHIPPED).is_file()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_numbers_of_a_run_are_filed_under_its_weights(name):
    run = Run.open(name, ROOT)
    assert read_metrics(run)["evaluations"].keys() == PROTOCOLS[name]  # there is none for other weights
    latent = json.loads((run.folder / "latent.json").read_text())
    assert latent["weights"] == read_metrics(run)["weights"]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_run_is_used_by_tensorflow_alone(name):
    code = (
        "import sys, tensorflow as tf\n"
        "vae = tf.saved_model.load(sys.argv[1])\n"
        "images = vae.sample(16)['images']\n"
        "assert images.shape == (16, 28, 28, 1)\n"
        "assert vae.reconstruct(images)['images'].shape == (16, 28, 28, 1)\n"
        "assert not any(name.startswith('keras_vae') for name in sys.modules)"
    )
    saved_model = Run.open(name, ROOT).saved_model
    process = subprocess.run([sys.executable, "-c", code, saved_model], capture_output=True, check=False)
    assert process.returncode == 0, process.stderr


def test_its_report_is_there_at_once_and_made_of_a_copy(reference, tmp_path):
    _checked_out(tmp_path)
    process = command("report.py", NAME, root=tmp_path)
    assert f"{NAME} stays as it was shipped" in process.stdout
    assert "is made first" not in process.stdout  # nothing had to be measured
    assert (tmp_path / "saved_models" / f"{NAME}-copy" / "report.pdf").is_file()


def test_tensorboard_shows_it_with_its_projector():
    with tensorboard(ROOT / "logs", ["scalars", "images", "projector", "hparams"]) as url:
        assert "epoch_elbo" in get_json(url, "/data/plugin/scalars/tags")[f"{NAME}/validation"]
        assert "samples" in get_json(url, "/data/plugin/images/tags")[f"{NAME}/images"]
        info = get_json(url, "/data/plugin/projector/info", run=f"{NAME}/projector")
        names = {each["tensorName"] for each in info["embeddings"]}
        assert names == {"latent_mean", "umap", "tsne", "pca"}
        table = get(url, "/data/plugin/projector/metadata", run=f"{NAME}/projector", name="umap").decode()
        assert len(table.splitlines()) == 2_001
        experiment = get_json(url, "/data/plugin/hparams/experiment", request="{}")
        assert "MSE per pixel" in {each["name"]["tag"] for each in experiment["metricInfos"]}


def test_its_latents_in_the_projector_are_those_of_its_encoder(reference):
    shown = np.loadtxt(reference.logs / "projector" / "latent_mean.tsv")
    images = open_dataset().images("test", len(shown)) / np.float32(255)
    served = tf.saved_model.load(str(reference.saved_model))
    encoded = served.encode(images)["mean"].numpy()
    assert shown == pytest.approx(encoded, abs=2e-3)


@pytest.mark.slow
def test_its_numbers_are_those_of_its_weights(reference, tmp_path):
    _checked_out(tmp_path)
    shipped = read_metrics(reference)["evaluations"]["grey"]
    command("evaluate.py", NAME, "--importance-samples", "20", root=tmp_path)
    again = read_metrics(Run.open(f"{NAME}-copy", tmp_path))["evaluations"]["grey"]["measurements"]
    for text, digits, name in MEASURES:
        if name in shipped["measurements"] and name != "likelihood.importance_weighted_nll":  # of other samples
            printed = shipped["measurements"][name]["value"]
            # Another machine may round otherwise in the last digit that is printed, or two.
            assert again[name]["value"] == pytest.approx(printed, abs=2.0 * 10.0**-digits, rel=2e-4), text


def _checked_out(folder: Path) -> None:
    """The shipped run in the folder of another user."""
    for place in ("saved_models", "logs"):
        (folder / place).mkdir()
        subprocess.run(["cp", "-r", ROOT / place / NAME, folder / place], check=True)
