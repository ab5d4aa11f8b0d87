"""A study from the command line on real data: train, evaluate, explore, look at all of it in TensorBoard."""

import json

import pytest
from commands import command
from pypdf import PdfReader
from tensorboard_server import get_json, tensorboard

from keras_vae.runs import Run
from keras_vae.tensorboard import COMPARED_METRICS


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> dict:
    root = tmp_path_factory.mktemp("user")
    command("train.py", "--preset", "quick", "--run", "first", root=root)
    evaluated = command("evaluate.py", "first", "--importance-samples", "5", root=root)
    explored = command(
        "explore.py", "first", "--from", "Sneaker", "--to", "Ankle boot", "--points", "1000", "--pairs", "5",
        "--repeats", "2", root=root,
    )  # fmt: skip
    reported = command("report.py", "first", root=root)
    return {"root": root, "table": evaluated.stdout, "explored": explored.stdout, "reported": reported.stdout}


@pytest.fixture(scope="module")
def run(study) -> Run:
    return Run.open("first", study["root"])


@pytest.fixture(scope="module")
def url(study):
    with tensorboard(study["root"] / "logs", ["images", "hparams"]) as address:
        yield address


@pytest.mark.slow
def test_the_evaluation_compares_the_run_with_pca_and_with_real_images(study, run):
    metrics = json.loads((run.folder / "metrics.json").read_text())
    value = {name: figure["value"] for name, figure in metrics["evaluations"]["grey"]["measurements"].items()}
    trained = json.loads((run.folder / "training.json").read_text())["splits"]["test"]
    assert value["likelihood.kl"] == pytest.approx(trained["kl"], rel=5e-3)  # by other posterior samples
    assert value["likelihood.negative_elbo"] == pytest.approx(-trained["elbo"], abs=1.0)
    assert value["reconstruction.mean.mse_per_pixel"] < value["pca.mse_per_pixel"] == pytest.approx(0.0145, abs=2e-4)
    assert value["real_images.cross_entropy"] == pytest.approx(189.86, abs=0.005)
    assert value["real_images.classifier.frechet_distance"] < 1 < value["generation.classifier.frechet_distance"]
    assert value["real_images.classifier.recall"] > value["generation.classifier.recall"]
    assert "|  | first | PCA, 32 | real images |" in study["table"]


@pytest.mark.slow
def test_the_metrics_of_the_evaluation_stand_beside_the_hyperparameters(url):
    body = json.dumps({"colParams": [], "allowedStatuses": ["STATUS_UNKNOWN"], "startIndex": 0, "sliceSize": 10})
    groups = get_json(url, "/data/plugin/hparams/session_groups", request=body)["sessionGroups"]
    (first,) = groups
    metrics = {each["name"]["tag"] for each in first["metricValues"] if each["name"]["group"] == "evaluation"}
    of_other_networks = {name for name in COMPARED_METRICS.values() if name.endswith((", own network", "InceptionV3"))}
    assert metrics == set(COMPARED_METRICS.values()) - of_other_networks


@pytest.mark.slow
def test_the_pictures_of_the_evaluation_are_served(url):
    tags = get_json(url, "/data/plugin/images/tags")["first/evaluation"]
    assert {"reconstruction_extremes", "kl_by_latent", "error_by_class", "aggregate_posterior"} <= set(tags)


@pytest.mark.slow
def test_the_latent_space_is_explored_from_the_command_line(study, run):
    result = json.loads((run.folder / "latent.json").read_text())
    assert "| latent |" in study["explored"]
    assert result["interpretation"] in study["explored"]
    # Ten classes: chance is 0.1. The interval is wide, because it is one short training and 1,000 images.
    assert 0.7 < result["spaces"]["latent"]["knn_5"] < 0.9
    ways = result["between_random_pairs"]
    assert ways["geodesic"]["energy"]["value"] < ways["straight"]["energy"]["value"]
    assert ways["straight"]["unevenness"]["value"] > 1.0
    assert ways["straight"]["distance_to_real_images"]["value"] > 0.0
    seen = result["path"]["classes_seen"]["straight"]
    assert seen[0]["class"] in {"Sneaker", "Sandal"}
    assert seen[-1]["class"] == "Ankle boot"


@pytest.mark.slow
def test_the_run_is_put_on_one_page(study, run):
    assert study["reported"].strip() == str(run.folder / "report.pdf")
    (page,) = PdfReader(run.folder / "report.pdf").pages
    text = " ".join(page.extract_text().split())
    assert "A variational autoencoder of Fashion-MNIST" in text
    assert "Sneaker" in text
    assert "python scripts/train.py --run first" in text
    assert "--preset quick" in text


@pytest.mark.slow
def test_a_run_that_is_not_there_has_no_report(study):
    assert "the nearest are first" in command("report.py", "frist", root=study["root"], status=2).stderr


@pytest.mark.slow
def test_a_class_that_is_not_there_is_answered_with_those_that_are(study):
    process = command("explore.py", "first", "--from", "Hat", "--to", "Bag", root=study["root"], status=2)
    assert "--from 'Hat' is no class: give one of T-shirt/top, Trouser" in process.stderr.splitlines()[-1]
