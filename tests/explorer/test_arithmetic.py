"""The page computes what the model computes: posteriors, images, densities, samples and paths."""

import itertools
from typing import Any

import numpy as np
import pytest
from explorer_page import canvas_values, exhibition, open_page, settle, write_page

from keras_vae.errors import InputError
from keras_vae.evaluation.classifier import build_classifier
from keras_vae.explorer.description import describe_prior
from keras_vae.latent_space.paths import spherical, straight
from keras_vae.model import VAE
from keras_vae.model.distributions import LIKELIHOODS


def lively(model: VAE, seed: int = 1) -> VAE:
    """Weights, biases too, far from where they begin: an error anywhere shows in the result."""
    rng = np.random.default_rng(seed)
    networks = [model.encoder, model.decoder]
    if model.levels == 2:
        networks += [model.lower_posterior, model.prior.network]
    for weight in itertools.chain.from_iterable(network.trainable_weights for network in networks):
        scale = 1.2 / np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.3
        weight.assign(rng.normal(0.0, scale, weight.shape))
    return model


def asked(page, function: str, values: np.ndarray) -> list:
    """What a function of the page gives for each row, as lists."""
    code = f"rows => rows.map(row => {{ const value = ({function})(Float32Array.from(row)); return value; }})"
    return page.evaluate(code, values.reshape(len(values), -1).astype(float).tolist())


MODELS = {
    "dense": {"widths": (24, 17)},
    "convolutional": {"network": "convolutional", "widths": (6, 5)},
    "strided": {"network": "strided", "widths": (6, 5)},
    "strided_in_colour_of_odd_sides": {"network": "strided", "image_shape": (9, 11, 3), "widths": (4, 6)},
    "colour": {"image_shape": (8, 12, 3), "network": "convolutional", "widths": (4, 6)},
    "odd_sides": {"image_shape": (9, 11, 3), "network": "convolutional", "widths": (4, 6)},
    "colour_dense": {"image_shape": (8, 12, 3), "widths": (20,)},
    "one_latent": {"latent_dim": 1, "widths": (20,)},
    "two_latents": {"latent_dim": 2, "widths": (20,)},
    "64_latents": {"latent_dim": 64, "widths": (20,)},
    "two_levels": {"levels": 2, "widths": (24, 17)},
    "two_levels_of_odd_size": {"levels": 2, "latent_dim": 5, "widths": (24,)},
    "two_levels_convolutional": {"levels": 2, "network": "convolutional", "widths": (6, 5)},
    "two_levels_in_colour": {"levels": 2, "image_shape": (8, 12, 3), "network": "convolutional", "widths": (4, 6)},
    **{likelihood: {"likelihood": likelihood, "widths": (20,)} for likelihood in LIKELIHOODS},
}


# What the canvas of the sliders shows of each latent.
DRAWN = """async rows => {
    const canvas = document.getElementById("latents-image"), found = [];
    for (const row of rows) {
        explorer.store.set({ image: null, origin: { kind: "prior", latent: row }, latent: Float32Array.from(row) });
        await new Promise(requestAnimationFrame); // after the page's own work for this frame
        found.push(Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data));
    }
    return found;
}"""


@pytest.mark.parametrize("name", MODELS)
def test_the_page_encodes_and_decodes_as_the_model_does(name, browser, tmp_path):
    model = lively(VAE(**{"image_shape": (16, 16, 1), "latent_dim": 16, **MODELS[name]}))
    model.variance.assign(0.01)
    shown = exhibition(model)
    open_page(browser, write_page(shown, tmp_path / "page.html"))

    latents = np.random.default_rng(0).normal(size=(100, model.latent_dim)).astype(np.float32)
    decoded = np.array(asked(browser, "latent => Array.from(explorer.decode(latent))", latents))
    expected = np.asarray(model.decode(latents)).reshape(100, -1)
    assert expected.std() > 0.02
    assert np.abs(decoded - expected).max() < 1 / 255
    drawn = np.array(browser.evaluate(DRAWN, latents.tolist())).reshape(100, *model.image_shape[:2], 4)
    assert np.abs(drawn[..., :3] - np.round(255 * expected.reshape(100, *model.image_shape))).max() <= 1

    images = shown.images[:50] / np.float32(255)
    encode = "image => { const { mean, logVar } = explorer.encode(image); return [...mean, ...logVar]; }"
    found = np.array(asked(browser, encode, images))
    assert np.abs(found - np.concatenate(model.encode(images), axis=1)).max() < 1e-3
    assert np.asarray(model.encode(images)[1]).std() > 0.02


def test_one_draws_on_an_image_in_colour_with_ink_of_a_chosen_colour(browser, tmp_path):
    model = lively(VAE(**{"latent_dim": 16, **MODELS["colour"]}))
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    assert browser.locator("#own-text").inner_text().startswith("Draw something, in any colour, or choose a picture.")
    browser.locator("#own-clear").click()
    browser.locator("#own-ink").fill("#ff8000")
    box = browser.locator("#own-canvas").bounding_box()
    browser.mouse.click(box["x"] + box["width"] * 6.5 / 12, box["y"] + box["height"] * 4.5 / 8)
    browser.locator(".own-more").wait_for()
    settle(browser)
    drawn = canvas_values(browser, "#own-canvas")
    assert list(drawn[4, 6]) == [255, 128, 0]
    assert not drawn[0].any()


UPPER = 3


def small(levels: int, **prior: Any) -> VAE:
    """A model with three latents, or with two below these three."""
    return lively(VAE((16, 16, 1), {1: UPPER, 2: UPPER + 3}[levels], widths=(8,), levels=levels, **prior))


def mixture(levels: int = 1) -> VAE:
    """Three correlated Gaussians, of which two belong to class 1."""
    model = small(levels, prior="mixture", prior_components=3)
    factors = np.array([[[1.0, 0, 0], [1.2, 0.9, 0], [-0.8, 0.9, 1.1]]] * 3) * np.array([1.0, 1.3, 0.8])[:, None, None]
    model.upper_prior.set_gaussians([0.5, 0.2, 0.3], [[0, 0, 0], [2, 1, -1], [-2, 3, 1]], factors, [0, 1, 1])
    return model


def standard_normal(levels: int) -> VAE:
    return small(levels)


def vamp(levels: int) -> VAE:
    return small(levels, prior="vamp", prior_components=4)


def flow(levels: int) -> VAE:
    model = small(levels, prior="flow", prior_components=3)
    rng = np.random.default_rng(2)
    for weight in model.upper_prior.weights:
        weight.assign(rng.normal(0.0, 1.0 / np.sqrt(weight.shape[0]), weight.shape))
    return model


def assert_same_distribution(found: np.ndarray, expected: np.ndarray) -> None:
    """Means and covariances of many draws agree, in units of the widest latent."""
    scale = float(expected.std(axis=0).max())
    assert found.mean(axis=0) == pytest.approx(expected.mean(axis=0), abs=0.06 * scale)
    assert np.cov(found.T) == pytest.approx(np.cov(expected.T), abs=0.08 * scale**2)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("make", [standard_normal, mixture, vamp, flow])
def test_the_prior_has_the_density_and_the_samples_of_the_models(make, levels, browser, tmp_path):
    model = make(levels)
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    latents = np.random.default_rng(0).normal(0.0, 2.0, (100, model.latent_dim)).astype(np.float32)
    found = np.array(asked(browser, "latent => explorer.prior.logDensity(latent)", latents))
    assert found == pytest.approx(np.asarray(model.prior.log_density(latents)), abs=1e-3, rel=1e-4)

    draws = "() => Array.from({ length: 10000 }, () => Array.from(explorer.prior.sample()))"
    assert_same_distribution(np.array(browser.evaluate(draws)), np.asarray(model.prior.sample(20_000, (0, 0))))


@pytest.mark.parametrize(("label", "levels"), [(0, 1), (1, 1), (1, 2)])
def test_a_sample_of_a_class_is_of_its_gaussians(label, levels, browser, tmp_path):
    model = mixture(levels)
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    draws = "label => Array.from({ length: 10000 }, () => Array.from(explorer.prior.sampleOfClass(label)))"
    own = model.prior.sample_of_class(label, 20_000, (0, 0)).numpy()
    assert_same_distribution(np.array(browser.evaluate(draws, label)), own)


@pytest.mark.parametrize("levels", [1, 2])
def test_the_kl_of_each_latent_is_the_models(levels, browser, tmp_path):
    model = small(levels)
    shown = exhibition(model)
    open_page(browser, write_page(shown, tmp_path / "page.html"))
    images = shown.images[:20] / np.float32(255)
    code = "image => Array.from(explorer.prior.klByLatent(explorer.encode(image)))"
    mean, log_var = model.encode(images)
    expected = np.asarray(model.prior.kl_by_latent(mean, log_var, mean))
    assert np.array(asked(browser, code, images)) == pytest.approx(expected, abs=1e-3, rel=1e-3)


def test_a_prior_without_arithmetic_is_named():
    model = VAE((16, 16, 1), 4, widths=(8,))
    model.prior_name = "other"
    with pytest.raises(InputError, match="cannot compute a prior of the kind 'other'"):
        describe_prior(model)


def strip(page, name: str) -> np.ndarray:
    """The twelve images of a strip, in grey values."""
    values = page.locator(f"#strip-{name}").evaluate("""canvas => Array.from(
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)""")
    return np.array(values).reshape(16, 12 * 16, 4)[..., 0]


def test_strips_show_what_python_decodes_on_the_same_paths(browser, tmp_path):
    model = lively(VAE((16, 16, 1), 5, widths=(20,)))
    shown = exhibition(model)
    open_page(browser, write_page(shown, tmp_path / "page.html"), "#from=3&to=77")
    ends = browser.evaluate("() => [3, 77].map(index => Array.from(explorer.space.latent(index)))")
    means = np.asarray(model.encode(shown.images[[3, 77]] / np.float32(255))[0])
    assert np.array(ends) == pytest.approx(means, abs=1 / 256 + 1e-6)
    for name, way in (("straight", straight), ("spherical", spherical)):
        path = way(np.array(ends[:1]), np.array(ends[1:]), 12)[0]
        expected = np.concatenate(list(np.asarray(model.decode(path))[..., 0]), axis=1)
        found = strip(browser, name)
        assert np.abs(found - 255 * expected).max() < 1.0


def test_the_shortest_path_is_shown_in_both_directions_where_it_was_computed(browser, tmp_path):
    model = lively(VAE((16, 16, 1), 5, widths=(20,)))
    shown = exhibition(model)
    file = write_page(shown, tmp_path / "page.html")
    computed = shown.shortest_paths[1]  # between the images 3 and 77
    at = np.linspace(0, len(computed) - 1, 12)
    path = np.stack([np.interp(at, range(len(computed)), each) for each in computed.T], axis=1)
    for fragment, way in (("#from=3&to=77", path), ("#from=77&to=3", path[::-1])):
        open_page(browser, file, fragment)
        expected = np.concatenate(list(np.asarray(model.decode(way.astype(np.float32)))[..., 0]), axis=1)
        assert np.abs(strip(browser, "shortest") - 255 * expected).max() < 4  # latents are rounded
    open_page(browser, file, "#from=3&to=76")
    assert browser.locator("#strip-shortest").is_hidden()
    browser.get_by_label("Shortest paths were computed from").select_option("Image 3, d → Image 77, b")
    browser.locator("#strip-shortest").wait_for()


def test_under_each_strip_stands_what_the_classifier_sees(browser, tmp_path):
    model = lively(VAE((28, 28, 1), 4, widths=(20,)))
    classifier = build_classifier()
    rng = np.random.default_rng(5)
    for weight in classifier.weights:  # those of the normalisations too, which must be positive
        if "variance" in weight.name or "gamma" in weight.name:
            weight.assign(rng.uniform(0.5, 2.0, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(rng.normal(0.0, 0.3, weight.shape))
    shown = exhibition(model, names=tuple("abcdefghij"), classifier=classifier)
    open_page(browser, write_page(shown, tmp_path / "page.html"), "#from=3&to=77")
    images = np.asarray(model.decode(np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)))
    found = asked(browser, "image => Array.from(explorer.classify(image))", images)
    logits = np.asarray(classifier(images, training=False))
    assert np.array(found) == pytest.approx(logits, abs=0.1 * float(logits.std()))

    ends = shown.model.encode(shown.images[[3, 77]] / np.float32(255))[0].numpy()
    seen = np.asarray(classifier(np.asarray(model.decode(straight(ends[:1], ends[1:], 12)[0])), training=False))
    expected = ["abcdefghij"[label] for label, _ in itertools.groupby(seen.argmax(axis=1))]
    cells = browser.locator("#verdicts-straight span")
    cells.first.wait_for()
    assert cells.all_inner_texts() == expected
    browser.locator("#verdicts-shortest span").first.wait_for()
    top = "() => document.getElementById('path-share').getBoundingClientRect().top"
    before = browser.evaluate(top)
    browser.evaluate("() => explorer.store.set({ from: 0, to: 1 })")  # what is below does not move meanwhile
    assert browser.evaluate(top) == before


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ([1, 0, 0], [-1, 0, 0]),
        ([0, 0, 0], [1, 2, 3]),
        ([1, 2, 3], [2, 4, 6]),
        ([3, 1, 0], [0, 0, 0]),
        ([1, 2, 0], [-3, 1, 1]),
    ],
)
def test_spherical_paths_are_those_of_python_where_they_are_not_unique_too(start, end, browser, tmp_path):
    model = VAE((16, 16, 1), 3, widths=(8,))
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    code = "ends => Array.from(explorer.ways.spherical(...ends.map(end => Float32Array.from(end)), 0.3))"
    found = browser.evaluate(code, [start, end])
    expected = spherical([start], [end], 11)[0][3]
    assert found == pytest.approx(expected, abs=1e-5)
