"""A report is one readable A4 page with everything on it, whatever the run."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from pypdf import PdfReader

from keras_vae.charts import chart_training
from keras_vae.config import EvaluationConfig, ExplorationConfig, TrainConfig
from keras_vae.errors import InputError
from keras_vae.evaluation import evaluate
from keras_vae.exploration import explore
from keras_vae.map_charts import chart_bare_map
from keras_vae.report import missing_parts, report_content, write_report
from keras_vae.runs import Run
from keras_vae.training import train
from keras_vae.typesetting import count_pages, page_pictures, typeset

SECTIONS = (
    "Modelling", "Training parameters", "Training", "Results", "Latent space", "Interpolation", "Interpretation",
    "How to reproduce it", "Sources",
)  # fmt: skip
A4 = (595.28, 841.89)  # points
MAGENTA = (255, 0, 255)


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
    for scores in latent["spaces"].values():
        assert f"{scores['knn_5']:.3f}" in text
    assert f"{latent['between_random_pairs']['geodesic']['length']['value']:.2f}" in text
    assert "scripts/train.py --run bars" in text


def test_the_same_numbers_make_the_same_file(run):
    assert write_report(run).read_bytes() == write_report(run).read_bytes()


VARIETIES = [
    ("bars", {"latent_dim": 16}),
    ("bars", {"latent_dim": 128, "likelihood": "gaussian", "beta": 4.0, "beta_warmup": 2.5}),
    ("bars", {"latent_dim": 1, "likelihood": "continuous_bernoulli", "binarize": "dynamic", "weight_decay": 0.0}),
    ("b" * 200, {"network": "convolutional", "weight_average": 0.0}),
    ("a_rather-long.name" * 8, {"preset": "benchmark", "latent_dim": 40, "binarize": "dynamic"}),
]


@pytest.mark.parametrize(("name", "changes"), VARIETIES, ids=range(len(VARIETIES)))
def test_nothing_overflows_and_nothing_is_smaller_than_seven_points(copy, name, changes):
    facts, files = report_content(copy(name, **changes))
    assert count_pages("report", facts, files) == 1
    assert min(sizes_of(typeset("report", facts, files))) >= 7.0 - 0.01
    page = np.asarray(Image.open(io.BytesIO(page_pictures("report", facts, files, 100)[0])).convert("L"))
    margin = int(9 / 25.4 * 100)
    assert page[:, :margin].min() == page[:, -margin:].min() == 255
    assert page[-margin // 2 :].min() == 255


def test_many_classes_with_long_names_fit_too(copy):
    run = copy()
    latent = json.loads((run.folder / "latent.json").read_text())
    count = 100
    latent["contingency"]["rows"] = [f"a class with a long name, {number}" for number in range(count)]
    latent["contingency"]["table"] = np.eye(count, dtype=int).tolist()
    run.write("latent.json", latent)
    facts, files = report_content(run)
    assert count_pages("report", facts, files) == 1


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


def test_a_missing_part_is_made_first_or_its_command_is_named(copy, capsys):
    run = copy()
    (run.folder / "metrics.json").unlink()
    with pytest.raises(InputError, match=r"Run python scripts/evaluate.py bars by itself"):
        write_report(run)
    evaluate(run, EvaluationConfig(importance_samples=2, features="none"))
    (run.folder / "latent.json").unlink()
    with pytest.raises(InputError, match=r"--perplexity.*Run python scripts/explore.py bars by itself"):
        write_report(run)
    assert "has no exploration of these weights" in capsys.readouterr().out


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


def test_the_report_of_the_repository_is_one_page_of_its_default_run():
    pdf = (Path(__file__).resolve().parents[1] / "docs" / "report.pdf").read_bytes()
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    assert "Fashion-MNIST" in text_of(pdf)
    assert min(sizes_of(pdf)) >= 7.0 - 0.01
