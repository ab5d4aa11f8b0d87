"""The part about two images: the walk between them, its chart, and the choice of both."""

import re

import numpy as np
import pytest
from explorer_page import SHAPE, exhibition, open_page, settle, until, write_page

from keras_vae.latent_space.paths import straight
from keras_vae.model import VAE

PULL = "(slider, share) => { slider.value = share; slider.dispatchEvent(new Event('input')); }"
SHOWN = "() => document.getElementById('path-play').textContent"


@pytest.mark.parametrize("width", [500, 900])
def test_after_a_resize_the_chart_is_as_wide_as_its_place_and_no_error_is_raised(width, page):
    page.evaluate("() => { window.raised = []; addEventListener('error', ({ message }) => raised.push(message)); }")
    page.locator("#path-share").evaluate(PULL, 0.25)
    page.set_viewport_size({"width": width, "height": 900})
    until(
        page,
        """() => { const place = document.getElementById("path-chart"), drawn = place.firstChild.viewBox.baseVal.width;
        const now = place.querySelector(".now").transform.baseVal[0].matrix.e;
        return drawn === place.clientWidth && Math.abs(now - 0.25 * (drawn - 58)) < 1; }""",
    )
    page.set_viewport_size({"width": 1280, "height": 900})
    settle(page)
    assert page.evaluate("() => raised") == []


def test_the_chart_tells_its_lowest_and_highest_value_of_each_path(page, shown, means):
    words = page.locator("#path-chart svg").get_attribute("aria-label")
    assert words.startswith("Log density of the prior in nats along 3 paths: straight, lowest ")
    found = re.findall(r"(straight|spherical|shortest), lowest (\S+), highest ([^\s;]+)", words)
    assert [name for name, _, _ in found] == ["straight", "spherical", "shortest"]
    lowest, highest = (float(text.replace("\N{MINUS SIGN}", "-")) for text in found[0][1:])
    path = shown.model.prior.log_density(straight(means[:1], means[1:2], 41)[0])
    assert (lowest, highest) == pytest.approx((np.min(path), np.max(path)), abs=0.2)
    page.get_by_label("To: number of an image").fill("50")
    page.get_by_label("To: number of an image").press("Enter")
    until(page, """() => document.querySelector("#path-chart svg")?.ariaLabel.includes(" 2 paths:")""")


def test_numbers_beside_the_chart_differ_where_densities_hardly_do(browser, tmp_path, shown, means):
    model = VAE(SHAPE, 4, widths=(24,))
    model.set_weights([weight.numpy() for weight in shown.model.weights])
    lengths = np.linalg.norm(means[[9, 50]], axis=1)
    scale = np.sqrt(0.1 / np.abs(np.diff(lengths**2)).item())  # so that both ends are 0.05 nats apart
    for weight in (model.encoder.layers[-1].kernel, model.encoder.layers[-1].bias):
        weight.assign(weight.numpy() * np.where(np.arange(8) < 4, scale, 1.0))
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"), "#from=9&to=50")
    labels = browser.locator("#path-chart text").all_text_contents()[:-2]
    assert len(set(labels)) == len(labels) > 2


@pytest.mark.parametrize(
    "take_over",
    [
        lambda page: page.locator("#path-share").evaluate(PULL, 0.9),
        lambda page: page.get_by_label("To: any image of a class").select_option("d"),
    ],
    ids=["the slider is pulled", "another end is chosen"],
)
def test_a_play_ends_where_the_reader_takes_over(take_over, page):
    page.locator("#path-share").evaluate(PULL, 0)
    page.locator("#path-play").click()
    until(page, "() => explorer.store.share > 0")
    take_over(page)
    assert page.evaluate(SHOWN) == "Play"
    share = page.evaluate("() => explorer.store.share")
    settle(page)
    assert page.evaluate("() => explorer.store.share") == share < 1


def test_a_number_that_the_page_lacks_is_named(page):
    entry = page.get_by_label("From: number of an image")
    entry.fill("119000")
    entry.press("Enter")
    message = page.locator(".end").first.get_by_role("status")
    assert message.inner_text() == "There is no image 119000 on this page."
    assert entry.input_value() == "0"
    entry.fill("7")
    entry.press("Enter")
    assert message.inner_text() == ""
    assert page.evaluate("() => explorer.store.from") == 7


def test_the_keyboard_walks_along_the_path(page):
    slider = page.get_by_role("slider", name="Place on the path")
    slider.focus()
    slider.press("ArrowRight")
    assert page.evaluate("() => explorer.store.share") == pytest.approx(0.505)
    slider.press("End")
    settle(page)
    assert page.evaluate("() => explorer.store.share") == 1
    assert slider.get_attribute("aria-valuetext") == "100% of the way"
