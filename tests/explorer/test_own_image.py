"""An image of one's own is encoded and set beside the test images."""

import base64

import numpy as np
import pytest
from explorer_page import decoded, grey, settle, until
from PIL import Image


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


def test_a_picture_is_dropped(page, shown, tmp_path):
    Image.fromarray(shown.images[33, ..., 0]).save(tmp_path / "own.png")
    content = base64.b64encode((tmp_path / "own.png").read_bytes()).decode()
    data = page.evaluate_handle(
        """content => {
            const bytes = Uint8Array.from(atob(content), each => each.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "own.png", { type: "image/png" }));
            return data;
        }""",
        content,
    )
    page.locator("#own-canvas").dispatch_event("drop", {"dataTransfer": data})
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
