"""Images of one's own, without classes and of odd sides and in colour, go through everything without an option."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import command
from PIL import Image
from pypdf import PdfReader

from keras_vae.evaluation import EvaluationConfig, evaluate, read_metrics
from keras_vae.evaluation.own_features import turned
from keras_vae.explorer import write_explorer
from keras_vae.latent_space import ExplorationConfig, exploration_tables, explore
from keras_vae.report import write_report
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import train


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    """A run of 210 landscapes, grounds of different colours below skies, all in one folder."""
    folder = tmp_path_factory.mktemp("landscapes")
    rng = np.random.default_rng(0)
    for number in range(210):
        image = rng.integers(0, 30, (30, 34, 3), np.uint8)
        horizon = rng.integers(8, 22)
        image[:horizon] += np.uint8([90, 140, 200])
        image[horizon:] += rng.integers(0, 200, 3, np.uint8)
        Image.fromarray(image).save(folder / f"{number:03}.png")
    config = TrainConfig(
        dataset=str(folder), image_size=(17, 19), network="convolutional", widths=(4, 8), latent_dim=4, epochs=2,
        batch_size=10, xla="off", prior_components=2,
    )  # fmt: skip
    return train(config, "landscapes", tmp_path_factory.mktemp("root"))


@pytest.mark.slow
def test_a_run_without_classes_is_evaluated_explored_and_reported(run):
    _, metrics = evaluate(run, EvaluationConfig(importance_samples=2))
    measured = metrics["evaluations"]["grey"]["measurements"]
    assert "generation.own.recall" in measured
    assert "neighbours.accuracy" not in measured
    assert not (run.figures / "error_by_class.png").exists()

    latent = explore(run, ExplorationConfig(pairs=4, repeats=2, steps=5))
    assert latent["maps"]["perplexity"] == pytest.approx(34 / 3)
    assert set(latent["spaces"]["latent"]) == {"training_images", "test_images", "trustworthiness"}
    assert "contingency" not in latent
    assert latent["path"]["from"] == {"image": 0, "class": "image 0"}
    assert latent["path"]["to"]["image"] != 0
    assert "| latent | 140 |" in exploration_tables(latent)
    explorer = write_explorer(run)
    assert explorer.is_file()

    pdf = PdfReader(write_report(run))
    assert len(pdf.pages) == 1
    text = pdf.pages[0].extract_text()
    assert "which have no classes" in text
    assert "unlabelled" not in text
    assert "5-NN" not in text
    assert "grey" not in text
    assert json.loads((run.folder / "latent.json").read_text())["interpretation"].endswith("could be compared with.")


def write_flags(folder: Path, seed: int) -> Path:
    """200 images of 16 x 16 pixels, of two classes: two colours beside each other, or above each other."""
    rng = np.random.default_rng(seed)
    for number in range(200):
        image = np.empty((16, 16, 3), np.uint8)
        image[:, :8], image[:, 8:] = rng.integers(0, 256, (2, 3))
        place = folder / ("beside" if number % 2 else "above")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image if number % 2 else image.swapaxes(0, 1)).save(place / f"{number:03}.png")
    return folder


@pytest.mark.slow
def test_the_first_try_of_a_new_user_with_a_labelled_folder_in_colour_and_a_related_one(tmp_path):
    flags, others = write_flags(tmp_path / "flags", 0), write_flags(tmp_path / "others", 1)
    first = command("train.py", "--dataset", str(flags), "--epochs", "1", root=tmp_path)
    assert "For 136 training images" in first.stdout
    command("evaluate.py", "default", root=tmp_path)
    command("explore.py", "default", root=tmp_path)
    command("report.py", "default", root=tmp_path)
    run = Run.open("default", tmp_path)
    text = PdfReader(run.folder / "report.pdf").pages[0].extract_text()
    assert "beside" in text and "above" in text
    assert (run.folder / "explorer.html").is_file()
    assert "generation.own.recall" in read_metrics(run)["evaluations"]["grey"]["measurements"]

    options = ("--dataset", str(others), "--epochs", "1", "--run", "related")
    command("train.py", *options, "--init-from", "default", root=tmp_path)
    related = Run.open("related", tmp_path)
    assert Path(related.config.init_from) == run.folder
    assert "those of the run default" in (related.folder / "README.md").read_text()
    command("train.py", *options[:-1], "alone", root=tmp_path)
    alone = Run.open("alone", tmp_path).summary["splits"]["test"]
    assert related.summary["splits"]["test"]["elbo"] > alone["elbo"]  # two epochs are better than one

    Image.new("RGB", (16, 16)).save(flags / "beside" / "new.png")
    for script in ("evaluate.py", "explore.py"):
        refused = command(script, "default", root=tmp_path, status=2)
        assert "holds other images" in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 12, 3)])
def test_turns_of_an_image_differ_and_the_first_leaves_it(shape):
    image = np.random.default_rng(0).integers(0, 256, (1, *shape), np.uint8)
    images = turned(np.repeat(image, 4, axis=0), np.arange(4))
    assert np.array_equal(images[0], image[0])
    assert len({each.tobytes() for each in images}) == 4
    assert {tuple(np.sort(each.ravel())) for each in images} == {tuple(np.sort(image.ravel()))}
