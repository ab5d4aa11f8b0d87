"""A run of the last release is opened as what it was, measured, and gone on with.

`saved/run-0.2.0` was trained by version 0.2.0 on the images that `write_pictures` writes; its data set is named anew.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_vae.evaluation import open_model_and_data
from keras_vae.reliability import damaged_files
from keras_vae.reliability.small_run import write_pictures
from keras_vae.runs import Run
from keras_vae.training import resume

SAVED = Path(__file__).parent / "saved" / "run-0.2.0"


@pytest.fixture
def run(tmp_path) -> Run:
    run = Run("earlier", tmp_path)
    shutil.copytree(SAVED, run.folder)
    config = json.loads((run.folder / "config.json").read_text())
    run.write("config.json", {**config, "dataset": str(write_pictures(tmp_path / "pictures"))})
    return run


def test_it_is_finished_and_has_the_options_and_the_splits_of_its_time(run):
    assert run.is_finished
    config = run.config
    assert (config.likelihood, config.prior, config.held_out) == ("bernoulli", "standard_normal", "in_order")
    _, data = open_model_and_data(run)
    assert data.counts["train"] == run.summary["training_images"]
    assert {name: data.counts[name] for name in ("validation", "test")} == {
        name: figures["images"] for name, figures in run.summary["splits"].items()
    }


def test_its_model_measures_what_it_measured_then(run):
    model, data = open_model_and_data(run)
    terms = [model.evaluate(data.batches("test", 50), verbose=0, return_dict=True) for _ in range(2)]
    assert terms[0] == terms[1]
    then = run.summary["splits"]["test"]
    assert terms[0]["kl"] == pytest.approx(then["kl"], rel=1e-4)  # the reconstruction has other noise now
    assert terms[0]["reconstruction"] == pytest.approx(then["reconstruction"], rel=0.05)


def test_its_training_goes_on(run):
    before = json.loads((run.folder / "history.json").read_text())
    resume(run, epochs=3)
    history = json.loads((run.folder / "history.json").read_text())
    assert history[:2] == before
    assert len(history) == run.summary["epochs"] == 3
    assert np.isfinite(history[2]["val_loss"])
    assert damaged_files(run.root) == []
