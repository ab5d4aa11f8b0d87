"""The page of any run: of few latents, images or classes, of many, and of names of any kind."""

import dataclasses

import numpy as np
import pytest
from explorer_page import SHAPE, decoded, exhibition, grey, in_own_units, open_page, point_at, write_page
from sklearn.decomposition import PCA

from keras_vae.data.arrays import UNLABELLED
from keras_vae.model import VAE, fit_prior


def test_sliders_are_ordered_by_kl_and_unused_latents_folded_away(browser, tmp_path, means, shown):
    model = VAE(SHAPE, 4, widths=(24,))
    model.set_weights([weight.numpy() for weight in shown.model.weights])
    kernel, bias = model.encoder.layers[-1].kernel, model.encoder.layers[-1].bias
    kernel.assign(kernel.numpy() * np.where(np.arange(8) == 1, 0.0, 1.0))  # the second mean does not vary any more
    bias.assign(bias.numpy() * np.where(np.arange(8) == 1, 0.0, 1.0))
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    mean, log_var = (np.asarray(each) for each in model.encode(shown.images / np.float32(255)))
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).mean(axis=0)
    expected = [f"latent-{index}" for index in np.argsort(-kl) if index != 1]
    assert browser.locator("#sliders input").evaluate_all("all => all.map(each => each.id)") == expected
    assert browser.locator("#sliders b").all_inner_texts() == ["1", "2", "3"]
    assert browser.locator("#unused-summary").inner_text().startswith("1 unused")
    assert browser.locator("#unused-sliders").is_hidden()


def test_two_latents_are_a_map_themselves(browser, tmp_path):
    model = VAE(SHAPE, 2, widths=(24,))
    shown = exhibition(model)
    means = np.asarray(model.encode(shown.images / np.float32(255))[0])
    open_page(browser, write_page(shown, tmp_path / "page.html"))
    assert browser.locator("#map-choice button").first.inner_text() == "Latent plane"
    latent = in_own_units(means, point_at(browser, 12, (9, -7)))
    assert np.abs(grey(browser, "#pointer-image") - decoded(shown, latent)).max() < 1.5


def test_two_levels_of_latents_are_told_apart(browser, tmp_path):
    model = VAE(SHAPE, 5, widths=(24,), levels=2)
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    titles = browser.locator(".slider input").evaluate_all(
        "all => Object.fromEntries(all.map(each => [each.id, each.title]))"
    )
    assert [titles[f"latent-{index}"].partition(", ")[2] for index in range(5)] == ["of the lower level"] * 3 + [
        "of the upper level"
    ] * 2
    assert "latents in two levels" in browser.locator("#footer").inner_text()


def test_only_classes_that_the_prior_knows_are_offered_for_samples(browser, tmp_path):
    model = VAE(SHAPE, 4, widths=(24,), prior="mixture", prior_components=4)
    images, labels = np.random.default_rng(0).integers(0, 256, (90, *SHAPE), np.uint8), np.arange(90) % 2 * 2
    fit_prior(model, images, labels)
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    assert browser.locator("#latents-class option").all_inner_texts() == ["of any class", "a", "c"]


def test_a_map_of_principal_components_is_theirs_where_fewer_images_are_shown_than_there_are_latents(browser, tmp_path):
    model = VAE(SHAPE, 12, widths=(24,))
    latents = np.random.default_rng(0).normal(size=(500, 12)).astype(np.float32)
    pca = PCA(2).fit(latents)
    shown = exhibition(model, count=8)
    means = np.asarray(model.encode(shown.images / np.float32(255))[0])
    kept = {"mean": pca.mean_, "components": pca.components_}
    shown = dataclasses.replace(shown, maps={"pca": pca.transform(means).astype(np.float32)}, pca=kept)
    open_page(browser, write_page(shown, tmp_path / "page.html"))
    latent = pca.inverse_transform([in_own_units(shown.maps["pca"], point_at(browser, 3, (9, -7)))])[0]
    assert np.abs(grey(browser, "#pointer-image") - decoded(shown, latent)).max() < 1.5


def test_two_thousand_classes_leave_the_page_usable(browser, tmp_path, shown):
    names = tuple(f"class {number}" for number in range(2000))
    open_page(browser, write_page(exhibition(shown.model, count=2000, names=names), tmp_path / "page.html"))
    assert browser.locator("#legend").bounding_box()["height"] < 300
    browser.locator("#shift-to").select_option("class 1999")
    browser.wait_for_timeout(100)
    point_at(browser, 1234)
    image, label = browser.locator("#chosen-title").inner_text().removeprefix("Image ").split(", class ")
    assert image.replace(",", "") == label


HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "\"quoted\" & 'single' <!-- style --> \u2028 \\",
    "\u0645\u0644\u0627\u0628\u0633 \u05d1\u05d2\u05d3",
    "long " * 60 + "name",
)


def test_names_of_any_kind_are_shown_as_they_are(browser, tmp_path, shown):
    page = write_page(
        exhibition(shown.model, names=HOSTILE, title="</title><script>alert(2)</script>"), tmp_path / "p.html"
    )
    open_page(browser, page)
    assert browser.locator("#legend button span").evaluate_all("all => all.map(each => each.textContent)") == list(
        HOSTILE
    )
    assert browser.locator("img").count() == 0
    assert browser.title() == "Latent space of </title><script>alert(2)</script>"
    assert browser.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    browser.set_viewport_size({"width": 390, "height": 844})
    assert browser.evaluate("() => document.documentElement.scrollWidth") <= 390
    browser.set_viewport_size({"width": 1280, "height": 900})


@pytest.mark.parametrize("name", ["Sneaker", UNLABELLED])
def test_without_several_classes_nothing_speaks_of_them(name, browser, tmp_path, shown):
    open_page(browser, write_page(exhibition(shown.model, names=(name,)), tmp_path / "page.html"))
    assert browser.locator("#legend").is_hidden()
    assert browser.locator("#shift-part").count() == 0
    assert browser.locator("#chosen-title").inner_text() == "Image 0"
    assert browser.locator("#path-part").is_visible()
    assert browser.locator("#latents-class").is_hidden()
    words = browser.locator("main").evaluate("main => main.innerText")
    assert "class" not in words
    assert name not in words
    browser.evaluate("() => { Math.random = () => 0.5; }")
    browser.get_by_role("button", name="To: another one").click()
    assert browser.evaluate("() => explorer.store.to") == 60


def test_twenty_images_are_enough(browser, tmp_path, shown):
    open_page(browser, write_page(exhibition(shown.model, count=20), tmp_path / "page.html"))
    assert "20 test images" in browser.locator("#kicker").inner_text()
    point_at(browser, 19)
    assert browser.locator("#chosen-title").inner_text() == "Image 19, d"


def test_a_page_says_of_how_many_images_it_shows_a_part(browser, tmp_path, shown):
    part = exhibition(shown.model, count=40, numbers=np.arange(0, 120, 3), available=120)
    open_page(browser, write_page(part, tmp_path / "page.html"))
    assert "40 of 120 test images" in browser.locator("#kicker").inner_text()
    point_at(browser, 10)
    assert browser.locator("#chosen-title").inner_text() == "Image 30, c"


FIRST_EXPLORED = "Of 500 test images, the first 120 were explored."


@pytest.mark.parametrize(
    ("explored", "available", "is_small", "told"),
    [
        (120, 120, False, ""),
        (120, 500, False, FIRST_EXPLORED),
        (400, 400, False, "Of 400 test images, 120 are here, each class by its share: a file has no room for more."),
        (
            400,
            500,
            True,
            f"{FIRST_EXPLORED.replace('120', '400')} Of these, 120 are here, each class by its share: this page is to"
            " be small.",
        ),
    ],
)
def test_the_footer_says_which_images_are_here_and_why(explored, available, is_small, told, browser, tmp_path, shown):
    part = exhibition(shown.model, explored=explored, available=available, is_small=is_small)
    open_page(browser, write_page(part, tmp_path / "page.html"))
    words = browser.locator("#footer").inner_text()
    assert told in words
    assert ("were explored" in words) == (explored < available)
    assert ("are here" in words) == (explored > 120)
