"""An image of one's own is encoded and set beside the test images."""

import numpy as np
import pytest
from explorer_page import SHAPE, decoded, exhibition, grey, open_page, settle, until, write_page
from PIL import Image

from keras_vae.model import VAE


def test_an_image_from_a_file_is_encoded_and_found_among_the_test_images(page, shown, means, tmp_path):
    Image.fromarray(shown.images[33, ..., 0]).save(tmp_path / "own.png")
    page.locator("#own-file").set_input_files(tmp_path / "own.png")
    page.wait_for_timeout(300)
    np.testing.assert_array_equal(grey(page, "#own-canvas"), shown.images[33, ..., 0])
    assert np.abs(grey(page, "#own-again") - decoded(shown, means[33])).max() < 1.5
    assert page.locator("#own-nearest button").first.get_attribute("title") == "Image 33, b"
    errors = np.square(shown.images / 255 - np.asarray(shown.model.decode(means))).sum(axis=(1, 2, 3))
    words = page.locator("#own-verdict").inner_text()
    share = float(words.partition("larger than that of ")[2].partition("%")[0].replace("more than ", ""))
    assert share == pytest.approx(100 * np.mean(errors < errors[33]), abs=2.0)
    page.locator("#own-use").click()
    assert page.evaluate("() => Array.from(explorer.store.latent)") == pytest.approx(means[33], abs=1e-3)


def test_after_clear_the_same_file_can_be_chosen_again(page, shown, tmp_path):
    Image.fromarray(shown.images[33, ..., 0]).save(tmp_path / "own.png")
    for _ in range(2):
        page.locator("#own-file").set_input_files(tmp_path / "own.png")
        until(page, "() => explorer.store.own !== null && document.getElementById('own-file').value === ''")
        np.testing.assert_array_equal(grey(page, "#own-canvas"), shown.images[33, ..., 0])
        page.locator("#own-clear").click()
        until(page, "() => explorer.store.own === null")


def test_the_posterior_of_every_latent_stands_in_a_table(browser, tmp_path, shown):
    model = VAE(SHAPE, 4, widths=(24,))
    model.set_weights([weight.numpy() for weight in shown.model.weights])
    for weight in (model.encoder.layers[-1].kernel, model.encoder.layers[-1].bias):
        weight.assign(weight.numpy() * np.where(np.arange(8) == 1, 0.0, 1.0))  # the second mean does not vary
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    browser.get_by_text("All 4 latents in numbers").click()
    rows = browser.locator("#own-numbers tbody tr")
    rows.first.wait_for()
    cells = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    table = np.array([[float(cell.replace("\N{MINUS SIGN}", "-")) for cell in row] for row in cells])
    mean, log_var = (np.asarray(each)[0] for each in model.encode(shown.images[:1] / np.float32(255)))
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)
    order = table[:, 1].astype(int)
    assert list(table[:, 0]) == [1, 2, 3, 4]
    assert order[3] == 1  # the unused one is the last
    assert sorted(order) == [0, 1, 2, 3]
    assert table[:, 2:] == pytest.approx(np.stack([mean, np.exp(log_var / 2), kl], axis=1)[order], abs=2e-3)
    browser.locator("#own-invert").click()
    until(
        browser, "before => document.querySelector('#own-numbers td:nth-child(3)').textContent !== before", cells[0][2]
    )


def test_a_file_that_is_no_picture_is_named(page, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    page.locator("#own-file").set_input_files(tmp_path / "notes.txt")
    page.get_by_text("notes.txt is no picture that this browser can read.").wait_for()


def draw_with_the_mouse(page, box) -> None:
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()


def draw_with_a_finger(page, box) -> None:
    fingers = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 0.25), ("touchMove", 0.5), ("touchMove", 0.75)):
        point = {"x": box["x"] + box["width"] * share, "y": box["y"] + box["height"] / 2}
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def draw_with_the_keyboard(page, box) -> None:
    page.locator("#own-canvas").focus()
    for key in ["ArrowLeft"] * 4 + [" "] + ["ArrowRight"] * 8 + [" "] + ["ArrowDown"] * 2:
        page.keyboard.press(key)


@pytest.mark.parametrize("draw", [draw_with_the_mouse, draw_with_a_finger, draw_with_the_keyboard])
def test_one_draws(draw, page):
    page.locator("#own-clear").click()
    page.locator(".own-more").wait_for(state="hidden")
    assert not grey(page, "#own-canvas").any()
    page.locator("#own-canvas").scroll_into_view_if_needed()
    draw(page, page.locator("#own-canvas").bounding_box())
    page.locator(".own-more").wait_for()
    until(page, "() => explorer.store.picture !== null")
    settle(page)
    drawn = grey(page, "#own-canvas")
    assert (drawn[8, 5:11] == 255).all()
    assert not drawn[:4].any()
    assert not drawn[12:].any()


def test_the_right_button_draws_nothing(page):
    page.locator("#own-clear").click()
    page.locator("#own-canvas").click(button="right")
    settle(page)
    assert not grey(page, "#own-canvas").any()


def test_a_picture_is_dropped(page, shown, tmp_path):
    Image.fromarray(shown.images[33, ..., 0]).save(tmp_path / "own.png")
    page.locator("#own-canvas").scroll_into_view_if_needed()
    box = page.locator("#own-canvas").bounding_box()
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    files = {"items": [], "files": [str(tmp_path / "own.png")], "dragOperationsMask": 1}
    mouse = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        mouse.send("Input.dispatchDragEvent", {"type": kind, **place, "data": files})
        assert page.locator(".own.over").count() == (kind != "drop")
    until(page, "() => explorer.store.own !== null")
    np.testing.assert_array_equal(grey(page, "#own-canvas"), shown.images[33, ..., 0])


def test_the_posterior_of_an_image_and_its_place_are_told(page, shown):
    page.locator("#own-chosen").click()
    until(page, "() => explorer.store.own !== null")
    posterior = page.evaluate(
        "() => [explorer.store.own.mean, explorer.store.own.logVar].map(each => Array.from(each))"
    )
    expected = shown.model.encode(shown.images[:1] / np.float32(255))
    assert np.array(posterior) == pytest.approx(np.concatenate(expected), abs=1e-3)
    assert page.locator("#own-posterior circle").count() == 4
    density = float(shown.model.prior.log_density(expected[0])[0])
    told = page.locator("#own-verdict").inner_text().partition("gives its mean ")[2].partition(" nats")[0]
    assert float(told.replace("\N{MINUS SIGN}", "-")) == pytest.approx(density, abs=0.06)


def test_ones_own_image_is_shown_on_the_map(page):
    page.locator("#own-chosen").click()
    until(page, "() => explorer.store.own !== null")
    page.evaluate("() => explorer.store.set({ view: { x: -0.15, y: 1.15, zoom: 40 } })")
    page.get_by_role("button", name="Show on the map").click()
    assert page.evaluate("() => document.activeElement.id") == "map"
    mark = page.evaluate("""() => { const { map, store } = explorer, box = map.canvas.getBoundingClientRect();
        const [left, top] = map.toScreen(map.map().place(store.own.mean));
        return [left + box.left, top + box.top]; }""")
    found = page.evaluate("place => document.elementFromPoint(...place)?.id", mark)
    assert found == "map"


def test_a_draw_from_its_posterior_begins_the_sliders(page):
    page.locator("#own-chosen").click()
    until(page, "() => explorer.store.own !== null")
    button = page.get_by_role("button", name="Draw from its posterior")
    draws = []
    for _ in range(40):
        button.evaluate("button => button.click()")
        draws.append(page.evaluate("() => Array.from(explorer.store.latent)"))
    mean, log_var = page.evaluate("() => [explorer.store.own.mean, explorer.store.own.logVar].map(each => [...each])")
    score = (np.mean(draws, axis=0) - mean) / np.exp(0.5 * np.array(log_var)) * np.sqrt(len(draws))
    assert np.abs(score).max() < 5
    assert len({tuple(draw) for draw in draws}) == len(draws)
    settle(page)
    assert page.locator("#latents-origin").inner_text() == "A draw from the posterior of your image"
