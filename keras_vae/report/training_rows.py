"""A configuration and what its training has told -> rows on the model and its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras_vae.report.text import dataset_name
from keras_vae.runs import TrainConfig

__all__ = ["modelling", "training"]

LIKELIHOOD_WORDS = {
    "bernoulli": "Bernoulli for each pixel",
    "gaussian": "Gaussian for each pixel, one variance σ²",
    "laplace": "Laplace for each pixel, one scale b",
    "discretized_logistic": "logistic F for each pixel around its mean, one scale learned, cut at 256 values",
    "continuous_bernoulli": "continuous Bernoulli for each pixel, parameter λ",
}
PACKAGES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras"}


def modelling(config: TrainConfig, widths: Sequence[int], image_shape: Sequence[int], weights: int) -> list[list[str]]:
    """What is modelled, as pairs of a key word and what it stands for.

    Args:
        config: configuration of the run.
        widths: hidden units or channels from the image inwards.
        image_shape: `(h, w, c)`.
        weights: number of trainable weights.
    """
    pixels, hidden = " x ".join(map(str, image_shape)), " - ".join(map(str, widths))
    back = " - ".join(map(str, reversed(widths)))
    kinds = {"dense": "dense, SiLU", "strided": "residual convolutions, SiLU"}
    kind = kinds.get(config.network_for(image_shape), "residual convolutions, ReLU")
    values = "black or white" if config.binarize == "dynamic" else "values in [0, 1]"
    of_two = config.levels == 2
    latents = f"{config.latent_dim} in two levels" if of_two else config.latent_dim
    posterior = "q(z2|x) q(z1|x, z2), each" if of_two else "q(z|x),"
    words = config.prior_in_words.removesuffix(" (upper of two levels)")
    if config.is_prior_fitted:  # that of the objective is another one
        words = f"N(0, I) in training, then a {words.removesuffix(', fitted afterwards')}"
    prior = f"p(z2) = {words}; p(z1|z2) Gaussian" if of_two else f"p(z) = {words}"
    alone = config.epochs_of_sharpening
    sharpened = f"; {alone} more {'epoch' if alone == 1 else 'epochs'} alone: absolute error" if alone else ""
    return [
        ["Model", f"VAE of {weights:,} weights"],
        ["Encoder", f"{kind}: {pixels} - {hidden} - mean, log variance"],
        ["Decoder", f"{kind}: {latents} - {back} - {pixels}{sharpened}"],
        ["Posterior", f"Gaussian {posterior} diagonal, reparametrised"],
        ["Prior", prior],
        ["Likelihood", f"{LIKELIHOOD_WORDS[config.likelihood]}; {values}"],
    ]


def training(config: TrainConfig, summary: Mapping[str, Any], test_images: int) -> list[list[str]]:
    """How it was trained, as pairs of a key word and what it stands for.

    Args:
        config: configuration of the run.
        summary: what `training.json` holds.
        test_images: images of the test split.
    """
    counts = [f"{summary['training_images']:,} training"]
    counts += [f"{summary['splits'][name]['images']:,} {name}" for name in summary["splits"] if name != "test"]
    epochs = config.learning_rate_warmup
    schedule = [f"{config.schedule}, {epochs:g} {'epoch' if epochs == 1 else 'epochs'} of warm-up"]
    if config.gradient_clip:
        schedule.append(f"gradients clipped at {config.gradient_clip:g}")
    if config.augmentation:
        share = f" for {config.augmentation:.0%}" if config.augmentation < 1.0 else ""
        schedule.append(f"images varied{share}")
    optimiser = f"AdamW, weight decay {config.weight_decay:g}" if config.weight_decay else "Adam"
    average = f"moving average, momentum {config.weight_average:g}" if config.weight_average else "as trained"
    if summary.get("kept_epoch") is not None:
        average += f", of epoch {summary['kept_epoch']}, the best on the validation split"
    machine, versions = summary["machine"], summary["versions"]
    rows = [
        ["Data", f"{dataset_name(config.dataset)}: {', '.join(counts)}, {test_images:,} test images"],
        ["Optimiser", f"{optimiser}, learning rate {config.learning_rate:g}"],
        ["Schedule", "; ".join(schedule)],
        ["Steps", f"{summary['epochs']} epochs, {summary['steps']:,} batches of {config.batch_size} images"],
        ["Weights", f"{average}; seed {config.seed}"],
        ["Time", f"{summary['seconds'] / 60:.1f} min, {summary['images_per_second']:,.0f} images/s"],
        ["Machine", f"{summary['compute']} ({machine['processor']}, {machine['system']})"],
        ["Versions", ", ".join(f"{PACKAGES.get(name, name)} {version}" for name, version in versions.items())],
    ]
    if config.binarize == "dynamic":
        rows.insert(1, ["Pixels", "made black or white afresh every epoch"])
    if config.importance_epochs:
        last, samples = f"last {config.importance_epochs} epochs", config.importance_samples
        rows.insert(1, ["Objective", f"{last}: importance-weighted bound, {samples} samples an image"])
    disturbed = [f"dropout {config.dropout:g}"] if config.dropout else []
    disturbed += [f"noise {config.input_noise:g} on what is encoded"] if config.input_noise else []
    if disturbed:
        rows.insert(-3, ["Disturbed by", ", ".join(disturbed)])
    if config.init_from:
        rows.insert(-3, ["Begun from", f"the weights of the run {config.init_from}"])
    if config.beta_warmup:
        rows.insert(2, ["Beta", f"grows from 0 over {config.beta_warmup:g} epochs"])
    return rows
