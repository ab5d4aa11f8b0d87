"""A page names the code that made it, and the commands that make it again."""

import pytest

from keras_vae.config import EvaluationConfig, ExplorationConfig, TrainConfig
from keras_vae.origin import code_origin, commands, public_address
from keras_vae.runs import Run


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://example.org/owner/name.git", "https://example.org/owner/name"),
        ("https://user:secret@example.org/owner/name", "https://example.org/owner/name"),
        ("git@example.org:owner/name.git", "https://example.org/owner/name"),
        ("ssh://git@example.org:2222/owner/name.git", "https://example.org/owner/name"),
        ("/home/someone/name.git", ""),
        ("file:///home/someone/name", ""),
        ("", ""),
    ],
)
def test_an_address_is_one_for_everybody(remote, address):
    assert public_address(remote) == address


@pytest.mark.parametrize(
    ("remote", "trained", "now", "words"),
    [
        (
            "git@example.org:a/b.git",
            "abc",
            "abc",
            "Code: trained at commit abc, the report too, https://example.org/a/b.",
        ),
        ("", "abc", "def+", "Code: trained at commit abc, report of commit def+ (+ with changed files)."),
        ("", None, "def", "Code: report of commit def."),
        ("", "abc", None, "The code is not under git here."),
    ],
)
def test_the_commits_of_training_and_report_are_named(monkeypatch, remote, trained, now, words):
    monkeypatch.setattr("keras_vae.origin.code_commit", lambda: now)
    monkeypatch.setattr("keras_vae.origin._git", lambda *arguments: remote)
    assert code_origin(trained) == words


def made_by(tmp_path, evaluations: dict, exploration: ExplorationConfig, **options) -> list[str]:
    run = Run.create(TrainConfig(**options), "first", tmp_path)
    settings = {name: {**vars(config), "seconds": 1.0} for name, config in evaluations.items()}
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
