"""The card of a run has its data, licence, numbers and ways to load it, in the form that Hugging Face reads."""

import html
import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from keras_vae.evaluation import MEASURES, card_of, read_metrics
from keras_vae.runs import Run, model_card

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run() -> Run:
    return Run.open("reference-default", ROOT)


@pytest.fixture(scope="module")
def card(run) -> str:
    return card_of(run, read_metrics(run))


def front_matter(card: str) -> dict:
    """Its keys, whose values are JSON, as YAML may have them."""
    _, lines, _ = card.split("---\n", 2)
    return {key: json.loads(value) for key, value in (line.split(": ", 1) for line in lines.splitlines())}


def test_the_front_matter_names_licence_data_and_figures(run, card):
    fields = front_matter(card)
    assert fields["license"] == "apache-2.0"
    assert fields["datasets"] == ["zalando-datasets/fashion_mnist"]
    (model,) = fields["model-index"]
    (result,) = model["results"]
    assert (model["name"], result["dataset"]["split"]) == ("reference-default", "test")
    measured = read_metrics(run)["evaluations"]["grey"]["measurements"]
    values = {each["name"]: each["value"] for each in result["metrics"]}
    assert values["SSIM, posterior mean"] == measured["reconstruction.mean.ssim"]["value"]
    assert len(values) == 4


def test_the_text_has_the_numbers_with_their_protocol_and_the_command(run, card):
    measured = read_metrics(run)["evaluations"]["grey"]["measurements"]
    for text, digits, name in MEASURES:
        if name in measured:
            assert f"| {text} | {measured[name]['value']:.{digits}f}" in card
    assert "test split, 10,000 images, as they are" in card
    assert f"{run.summary['parameters']:,}" in card
    assert "    python scripts/train.py\n" in card
    assert max(map(len, card.split("## Measurements")[0].splitlines()[20:])) <= 120


def test_the_command_names_what_would_follow_the_number_of_few_images(run):
    card = model_card(run, trained={**run.summary, "training_images": 300})
    assert f"    python scripts/train.py --prior-components 1000 --epochs {run.config.epochs} --batch-size 500 " in card


def test_what_it_shows_of_loading_is_there(run, card):
    for name in ("saved_model", "onnx/decode.onnx", "vae.tflite"):
        assert f'"{name}"' in card
    assert f'load_model("{run.saved_model.name}")' in card  # which has no vae.keras


def test_data_of_ones_own_have_a_licence_to_be_named(run, tmp_path):
    own = Run.create(run.config.replace(dataset="/home/someone/shells"), "shells", tmp_path)
    own.write("saved_model/assets.extra/vae.json", run.model_config)
    card = model_card(own)
    assert front_matter(card)["license"] == "other"
    assert "datasets" not in front_matter(card)
    assert "whoever passes them on" in card
    assert "None yet." in card


def test_the_command_of_data_of_ones_own_is_one_that_a_shell_takes(run, tmp_path):
    own = Run.create(run.config.replace(dataset="/home/someone/my shells"), "shells", tmp_path)
    own.write("saved_model/assets.extra/vae.json", run.model_config)
    assert "--dataset '/home/someone/my shells' " in model_card(own)
    own.data.mkdir()  # as arrays are kept
    assert "--dataset saved_models/shells/data " in model_card(own)


def test_a_data_set_of_any_name_is_shown_as_it_is(run, tmp_path):
    name = "<b>shells `of` [mine](x) *a* _b_ $c$ & ![d](e) <script>"
    own = Run.create(run.config.replace(dataset=f"/home/someone/{name}"), "shells", tmp_path)
    own.write("saved_model/assets.extra/vae.json", run.model_config)
    text = model_card(own).split("## ")[0]
    assert html.escape(name) in MarkdownIt("commonmark", {"html": True}).render(text)
