"""The page of a run: written where the run was explored, of the images and weights that were explored."""

import io
import json

import numpy as np
import pytest
from explorer_page import browser_page, open_page

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.evaluation import weights_digest
from keras_vae.explorer import write_explorer
from keras_vae.model import VAE, save_model
from keras_vae.runs import Run, TrainConfig


@pytest.fixture
def run(picture_folder, tmp_path) -> Run:
    """A run as an exploration leaves it, of a model that has learned nothing."""
    run = Run.create(TrainConfig(dataset=str(picture_folder), latent_dim=3, widths=(8,)), "bars", tmp_path)
    save_model(VAE((16, 16, 1), 3, widths=(8,)), run.model_file)
    labels = open_dataset(str(picture_folder)).labels("test")
    points = np.random.default_rng(0).normal(size=(len(labels), 2)).astype(np.float32)
    content = io.BytesIO()
    np.savez(content, labels=labels, umap=points, tsne=points, pca=points)
    run.write("maps.npz", content.getvalue())
    run.write("latent.json", {"weights": {"sha256": weights_digest(run)}})
    return run


def test_the_page_of_a_run_has_its_maps_images_and_classes(run, picture_folder):
    path = write_explorer(run)
    assert path == run.folder / "explorer.html"
    assert not [other for other in run.folder.iterdir() if other.name.startswith(".")]
    data = open_dataset(str(picture_folder))
    with browser_page() as (page, problems):
        open_page(page, path)
        assert page.locator("#map-choice button").all_inner_texts() == ["UMAP", "t-SNE", "PCA"]
        assert page.locator("#legend button span").all_inner_texts() == list(data.class_names)
        values = page.evaluate("() => Array.from(explorer.images.values(5))")
        assert np.array(values) * 255 == pytest.approx(data.images("test")[5].ravel(), abs=1e-3)
    assert problems == []


def test_a_run_that_is_not_explored_with_its_weights_is_named(run):
    latent = json.loads((run.folder / "latent.json").read_text())
    for left in ({"weights": {"sha256": "0" * 64}}, None):
        if left:
            run.write("latent.json", left)
        else:
            (run.folder / "latent.json").unlink()
        with pytest.raises(InputError, match=r"has no maps of these weights yet: .*explore"):
            write_explorer(run)
    run.write("latent.json", latent)
    (run.folder / "maps.npz").unlink()
    with pytest.raises(InputError, match="has no maps"):
        write_explorer(run)


def test_maps_of_other_images_are_named(run):
    with np.load(run.folder / "maps.npz") as saved:
        changed = {name: saved[name] for name in saved.files}
    changed["labels"] = changed["labels"][::-1]
    content = io.BytesIO()
    np.savez(content, **changed)
    run.write("maps.npz", content.getvalue())
    with pytest.raises(InputError, match="are of other images"):
        write_explorer(run)
