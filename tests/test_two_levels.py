"""A run of two levels goes through every command as any other."""

import json
from pathlib import Path

import numpy as np
import pytest
from commands import command
from explorer_page import browser_page, open_page

from keras_vae.errors import InputError
from keras_vae.model import VAE, load_model
from keras_vae.runs import Run, TrainConfig
from keras_vae.training import train

SMALL = {"latent_dim": 5, "widths": (16,), "epochs": 2, "batch_size": 10, "levels": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 3}, "--levels must be between 1 and 2, not 3"),
        ({"latent_dim": 1}, "latent_dim must be at least 2 for two levels"),
        ({"latent_dim": 2, "prior": "flow", "prior_components": 8}, "A flow needs at least 2 latents"),
    ],
)
def test_levels_that_cannot_be_are_refused_before_anything_is_written(options, message, picture_folder, tmp_path):
    with pytest.raises(InputError, match=message):
        train(TrainConfig(dataset=str(picture_folder), **{**SMALL, **options}), "refused", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_it_is_trained_measured_explored_and_reported(picture_folder, tmp_path):
    train(TrainConfig(dataset=str(picture_folder), likelihood="bernoulli", **SMALL), "two", tmp_path)
    run = Run.open("two", tmp_path)
    command("evaluate.py", "two", "--importance-samples", "20", "--features", "none", root=tmp_path)
    measured = json.loads((run.folder / "metrics.json").read_text())["evaluations"]["grey"]["measurements"]
    assert measured["likelihood.importance_weighted_nll"]["value"] < measured["likelihood.negative_elbo"]["value"]
    assert len(measured["likelihood.kl_by_latent"]["value"]) == 5

    explored = command(
        "explore.py", "two", "--perplexity", "5", "--pairs", "4", "--repeats", "2", "--steps", "5", root=tmp_path
    )
    assert str(run.folder / "explorer.html") in explored.stdout
    assert_the_page_computes_as(load_model(run.model_file), run.folder / "explorer.html")
    assert np.load(run.folder / "maps.npz")["umap"].shape[1] == 2

    command("report.py", "two", root=tmp_path)
    assert (run.folder / "report.pdf").stat().st_size > 10_000


def assert_the_page_computes_as(model: VAE, page: Path) -> None:
    latents = np.random.default_rng(0).normal(size=(20, model.latent_dim)).astype(np.float32)
    code = "rows => rows.map(row => Array.from(explorer.decode(Float32Array.from(row))))"
    with browser_page() as (opened, problems):
        open_page(opened, page)
        found = np.array(opened.evaluate(code, latents.tolist()))
    assert np.abs(found - np.asarray(model.decode(latents)).reshape(20, -1)).max() < 1 / 255
    assert problems == []
