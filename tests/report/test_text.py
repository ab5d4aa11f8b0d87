"""What a page says follows from the saved numbers."""

import argparse

import pytest

from keras_vae.command_line import add_arguments, given_options
from keras_vae.report.text import (
    clustering_rows,
    compared_by,
    dataset_name,
    findings,
    path_rows,
    result_rows,
    seen,
    sources,
)
from keras_vae.report.training_rows import modelling, training
from keras_vae.runs import PRESETS, TrainConfig

SHAPE = (28, 28, 1)


def figure(value: float, error: float | None = None) -> dict:
    return {"value": value, "unit": "", **({"standard_error": error} if error is not None else {})}


def metrics(**changes) -> dict:
    measured = {
        "reconstruction.mean.mse_per_pixel": figure(0.01, 0.001),
        "reconstruction.mean.ssim": figure(0.7, 0.01),
        "pca.mse_per_pixel": figure(0.02, 0.001),
        "pca.ssim": figure(0.5, 0.01),
        "real_images.cross_entropy": figure(190.0, 1.0),
        "likelihood.negative_elbo": figure(237.0, 0.8),
        "likelihood.reconstruction": figure(222.0, 0.8),
        "likelihood.kl": figure(15.0, 0.1),
        "likelihood.importance_weighted_nll": figure(235.0, 0.8),
        "likelihood.active_units": figure(9),
        **changes,
    }
    grey = {"measurements": measured, "importance_samples": 500}
    return {"likelihood": "bernoulli", "latent_dim": 16, "dataset": "fashion_mnist", "evaluations": {"grey": grey}}


def way(length: float) -> dict:
    return {name: figure(length, 0.1) for name in ("energy", "length", "log_prior_density")}


def agreement(accuracy: float, spread: float) -> dict:
    measures = ("accuracy", "normalised_mutual_information", "adjusted_rand")
    return {"mean": dict.fromkeys(measures, accuracy), "standard_deviation": dict.fromkeys(measures, spread)}


LATENT = {
    "spaces": {"latent": {"knn_5": 0.84}, "pixels": {"knn_5": 0.85}},
    "clusterings": {
        "images": 10_000,
        "seeds": 5,
        "k_means of the means": agreement(0.55, 0.01),
        "gaussian_mixture of the means": agreement(0.54, 0.02),
        "spectral of the means": agreement(0.65, 0.01),
    },
    "between_random_pairs": {"pairs": 200, "steps": 12, "straight": way(10.0), "geodesic": way(9.0)},
    "lines": [],
    "interpretation": "Shirts merge with coats.",
}


def test_a_row_states_the_error_and_what_to_compare_it_with():
    rows = {row[0]: row[1:] for row in result_rows(metrics(), TrainConfig(), SHAPE)}
    assert rows["MSE per pixel"] == ["0.01000 ± 0.00100", "PCA: 0.02000"]
    assert rows["active latents"] == ["9 of 16", ""]
    assert rows["bound on -log p(x), K = 500"][0] == "235.00 ± 0.80"


def test_a_figure_that_is_not_finite_says_so():
    rows = result_rows(metrics(**{"likelihood.negative_elbo": figure(None)}), TrainConfig(), SHAPE)
    assert ["minus the ELBO, nats per image", "not finite", "least: 190.00"] in rows


def test_what_was_not_measured_has_no_row():
    assert not any("Fréchet" in row[0] for row in result_rows(metrics(), TrainConfig(), SHAPE))


@pytest.mark.parametrize(
    ("samples", "options", "published"),
    [
        (5000, {"prior": "standard_normal"}, "published: 228.70"),
        (5000, {"prior": "vamp", "levels": 2}, "published: 226.72"),
        (5000, {"prior": "mixture"}, ""),
        (100, {"prior": "standard_normal"}, ""),
    ],
)
def test_a_published_figure_stands_beside_its_own_model_and_protocol_only(samples, options, published):
    measured = metrics()
    measured["evaluations"]["binarized"] = {
        "importance_samples": samples,
        "measurements": {"likelihood.importance_weighted_nll": figure(232.9, 0.8)},
    }
    row = next(row for row in result_rows(measured, TrainConfig(**options), SHAPE) if "binarised" in row[0])
    assert row[2] == published
    density = result_rows({**measured, "likelihood": "gaussian"}, TrainConfig(**options), SHAPE)
    assert next(row for row in density if "binarised" in row[0])[2] == ""
    resized = result_rows(measured, TrainConfig(**options), (32, 32, 1))
    assert next(row for row in resized if "binarised" in row[0])[2] == ""


def test_clusterings_have_their_spread_over_seeds():
    assert clustering_rows(LATENT)[1:] == [
        ["Gaussian mixture of the means", "0.540 ± 0.020", "0.540 ± 0.020"],
        ["Spectral clusters of the means", "0.650 ± 0.010", "0.650 ± 0.010"],
    ]


def test_measures_that_need_the_classifier_are_left_out_without_it():
    assert path_rows(LATENT)[0] == ["path", "length", "log prior"]
    assert path_rows(LATENT)[2] == ["geodesic", "9.00 ± 0.10", "9.00 ± 0.10"]


@pytest.mark.parametrize(
    ("mse", "words"),
    [
        (0.01, "50% below that of a PCA"),
        (0.03, "50% above that of a PCA"),
        (0.05, "0.05000, that of a PCA of 16 components 0.02000"),
        (None, "not finite"),
    ],
)
def test_sentences_follow_the_numbers(mse, words):
    sentences = findings(
        TrainConfig(latent_dim=16), metrics(**{"reconstruction.mean.mse_per_pixel": figure(mse, 0.001)}), LATENT
    )
    assert words in sentences[0]
    assert "9 of 16 latents" in sentences[0]
    assert "65% at best" in sentences[1]
    assert "Shirts merge with coats." in sentences[1]
    assert "10% shorter" in sentences[2]


@pytest.mark.parametrize(
    ("length", "words"), [(9.0, "10% shorter than"), (10.0, "as long as"), (11.0, "10% longer than")]
)
def test_the_shortest_path_is_compared_as_it_is(length, words):
    ways = {"pairs": 200, "straight": way(10.0), "geodesic": way(length)}
    assert words in findings(TrainConfig(), metrics(), {**LATENT, "between_random_pairs": ways})[2]


def test_a_third_class_between_the_ends_of_a_line_is_counted_and_a_misjudged_end_is_not():
    lines = [
        {"from": {"class": "a"}, "to": {"class": "b"}, "classes_seen": [{"class": each} for each in order]}
        for order in ("ab", "acb", "cb", "abab")
    ]
    assert "1 of the 4 straight lines" in findings(TrainConfig(), metrics(), {**LATENT, "lines": lines})[2]


def test_classes_on_a_way_are_named_in_order():
    assert seen([{"class": "Bag", "share": 0.2}, {"class": "Coat", "share": 0.8}]) == "Bag → Coat"
    assert seen([]) == ""
    many = seen([{"class": f"class {each}", "share": 0.1} for each in range(20)])
    assert many.startswith("class 0 → class 1 → ")
    assert many.endswith(" → … → class 19")
    assert len(many) < 70


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("fashion_mnist", "Fashion-MNIST"),
        ("mnist_corrupted/shot_noise", "mnist_corrupted/shot_noise"),
        ("/somewhere/pictures of birds/", "pictures of birds"),
        ("/somewhere/" + 50 * "x", 39 * "x" + "…"),
    ],
)
def test_a_folder_is_called_by_its_last_part_and_others_by_their_name(dataset, name):
    assert dataset_name(dataset) == name


def test_sources_are_those_that_the_run_uses():
    usual = TrainConfig(beta=1.0, likelihood="bernoulli", prior="standard_normal")
    plain = " ".join(sources(usual, metrics(), LATENT))
    assert "Fashion-MNIST" in plain
    assert not {"beta-VAE", "continuous Bernoulli", "Exemplar"} & set(plain.split(", "))
    other = " ".join(sources(TrainConfig(dataset="cifar10", beta=4.0, likelihood="gaussian"), metrics(), LATENT))
    assert "Fashion-MNIST" not in other
    assert "beta-VAE" in other
    assert "calibrated decoders" in other


def test_networks_are_described_from_the_image_to_the_latents_and_back():
    rows = dict(modelling(TrainConfig(latent_dim=8), (512, 256), (28, 28, 1), 1000))
    assert rows["Encoder"].startswith("dense, SiLU: 28 x 28 x 1 - 512 - 256 - mean")
    assert rows["Decoder"].endswith("8 - 256 - 512 - 28 x 28 x 1; 21 more epochs alone: absolute error")


@pytest.mark.parametrize(("epochs", "words"), [(0, "28 x 28 x 1"), (1, "; 1 more epoch alone: absolute error")])
def test_a_decoder_says_how_long_it_is_sharpened(epochs, words):
    rows = dict(modelling(TrainConfig(sharpening_epochs=epochs), (512,), (28, 28, 1), 1000))
    assert rows["Decoder"].endswith(words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "p(z) = N(0, I) in training, then a mixture of 1,000 Gaussians"),
        ({"prior_training": "joint"}, "p(z) = mixture of 1,000 Gaussians"),
        ({"prior": "vamp", "levels": 2}, "p(z2) = VampPrior of 1,000 images; p(z1|z2) Gaussian"),
        ({"levels": 2}, "p(z2) = N(0, I) in training, then a mixture of 1,000 Gaussians; p(z1|z2) Gaussian"),
        ({"prior": "standard_normal"}, "p(z) = N(0, I)"),
    ],
)
def test_the_prior_of_the_objective_is_that_of_the_training(options, words):
    assert dict(modelling(TrainConfig(**options), (512,), (28, 28, 1), 1000))["Prior"] == words


@pytest.mark.parametrize(
    ("network", "words"),
    [("convolutional", "residual convolutions, ReLU: 64"), ("strided", "residual convolutions, SiLU: 64")],
)
def test_convolutions_are_described_with_their_activation(network, words):
    rows = dict(modelling(TrainConfig(network=network), (8, 16), (64, 64, 3), 1000))
    assert rows["Encoder"].startswith(words)


def test_the_training_is_told_with_what_decides_its_weights():
    summary = {
        "training_images": 100, "splits": {}, "epochs": 14, "steps": 70, "seconds": 60.0, "images_per_second": 100.0,
        "compute": "CPU", "machine": {"processor": "x86_64", "system": "Linux"}, "versions": {}, "kept_epoch": 12,
    }  # fmt: skip
    config = TrainConfig(patience=2, dropout=0.1, input_noise=0.2, init_from="other")
    rows = dict(training(config, summary, 10))
    assert rows["Weights"] == "moving average, momentum 0.995, of epoch 12, the best on the validation split; seed 0"
    assert rows["Schedule"] == "cosine, 1 epoch of warm-up; images varied"
    assert rows["Disturbed by"] == "dropout 0.1, noise 0.2 on what is encoded"
    assert rows["Begun from"] == "the weights of the run other"


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("changes", [{}, {"latent_dim": 3, "widths": (32, 16), "dataset": "my pictures", "beta": 0.5}])
def test_the_command_of_a_run_gives_its_configuration_again(preset, changes):
    config = TrainConfig.from_preset(preset, **changes)
    parser = argparse.ArgumentParser()
    add_arguments(parser, TrainConfig, PRESETS)
    arguments = parser.parse_args(config.command_options())
    preset = arguments.preset or "default"
    assert TrainConfig.from_preset(preset, **given_options(arguments, TrainConfig)) == config


def test_nothing_is_said_of_classes_where_there_are_few_images_or_no_classes():
    few = {**LATENT, "clusterings": {**LATENT["clusterings"], "images": 99}, "interpretation": "99 are too few."}
    none = {**LATENT, "spaces": {"latent": {"trustworthiness": 0.9}}, "interpretation": "There are no classes."}
    for latent in (few, none):
        sentences = findings(TrainConfig(), metrics(), latent)
        assert f"Classes: {latent['interpretation']}" in sentences
        assert not any("5-NN" in sentence for sentence in sentences)


def test_images_that_were_compared_by_a_network_of_the_runs_own_are_on_the_page():
    names = ("frechet_distance", "precision", "recall")
    compared = {f"{group}.own.{name}": figure(0.5) for group in ("generation", "real_images") for name in names}
    rows = result_rows(metrics(**compared), TrainConfig(), SHAPE)
    assert ["recall of samples, 0 to 1", "0.500", "real: 0.500"] in rows
    assert "trained on this run's training images" in compared_by(compared)
    assert compared_by({}) == ""
