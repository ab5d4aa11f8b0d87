"""A TensorBoard where this package is not installed shows all that it shows of other logs, and no tab of ours."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from browser import FLAGS, find_chromium
from playwright.sync_api import sync_playwright
from tensorboard_server import get_json, tensorboard

from keras_vae.explorer.log_folder import FOLDER, FORMAT, write_log_folder
from keras_vae.tensorboard import write_projector

LABELS = ["bag"] * 20 + ["coat"] * 40
PATIENCE = 120_000  # milliseconds


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> Path:
    """The logs of a run that was trained and explored."""
    run = tmp_path_factory.mktemp("logs") / "run"
    with tf.summary.create_file_writer(str(run / "train")).as_default():
        for step, loss in enumerate((3.0, 2.0, 1.5)):
            tf.summary.scalar("loss", loss, step=step)
    means = np.random.default_rng(0).normal(size=(len(LABELS), 4))
    write_projector(run / "projector", embeddings={"latent_mean": means}, labels=LABELS)
    write_log_folder(run / FOLDER, {"format": FORMAT, "parts": {}}, {})
    return run.parent


@pytest.mark.parametrize("installed", [False, True])
def test_scalars_and_projector_work_and_our_tab_is_there_only_with_the_package(installed, logs):
    with tensorboard(logs, ["scalars", "projector"], installed) as url, sync_playwright() as playwright:
        assert ("explorer" in get_json(url, "/data/plugins_listing")) == installed
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(PATIENCE)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{url}/#scalars")
        page.get_by_role("tab", name="Scalars").wait_for()
        tabs = {name.strip().lower() for name in page.get_by_role("tab").all_inner_texts()}
        assert {"scalars", "projector"} <= tabs
        assert ("latent space" in tabs) == installed
        page.get_by_text("loss").first.wait_for()
        series = get_json(url, "/data/plugin/scalars/scalars", run="run/train", tag="loss")
        assert [value for _, _, value in series] == [3.0, 2.0, 1.5]

        page.get_by_role("tab", name="Projector").click()
        projector = page.frame_locator("iframe").frame_locator("iframe").locator("vz-projector")
        read = "projector => projector.dataSet?.points.map(({ metadata }) => metadata.label)"
        for _ in range(600):
            if (found := projector.evaluate(read)) == LABELS:
                break
            page.wait_for_timeout(200)
        assert found == LABELS
        assert problems == []
        browser.close()
