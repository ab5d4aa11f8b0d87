"""An ablation trains each change once, measures it on the validation split, and goes on where it was interrupted."""

import pytest

from keras_vae.errors import InputError
from keras_vae.runs import TrainConfig
from keras_vae.sweeps import ABLATION, ablate, trained_runs


@pytest.fixture
def base(picture_folder) -> TrainConfig:
    return TrainConfig(
        dataset=str(picture_folder), latent_dim=3, widths=(16,), epochs=2, batch_size=10, grid_every=0,
        histogram_every=0, prior="standard_normal",
    )  # fmt: skip


@pytest.mark.slow
def test_each_change_has_a_row_and_is_trained_once(base, tmp_path, monkeypatch):
    lines = list(ablate(base, tmp_path, ["none", "beta 1"]))
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| none", "| beta 1"]
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    assert lines[2].split(" | ")[1:4] != lines[3].split(" | ")[1:4]

    def train(*arguments, **options):
        raise AssertionError("trained again")

    monkeypatch.setattr(trained_runs, "train", train)
    assert list(ablate(base, tmp_path, ["none", "beta 1"])) == lines


@pytest.mark.slow
def test_runs_of_another_configuration_are_not_taken_for_these(base, tmp_path):
    list(ablate(base, tmp_path, ["none"]))
    with pytest.raises(InputError, match="another configuration"):
        list(ablate(base.replace(epochs=3), tmp_path, ["none"]))


def test_an_unknown_change_is_answered_with_those_that_there_are(base, tmp_path):
    with pytest.raises(InputError, match="no change 'nothing'; choose of 'none'"):
        list(ablate(base, tmp_path, ["nothing"]))


def test_a_change_that_its_base_cannot_have_is_named_before_anything_is_trained(tmp_path):
    lines = ablate(TrainConfig.from_preset("colour"), tmp_path, ["none", "dropout 0.1"])
    with pytest.raises(InputError, match=r"change 'dropout 0\.1' does not go with this configuration: --dropout is of"):
        next(lines)


def test_of_all_changes_those_that_its_base_cannot_have_are_left_out_and_said_to_be(tmp_path):
    lines = ablate(TrainConfig.from_preset("colour"), tmp_path)
    assert next(lines).startswith("variance learned is left out: --variance learned is for --likelihood gaussian")
    assert next(lines).startswith("dropout 0.1 is left out: --dropout is of dense networks")
    assert next(lines).startswith("| change | ")


@pytest.mark.parametrize("name", ABLATION)
def test_every_change_is_one(name):
    assert name == "none" or TrainConfig().replace(**ABLATION[name]) is not None
