"""A trained run -> one page that a reader can check: `saved_models/<run>/report.pdf`, and its picture."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from keras_vae.console import import_tensorflow
from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig, read_metrics, weights_digest
from keras_vae.files import require_room, typed_command
from keras_vae.latent_space import (
    FORMAT,
    PROBE_POINTS,
    TRUSTED_NEIGHBOURS,
    TRUSTED_POINTS,
    ExplorationConfig,
)
from keras_vae.plotting import CLASS_COLOURS, chart_bare_map, chart_training, colour_of, svg
from keras_vae.report.commands import commands
from keras_vae.report.inputs import Inputs, read_inputs
from keras_vae.report.text import (
    LONGEST_CLASS,
    clustering_rows,
    compared_by,
    dataset_name,
    findings,
    path_rows,
    pca_size,
    result_rows,
    seen,
    shortened,
    sources,
    space_rows,
)
from keras_vae.report.training_rows import modelling, training
from keras_vae.report.typesetting import count_pages, page_pictures, typeset
from keras_vae.runs import Run, TrainConfig, code_origin, read_record

__all__ = ["missing_parts", "page_facts", "report_content", "write_report"]

# Size of the text in points and of the pictures: the first that fits the page is taken.
SIZES = ((8.0, 1.0), (7.75, 1.0), (7.5, 1.0), (7.25, 1.0), *((7.0, scale / 20) for scale in range(20, 8, -1)))
LARGE_MAP, SMALL_MAP = (54.0, 35.0), (36.0, 35.0)  # width and height, mm
LOSS_CURVES, TABLE_HEIGHT = (48.0, 42.0), 34.0  # mm
REPORT_BYTES = 5_000_000
MILLIMETRES = 25.4  # in an inch
LONGEST_RUN = 60  # letters of a run where it need not be copied
CLUSTERED = {
    "spectral of the means": "spectral clusters",
    "gaussian_mixture of the means": "clusters of a Gaussian mixture",  # of earlier versions
}
# What the negative log-likelihood is of, where it is not that of binarised images.
_DENSITY = "Nats: of a density, which may be above 1. "
_NATS = {
    "bernoulli": "",
    "gaussian": _DENSITY,
    "laplace": _DENSITY,
    "discretized_logistic": "Nats: of 8-bit values. ",
    "continuous_bernoulli": _DENSITY,
}

# Rows of each picture, the widest it may be and the highest a row of it, mm.
PICTURES = {
    "reconstructions": (2, 92.0, 9.2),
    "samples": (2, 92.0, 9.2),
    "path": (3, 72.0, 6.2),
    "lines": (5, 64.0, 5.4),
}


def missing_parts(run: Run) -> list[str]:
    """What a report needs and the run has not, or has of other weights: `evaluation`, `exploration`.

    Args:
        run: a trained run.

    Raises:
        InputError: the run is not trained to its end, or its numbers are damaged.
    """
    if not run.is_finished:
        raise InputError(f"Run {run.name!r} is not trained to its end: {run.resume_command}.")
    digest = weights_digest(run)
    missing = []
    if "grey" not in read_metrics(run, digest).get("evaluations", {}) or not _has(run, "reconstructions", "samples"):
        missing.append("evaluation")
    if not _read_latent(run, digest) or not (run.folder / "maps.npz").is_file() or not _has(run, "path", "lines"):
        missing.append("exploration")
    return missing


def write_report(run: Run) -> Path:
    """Make what is missing, and write `report.pdf` and `report.png`.

    Args:
        run: a trained run.

    Returns:
        The PDF's path.

    Raises:
        InputError: the run is not trained, its numbers are damaged, or the data allow no exploration.
        RuntimeError: not even the smallest text fits one page.
    """
    require_room(run.folder, REPORT_BYTES)
    for part in missing_parts(run):
        print(f"{run.name} has no {part} of these weights: it is made first, in minutes.", flush=True)
        _make(part, run)
    facts, files = report_content(run)
    run.write("report.png", page_pictures("report", facts, files)[0])
    return run.write("report.pdf", typeset("report", facts, files))


def report_content(run: Run) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the page says, with text and pictures as large as fit, and its pictures.

    Args:
        run: a run that lacks no part.

    Raises:
        InputError: its numbers or pictures are damaged.
        RuntimeError: not even the smallest text fits one page.
    """
    inputs = read_inputs(run)
    facts, pictures = page_facts(run, inputs), _pictures(inputs)
    for scale, sizes in itertools.groupby(SIZES, key=lambda size: size[1]):
        files = pictures | _maps(inputs, scale)
        scaled = {name: scale * _picture_width(inputs, name) for name in PICTURES}
        facts |= {"pictures": scaled, "table_height": scale * TABLE_HEIGHT}
        for points, _ in sizes:
            facts["text_points"] = points
            if count_pages("report", facts, files) == 1:
                return facts, files
    raise RuntimeError(f"The report of {run.name} does not fit one page.")


def _make(part: str, run: Run) -> None:
    import_tensorflow()  # which a report alone does not need
    try:
        if part == "evaluation":
            from keras_vae.evaluation import evaluate

            evaluate(run, EvaluationConfig())
        else:
            from keras_vae.latent_space import explore

            explore(run, ExplorationConfig())
    except InputError as error:
        command = typed_command("evaluate" if part == "evaluation" else "explore")
        raise InputError(f"{error} Run {command} {run.typed} by itself, then the report.") from error


def _read_latent(run: Run, digest: str) -> dict[str, Any]:
    """What an exploration wrote, as long as it belongs to the run's weights and has all that a report needs."""
    path = run.folder / "latent.json"
    if not path.is_file():
        return {}
    latent: dict[str, Any] = read_record(path, {"weights": {"sha256": str}}, "remove it, and explore again")
    return latent if latent["weights"]["sha256"] == digest and latent.get("format") == FORMAT else {}


def _has(run: Run, *pictures: str) -> bool:
    return all((run.figures / "plain" / f"{name}.png").is_file() for name in pictures)


# ---- words and numbers ----


def page_facts(run: Run, inputs: Inputs) -> dict[str, Any]:
    """What the page says: words and numbers, without pictures and sizes."""
    config, metrics, latent = inputs.config, inputs.metrics, inputs.latent
    summary, built = inputs.summary, inputs.model
    grey = metrics["evaluations"]["grey"]
    images = grey["measurements"]["reconstruction.mean.mse_per_pixel"]["images"]
    settings, has_classes = latent["settings"], bool(_class_names(latent))
    return {
        "title": f"A variational autoencoder of {dataset_name(config.dataset)}",
        "subtitle": f"run {shortened(run.name, LONGEST_RUN)} · preset {config.preset} · "
        f"weights {metrics['weights']['sha256'][:12]}",
        "shown_classes": "one of each class" if len(_class_names(latent)) <= 10 else "one of each of ten classes",
        "likelihood": config.likelihood,
        "beta": f"{config.beta:g}",
        "modelling": modelling(config, built["widths"], built["image_shape"], summary["parameters"]),
        "training": training(config, summary, images),
        "results": result_rows(metrics, config, built["image_shape"]),
        "results_note": f"Test split, {images:,} images; ± is one standard error. MSE and SSIM: through the posterior "
        f"mean, beside a PCA of {pca_size(config, grey['measurements'])} components. "
        f"{_NATS[config.likelihood]}K: posterior samples of each "
        f"image. {compared_by(grey['measurements'])}"
        f"Evaluated in {grey['seconds'] / 60:.1f} min.",
        "maps": _map_names(config),
        "map_width": _map_size(config)[0],
        "map_names": {
            "umap": f"UMAP, {settings['neighbours']} neighbours",
            "tsne": f"t-SNE, perplexity {latent['maps'].get('perplexity', settings['perplexity']):.3g}",
            "latents": "the two latents",
        },
        "legend": _legend(_class_names(latent)),
        "has_classes": has_classes,
        "contingency": _contingency(config, latent),
        "spaces": space_rows(latent),
        "clusterings": clustering_rows(latent),
        "latent_note": _latent_note(latent),
        "path": _path(inputs),
        "paths": path_rows(latent),
        "paths_note": _paths_note(latent),
        "lines": _lines(inputs),
        "interpretation": findings(config, metrics, latent),
        "commands": commands(run, metrics, latent),
        "origin": code_origin(summary.get("commit")),
        "sources": sources(config, metrics, latent),
    }


def _map_names(config: TrainConfig) -> list[str]:
    return ["umap", "tsne", *(["latents"] if config.latent_dim == 2 else [])]


def _map_size(config: TrainConfig) -> tuple[float, float]:
    return LARGE_MAP if len(_map_names(config)) < 3 else SMALL_MAP


def _class_names(latent: Mapping[str, Any]) -> list[str]:
    """The classes that clusters were compared with; none where the images have none."""
    return list(latent["contingency"]["rows"]) if "contingency" in latent else []


def _legend(names: Sequence[str]) -> list[list[str]]:
    """Colours and names of the classes, where there are several and each has a colour of its own."""
    if len(names) > len(CLASS_COLOURS):
        return []
    return [[colour_of(label), shortened(name, LONGEST_CLASS)] for label, name in enumerate(names)]


def _contingency(config: TrainConfig, latent: Mapping[str, Any]) -> dict[str, Any]:
    if "contingency" not in latent:
        return {}
    table = np.array(latent["contingency"]["table"])
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    return {
        "width": 52 if _map_size(config) == LARGE_MAP else 48,
        "names": [shortened(name, LONGEST_CLASS) for name in latent["contingency"]["rows"]],
        "counts": table.tolist(),
        "shares": shares.round(4).tolist(),
        "caption": f"Classes (rows) in {CLUSTERED.get(latent['contingency']['clustering'], 'clusters')} of the latents",
    }


def _latent_note(latent: Mapping[str, Any]) -> str:
    spaces = latent["spaces"]
    fitted, placed = spaces["latent"]["training_images"], spaces["umap"]["training_images"]
    count = f"{latent['maps']['points']:,} test images"
    trusted = (
        f"Trustworthiness: of {TRUSTED_NEIGHBOURS} neighbours, against the pixels, {TRUSTED_POINTS:,} images at most."
    )
    if "contingency" not in latent:
        return f"{count}, which have no classes. {trusted}"
    return (
        f"{count}. 5-NN, linear: accuracy after fitting to {fitted:,} training images (linear: at most "
        f"{PROBE_POINTS:,}; in maps {placed:,}). {trusted} Clusters: best matching; ± one standard deviation over "
        f"{latent['clusterings']['seeds']} seeds."
    )


def _paths_note(latent: Mapping[str, Any]) -> str:
    pairs = latent["between_random_pairs"]
    note = f"Means over {pairs['pairs']:,} random pairs ± standard error: length of the decoded path, "
    if "distance_to_real_images" in pairs["straight"]:
        note += "distance to the nearest training image in the classifier's features, "
    return f"{note}log prior in nats."


def _path(inputs: Inputs) -> dict[str, Any]:
    latent = inputs.latent
    path, ends = latent["path"], [latent["path"][end] for end in ("from", "to")]
    judged = bool(path["classes_seen"])
    return {
        "rows": [
            kind + (f": {seen(path['classes_seen'][kind])}" if judged else "")
            for kind in latent["path"]["log_prior_density"]
        ],
        "ratio": _ratio(inputs, "path"),
        "caption": f"From test image {_end(latent, ends[0])} to {_end(latent, ends[1])}"
        + (": the classifier's verdict" if judged else ""),
    }


def _lines(inputs: Inputs) -> dict[str, Any]:
    latent, rows = inputs.latent, []
    for line in latent["lines"]:
        verdict = seen(line["classes_seen"])
        rows.append(f"{_short(line['from'])} to {_short(line['to'])}{f': {verdict}' if verdict else ''}")
    judged = any(line["classes_seen"] for line in latent["lines"])
    return {
        "rows": rows,
        "ratio": _ratio(inputs, "lines"),
        "caption": "Straight lines between first test images"
        + (" of classes" if "contingency" in latent else "")
        + (": the classifier's verdict" if judged else ""),
    }


def _end(latent: Mapping[str, Any], end: Mapping[str, Any]) -> str:
    """Number of an image, with its class where there are several."""
    return f"{end['image']} ({_short(end)})" if "contingency" in latent else str(end["image"])


def _short(end: Mapping[str, Any]) -> str:
    return shortened(end["class"], LONGEST_CLASS)


def _ratio(inputs: Inputs, name: str) -> float:
    with Image.open(io.BytesIO(inputs.pictures[name])) as picture:
        return picture.height / picture.width


def _picture_width(inputs: Inputs, name: str) -> float:
    rows, widest, highest = PICTURES[name]
    return min(widest, rows * highest / _ratio(inputs, name))


# ---- pictures ----


def _pictures(inputs: Inputs) -> dict[str, bytes]:
    plain = {f"{name}.png": content for name, content in inputs.pictures.items()}
    return {"training.svg": svg(chart_training(inputs.history, _in_inches(LOSS_CURVES))), **plain}


def _maps(inputs: Inputs, scale: float) -> dict[str, bytes]:
    size, rows = _map_size(inputs.config), _class_names(inputs.latent)
    # Small maps have the legend only; more than twice as many classes as colours are not to be told apart.
    named = size == LARGE_MAP and len(rows) <= 2 * len(CLASS_COLOURS)
    names = [shortened(name, LONGEST_CLASS) for name in rows] if named else []
    inches = _in_inches((size[0], scale * size[1]))
    points = {name: inputs.maps["means" if name == "latents" else name] for name in _map_names(inputs.config)}
    labels = inputs.maps["labels"]
    return {f"{name}.svg": svg(chart_bare_map(each, labels, names, inches)) for name, each in points.items()}


def _in_inches(size: tuple[float, float]) -> tuple[float, float]:
    return size[0] / MILLIMETRES, size[1] / MILLIMETRES
