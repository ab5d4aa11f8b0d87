"""A report is one readable A4 page with everything on it, whatever the run."""

import argparse
import dataclasses
import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from pypdf import PdfReader

from keras_vae import formats
from keras_vae.command_line import add_arguments, given_options
from keras_vae.errors import InputError
from keras_vae.evaluation import EvaluationConfig, evaluate, weights_digest
from keras_vae.latent_space import FORMAT, ExplorationConfig, explore
from keras_vae.plotting import chart_bare_map, chart_training
from keras_vae.report import write_report
from keras_vae.report.build import missing_parts, report_content
from keras_vae.report.typesetting import count_pages, page_pictures, typeset
from keras_vae.runs import PRESETS, Run, TrainConfig
from keras_vae.training import train

SECTIONS = (
    "Modelling", "Training parameters", "Training", "Results", "Latent space", "Interpolation", "Interpretation",
    "How to reproduce it", "Sources",
)  # fmt: skip
A4 = (595.28, 841.89)  # points
MAGENTA = (255, 0, 255)
DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module", params=[pytest.param(2, marks=pytest.mark.slow)])
def run(request, tmp_path_factory, picture_folder) -> Run:
    """A run of two latents with all its parts."""
    root = tmp_path_factory.mktemp("root")
    config = TrainConfig(
        dataset=str(picture_folder), latent_dim=request.param, epochs=2, batch_size=10, xla="off", widths=(16,)
    )
    run = train(config, "bars", root)
    evaluate(run, EvaluationConfig(importance_samples=2, features="none"))
    explore(run, ExplorationConfig(neighbours=5, perplexity=5.0, pairs=4, repeats=2, steps=5))
    return run


@pytest.fixture
def copy(run, tmp_path):
    """The same run under another name and configuration, in folders of its own."""

    def make(name: str = "bars", **changes) -> Run:
        other = Run(name, tmp_path)
        shutil.copytree(run.folder, other.folder, ignore=shutil.ignore_patterns("checkpoints", "saved_model"))
        other.write("config.json", run.config.replace(**changes).to_json())
        return other

    return make


def text_of(pdf: bytes) -> str:
    return PdfReader(io.BytesIO(pdf)).pages[0].extract_text()


def sizes_of(pdf: bytes) -> set[float]:
    """Sizes of all text on the first page, in points."""
    sizes: set[float] = set()

    def visit(text, transform, text_transform, font, size) -> None:
        if text.strip():
            sizes.add(round(abs(transform[3] * text_transform[3]) * size, 2))

    PdfReader(io.BytesIO(pdf)).pages[0].extract_text(visitor_text=visit)
    return sizes


def test_the_report_is_one_a4_page_with_every_section(run):
    pdf = write_report(run).read_bytes()
    page, *others = PdfReader(io.BytesIO(pdf)).pages
    assert not others
    assert np.allclose([page.mediabox.width, page.mediabox.height], A4, atol=0.1)
    text = " ".join(text_of(pdf).split())
    for section in SECTIONS:
        assert section in text
    assert Image.open(run.folder / "report.png").size[0] > 1200


def test_it_says_what_the_files_of_the_run_say(run):
    text = " ".join(text_of(write_report(run).read_bytes()).split())
    training = json.loads((run.folder / "training.json").read_text())
    measured = json.loads((run.folder / "metrics.json").read_text())["evaluations"]["grey"]["measurements"]
    latent = json.loads((run.folder / "latent.json").read_text())
    assert f"{training['parameters']:,} weights" in text
    assert f"TensorFlow {training['versions']['tensorflow']}" in text
    assert f"{measured['likelihood.negative_elbo']['value']:.2f}" in text
    assert f"{measured['reconstruction.mean.mse_per_pixel']['value']:.5f}" in text
    for space in ("latent", "umap", "tsne", "pixels"):
        assert f"{latent['spaces'][space]['knn_5']:.3f}" in text
    assert f"{latent['between_random_pairs']['geodesic']['length']['value']:.2f}" in text
    assert "scripts/train.py --run bars" in text


def test_the_same_numbers_make_the_same_file(run):
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


FASHION = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
WIDE = [f"{letter} WWWWWWWWWWWWWWW" for letter in "ABCDEFGHIJKL"]


def full_size(root: Path, config: TrainConfig, name: str = "run", classes=FASHION, chain: int = 12) -> Run:
    """Files of a run whose every number, table and chain of classes is as large as it gets; nothing is trained."""
    run = Run.create(config, name, root)
    digest_of = {"file": "vae.keras", "sha256": ""}
    built = {
        "widths": config.widths or [512, 512], "image_shape": [28, 28, 1], "latent_dim": config.latent_dim,
        "network": config.network, "likelihood": config.likelihood, "format": formats.FORMAT,
    }  # fmt: skip
    with zipfile.ZipFile(run.folder / "vae.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"config": built}))
    digest_of["sha256"] = weights_digest(run)
    machine = {"cores": 64, "processor": "x86_64", "system": "Linux"}
    versions = {"python": "3.13.11", "tensorflow": "2.21.0", "keras": "3.15.1"}
    splits = {
        split: {"images": 10000, "reconstruction": 220.0, "kl": 17.0, "elbo": -237.0}
        for split in ("validation", "test")
    }
    run.write("training.json", {
        "splits": splits, "epochs": config.epochs, "training_images": 50000, "seconds": 30000.0, "steps": 1200000,
        "images_per_second": 123456.0, "parameters": 12345678, "machine": machine, "versions": versions,
        "compute": "convolutional network on 8 GPUs, XLA on, mixed_bfloat16", "commit": "0123456789ab+",
    })  # fmt: skip
    history = [{"epoch": each + 1, "elbo": -300.0 + each, "val_elbo": -301.0 + each, "kl": 15.0} for each in range(9)]
    run.write("history.json", history)

    figure = {"value": 123.456789, "standard_error": 12.3456, "images": 10000}
    names = [
        "reconstruction.mean.mse_per_pixel", "reconstruction.mean.ssim", "pca.mse_per_pixel", "pca.ssim",
        "real_images.cross_entropy", "likelihood.negative_elbo", "likelihood.reconstruction", "likelihood.kl",
        "likelihood.importance_weighted_nll", "likelihood.active_units",
        *(f"{group}.classifier.{each}" for group in ("generation", "real_images")
          for each in ("frechet_distance", "precision", "recall")),
    ]  # fmt: skip
    evaluations = {
        protocol: {
            **dataclasses.asdict(EvaluationConfig(protocol)),
            "seconds": 1234.5,
            "measurements": dict.fromkeys(names, figure),
        } for protocol in ("grey", "binarized")
    }  # fmt: skip
    run.write("metrics.json", {
        "run": name, "preset": config.preset, "dataset": config.dataset, "latent_dim": config.latent_dim,
        "beta": config.beta, "likelihood": config.likelihood, "weights": digest_of, "evaluations": evaluations,
    })  # fmt: skip

    scores = dict.fromkeys(("knn_1", "knn_5", "linear_probe", "silhouette", "trustworthiness"), -0.123)
    agreement = dict.fromkeys(("accuracy", "normalised_mutual_information", "adjusted_rand"), 0.123)
    way = dict.fromkeys(("energy", "length", "unevenness", "distance_to_real_images", "log_prior_density"), figure)
    stretches = [{"class": classes[each % len(classes)], "share": 0.1} for each in range(chain)]
    ends = {"from": {"image": 9999, "class": classes[0]}, "to": {"image": 9998, "class": classes[-1]}}
    ways = ("straight", "spherical", "geodesic")
    clusterings = (
        "gaussian_mixture of the means",
        "gaussian_mixture of the 10-d UMAP",
        "spectral of the means",
    )
    run.write("latent.json", {
        "format": FORMAT,
        "weights": digest_of, "settings": dataclasses.asdict(ExplorationConfig(start=classes[0], end=classes[-1])),
        "maps": {"points": 10000},
        "spaces": {
            space: {"training_images": 50000, **scores}
            for space in ("latent", "umap", "tsne", "pca", "pixels", "pca_of_pixels")
        },
        "clusterings": {
            "images": 10_000, "seeds": 5,
            **{each: {"mean": agreement, "standard_deviation": agreement} for each in clusterings},
        },
        "contingency": {
            "clustering": "spectral of the means",
            "rows": list(classes),
            "table": np.full((len(classes),) * 2, 1000).tolist(),
        },
        "interpretation": "3 groups of classes merge: " + ", ".join(classes[:10]) + " (at least 55%). " * 3,
        "between_random_pairs": {"pairs": 200, "steps": 12, **dict.fromkeys(ways, way)},
        "path": {
            **ends, "classes_seen": dict.fromkeys(ways, stretches),
            "log_prior_density": {kind: [0.0] for kind in ways},
        },
        "lines": [{**ends, "classes_seen": stretches}] * 5,
    })  # fmt: skip
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(500, 2)).astype(np.float32), np.arange(500) % len(classes)
    with (run.folder / "maps.npz").open("wb") as file:
        np.savez(file, labels=labels, means=points, umap=points, tsne=points, pca=points)
    (run.figures / "plain").mkdir(parents=True)
    for picture, rows, columns in (("reconstructions", 2, 10), ("samples", 2, 10), ("path", 3, 12), ("lines", 5, 12)):
        size = (113 * columns, 113 * rows)
        Image.fromarray(rng.integers(0, 255, size[::-1], np.uint8)).save(run.figures / "plain" / f"{picture}.png")
    return run


VARIETIES = {
    **{preset: {"config": TrainConfig.from_preset(preset)} for preset in PRESETS},
    "one latent": {"config": TrainConfig(latent_dim=1)},
    "128 latents, every option": {
        "config": TrainConfig.from_preset(
            "benchmark", latent_dim=128, widths=(512, 256, 128, 64), beta=4.5, beta_warmup=5.0, learning_rate=0.00012,
            batch_size=100, epochs=61, weight_decay=0.05, gradient_clip=1.5, seed=1234,
        )
    },
    "Gaussian": {"config": TrainConfig(likelihood="gaussian", network="convolutional")},
    "Laplace": {"config": TrainConfig(likelihood="laplace")},
    "continuous Bernoulli": {"config": TrainConfig(likelihood="continuous_bernoulli", weight_average=0.0)},
    "long name": {"config": TrainConfig.from_preset("benchmark"), "name": "b" * 200},
    "long folder": {"config": TrainConfig(dataset="/data/" + "flowers_of_the_alps_" * 8)},
    "12 wide names": {"config": TrainConfig(), "classes": WIDE},
    "10 wide names, 2 latents": {"config": TrainConfig(latent_dim=2), "classes": WIDE[:10]},
    "2 classes": {"config": TrainConfig(), "classes": ["left", "right"], "chain": 2},
    "100 classes": {"config": TrainConfig(), "classes": [f"class of number {each}" for each in range(100)]},
}  # fmt: skip


@pytest.mark.parametrize("variety", VARIETIES)
def test_nothing_overflows_and_nothing_is_smaller_than_seven_points(tmp_path, variety):
    run = full_size(tmp_path, **VARIETIES[variety])
    assert missing_parts(run) == []
    facts, files = report_content(run)
    assert count_pages("report", facts, files) == 1
    assert min(sizes_of(typeset("report", facts, files))) >= 7.0 - 0.01
    page = np.asarray(Image.open(io.BytesIO(page_pictures("report", facts, files, 100)[0])).convert("L"))
    margin = int(10.8 / 25.4 * 100)
    assert page[:, :margin].min() == page[:, -margin:].min() == 255
    assert page[-margin // 2 :].min() == 255


def test_test_images_that_are_all_of_one_class_have_a_report_whichever_class_it_is(tmp_path):
    run = full_size(tmp_path, TrainConfig())
    latent = json.loads((run.folder / "latent.json").read_text())
    del latent["contingency"]  # which an exploration of one class has not
    run.write("latent.json", latent)
    with np.load(run.folder / "maps.npz") as saved:
        arrays = {name: saved[name] for name in saved.files}
    for label in (3, -1):
        with (run.folder / "maps.npz").open("wb") as file:
            np.savez(file, **{**arrays, "labels": np.full_like(arrays["labels"], label)})
        if label == 3:
            facts, _ = report_content(run)
            assert not facts["has_classes"]
        else:
            with pytest.raises(InputError, match="labels that are of no class"):
                report_content(run)


@pytest.mark.parametrize("variety", ["default", "benchmark", "128 latents, every option"])
def test_commands_can_be_copied_from_the_page(tmp_path, variety):
    run = full_size(tmp_path, **VARIETIES[variety])
    facts, files = report_content(run)
    text = text_of(typeset("report", facts, files))
    command = text[text.index("python scripts/train.py") : text.index("python scripts/evaluate.py")]
    words = shlex.split(command.replace("\\\n", " "))
    parser = argparse.ArgumentParser()
    parser.add_argument("--run")
    add_arguments(parser, TrainConfig, PRESETS)
    arguments = parser.parse_args(words[2:])
    options = given_options(arguments, TrainConfig)
    options.pop("run", None)
    assert arguments.run == run.name
    assert TrainConfig.from_preset(arguments.preset or "default", **options) == run.config
    assert "evaluate.py run --protocol binarized" in " ".join(text.replace("\\\n", " ").split())


def test_every_picture_is_on_the_page(run):
    facts, files = report_content(run)
    svgs = [name for name in files if name.endswith(".svg")]
    assert {"training.svg", "umap.svg", "tsne.svg", "latents.svg"} == set(svgs)
    assert {"reconstructions.png", "samples.png", "path.png", "lines.png"} == set(files) - set(svgs)
    for name in files:
        page = page_pictures("report", facts, {**files, name: painted(files[name])}, 50)[0]
        pixels = np.asarray(Image.open(io.BytesIO(page)).convert("RGB"))
        share = np.all(np.abs(pixels.astype(int) - MAGENTA) < 40, axis=-1).mean()
        assert share > 0.003, name


def painted(picture: bytes) -> bytes:
    """A picture of the same size in one colour that the page has nowhere else."""
    if picture.startswith(b"\x89PNG"):
        content = io.BytesIO()
        Image.new("RGB", Image.open(io.BytesIO(picture)).size, MAGENTA).save(content, "PNG")
        return content.getvalue()
    head = picture[picture.index(b"<svg") : picture.index(b">", picture.index(b"<svg")) + 1]
    return head + b'<rect width="100%" height="100%" fill="#ff00ff"/></svg>'


def test_pictures_are_printed_at_200_dots_per_inch_or_more(run):
    facts, files = report_content(run)
    for name, width in facts["pictures"].items():
        picture = Image.open(io.BytesIO(files[f"{name}.png"]))
        assert picture.width / (width / 25.4) >= 200


@pytest.mark.parametrize("epochs", [1, 2, 60])
def test_text_in_charts_has_seven_points_or_more(epochs):
    history = [
        {"epoch": each, "elbo": -1.0 / each, "val_elbo": -2.0 / each, "kl": each} for each in range(1, epochs + 1)
    ]
    points, labels = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3
    for figure in (chart_training(history), chart_bare_map(points, labels, ["a", "b", "c"], (2.0, 1.5))):
        texts = [text for text in figure.findobj(Text) if text.get_text()]
        assert texts
        assert all(text.get_size() >= 7.0 for text in texts)


def test_names_of_classes_stay_inside_their_map():
    rng = np.random.default_rng(0)
    corners = np.array([[0, 0], [0, 9], [9, 0], [9, 9]])
    labels = np.arange(400) % 4
    points = corners[labels] + 0.1 * rng.normal(size=(400, 2))
    figure = chart_bare_map(points, labels, ["a name of some length"] * 4, (2.0, 1.5))
    figure.canvas.draw()
    width, height = figure.canvas.get_width_height()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y0 >= 0
        assert box.y1 <= height


@pytest.mark.parametrize(
    ("lost", "part"),
    [
        ("metrics.json", "evaluation"),
        ("figures/plain/samples.png", "evaluation"),
        ("latent.json", "exploration"),
        ("maps.npz", "exploration"),
        ("figures/plain/lines.png", "exploration"),
    ],
)
def test_what_is_missing_is_found(copy, lost, part):
    run = copy()
    assert missing_parts(run) == []
    (run.folder / lost).unlink()
    assert missing_parts(run) == [part]


def test_numbers_of_other_weights_are_missing(copy):
    run = copy()
    run.model_file.write_bytes(run.model_file.read_bytes() + b" ")
    assert missing_parts(run) == ["evaluation", "exploration"]


def test_a_missing_part_is_made_first(copy, capsys):
    run = copy()
    (run.folder / "metrics.json").unlink()
    write_report(run)
    assert "has no evaluation of these weights" in capsys.readouterr().out
    (run.folder / "latent.json").unlink()
    write_report(run)
    assert "has no exploration of these weights" in capsys.readouterr().out


def test_an_exploration_of_an_older_version_is_made_anew(copy):
    run = copy()
    latent = json.loads((run.folder / "latent.json").read_text())
    run.write("latent.json", {**latent, "format": FORMAT - 1})
    assert missing_parts(run) == ["exploration"]


@pytest.mark.parametrize("name", ["latent.json", "metrics.json"])
def test_damaged_numbers_are_named(copy, name):
    run = copy()
    (run.folder / name).write_text("{")
    with pytest.raises(InputError, match=f"{name} is damaged"):
        write_report(run)


def test_a_run_that_is_not_trained_says_how_to_go_on(tmp_path):
    run = Run.create(TrainConfig(), "begun", tmp_path)
    with pytest.raises(InputError, match=r"not trained to its end.*--resume --run begun"):
        write_report(run)


def test_the_report_of_the_repository_is_one_page_of_its_default_run_with_the_figures_of_the_results():
    pdf = (DOCS / "report.pdf").read_bytes()
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    text = " ".join(text_of(pdf).split())
    assert "A variational autoencoder of Fashion-MNIST" in text
    assert "run default · preset default" in text
    assert min(sizes_of(pdf)) >= 8.0 - 0.01
    results = (DOCS / "results.md").read_text()
    # Of the table of spaces, the 5-NN accuracy: the second of its measures.
    rows = dict(re.findall(r"^\| (\w+) \| [\d,]+ \| [\d.]+ \| ([\d.]+) \|", results, re.MULTILINE))
    for space, title in (("latent", "latent space"), ("umap", "UMAP map"), ("tsne", "t-SNE map"), ("pixels", "pixels")):
        assert f"{title} {float(rows[space]):.3f}" in text
    mixture = re.search(r"gaussian_mixture of the means \| ([\d.]+) \+- ([\d.]+)", results)
    assert f"Gaussian mixture of the means {mixture[1]} ± {mixture[2]}" in text


def test_pictures_that_the_readme_shows_are_there():
    readme = DOCS.parent / "README.md"
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", readme.read_text())
    assert "docs/report.png" in pictures
    for picture in pictures:
        assert Image.open(readme.parent / picture).size[0] > 600


def test_a_report_of_a_complete_run_takes_no_tensorflow(tmp_path):
    full_size(tmp_path, TrainConfig(), "whole")
    code = (
        "import runpy, sys\n"
        "sys.argv = ['report.py', 'whole']\n"
        f"runpy.run_path({str(DOCS.parent / 'scripts' / 'report.py')!r}, run_name='__main__')\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert (tmp_path / "saved_models" / "whole" / "report.pdf").is_file()
