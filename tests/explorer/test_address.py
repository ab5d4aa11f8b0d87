"""The address keeps what was chosen, and a link brings it back."""

import numpy as np
import pytest
from explorer_page import exhibition, grey, open_page, settle, until, write_page
from PIL import Image

from keras_vae.model import VAE

READ = """() => {
    const { map, image, latent, origin, from, to, share, hidden, shift, view, area, slider, picture } = explorer.store;
    return { map, image, latent: Array.from(latent), from, to, share, hidden: [...hidden], shift,
             view, area, slider, picture, origin: origin && { kind: origin.kind, latent: Array.from(origin.latent) } };
}"""
CHANGES = {
    "an image whose latents are changed": """() => {
        const latent = explorer.space.latent(7);
        latent[1] = 1.25;
        return { image: 7, latent };
    }""",
    "a sample of which a latent is changed": """() => {
        const latent = new Float32Array([0.25, -1, 3.5, 0]);
        return { image: null, origin: { kind: 'prior', latent }, latent: latent.with(0, 0) };
    }""",
    "the origin": """() => {
        const latent = new Float32Array(4);
        return { image: null, origin: { kind: 'class-2', latent }, latent };
    }""",
    "a place on a path": "() => ({ from: 9, to: 11, share: 0.25 })",
    "classes that are hidden": "() => ({ hidden: new Set([2, 0]) })",
    "an attribute": "() => ({ shift: { less: 2, plus: 0, amount: 0.5 } })",
    "a place on a map": "() => ({ map: 'pca', view: { x: 0.3, y: 0.62345, zoom: 2.75 } })",
    "a selection": "() => ({ area: [[0.1, 0.2], [0.8, 0.25], [0.55555, 0.9]] })",
    "a slider": "() => ({ slider: 3 })",
}


def link_to(page, before: str = "") -> str:
    """The fragment of the address, once it is no longer what it was before."""
    until(page, "before => location.hash !== before", before)
    return page.evaluate("() => location.hash")


@pytest.mark.parametrize("change", CHANGES)
def test_a_link_brings_back_what_was_chosen(change, page, file):
    page.evaluate(f"() => explorer.store.set(({CHANGES[change]})())")
    before, link = page.evaluate(READ), link_to(page)
    open_page(page, file, link)
    assert page.evaluate(READ) == before


def test_a_link_brings_back_ones_own_image(page, file):
    page.locator("#own-canvas").click(position={"x": 80, "y": 120})
    until(page, "() => explorer.store.picture !== null")
    until(page, "() => location.hash.includes('own=')")
    link = link_to(page)
    drawn = grey(page, "#own-canvas")
    assert (drawn == 255).any()
    open_page(page, file, link)
    until(page, "() => explorer.store.picture !== null")
    settle(page)
    np.testing.assert_array_equal(grey(page, "#own-canvas"), drawn)


def test_a_link_brings_back_an_own_image_that_was_cleared(page, file):
    page.locator("#own-clear").click()
    until(page, "() => location.hash.includes('own=')")
    open_page(page, file, link_to(page))
    until(page, "() => explorer.store.picture !== null")
    settle(page)
    assert not grey(page, "#own-canvas").any()


ORIGINS = {
    "prior": "A sample of the prior",
    "class-1": "A sample of b",
    "own": "Your image",
    "draw": "A draw from the posterior of your image",
    "<b>": "A latent from the address",
    "class-77": "A latent from the address",
}


@pytest.mark.parametrize("kind", ORIGINS)
def test_a_link_to_a_sample_says_what_it_is_a_sample_of(kind, page, file):
    open_page(page, file, f"#map=umap&origin={kind}&base=0:0.5,2:-1.25&latents=1:0.75")
    assert page.locator("#latents-origin").inner_text() == ORIGINS[kind]
    assert page.locator("#latents-note").inner_text().startswith("1 changed")
    page.get_by_role("button", name="Back").click()
    assert page.evaluate("() => Array.from(explorer.store.latent)") == [0.5, 0, -1.25, 0]


def test_a_link_of_an_earlier_version_to_a_latent_is_opened(page, file):
    open_page(page, file, "#map=umap&latents=0:0.50,2:-1.25")
    assert page.evaluate("() => Array.from(explorer.store.latent)") == [0.5, 0, -1.25, 0]
    assert page.locator("#latents-origin").inner_text() == "A latent from the address"


@pytest.mark.parametrize("part", ["latents", "path", "shift"])
def test_a_link_opens_the_part_that_was_in_view(part, page, file):
    page.locator(f'nav a[href="#{part}-part"]').click()
    until(page, "part => location.hash.includes(`part=${part}`)", part)
    open_page(page, file, link_to(page))
    top = f"() => document.getElementById('{part}-part').getBoundingClientRect().top"
    until(page, f"() => Math.abs(({top})()) < 60")


def test_a_link_that_is_opened_on_the_page_itself_takes_back_what_it_does_not_name(page):
    page.evaluate("() => explorer.store.set({ share: 0.25 })")
    plain = link_to(page)
    before = page.evaluate(READ)
    page.evaluate("() => explorer.store.set({ hidden: new Set([1]), view: { x: 0, y: 0, zoom: 2 }, slider: 2 })")
    link_to(page, plain)
    page.evaluate("link => { location.hash = link; }", plain)
    until(page, "() => explorer.store.hidden.size === 0")
    assert page.evaluate(READ) == before
    assert page.locator('#legend button[aria-pressed="false"]').count() == 0


def test_a_link_without_an_own_image_takes_back_the_one_that_was_drawn(page, shown):
    page.evaluate("() => explorer.store.set({ share: 0.25 })")
    plain = link_to(page)
    page.locator("#own-canvas").click(position={"x": 80, "y": 120})
    until(page, "() => explorer.store.picture !== null")
    link_to(page, plain)
    page.evaluate("link => { location.hash = link; }", plain)
    until(page, "() => explorer.store.own === null")
    np.testing.assert_array_equal(grey(page, "#own-canvas"), shown.images[0, ..., 0])


def test_a_link_names_images_as_every_page_of_the_run_does(browser, tmp_path, shown):
    part = exhibition(shown.model, count=40, numbers=np.arange(0, 120, 3), available=120)
    file = write_page(part, tmp_path / "page.html")
    read = "() => [explorer.store.image, explorer.store.from, explorer.store.to]"
    open_page(browser, file, "#map=umap&image=30&from=31&to=60&latents=1:0.5")
    assert browser.evaluate(read) == [10, 0, 20]  # it lacks image 31
    assert browser.evaluate("() => explorer.store.latent[1]") == 0.5
    browser.evaluate("() => explorer.store.set({ from: 11 })")
    until(browser, "() => location.hash.includes('image=30&') && location.hash.includes('from=33&to=60')")


def test_an_own_image_that_is_too_large_for_a_link_is_told_to_be(browser, tmp_path):
    model = VAE((96, 96, 3), 2, widths=(4,))
    shown = exhibition(model, count=20)
    open_page(browser, write_page(shown, tmp_path / "page.html"))
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "own.png")
    browser.locator("#own-file").set_input_files(tmp_path / "own.png")
    browser.get_by_text("This image is too large for a link").wait_for()
    until(browser, "() => location.hash.includes('map=') && !location.hash.includes('own=')")
    browser.locator("#own-clear").click()
    until(browser, "() => !document.getElementById('own-link').textContent")


NONSENSE = [
    "#map=x&image=-1&from=999&to=a&at=9&hidden=77&shift=1,9,x&latents=9:1,b",
    "#map=umap&view=1,x,2&area=1:2,3&slider=99&own=%3Cscript%3E",
    "#map=umap&own=AAAA",
    "#map=umap&image=0&latents=0:1e300",
    "#&&=",
    "#%",
]


@pytest.mark.parametrize("fragment", NONSENSE)
def test_an_address_that_makes_no_sense_does_no_harm(browser, file, fragment):
    open_page(browser, file, fragment)
    assert browser.evaluate("() => [explorer.store.map, explorer.store.from]") == ["umap", 0]
    assert browser.evaluate("() => explorer.store.latent.every(Number.isFinite)")
    until(browser, "() => explorer.store.picture === null")
