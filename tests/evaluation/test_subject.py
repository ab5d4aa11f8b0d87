"""Of many images each is read as it is needed, and pairs are looked at of some that are spread over all."""

import re

import numpy as np
import pytest
import tensorflow as tf

from keras_vae.data import open_dataset
from keras_vae.evaluation import EvaluationConfig, classifier_knows, open_subject
from keras_vae.evaluation.likelihood_study import measure_likelihood
from keras_vae.evaluation.neighbour_study import measure_neighbours
from keras_vae.evaluation.sample_study import measure_samples
from keras_vae.evaluation.subject import Subject
from keras_vae.evaluation.unusual_study import measure_unusual_images
from keras_vae.model import VAE, save_model
from keras_vae.runs import Run, TrainConfig

COUNT = 1_300


@pytest.fixture(params=[2048, 0], ids=["in memory", "streamed"], scope="module")
def subject(request, tmp_path_factory):
    """A run whose test images tell their number by their first two pixels."""
    folder = tmp_path_factory.mktemp("subject")
    images = np.random.default_rng(0).integers(0, 256, (COUNT, 8, 8, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = np.divmod(np.arange(COUNT), 256)
    pairs = (images, np.arange(COUNT) % 3)
    splits = {"train": pairs, "validation": tuple(each[:100] for each in pairs), "test": pairs}
    data = open_dataset(splits, name="numbered")
    data.keep(folder / "data")
    run = Run.create(TrainConfig(dataset=str(folder / "data"), memory_budget=request.param), "numbers", folder)
    save_model(VAE((8, 8, 1), 2, widths=(4,)), run.model_file)
    run.write("history.json", "[]")
    return open_subject(run, EvaluationConfig(importance_samples=1, features="own"))


def numbers_of(batches) -> np.ndarray:
    pixels = np.concatenate([np.asarray(batch)[:, 0, :2, 0] for batch in batches])
    return np.rint(255 * pixels) @ [256, 1]


@pytest.mark.parametrize("most", [1, 7, COUNT, 2 * COUNT])
def test_images_are_spread_evenly_over_all(subject, most):
    found = numbers_of(subject.spread_batches(most))
    assert len(found) == min(most, COUNT)
    assert found[0] == 0 and (most == 1 or found[-1] == COUNT - 1)
    assert most < 3 or np.ptp(np.diff(found)) <= 1


def test_told_batches_are_all_images_once(subject, capsys):
    assert list(numbers_of(subject.told_batches("images"))) == list(range(COUNT))
    assert not capsys.readouterr().out  # of what is over at once


def test_measures_of_pairs_say_of_how_many_images_they_are(subject, monkeypatch):
    most = 60
    for module in ("likelihood_study", "sample_study"):
        monkeypatch.setattr(f"keras_vae.evaluation.{module}.MOST_PAIRED", most)
    measured = measure_likelihood(subject)[0] | measure_samples(subject)[0]
    for name, measurement in measured.items():
        is_of_pairs = name.startswith(("generation.", "real_images.", "likelihood.aggregate_kl"))
        assert measurement.images == (most if is_of_pairs else COUNT), name
        assert not is_of_pairs or f"{most} test images" in measurement.details


def test_neighbours_are_looked_for_among_many_images_however_small_the_memory_budget_is(subject):
    details = measure_neighbours(subject)[0]["neighbours.accuracy"].details
    found, references = (int(number.replace(",", "")) for number in re.findall(r"([0-9,]+) (?:test|training)", details))
    assert 1_000 <= found == references <= COUNT


def test_neighbours_by_angle_are_of_one_direction_however_far_they_lie(subject, monkeypatch):
    def classes_on_rays(model, images):
        numbers = numbers_of([images / np.float32(255)])
        angles = 1e-4 * (numbers % 3)
        return numbers[:, np.newaxis] * np.stack([np.cos(angles), np.sin(angles)], axis=1) + [1e-3, 0.0]

    monkeypatch.setattr("keras_vae.evaluation.neighbour_study.posterior_means", classes_on_rays)
    measured = measure_neighbours(subject)[0]
    assert measured["neighbours.accuracy"].value < 0.1
    assert measured["neighbours.accuracy_by_angle"].value > 0.9


def test_measures_of_a_part_of_the_images_say_of_how_many_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_vae.evaluation.unusual_study.LEAST", 20)  # which the memory budget leaves
    monkeypatch.setattr("keras_vae.evaluation.neighbour_study.LEAST", 30)
    pairs = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), np.uint8), np.arange(60) % 3
    data = open_dataset({"train": pairs, "validation": pairs, "test": pairs}, name="some")
    run = Run.create(TrainConfig(memory_budget=0), "some", tmp_path)
    measured = Subject(run, EvaluationConfig(), VAE((16, 16, 1), 2, widths=(4,)), data, None, "")
    assert {each.images for each in measure_neighbours(measured)[0].values()} == {30}
    assert {each.images for each in measure_unusual_images(measured)[0].values()} == {20}


def test_an_image_that_the_prior_finds_impossible_leaves_scores_that_have_an_order(tmp_path):
    pairs = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), np.uint8), np.arange(60) % 3
    data = open_dataset({"train": pairs, "validation": pairs, "test": pairs}, name="some")
    model = VAE((16, 16, 1), 2, widths=(4,))
    density = model.prior.log_density
    first = tf.constant([0.0] + 59 * [1.0])
    model.prior.log_density = lambda latents: density(latents) + tf.math.log(first[: tf.shape(latents)[0]])
    run = Run.create(TrainConfig(memory_budget=0), "some", tmp_path)
    measured = measure_unusual_images(Subject(run, EvaluationConfig(), model, data, None, ""))[0]
    assert all(0.0 <= each.value <= 1.0 for each in measured.values())


@pytest.mark.parametrize(
    ("dataset", "shape", "known"),
    [
        ("fashion_mnist", (28, 28, 1), True),
        ("fashion_mnist", [28, 28, 1], True),
        ("fashion_mnist", (32, 32, 1), False),
        ("mnist", (28, 28, 1), False),
    ],
)
def test_the_classifier_knows_fashion_mnist_of_its_own_size_alone(dataset, shape, known):
    assert classifier_knows(dataset, shape) == known


@pytest.mark.parametrize("protocol", ["grey", "binarized"])
def test_resized_images_of_fashion_mnist_are_measured_as_other_images_are(tmp_path, monkeypatch, protocol):
    images = np.random.default_rng(0).integers(0, 256, (120, 32, 32, 1), np.uint8)
    data = open_dataset((images, np.arange(120) % 3), name="resized")
    data.name = "fashion_mnist"  # as `train --image-size 32` leaves it
    run = Run.create(TrainConfig(image_size=(32,)), "resized", tmp_path)
    run.write(run.model_file.name, b"weights")
    monkeypatch.setattr("keras_vae.evaluation.subject.open_model_and_data", lambda *_: (None, data))
    monkeypatch.setattr("keras_vae.evaluation.subject.train_features", lambda *_: "its own")
    assert open_subject(run, EvaluationConfig(protocol)).features == "its own"
