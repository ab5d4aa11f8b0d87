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
from keras_vae.model import distributions
from keras_vae.runs import PRESETS, TrainConfig, limits


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
        ({"image_size": ()}, "--image-size"),
        ({"image_size": (7,)}, "--image-size"),
        ({"image_size": (32, 32, 3)}, "--image-size"),
        ({"value_range": (1.0, 0.0)}, "--value-range"),
        ({"value_range": (0.0,)}, "--value-range"),
        ({"value_range": (-1e308, 1e308)}, "--value-range"),
        ({"epochs": 10**30}, "--epochs"),
        ({"epochs": 10**5000}, "--epochs"),
        ({"batch_size": 2**63}, "--batch-size"),
        ({"widths": (10**9,)}, "--widths"),
        ({"widths": (8,) * 1000}, "--widths"),
        ({"beta_warmup": 1e308}, "--beta-warmup"),
        ({"learning_rate_warmup": 1e308}, "--learning-rate-warmup"),
        ({"memory_budget": 10**400}, "--memory-budget"),
        ({"steps_per_execution": 10**12}, "--steps-per-execution"),
        ({"grid_every": 10**20}, "--grid-every"),
        ({"prior": "flow"}, "--prior-components"),
        ({"importance_epochs": 2, "beta": 0.5}, "--importance-epochs needs --beta 1"),
        ({"importance_epochs": 2, "beta": 1.0, "dropout": 0.1}, "--dropout"),
        ({"importance_epochs": 2, "beta": 1.0, "patience": 3}, "--patience"),
        ({"importance_samples": 1}, "--importance-samples"),
        ({"variance": "learned", "likelihood": "bernoulli"}, "--variance learned is for --likelihood"),
        ({"prior_temperature": 0.0}, "--prior-temperature"),
        ({"prior_temperature": 0.9, "prior": "vamp"}, "--prior-temperature is of a mixture that is fitted afterwards"),
        ({"prior_temperature": 0.9, "prior_training": "joint"}, "--prior-temperature is of a mixture"),
        ({"sharpening_epochs": 1, "likelihood": "laplace"}, "--sharpening-epochs is for --likelihood gaussian"),
        ({"sharpening_epochs": 1, "binarize": "dynamic"}, "--sharpening-epochs .* --binarize none"),
        ({"network": "convolutional", "dropout": 0.1}, "--dropout is of dense networks"),
        ({"network": "strided", "dropout": 0.1}, "--dropout is of dense networks"),
        ({"dataset": "pictures\0"}, "--dataset"),
        ({"dataset": "pictures/" + "x" * 300}, "--dataset"),
        ({"preset": ["default"]}, "--preset"),
        ({"data_dir": "a\nb"}, "--data-dir"),
        ({"init_from": "\udcff"}, "--init-from"),
    ],
)
def test_a_value_out_of_its_range_names_its_option(options, flag):
    with pytest.raises(InputError, match=flag) as error:
        TrainConfig(**options)
    assert len(str(error.value)) < 200
    assert str(error.value).isprintable()


def test_an_unknown_preset_names_those_that_exist():
    with pytest.raises(InputError, match="default, quick, samples, compress, manifold, benchmark"):
        TrainConfig.from_preset("huge")


@pytest.mark.parametrize(
    "text", ["", "{", '{"no_such_field": 1}', "[]", b"\xff\xfe", "[" * 100_000, '{"epochs": ' + "9" * 5000 + "}"]
)
def test_a_damaged_file_is_refused_in_one_line(text):
    with pytest.raises(InputError, match="not a saved training configuration"):
        TrainConfig.from_json(text)


def test_a_version_that_is_not_known_is_named_in_one_line():
    text = json.dumps({"version": "9\nand more", "epochs": 3, "new\nfield": 1})
    with pytest.raises(InputError, match=r"cannot read a configuration of 9 and more; .*not known here: new field\.$"):
        TrainConfig.from_json(text)


WRONG = {int: [None, "5", 1.5, True, [5]], float: [None, "0.5", True, [0.5]], str: [None, 5, True, ["a"]]}


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(TrainConfig) if each.name != "preset"])
def test_a_saved_value_of_another_type_is_refused_with_its_option(name):
    saved = json.loads(TrainConfig().to_json())
    wrong = {"widths": [5, "5", [1.5], [None], [True]], "image_size": [5, "5", [9.5]], "data_dir": [5, True, ["a"]]}
    wrong |= {"value_range": [5, "5", ["a", "b"], [True, 2.0]], "sharpening_epochs": [1.5, "5", True, [5]]}
    for value in wrong.get(name, WRONG.get(type(saved[name]), [])) or [5]:
        with pytest.raises(InputError, match="--" + name.replace("_", "-")) as error:
            TrainConfig.from_json(json.dumps({**saved, name: value}))
        assert "\n" not in str(error.value)


def test_a_whole_number_is_taken_where_any_number_is():
    saved = {**json.loads(TrainConfig().to_json()), "beta": 1, "value_range": [0, 255], "image_size": [32]}
    config = TrainConfig.from_json(json.dumps(saved))
    assert (config.beta, config.value_range, config.image_size) == (1, (0, 255), (32,))
    assert isinstance(config.beta, float)


def test_a_whole_number_that_no_tensor_holds_trains_as_the_float_that_it_is():
    assert TrainConfig(learning_rate=2**63).learning_rate == 2.0**63
    assert type(TrainConfig(learning_rate=2**63).learning_rate) is float


def test_a_configuration_without_the_options_of_later_versions_opens():
    saved = json.loads(TrainConfig().to_json())
    del saved["image_size"], saved["value_range"]
    assert TrainConfig.from_json(json.dumps(saved)) == TrainConfig()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("images", [1, 10, 66, 400, 9_000, 41_000])
def test_batch_epochs_and_warm_up_follow_few_images(preset, images):
    config = TrainConfig.from_preset(preset)
    suited = config.suited_to(images)
    assert 1 <= suited.batch_size <= min(images, config.batch_size)
    assert config.epochs <= suited.epochs <= 3 * config.epochs
    steps = suited.epochs * (images // suited.batch_size)
    assert steps <= 1.1 * config.epochs * (50_000 // config.batch_size)
    assert suited.learning_rate <= config.learning_rate
    assert suited.learning_rate_warmup / suited.epochs == pytest.approx(
        config.learning_rate_warmup / config.epochs, rel=0.1
    )
    if config.is_prior_fitted and config.prior == "mixture":
        assert 1 <= suited.prior_components <= max(1, images // 20)
    assert suited.replace(
        **{name: getattr(config, name) for name in ("batch_size", "learning_rate", "learning_rate_warmup", "epochs",
           "beta_warmup", "importance_epochs", "prior_components", "grid_every", "histogram_every", "projector_every")}
    ) == config  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("given", [{}, {"epochs": 54}, {"epochs": 54, "batch_size": 100, "learning_rate": 0.005}])
@pytest.mark.parametrize("images", [40, 1_200, 60_000])
def test_the_command_of_a_run_of_few_images_gives_its_configuration_again(preset, given, images):
    if preset == "benchmark" and given:
        given = {**given, "importance_epochs": 10}
    config = TrainConfig.from_preset(preset, **given).suited_to(images, given)
    parser = argparse.ArgumentParser()
    add_arguments(parser, TrainConfig, PRESETS)
    arguments = parser.parse_args(config.command_options(training_images=images))
    typed = given_options(arguments, TrainConfig)
    assert TrainConfig.from_preset(preset, **typed).suited_to(images, typed) == config


def test_a_presets_epochs_on_the_bound_are_left_out_for_another_beta_and_refused_where_they_are_given_too():
    assert TrainConfig.from_preset("benchmark").importance_epochs > 0
    for options in ({"beta": 0.5}, {"dropout": 0.1}, {"patience": 3}):
        assert TrainConfig.from_preset("benchmark", **options).importance_epochs == 0
    with pytest.raises(InputError, match="--importance-epochs needs --beta 1"):
        TrainConfig.from_preset("benchmark", beta=0.5, importance_epochs=3)


@pytest.mark.parametrize(
    ("options", "epochs"),
    [
        ({}, 4),
        ({"epochs": 1}, 0),
        ({"sharpening_epochs": 3}, 3),
        ({"sharpening_epochs": 0}, 0),
        ({"likelihood": "bernoulli"}, 0),
        ({"likelihood": "laplace"}, 0),
        ({"binarize": "dynamic"}, 0),
    ],
)
def test_grey_gaussian_pixels_are_sharpened_for_half_as_many_epochs_unless_told_otherwise(options, epochs):
    assert TrainConfig(**{"epochs": 8, **options}).epochs_of_sharpening == epochs


def test_as_many_images_as_the_presets_are_tuned_for_change_nothing_and_what_is_given_stays():
    assert TrainConfig().suited_to(50_000) == TrainConfig()
    of_bound = TrainConfig.from_preset("benchmark", epochs=100, importance_epochs=10)
    assert of_bound.suited_to(100).importance_epochs == of_bound.suited_to(100).epochs // 10
    assert of_bound.suited_to(100, given={"epochs"}).importance_epochs == 10
    suited = TrainConfig(batch_size=8, epochs=3).suited_to(100, given={"batch_size", "epochs"})
    assert (suited.batch_size, suited.epochs) == (8, 3)


@pytest.mark.parametrize("version", [None, "0.2.0"])
@pytest.mark.parametrize(("network", "widths"), [("dense", (512, 512)), ("convolutional", (32, 64))])
def test_a_configuration_of_an_earlier_version_keeps_the_values_of_its_time(version, network, widths):
    saved = {**json.loads(TrainConfig(network=network, epochs=7).to_json()), "widths": None, "version": version}
    for name in ("format", "prior", "prior_components", "prior_training", *([] if version else ["version"])):
        del saved[name]
    config = TrainConfig.from_json(json.dumps(saved))
    assert (config.prior, config.widths, config.epochs) == ("standard_normal", widths, 7)
    assert config.network == {"dense": "dense", "convolutional": "strided"}[network]


@pytest.mark.parametrize("network", ["auto", "dense", "convolutional", "strided"])
def test_a_network_is_read_as_it_was_written(network):
    config = TrainConfig(network=network)
    assert TrainConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("options", "shape", "network"),
    [
        ({}, (28, 28, 1), "dense"),
        ({}, (47, 48, 3), "dense"),
        ({}, (48, 48, 1), "convolutional"),
        ({}, (64, 64, 3), "convolutional"),
        ({"widths": (300,)}, (64, 64, 3), "dense"),
        ({"dropout": 0.1}, (64, 64, 3), "dense"),
    ],
)
def test_auto_takes_the_network_that_suits_the_images_and_the_other_options(options, shape, network):
    assert TrainConfig(network="auto", **options).network_for(shape) == network
    assert TrainConfig(network="strided", **{**options, "dropout": 0.0}).network_for(shape) == "strided"


def test_a_run_that_was_split_in_order_stays_so():
    saved = json.loads(TrainConfig().to_json())
    assert TrainConfig.from_json(json.dumps(saved)).held_out == "shuffled"
    del saved["held_out"]
    assert TrainConfig.from_json(json.dumps(saved)).held_out == "in_order"


def test_options_and_model_know_the_same_likelihoods_with_a_variance():
    assert set(limits.WITH_VARIANCE) == set(distributions.WITH_VARIANCE)


def test_a_variance_that_was_given_for_pixels_without_one_is_passed_over_in_what_was_saved():
    saved = json.loads(TrainConfig(likelihood="bernoulli").to_json())
    assert TrainConfig.from_json(json.dumps({**saved, "variance": "learned"})).variance == "optimal"


def test_a_configuration_that_was_written_before_there_were_levels_has_one():
    saved = json.loads(TrainConfig(levels=2).to_json())
    del saved["levels"]
    assert TrainConfig.from_json(json.dumps(saved)).levels == 1


def test_a_presets_temperature_is_left_out_for_a_prior_that_has_none_and_refused_where_it_is_given_too():
    assert TrainConfig.from_preset("samples").prior_temperature < 1.0
    for options in ({"prior": "flow", "prior_components": 8}, {"prior_training": "joint"}):
        assert TrainConfig.from_preset("samples", **options).prior_temperature == 1.0
        assert TrainConfig.from_preset("samples").replace(**options).prior_temperature == 1.0
        with pytest.raises(InputError, match="--prior-temperature"):
            TrainConfig.from_preset("samples", **options, prior_temperature=0.9)


def test_a_temperature_is_named_with_the_prior():
    words = TrainConfig(prior_components=9, prior_temperature=0.9).prior_in_words
    assert words == "mixture of 9 Gaussians at a temperature of 0.9, fitted afterwards"


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
        ({"importance_samples": 2**31}, "--importance-samples"),
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


@pytest.mark.parametrize(
    ("network", "shape", "options"),
    [
        ("dense", (28, 28, 1), []),
        ("convolutional", (64, 64, 3), []),
        ("dense", (64, 64, 3), ["--network", "dense"]),
        ("convolutional", None, ["--network", "convolutional"]),
    ],
)
def test_a_network_that_auto_takes_needs_no_option(network, shape, options):
    assert TrainConfig(network=network).command_options(shape) == options
