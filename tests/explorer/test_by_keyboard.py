"""What a mouse can do on the page, the keyboard can do: real keys, on what they go to when one tabs to it."""

import io

import numpy as np
import pytest
from explorer_page import decoded, grey, settle, until
from PIL import Image

from keras_vae.latent_space.path_measures import class_shift


def press(page, element: str, *keys: str) -> None:
    """Press keys on an element that the Tab key leads to."""
    page.locator(element).focus()
    assert page.evaluate("() => document.activeElement.tabIndex") == 0
    for key in keys:
        page.keyboard.press(key)
    settle(page)


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_class_is_switched_off_and_on(key, page):
    for hidden in ([2], []):
        press(page, "#legend button >> nth=2", key)
        assert page.evaluate("() => [...explorer.store.hidden]") == hidden
        pressed = page.locator("#legend button").nth(2).get_attribute("aria-pressed")
        assert pressed == str(not hidden).lower()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_path_is_played_and_held(key, page):
    press(page, "#path-share", "Home")
    assert page.evaluate("() => explorer.store.share") == 0
    press(page, "#path-play", key)
    until(page, "() => explorer.store.share > 0.05")
    page.keyboard.press(key)
    assert page.locator("#path-play").inner_text() == "Play"
    assert 0 < page.evaluate("() => explorer.store.share") < 1


def test_strips_are_saved(page):
    with page.expect_download() as download:
        press(page, "#path-save", "Enter")
    assert Image.open(io.BytesIO(download.value.path().read_bytes())).format == "PNG"


def test_a_difference_of_classes_is_chosen_and_added(page, shown, means):
    press(page, "#shift-from", "b")
    press(page, "#shift-to", "d")
    press(page, "#shift-amount", "Home", "ArrowRight", "ArrowRight")
    assert page.evaluate("() => explorer.store.shift") == {"less": 1, "plus": 3, "amount": -0.48}
    latent = means[0] - 0.48 * class_shift(means, shown.labels, 1, 3)
    assert np.abs(grey(page, "#shift-after") - decoded(shown, latent)).max() < 2.5


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_samples_are_drawn_and_taken_back(key, page, shown):
    press(page, "#latents-sample", key)
    latent = page.evaluate("() => Array.from(explorer.store.latent)")
    assert page.locator("#latents-origin").inner_text() == "A sample of the prior"
    assert np.abs(grey(page, "#latents-image") - decoded(shown, latent)).max() < 1
    first = page.locator("#sliders input").first.get_attribute("id")
    press(page, f"#{first}", "Home")
    assert page.evaluate("() => Array.from(explorer.store.latent)") != latent
    press(page, "#latents-reset", key)
    assert page.evaluate("() => Array.from(explorer.store.latent)") == latent


@pytest.mark.parametrize(("end", "name"), [("from", "From"), ("to", "To")])
def test_an_end_of_a_path_is_chosen_from_a_menu_and_by_number(end, name, page, shown):
    press(page, f'select[aria-label="{name}: any image of a class"]', "d")
    found = page.evaluate(f"() => explorer.store.{end}")
    assert shown.labels[found] == 3
    press(page, f'input[aria-label="{name}: number of an image"]', "ControlOrMeta+a", "5", "7", "Enter")
    assert page.evaluate(f"() => explorer.store.{end}") == 57


def test_the_chosen_image_becomes_either_end_of_a_path(page):
    press(page, "#chosen-random", "Enter")
    image = page.evaluate("() => explorer.store.image")
    for end in ("from", "to"):
        press(page, f"#chosen-{end}", "Space")
        assert page.evaluate(f"() => explorer.store.{end}") == image


def test_the_pair_of_a_shortest_path_is_chosen_from_its_menu(page):
    press(page, "#path-pairs", "ArrowDown")
    assert page.evaluate("() => [explorer.store.from, explorer.store.to]") == [3, 77]
    assert page.locator("#strip-shortest").is_visible()


INSIDE = "part => document.getElementById(part).contains(document.activeElement)"


@pytest.mark.parametrize("part", ["map", "latents", "path", "shift", "own"])
def test_from_a_link_to_a_part_the_tab_key_goes_on_in_it(part, page):
    press(page, f'nav a[href="#{part}-part"]', "Enter", "Tab")
    assert page.evaluate(INSIDE, f"{part}-part")


@pytest.mark.parametrize("button", ["own-use", "own-draw"])
def test_to_go_on_with_ones_own_image_takes_the_keyboard_along(button, page):
    press(page, f"#{button}", "Enter", "Tab")
    assert page.evaluate(INSIDE, "latents-part")


def test_what_was_under_the_cross_is_no_longer_shown_beside_buttons_for_the_chosen_image(page):
    page.evaluate("""() => {
        const { x, y } = explorer.map.map();
        explorer.store.set({ view: { x: x[63], y: y[63], zoom: 2 } });
    }""")
    press(page, "#map", "+")
    assert page.locator("#chosen-title").inner_text() == "Image 63, d"
    spoken = page.locator("#spoken").inner_text()
    press(page, "#map", "Tab")
    assert page.locator("#chosen-title").inner_text() == "Image 0, a"
    assert page.locator("#spoken").inner_text() == spoken
