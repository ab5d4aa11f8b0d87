"""The page of a run: written where the run was explored, of the images and weights that were explored."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from explorer_page import browser_page, open_page

from keras_vae.data import open_dataset
from keras_vae.errors import InputError
from keras_vae.evaluation import open_model_and_data, weights_digest
from keras_vae.explorer import build, content, write_explorer, write_small_page
from keras_vae.explorer.description import kernels_of
from keras_vae.explorer.rounding import round_weights
from keras_vae.model import VAE, load_model, log_densities, posterior_means, save_model
from keras_vae.runs import Run, TrainConfig

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(picture_folder, tmp_path) -> Run:
    return explored_run(picture_folder, tmp_path)


def explored_run(picture_folder: Path, root: Path, levels: int = 1) -> Run:
    """A run as an exploration leaves it, of a model that has learned nothing."""
    config = TrainConfig(dataset=str(picture_folder), latent_dim=3, widths=(8,), levels=levels)
    run = Run.create(config, "bars", root)
    save_model(VAE((16, 16, 1), 3, widths=(8,), levels=levels), run.model_file)
    labels = open_dataset(str(picture_folder)).labels("test")
    points = np.random.default_rng(0).normal(size=(len(labels), 2)).astype(np.float32)
    file = io.BytesIO()
    np.savez(file, labels=labels, umap=points, tsne=points, pca=points)
    run.write("maps.npz", file.getvalue())
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


def test_the_shortest_paths_of_the_exploration_are_on_the_page_with_the_images_at_their_ends(run, monkeypatch):
    monkeypatch.setattr(content, "MOST_VALUES", 25 * 16 * 16)  # of 60 test images or more
    with np.load(run.folder / "maps.npz") as saved:
        explored = {name: saved[name] for name in saved.files}
    shown = content.stratified(explored["labels"], 16 * 16)
    hidden = np.setdiff1d(np.arange(len(explored["labels"])), shown)
    explored["path_ends"] = np.array([[shown[1], hidden[0]], [shown[3], shown[9]]])
    explored["shortest_paths"] = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    file = io.BytesIO()
    np.savez(file, **explored)
    run.write("maps.npz", file.getvalue())
    with browser_page() as (page, problems):
        open_page(page, write_explorer(run))
        assert page.evaluate("() => explorer.space.count") == len(shown) + 1
        pairs = page.evaluate("() => explorer.space.pairs")
        numbers = page.evaluate("pairs => pairs.map((pair) => pair.map((at) => explorer.space.numbers[at]))", pairs)
        assert numbers == explored["path_ends"].tolist()
        found = page.evaluate("ends => explorer.space.shortest(...ends).map((each) => Array.from(each))", pairs[1])
        assert np.array(found) == pytest.approx(explored["shortest_paths"][1], abs=1 / 256 + 1e-6)
    assert problems == []


def test_a_small_page_has_fewer_images_and_leaves_the_run_alone(run, monkeypatch, tmp_path):
    monkeypatch.setattr(build, "MOST_IMAGES_OF_SMALL", 24)
    before = sorted(run.folder.iterdir())
    path = write_small_page(run, tmp_path / "small.html")
    assert sorted(run.folder.iterdir()) == before
    with browser_page() as (page, problems):
        open_page(page, path)
        assert page.evaluate("() => explorer.space.count") == 24
        images = open_dataset(run.config.dataset).images("test")[:5] / np.float32(255)
        found = [
            page.evaluate("image => Array.from(explorer.encode(image).mean)", each.ravel().tolist()) for each in images
        ]
        assert np.abs(np.array(found) - load_model(run.model_file).encode(images)[0]).max() < 0.02
    assert problems == []


def test_a_run_of_two_levels_has_both_pages_too(picture_folder, tmp_path):
    run = explored_run(picture_folder, tmp_path, levels=2)
    model = load_model(run.model_file)
    images = open_dataset(run.config.dataset).images("test")[:5] / np.float32(255)
    expected = np.concatenate(model.encode(images), axis=1)
    pages = {write_explorer(run): 1e-3, write_small_page(run, tmp_path / "small.html"): 0.02}
    with browser_page() as (page, problems):
        for path, bound in pages.items():
            open_page(page, path)
            code = "image => { const { mean, logVar } = explorer.encode(image); return [...mean, ...logVar]; }"
            found = np.array([page.evaluate(code, image.ravel().tolist()) for image in images])
            assert np.abs(found - expected).max() < bound
    assert problems == []


def rounded(weights: list, bits: int | None) -> None:
    for weight in weights if bits else []:
        weight.assign(round_weights(weight.numpy(), bits).values)


@pytest.mark.slow
def test_the_page_of_the_default_is_at_most_12_megabytes_and_rounded_as_it_says(tmp_path):
    shutil.copytree(ROOT / "saved_models" / "reference-default", tmp_path / "saved_models" / "default")
    run = Run.open("default", tmp_path)
    assert write_explorer(run).stat().st_size <= 12_000_000
    model, data = open_model_and_data(run)
    images = data.images("test", 2000)
    means = posterior_means(model, images)
    bits = content.bits_of(model, images, means, is_small=True)
    exact = log_densities(model.prior, means), model.decode(means).numpy()
    rounded([model.prior.off_diagonal], bits.prior)
    rounded(kernels_of(model.decoder), bits.decoder)
    rounded(kernels_of(model.encoder), bits.encoder)
    changes = log_densities(model.prior, means) - exact[0], model.decode(means).numpy() - exact[1]
    assert exact[0].std() > 15
    assert 0 < np.abs(changes[0]).max() <= 1
    assert 0 < np.abs(changes[1]).max() <= 1 / 255
    assert 0 < np.abs(posterior_means(model, images) - means).max() <= 0.02


def test_the_page_of_the_web_site_is_small_enough_to_be_kept():
    page = ROOT / "docs" / "explorer.html"
    assert page.stat().st_size < 9e6
    with browser_page() as (opened, problems):
        open_page(opened, page)
        assert opened.locator("#tour button").nth(1).inner_text() == "What lies between Sneaker and Ankle boot?"
        assert opened.locator("#strip-shortest").is_visible()
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
    file = io.BytesIO()
    np.savez(file, **changed)
    run.write("maps.npz", file.getvalue())
    with pytest.raises(InputError, match="are of other images"):
        write_explorer(run)
