"""The saved numbers of a run -> what a page about it says: key words, tables, sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_vae.config import TrainConfig

__all__ = [
    "clustering_rows",
    "dataset_name",
    "interpretation",
    "modelling",
    "result_rows",
    "seen",
    "space_rows",
    "training",
    "way_rows",
]

DATASETS = {"fashion_mnist": "Fashion-MNIST"}
LIKELIHOODS = {"bernoulli": "Bernoulli", "gaussian": "Gaussian", "continuous_bernoulli": "continuous Bernoulli"}
PACKAGES = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras"}
SPACES = {
    "latent": "latent space",
    "umap": "UMAP map",
    "tsne": "t-SNE map",
    "pca": "PCA map",
    "pixels": "pixels",
    "pca_of_pixels": "PCA of pixels",
}
# Norouzi, Fleet & Norouzi 2020, table 1: VAE of dense layers, N(0, I) prior, 40 latents, 5,000 samples.
PUBLISHED_BINARIZED = "228.70 (published VAE)"

Numbers = Mapping[str, Any]


def dataset_name(dataset: str) -> str:
    """What a data set is called in a sentence."""
    return DATASETS.get(dataset, Path(dataset).name)


def modelling(config: TrainConfig, widths: Sequence[int], image_shape: Sequence[int], weights: int) -> list[list[str]]:
    """What is modelled, as pairs of a key word and what it stands for.

    Args:
        config: of the run.
        widths: hidden units or channels from the image inwards.
        image_shape: `(h, w, c)`.
        weights: of encoder and decoder together.
    """
    pixels, hidden = " x ".join(map(str, image_shape)), " - ".join(map(str, widths))
    back = " - ".join(map(str, reversed(widths)))
    kind = "dense" if config.network == "dense" else "residual convolutions"
    return [
        ["Model", f"variational autoencoder, {weights:,} weights"],
        ["Encoder", f"{kind}, SiLU: {pixels} - {hidden} - mean, log variance"],
        ["Decoder", f"{kind}, SiLU: {config.latent_dim} - {back} - {pixels}"],
        ["Latent space", f"{config.latent_dim} {'latents' if config.latent_dim > 1 else 'latent'}"],
        ["Posterior", "Gaussian q(z|x), diagonal, reparametrised"],
        ["Prior", "p(z) = N(0, I)"],
        ["Likelihood", f"{LIKELIHOODS[config.likelihood]} for each pixel; grey values in [0, 1]"],
        ["Objective", f"nats per image; {'minus the ELBO' if config.beta == 1 else f'beta = {config.beta:g}'}"],
    ]


def training(config: TrainConfig, summary: Numbers, test_images: int) -> list[list[str]]:
    """How it was trained, as pairs of a key word and what it stands for.

    Args:
        config: of the run.
        summary: what `training.json` holds.
        test_images: images of the test split.
    """
    counts = [f"{summary['training_images']:,} training"]
    counts += [f"{summary['splits'][name]['images']:,} {name}" for name in summary["splits"] if name != "test"]
    optimiser = f"{'AdamW' if config.weight_decay else 'Adam'}, learning rate {config.learning_rate:g}"
    schedule = f"{config.schedule}, {config.learning_rate_warmup:g} epochs of warm-up"
    decay = f"; weight decay {config.weight_decay:g}" if config.weight_decay else ""
    average = f"moving average, momentum {config.weight_average:g}" if config.weight_average else "as trained"
    machine, versions = summary["machine"], summary["versions"]
    rows = [
        ["Data", f"{dataset_name(config.dataset)}: {', '.join(counts)}, {test_images:,} test images"],
        ["Optimiser", optimiser],
        ["Schedule", f"{schedule}{decay}"],
        ["Steps", f"{summary['epochs']} epochs, {summary['steps']:,} batches of {config.batch_size} images"],
        ["Weights", f"{average}; seed {config.seed}"],
        ["Time", f"{summary['seconds'] / 60:.1f} min, {summary['images_per_second']:,.0f} images/s"],
        ["Machine", f"{summary['compute']} ({machine['processor']}, {machine['system']})"],
        ["Versions", ", ".join(f"{PACKAGES.get(name, name)} {version}" for name, version in versions.items())],
    ]
    if config.binarize == "dynamic":
        rows.insert(1, ["Pixels", "made black or white afresh every epoch"])
    if config.beta_warmup:
        rows.insert(2, ["Beta", f"grows from 0 over {config.beta_warmup:g} epochs"])
    return rows


def result_rows(metrics: Numbers) -> list[list[str]]:
    """Reconstruction, likelihood and generated images, beside what they are to be compared with.

    Args:
        metrics: what `metrics.json` holds.
    """
    measured = metrics["evaluations"]["grey"]["measurements"]
    own = measured.get("real_images.cross_entropy") if metrics["likelihood"] == "bernoulli" else None
    bound = measured["likelihood.importance_weighted_nll"]
    samples = metrics["evaluations"]["grey"]["importance_samples"]
    pca = f"PCA, {metrics['latent_dim']}:"
    rows = [["measure", "this run", "to compare"]]
    for name, figure, digits, title, other in (
        ("MSE per pixel, grey values in [0, 1]", "mse_per_pixel", 5, pca, "pca.mse_per_pixel"),
        ("structural similarity (SSIM), 0 to 1", "ssim", 4, pca, "pca.ssim"),
    ):
        rows.append(
            [
                name,
                _cell(measured[f"reconstruction.mean.{figure}"], digits),
                f"{title} {_cell(measured[other], digits)}",
            ]
        )
    entropy = f"own entropy: {_cell(own, 2)}" if own else ""
    rows += [
        ["minus the ELBO, nats per image", _cell(measured["likelihood.negative_elbo"], 2), entropy],
        ["of it reconstruction, nats", _cell(measured["likelihood.reconstruction"], 2), ""],
        ["of it KL, nats", _cell(measured["likelihood.kl"], 2), ""],
        [f"bound on -log p(x), {samples:,} samples, nats", _cell(bound, 2), ""],
    ]
    if binarized := metrics["evaluations"].get("binarized"):
        figure = binarized["measurements"]["likelihood.importance_weighted_nll"]
        name = f"the same, binarised, {binarized['importance_samples']:,} samples"
        comparable = metrics["dataset"] == "fashion_mnist" and binarized["importance_samples"] == 5000
        rows.append([name, _cell(figure, 2), PUBLISHED_BINARIZED if comparable else ""])
    rows.append(["active latents", f"{measured['likelihood.active_units']['value']} of {metrics['latent_dim']}", ""])
    for title, figure, digits in (
        ("Fréchet distance, classifier (not the FID)", "frechet_distance", 2),
        ("precision of generated images, 0 to 1", "precision", 3),
        ("recall of generated images, 0 to 1", "recall", 3),
    ):
        if made := measured.get(f"generation.classifier.{figure}"):
            real = measured[f"real_images.classifier.{figure}"]
            rows.append([title, _cell(made, digits), f"real images: {_cell(real, digits)}"])
    return rows


def space_rows(latent: Numbers) -> list[list[str]]:
    """How well classes are told apart in the latent space, in its maps and in the pixels.

    Args:
        latent: what `latent.json` holds.
    """
    measures = {"knn_1": "1-NN", "knn_5": "5-NN", "linear_probe": "linear", "silhouette": "silhouette"}
    rows = [["space", *measures.values(), "trustworthiness"]]
    for space, scores in latent["spaces"].items():
        rows.append([SPACES[space], *(f"{scores[each]:.3f}" for each in (*measures, "trustworthiness"))])
    return rows


def clustering_rows(latent: Numbers) -> list[list[str]]:
    """How well clusters that know no classes correspond to the classes: mean and spread over seeds.

    Args:
        latent: what `latent.json` holds.
    """
    titles = {"k_means": "k-means", "gaussian_mixture": "Gaussian mixture", "hdbscan": "HDBSCAN"}
    rows = [["clusters", "accuracy", "NMI", "ARI"]]
    for name, each in latent["clusterings"].items():
        if not isinstance(each, Mapping):
            continue
        kind, _, rest = name.partition(" ")
        spreads = zip(each["mean"].values(), each["standard_deviation"].values(), strict=True)
        cells = [f"{mean:.3f} ± {spread:.3f}" if kind != "hdbscan" else f"{mean:.3f}" for mean, spread in spreads]
        rows.append([f"{titles[kind]} {rest}", *cells])
    return rows


def way_rows(latent: Numbers) -> list[list[str]]:
    """The straight, the spherical and the shortest way, by means over random pairs with standard errors.

    Args:
        latent: what `latent.json` holds.
    """
    titles = {
        "length": "length",
        "smoothness": "unevenness",
        "realism": "distance to real",
        "log_prior_density": "log prior",
    }
    ways = {name: each for name, each in latent["between_random_pairs"].items() if isinstance(each, Mapping)}
    shown = [name for name in titles if name in next(iter(ways.values()))]
    rows = [["path", *(titles[name] for name in shown)]]
    for kind, each in ways.items():
        rows.append([kind, *(f"{each[name]['value']:.2f} ± {each[name]['standard_error']:.2f}" for name in shown)])
    return rows


def interpretation(config: TrainConfig, metrics: Numbers, latent: Numbers) -> list[str]:
    """What the numbers say, in sentences.

    Args:
        config: of the run.
        metrics: what `metrics.json` holds.
        latent: what `latent.json` holds.
    """
    measured = metrics["evaluations"]["grey"]["measurements"]
    mse, pca = (measured[f"{name}.mse_per_pixel"]["value"] for name in ("reconstruction.mean", "pca"))
    active, size = measured["likelihood.active_units"]["value"], config.latent_dim
    less = f"{abs(1 - mse / pca):.0%} {'below' if mse < pca else 'above'} that of a PCA of the same size"
    sentences = [
        f"Representation: the reconstruction error is {less}, "
        f"with {active} of {size} latents in use ({measured['likelihood.kl']['value']:.1f} nats of KL)."
    ]
    if made := measured.get("generation.classifier.precision"):
        recall = measured["generation.classifier.recall"]
        real = measured["real_images.classifier.recall"]
        sentences[0] += (
            f" {made['value']:.0%} of the generated images lie among real ones, but they cover {recall['value']:.0%} "
            f"of the test images, where training images cover {real['value']:.0%}."
        )
    spaces = latent["spaces"]
    sentences.append(
        f"Classes: 5 nearest neighbours name {spaces['latent']['knn_5']:.0%} of the test images in the latent space, "
        f"{spaces['pixels']['knn_5']:.0%} in the pixels; clusters that know no classes get "
        f"{_best_clustering(latent):.0%} at best. {latent['interpretation']}"
    )
    ways = latent["between_random_pairs"]
    shorter = 1 - ways["geodesic"]["length"]["value"] / ways["straight"]["length"]["value"]
    sentences.append(
        f"Interpolation: the shortest path under the decoder's metric is {shorter:.0%} shorter than the straight line "
        f"(mean of {ways['pairs']:,} pairs)." + _passed(latent["lines"])
    )
    return sentences


def seen(stretches: Sequence[Numbers]) -> str:
    """The classes along a path, as in 'Bag → Ankle boot'; empty where nobody told."""
    return " → ".join(each["class"] for each in stretches)


def _passed(lines: Sequence[Numbers]) -> str:
    judged = [line for line in lines if line["classes_seen"]]
    if not judged:
        return ""
    others = [
        line for line in judged
        if any(each["class"] not in (line["from"]["class"], line["to"]["class"]) for each in line["classes_seen"])
    ]  # fmt: skip
    return f" {len(others)} of the {len(judged)} straight lines shown pass a third class on the way."


def _best_clustering(latent: Numbers) -> float:
    return max(each["mean"]["accuracy"] for each in latent["clusterings"].values() if isinstance(each, Mapping))


def _cell(figure: Numbers, digits: int) -> str:
    if figure["value"] is None or not math.isfinite(figure["value"]):
        return "not finite"
    error = figure.get("standard_error")
    return f"{figure['value']:.{digits}f}" + (f" ± {error:.{digits}f}" if error is not None else "")
