"""A page names the commands that make it again."""

import pytest

from keras_vae.evaluation import EvaluationConfig
from keras_vae.latent_space import ExplorationConfig
from keras_vae.report.commands import commands
from keras_vae.runs import Run, TrainConfig


def made_by(tmp_path, evaluations: dict, exploration: ExplorationConfig, **options) -> list[str]:
    run = Run.create(TrainConfig(**options), "first", tmp_path)
    settings = {name: {**vars(config), "seconds": 1.0, "measurements": {}} for name, config in evaluations.items()}
    lines = commands(run, {"evaluations": settings}, {"settings": vars(exploration)})
    return [" ".join(each).replace(" \\ ", "").replace("  ", " ") for each in lines]


def test_default_settings_need_no_command(tmp_path):
    found = made_by(tmp_path, {"grey": EvaluationConfig(dataset="fashion_mnist")}, ExplorationConfig())
    assert found == ["python scripts/train.py --run first", "python scripts/report.py first"]


def test_other_settings_have_theirs(tmp_path):
    evaluations = {
        "grey": EvaluationConfig(importance_samples=50),
        "binarized": EvaluationConfig("binarized"),
        "grey-mnist": EvaluationConfig(dataset="mnist"),
    }
    exploration = ExplorationConfig(start="T-shirt/top", end="Ankle boot")
    assert made_by(tmp_path, evaluations, exploration, latent_dim=4) == [
        "python scripts/train.py --run first --latent-dim 4",
        "python scripts/evaluate.py first --importance-samples 50",
        "python scripts/evaluate.py first --protocol binarized",
        "python scripts/evaluate.py first --dataset mnist",
        "python scripts/explore.py first --from T-shirt/top --to 'Ankle boot'",
        "python scripts/report.py first",
    ]


def test_generated_images_that_were_measured_before_are_measured_by_the_commands_too(tmp_path):
    run = Run.create(TrainConfig(), "first", tmp_path)
    evaluation = {**vars(EvaluationConfig(features="none")), "measurements": {"generation.classifier.precision": {}}}
    found = commands(run, {"evaluations": {"grey": evaluation}}, {"settings": vars(ExplorationConfig())})
    assert not any("--features" in line for lines in found for line in lines)


@pytest.mark.parametrize("also", [{"generation.classifier.precision": {}}, {}])
def test_of_several_feature_networks_the_commands_are_for_the_one_that_the_page_shows(also, tmp_path):
    run = Run.create(TrainConfig(), "first", tmp_path)
    settings = vars(EvaluationConfig(features="inception", inception_weights="w.h5"))
    evaluation = {**settings, "measurements": {"generation.inception.precision": {}, **also}}
    found = commands(run, {"evaluations": {"grey": evaluation}}, {"settings": vars(ExplorationConfig())})
    assert ["--features inception" in " ".join(lines) for lines in found] == [False, *([] if also else [True]), False]


def test_arrays_are_named_by_where_they_are_kept(tmp_path):
    run = Run.create(TrainConfig(dataset="flowers"), "first", tmp_path)
    run.data.mkdir()
    found = commands(run, {"evaluations": {}}, {"settings": vars(ExplorationConfig())})
    assert " ".join(found[0]).endswith("--dataset saved_models/first/data")
