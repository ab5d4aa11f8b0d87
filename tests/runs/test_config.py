"""A configuration is complete, checked at once, and survives the way to disk and back."""

import argparse
import dataclasses
import json
import re
import shlex

import pytest

from keras_vae.command_line import add_arguments, given_options
from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig
from keras_vae.runs import PRESETS, TrainConfig


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_survives_json(preset):
    config = TrainConfig.from_preset(preset, widths=(20, 10), seed=4)
    assert TrainConfig.from_json(config.to_json()) == config
    assert config.preset == preset


def test_options_win_over_the_preset():
    assert TrainConfig.from_preset("manifold").latent_dim == 2
    assert TrainConfig.from_preset("manifold", latent_dim=3).latent_dim == 3


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 3


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"latent_dim": 0}, "--latent-dim"),
        ({"epochs": 0}, "--epochs"),
        ({"batch_size": -1}, "--batch-size"),
        ({"beta": -0.1}, "--beta"),
        ({"beta": float("nan")}, "--beta"),
        ({"beta": float("inf")}, "--beta"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"weight_average": 1.0}, "--weight-average"),
        ({"widths": ()}, "--widths"),
        ({"widths": (5, 0)}, "--widths"),
        ({"likelihood": "poisson"}, "--likelihood"),
        ({"xla": "perhaps"}, "--xla"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_a_value_out_of_its_range_names_its_option(options, flag):
    with pytest.raises(InputError, match=flag):
        TrainConfig(**options)


def test_an_unknown_preset_names_those_that_exist():
    with pytest.raises(InputError, match="default, quick, samples, compress, manifold, benchmark"):
        TrainConfig.from_preset("huge")


@pytest.mark.parametrize("text", ["", "{", '{"no_such_field": 1}', "[]"])
def test_a_damaged_file_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="not a saved training configuration"):
        TrainConfig.from_json(text)


@pytest.mark.parametrize("version", [None, "0.2.0"])
@pytest.mark.parametrize(("network", "widths"), [("dense", (512, 512)), ("convolutional", (32, 64))])
def test_a_configuration_of_an_earlier_version_keeps_the_values_of_its_time(version, network, widths):
    saved = {**json.loads(TrainConfig(network=network, epochs=7).to_json()), "widths": None, "version": version}
    for name in ("prior", "prior_components", "prior_training", *([] if version else ["version"])):
        del saved[name]
    config = TrainConfig.from_json(json.dumps(saved))
    assert (config.prior, config.widths, config.epochs) == ("standard_normal", widths, 7)


def test_a_configuration_that_was_written_before_there_were_levels_has_one():
    saved = json.loads(TrainConfig(levels=2).to_json())
    del saved["levels"]
    assert TrainConfig.from_json(json.dumps(saved)).levels == 1


@pytest.mark.parametrize(
    ("prior", "training", "words"),
    [
        ("standard_normal", "afterwards", "N(0, I)"),
        ("mixture", "afterwards", "mixture of 9 Gaussians, fitted afterwards"),
        ("mixture", "joint", "mixture of 9 Gaussians"),
        ("flow", "afterwards", "flow of 9 couplings, fitted afterwards"),
        ("vamp", "afterwards", "VampPrior of 9 images"),
    ],
)
def test_a_prior_is_named_with_how_it_is_learned(prior, training, words):
    assert TrainConfig(prior=prior, prior_training=training, prior_components=9).prior_in_words == words
    of_two_levels = TrainConfig(prior=prior, prior_training=training, prior_components=9, levels=2)
    assert of_two_levels.prior_in_words == f"{words} (upper of two levels)"


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        ({"importance_samples": 0}, "--importance-samples"),
        ({"protocol": "colour"}, "--protocol"),
        ({"features": "vgg"}, "--features"),
        ({"seed": -1}, "--seed"),
        ({"inception_weights": "weights.h5"}, "--features inception"),
    ],
)
def test_an_evaluation_cannot_have_a_value_out_of_its_range(options, flag):
    with pytest.raises(InputError, match=flag):
        EvaluationConfig(**options)


def test_the_command_line_of_the_evaluation_has_an_option_for_every_field():
    parser = argparse.ArgumentParser()
    add_arguments(parser, EvaluationConfig)
    arguments = parser.parse_args(["--importance-samples", "7", "--protocol", "binarized"])
    assert given_options(arguments, EvaluationConfig) == {"importance_samples": 7, "protocol": "binarized"}
    flags = parser.format_help()
    assert all("--" + each.name.replace("_", "-") in flags for each in dataclasses.fields(EvaluationConfig))


def test_the_command_line_has_an_option_for_every_field():
    parser = argparse.ArgumentParser()
    add_arguments(parser, TrainConfig, PRESETS)
    arguments = parser.parse_args(["--latent-dim", "5", "--widths", "30", "20", "--beta", "0.5"])
    assert given_options(arguments, TrainConfig) == {"latent_dim": 5, "widths": [30, 20], "beta": 0.5}
    assert TrainConfig.from_preset(**given_options(arguments, TrainConfig)).widths == (30, 20)
    flags = parser.format_help()
    assert all("--" + each.name.replace("_", "-") in flags for each in dataclasses.fields(TrainConfig))


@pytest.mark.parametrize("name", PRESETS)
def test_the_help_says_what_each_preset_contains(name):
    parser = argparse.ArgumentParser(prog="train")
    add_arguments(parser, TrainConfig, PRESETS)
    text = parser.format_help().split("presets, where nothing else is given:\n")[1]
    entries = dict(entry.split(maxsplit=1) for entry in re.sub(r"\n {4,}", " ", text).strip().splitlines())
    said = [] if name == "default" else shlex.split(entries[name])
    options = given_options(parser.parse_args(said), TrainConfig)
    assert TrainConfig.from_preset(name, **options) == TrainConfig.from_preset(name)
    assert TrainConfig(**options).replace(preset=name) == TrainConfig.from_preset(name)
