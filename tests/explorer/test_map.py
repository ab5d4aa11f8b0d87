"""The map for those who do not point at it: what is chosen, selected and told by keys, and what a move costs."""

import numpy as np
import pytest
from explorer_page import canvas_values, decoded, grey, point_at, settle, until
from sklearn.decomposition import PCA

SELECTED = "() => explorer.store.area !== null"
SELECTED_NOTHING = "() => explorer.store.area === null"


def test_another_map_is_told_of_with_what_lies_there(page, shown, means):
    point_at(page, 60)
    page.get_by_role("radio", name="PCA").click()
    settle(page)
    assert page.locator("#pointer-kind").inner_text() == "decoded from the plane of the two components"
    pca = PCA(2).fit(means)
    latent = pca.inverse_transform(pca.transform(means[:1]))[0]
    assert np.abs(grey(page, "#pointer-image") - decoded(shown, latent)).max() < 1.5
    density = float(shown.model.prior.log_density(np.float32([latent]))[0])
    told = page.locator("#pointer-note").inner_text().partition("Prior: ")[2].partition(" nats")[0]
    assert float(told.replace("\N{MINUS SIGN}", "-")) == pytest.approx(density, abs=0.1)


def test_arrows_choose_another_map(page):
    page.get_by_role("radio", name="UMAP").focus()
    for key, name in (("ArrowRight", "pca"), ("ArrowRight", "umap"), ("ArrowUp", "pca")):
        page.keyboard.press(key)
        assert page.evaluate("() => [explorer.store.map, document.activeElement.value]") == [name, name]
        assert page.get_by_role("radio", checked=True).get_attribute("value") == name


@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_choice_by_key_is_spoken_by_the_name_of_its_image(key, page):
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    settle(page)
    assert page.locator("#spoken").inner_text().startswith(page.locator("#pointer-verdict").inner_text())
    page.keyboard.press(key)
    settle(page)
    assert page.locator("#spoken").inner_text() == page.locator("#chosen-title").inner_text()


def test_all_images_of_a_selection_can_be_shown(page):
    page.get_by_role("button", name="Select what is in view").click()
    settle(page)
    images = page.locator("#selection-images button")
    assert images.count() == 60
    page.get_by_role("button", name="Show 60 more").click()
    assert images.count() == 120
    assert len(set(images.evaluate_all("buttons => buttons.map((button) => button.title)"))) == 120
    assert page.locator("#selection-more").is_hidden()


def test_a_selection_is_cleared_by_its_button_and_by_escape(page):
    for clear in ("button", "Escape"):
        page.get_by_role("button", name="Select what is in view").click()
        until(page, SELECTED)
        assert page.locator("#selection-title").inner_text().startswith("120 images")
        assert page.locator("#selection-title").get_attribute("aria-live") == "polite"
        if clear == "button":
            page.get_by_role("button", name="Clear the selection").press("Enter")
            assert page.evaluate("() => document.activeElement.id") == "map"
        else:
            page.locator("#map").press(clear)
        until(page, SELECTED_NOTHING)
        assert page.locator("#selection").inner_text() == ""
        assert page.get_by_role("button", name="Clear the selection").count() == 0


def test_a_slider_tells_its_value_and_latent(page):
    slider = page.locator("#latent-2")
    slider.focus()
    slider.press("End")
    settle(page)
    value = page.locator(".slider").filter(has=slider).locator("output").inner_text()
    assert slider.get_attribute("aria-valuetext") == f"{value}, latent 2"
    assert page.locator("#shift-amount").get_attribute("aria-valuetext") == "1.00 times the difference"


def test_to_move_the_map_asks_no_image_where_its_marks_lie(page):
    page.locator("#own-canvas").click(position={"x": 80, "y": 120})
    until(page, "() => explorer.store.own !== null")
    page.locator("#map").scroll_into_view_if_needed()
    settle(page)
    asked = page.evaluate("""async () => {
        const { space, store } = explorer, { nearest } = space;
        const frame = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
        let asked = 0;
        space.nearest = (...given) => { asked++; return nearest(...given); };
        for (const x of [0.3, 0.4, 0.5]) {
            store.set({ view: { x, y: 0.5, zoom: 1 } });
            await frame();
        }
        const moved = asked;
        store.set({ share: 0.75 });
        await frame();
        space.nearest = nearest;
        return [moved, asked];
    }""")
    assert asked == [0, 3]  # a disc on each path


def test_on_a_map_without_a_formula_a_place_without_images_is_called_so(page, shown):
    points = (shown.maps["umap"] - shown.maps["umap"].min(axis=0)) / np.ptp(shown.maps["umap"], axis=0).max()
    apart = np.sort(np.linalg.norm(points[:, np.newaxis] - points, axis=2), axis=1)[:, 1]
    far = np.quantile(apart, 0.99)
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    told = {}
    for x, y in np.random.default_rng(0).uniform(0.03, 0.97, (12, 2)) * [box["width"], box["height"]]:
        page.mouse.move(box["x"] + x, box["y"] + y)
        settle(page)
        place = page.evaluate("place => explorer.map.toMap(place)", [x, y])
        told[float(np.linalg.norm(points - place, axis=1).min())] = page.locator("#pointer-verdict").inner_text()
    point_at(page, 60)
    told[0.0] = page.locator("#pointer-verdict").inner_text()
    assert {distance > far: verdict == "No image lies here." for distance, verdict in told.items()} == {
        True: True,
        False: False,
    }


def outline(page) -> np.ndarray:
    """Where on the map something is drawn in the colour of a selection."""
    accent = page.evaluate("() => getComputedStyle(document.documentElement).getPropertyValue('--accent').trim()")
    colour = [int(accent[at : at + 2], 16) for at in (1, 3, 5)]
    return (np.abs(canvas_values(page, "#map").astype(int) - colour).max(axis=2) < 30).sum()


def test_a_box_that_is_interrupted_leaves_no_outline(page):
    page.evaluate("() => explorer.store.set({ to: explorer.store.from })")  # no path is in the way
    page.get_by_role("button", name="Select a box").click()
    page.locator("#map").scroll_into_view_if_needed()
    settle(page)
    before = outline(page)
    box = page.locator("#map").bounding_box()
    fingers = page.context.new_cdp_session(page)
    for kind, points in (("touchStart", [(60, 60)]), ("touchMove", [(200, 200)]), ("touchMove", [(300, 260)])):
        touches = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    settle(page)
    assert outline(page) > before + 300
    fingers.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
    settle(page)
    assert outline(page) == before


def test_dots_at_the_edge_of_the_map_are_cut_off_there(page, shown):
    points = shown.maps["umap"][1::4]  # of class b
    apart = np.linalg.norm(points[:, np.newaxis] - points, axis=2) + 1e3 * np.eye(len(points))
    lonely = 1 + 4 * int(apart.min(axis=1).argmax())
    place = page.evaluate(
        """index => {
            const { x, y } = explorer.map.map(), { store, map, space } = explorer;
            const origin = { kind: "own", latent: space.latent(0) };
            const all = { hidden: new Set([0, 2, 3]), image: null, origin, to: store.from };
            store.set({ ...all, view: { x: 0.5, y: 0.5, zoom: 1.5 } });
            const unit = map.toMap([1, 0])[0] - map.toMap([0, 0])[0];
            store.set({ view: { x: x[index] + (map.size()[0] / 2 - 1) * unit, y: y[index], zoom: 1.5 } });
            return map.toScreen([x[index], y[index]]);
        }""",
        lonely,
    )
    settle(page)
    assert place[0] == pytest.approx(1, abs=0.01)
    beside = canvas_values(page, "#map")[round(place[1]) - 2 : round(place[1]) + 3, :3].astype(int)
    assert (np.ptp(beside, axis=2) > 20).sum() >= 8


def test_where_no_image_is_chosen_none_is_shown(page):
    page.get_by_role("button", name="Another sample").click()
    settle(page)
    assert page.locator("#chosen-title").inner_text() == "No image is chosen"
    assert page.locator("#chosen-image").is_hidden()
    assert page.locator("#own-chosen").is_disabled()
    strip = page.locator("#slider-strips canvas").first
    assert strip.get_attribute("aria-label").startswith("A sample of the prior, from one end of slider 1")
    page.get_by_role("button", name="Another one").click()
    settle(page)
    assert page.locator("#chosen-image").is_visible()
    assert page.locator("#own-chosen").is_enabled()


def test_a_latent_of_nearly_zero_has_no_sign(page):
    for value, told in ((-0.001, "0.00"), (-0.01, "\N{MINUS SIGN}0.01")):
        page.evaluate(
            """value => { const latent = explorer.space.latent(0); latent[2] = value;
            explorer.store.set({ latent }); }""",
            value,
        )
        settle(page)
        output = page.locator(".slider").filter(has=page.locator("#latent-2")).locator("output")
        assert output.inner_text() == told


def test_a_sample_beyond_all_images_is_said_to_be_beyond(page):
    low, high = page.evaluate("() => [explorer.facts.latents.low[2], explorer.facts.latents.high[2]]")
    output = page.locator(".slider").filter(has=page.locator("#latent-2")).locator("output")
    for value, beyond in ((high + 1, "above"), (low - 1, "below"), (high, ""), (low, "")):
        page.evaluate(
            """value => { const latent = explorer.space.latent(0); latent[2] = value;
            explorer.store.set({ image: null, origin: { kind: 'prior', latent }, latent }); }""",
            value,
        )
        settle(page)
        title = f"{beyond} the means of all test images" if beyond else ""
        assert output.get_attribute("title") == title
        assert page.locator("#latent-2").get_attribute("aria-valuetext").endswith(title or "latent 2")
        pseudo = {"above": "after", "below": "before"}.get(beyond, "after")
        content = output.evaluate("(output, at) => getComputedStyle(output, `::${at}`).content", pseudo)
        assert content == {"above": '"▸"', "below": '"◂"'}.get(beyond, "none")
