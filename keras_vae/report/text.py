"""The saved numbers of a run -> what a page about it says: key words, tables, sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras_vae.evaluation import classifier_knows
from keras_vae.files import expanded
from keras_vae.latent_space import LEAST_FOR_FINDINGS
from keras_vae.runs import TrainConfig, data_title

__all__ = [
    "LONGEST_CLASS",
    "SPACES",
    "clustering_rows",
    "compared_by",
    "dataset_name",
    "findings",
    "network_of",
    "path_rows",
    "pca_size",
    "result_rows",
    "seen",
    "shortened",
    "sources",
    "space_rows",
]

NETWORKS = {
    "classifier": "this project's classifier",
    "own": "a small network trained on this run's training images",
    "inception": "Keras's InceptionV3",
}
SPACES = {
    "latent": "latent space",
    "umap": "UMAP map",
    "tsne": "t-SNE map",
    "pixels": "pixels",
}
CLUSTERINGS = {
    "gaussian_mixture of the means": "Gaussian mixture of the means",
    "gaussian_mixture of the 10-d UMAP": "Gaussian mixture of a 10-d UMAP (N2D)",
    "spectral of the means": "Spectral clusters of the means",
}
# Norouzi, Fleet & Norouzi 2020, table 1: VAE of dense layers, 40 latents in each level, 5,000 samples.
PUBLISHED_BINARIZED = {
    (1, "standard_normal"): "228.70",
    (1, "vamp"): "227.35",
    (2, "standard_normal"): "227.37",
    (2, "vamp"): "226.72",
}
LONGEST_TITLE = 40  # letters of a data set's name
LONGEST_CLASS = 14  # letters of a class
LONGEST_PATH = 48  # letters of the classes on one path
LONGEST_SENTENCE = 400  # letters

Numbers = Mapping[str, Any]


def dataset_name(dataset: str) -> str:
    """What a data set is called in a sentence: a folder by its last part, TFDS's by their name."""
    folder = expanded(dataset)
    name = folder.resolve().name if folder.is_absolute() or folder.is_dir() else dataset
    return shortened(data_title(name), LONGEST_TITLE)


def shortened(name: str, longest: int) -> str:
    """The name, or its beginning and an ellipsis where it has more letters than fit."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def result_rows(metrics: Numbers, config: TrainConfig, image_shape: Sequence[int]) -> list[list[str]]:
    """Reconstruction, likelihood and generated images, beside what they are to be compared with.

    Args:
        metrics: what `metrics.json` holds.
        config: configuration of the run.
        image_shape: `(h, w, c)`.
    """
    evaluation = metrics["evaluations"]["grey"]
    measured, samples = evaluation["measurements"], evaluation["importance_samples"]
    entropy = measured.get("real_images.cross_entropy") if metrics["likelihood"] == "bernoulli" else None
    rows = [["measure", "this run", "to compare"]]
    for name, measure, digits in (
        ("MSE per pixel", "mse_per_pixel", 5),
        ("structural similarity (SSIM)", "ssim", 4),
    ):
        own, other = measured[f"reconstruction.mean.{measure}"], measured[f"pca.{measure}"]
        rows.append([name, _cell(own, digits), f"PCA: {_cell({'value': other['value']}, digits)}"])
    limit = f"least: {_cell({'value': entropy['value']}, 2)}" if entropy else ""
    rows += [
        ["minus the ELBO, nats per image", _cell(measured["likelihood.negative_elbo"], 2), limit],
        ["    reconstruction + KL", _terms(measured), ""],
        [f"bound on -log p(x), K = {samples:,}", _cell(measured["likelihood.importance_weighted_nll"], 2), ""],
    ]
    if binarized := metrics["evaluations"].get("binarized"):
        measurement = binarized["measurements"]["likelihood.importance_weighted_nll"]
        name = f"    binarised, K = {binarized['importance_samples']:,}"
        is_published = classifier_knows(metrics["dataset"], image_shape) and binarized["importance_samples"] == 5000
        comparable = is_published and metrics["likelihood"] == "bernoulli"  # a density has other units
        published = PUBLISHED_BINARIZED.get((config.levels, config.prior)) if comparable else None
        rows.append([name, _cell(measurement, 2), f"published: {published}" if published else ""])
    rows.append(["active latents", f"{measured['likelihood.active_units']['value']} of {metrics['latent_dim']}", ""])
    network = network_of(measured)
    for title, measure, digits in (
        (f"Fréchet distance{'' if network == 'inception' else ' (not the FID)'}", "frechet_distance", 2),
        ("precision of samples, 0 to 1", "precision", 3),
        ("recall of samples, 0 to 1", "recall", 3),
    ):
        if made := measured.get(f"generation.{network}.{measure}"):
            real = measured[f"real_images.{network}.{measure}"]
            rows.append([title, _cell(made, digits), f"real: {_cell(real, digits)}"])
    return rows


def network_of(measured: Numbers) -> str:
    """The feature network by which the page compares generated images; empty where none was measured."""
    return next((name for name in NETWORKS if f"generation.{name}.precision" in measured), "")


def compared_by(measured: Numbers) -> str:
    """A sentence on the features by which generated images were compared; none where they were not.

    Args:
        measured: the measurements of an evaluation.
    """
    words = NETWORKS.get(network_of(measured))
    return f"Samples: compared by features of {words}. " if words else ""


def space_rows(latent: Numbers) -> list[list[str]]:
    """How well classes are told apart in the latent space, in its maps and in the pixels.

    Args:
        latent: what `latent.json` holds.
    """
    known = {"knn_5": "5-NN", "linear_probe": "linear"}
    measures = {name: title for name, title in known.items() if name in latent["spaces"]["latent"]}
    rows = [["space", *measures.values(), "trustworthiness"]]
    for space, scores in latent["spaces"].items():
        if space in SPACES:  # what others say of it, a reader of one page does not need
            rows.append([SPACES[space], *(f"{scores[each]:.3f}" for each in (*measures, "trustworthiness"))])
    return rows


def clustering_rows(latent: Numbers) -> list[list[str]]:
    """How well clusters that know no classes correspond to the classes: mean and spread over seeds.

    Args:
        latent: what `latent.json` holds.
    """
    rows = [["clusters", "accuracy", "NMI"]]
    for name, title in CLUSTERINGS.items():
        if name not in latent["clusterings"]:
            continue
        mean, spread = (latent["clusterings"][name][part] for part in ("mean", "standard_deviation"))
        cells = (f"{mean[each]:.3f} ± {spread[each]:.3f}" for each in ("accuracy", "normalised_mutual_information"))
        rows.append([title, *cells])
    return rows


def path_rows(latent: Numbers) -> list[list[str]]:
    """The straight, the spherical and the shortest path, by means over random pairs with standard errors.

    Args:
        latent: what `latent.json` holds.
    """
    titles = {
        "length": "length",
        "distance_to_real_images": "distance to real",
        "log_prior_density": "log prior",
    }
    paths = {name: each for name, each in latent["between_random_pairs"].items() if isinstance(each, Mapping)}
    shown = [name for name in titles if name in next(iter(paths.values()))]
    rows = [["path", *(titles[name] for name in shown)]]
    for kind, each in paths.items():
        rows.append([kind, *(f"{each[name]['value']:.2f} ± {each[name]['standard_error']:.2f}" for name in shown)])
    return rows


def findings(config: TrainConfig, metrics: Numbers, latent: Numbers) -> list[str]:
    """What the numbers say, in sentences.

    Args:
        config: configuration of the run.
        metrics: what `metrics.json` holds.
        latent: what `latent.json` holds.
    """
    spaces = latent["spaces"]
    classes = f"Classes: {shortened(latent['interpretation'], LONGEST_SENTENCE)}"
    if "knn_5" in spaces["latent"] and latent["clusterings"]["images"] >= LEAST_FOR_FINDINGS:
        classes = (
            f"Classes: 5-NN accuracy is {spaces['latent']['knn_5']:.0%} in the latent space and "
            f"{spaces['pixels']['knn_5']:.0%} in the pixels; clusters found without labels agree with the classes for "
            f"{_best_clustering(latent):.0%} at best. {shortened(latent['interpretation'], LONGEST_SENTENCE)}"
        )
    return [
        f"Representation: {_representation(config, metrics['evaluations']['grey']['measurements'])}",
        classes,
        f"Interpolation: {_shortest(latent['between_random_pairs'])}{_passed(latent['lines'])}",
    ]


def seen(stretches: Sequence[Numbers]) -> str:
    """The classes along a path, as in 'Bag → Ankle boot'; of very many the first and the last; empty of none."""
    *names, last = [shortened(each["class"], LONGEST_CLASS) for each in stretches] or [""]
    shown = names
    while len(shown) > 1 and len(" → ".join([*shown, last])) > LONGEST_PATH:
        shown = shown[:-1]
    return " → ".join([*shown, *(["…"] if len(shown) < len(names) else []), last])


def sources(config: TrainConfig, metrics: Numbers, latent: Numbers) -> list[str]:
    """The literature and the data that the page rests on, as far as this run uses them.

    Args:
        config: configuration of the run.
        metrics: what `metrics.json` holds.
        latent: what `latent.json` holds.
    """
    compared = bool(network_of(metrics["evaluations"]["grey"]["measurements"]))
    geodesic = "geodesic" in latent["between_random_pairs"]
    all_sources = (
        (True, "Kingma & Welling 2014, VAE"),
        (config.dataset == "fashion_mnist", "Xiao et al. 2017, Fashion-MNIST"),
        (config.beta != 1, "Higgins et al. 2017, beta-VAE, ICLR"),
        (config.likelihood in ("gaussian", "laplace"), "Rybkin et al. 2021, calibrated decoders"),
        (config.likelihood == "discretized_logistic", "Salimans et al. 2017, PixelCNN++"),
        (
            config.likelihood == "continuous_bernoulli",
            "Loaiza-Ganem & Cunningham 2019, continuous Bernoulli",
        ),
        (config.is_prior_fitted, "Dai & Wipf 2019, two-stage VAE"),
        (config.prior_temperature != 1, "Kingma & Dhariwal 2018, temperature"),
        (config.prior == "flow", "Dinh et al. 2017, Real NVP"),
        (config.prior == "vamp" or config.levels == 2, "Tomczak & Welling 2018, VampPrior"),
        (True, "Burda et al. 2016, bound"),
        (True, "McInnes et al. 2018, UMAP"),
        (True, "van der Maaten & Hinton 2008, t-SNE, JMLR 9"),
        (
            any("10-d UMAP" in name for name in latent["clusterings"]),
            "McConville et al. 2021, N2D",
        ),
        ("spectral of the means" in latent["clusterings"], "Ng et al. 2001, spectral clustering"),
        (compared, "Heusel et al. 2017, Fréchet distance"),
        (compared, "Kynkäänniemi et al. 2019, precision and recall"),
        (geodesic, "White 2016, spherical paths"),
        (geodesic, "Shao et al. 2018, geodesics of decoders"),
        (
            "binarized" in metrics["evaluations"],
            "Norouzi et al. 2020, Exemplar VAE (binarised protocol)",
        ),
    )
    return [source for used, source in all_sources if used]


def pca_size(config: TrainConfig, measured: Numbers) -> int:
    """How many components PCA has: as many as the run has latents, or as images or pixels allow.

    Args:
        config: configuration of the run.
        measured: measurements, of which those of earlier versions do not tell.
    """
    found = measured.get("pca.components")
    return int(found["value"]) if found else config.latent_dim


def _representation(config: TrainConfig, measured: Numbers) -> str:
    mse, pca = (measured[f"{name}.mse_per_pixel"]["value"] for name in ("reconstruction.mean", "pca"))
    size = pca_size(config, measured)
    kl, active = measured["likelihood.kl"]["value"], measured["likelihood.active_units"]["value"]
    if mse is None or pca is None:
        error = "the reconstruction error is not finite"
    elif mse <= 2 * pca:
        side = "below" if mse < pca else "above"
        error = f"the reconstruction error is {abs(1 - mse / pca):.0%} {side} that of a PCA of {size} components"
    else:
        error = f"the reconstruction error is {mse:.5f}, that of a PCA of {size} components {pca:.5f}"
    nats = f" ({kl:.1f} nats of KL)" if kl is not None else ""
    text = f"{error}, with {active} of {config.latent_dim} latents in use{nats}."
    network = network_of(measured)
    if made := measured.get(f"generation.{network}.precision"):
        recall, real = (measured[f"{group}.{network}.recall"]["value"] for group in ("generation", "real_images"))
        known = ", which the network knows," if network == "own" else ""
        text += (
            f" {made['value']:.0%} of the generated images lie among real ones, but they cover {recall:.0%} of the "
            f"test images, where training images{known} cover {real:.0%}."
        )
    return text


def _shortest(paths: Numbers) -> str:
    share = 1 - paths["geodesic"]["length"]["value"] / paths["straight"]["length"]["value"]
    against = f"{abs(share):.0%} {'shorter' if share > 0 else 'longer'} than" if abs(share) >= 0.005 else "as long as"
    pairs = f"(mean of {paths['pairs']:,} pairs)"
    return f"the shortest path under the decoder's metric is {against} the straight line {pairs}."


def _passed(lines: Sequence[Numbers]) -> str:
    """How many lines cross another class between their ends, whatever their ends are taken for."""
    judged = [line for line in lines if line["classes_seen"]]
    if not judged:
        return ""
    others = 0
    for line in judged:
        ends = {line["from"]["class"], line["to"]["class"]}
        others += any(each["class"] not in ends for each in line["classes_seen"][1:-1])
    return f" {others} of the {len(judged)} straight lines shown pass a third class."


def _best_clustering(latent: Numbers) -> float:
    return max(each["mean"]["accuracy"] for each in latent["clusterings"].values() if isinstance(each, Mapping))


def _terms(measured: Numbers) -> str:
    parts = (_cell({"value": measured[f"likelihood.{name}"]["value"]}, 2) for name in ("reconstruction", "kl"))
    return " + ".join(parts)


def _cell(measurement: Numbers, digits: int) -> str:
    if measurement["value"] is None or not math.isfinite(measurement["value"]):
        return "not finite"
    error = measurement.get("standard_error")
    return f"{measurement['value']:.{digits}f}" + (f" ± {error:.{digits}f}" if error is not None else "")
