"""The page on any screen, by finger, and for a screen reader."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer_page import canvas_values, exhibition, new_page, open_page, settle, until, write_page

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def test_one_finger_chooses_and_a_narrow_page_is_not_wider_than_its_screen(browser, file):
    with new_page(browser.context.browser, **PHONE) as (page, problems):
        open_page(page, file)
        page.locator("#map").scroll_into_view_if_needed()
        place = page.evaluate(
            """() => { const { map } = explorer, box = map.canvas.getBoundingClientRect(), { x, y } = map.map();
            const [left, top] = map.toScreen([x[63], y[63]]); return [left + box.left, top + box.top]; }"""
        )
        page.touchscreen.tap(*place)
        page.wait_for_timeout(100)
        assert page.locator("#chosen-title").inner_text() == "Image 63, d"
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 390

        box = page.locator("#map").bounding_box()
        center = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        unit = "() => explorer.map.toMap([100, 0])[0] - explorer.map.toMap([0, 0])[0]"
        before = page.evaluate(unit)
        fingers = page.context.new_cdp_session(page)
        for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
            points = [{"x": center[0] + sign * apart, "y": center[1], "id": sign + 1} for sign in (-1, 1)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        assert page.evaluate(unit) == pytest.approx(before / 2, rel=0.05)
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1024, 2560])
def test_the_page_is_as_wide_as_its_screen_and_every_canvas_shows_something(width, scheme, browser, file):
    screen = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    with new_page(browser.context.browser, **screen) as (page, problems):
        open_page(page, file)
        page.wait_for_timeout(150)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        for name in page.locator("canvas[id]").evaluate_all("all => all.map(canvas => canvas.id)"):
            assert canvas_values(page, f"#{name}").std() > 1, name
        paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, paper[4:-1].split(","))) > 600) == (scheme == "light")
    assert problems == []


GARMENTS = ("T-shirt/top", "Pullover shirt", "Ankle boot", "Trousers")


def test_on_the_narrowest_screen_no_word_is_broken_and_no_line_cut(browser, tmp_path, shown):
    labels = np.random.default_rng(0).integers(0, 4, 120)  # each class lies among all others
    file = write_page(exhibition(shown.model, names=GARMENTS, labels=labels), tmp_path / "page.html")
    with new_page(browser.context.browser, viewport={"width": 320, "height": 640}) as (page, problems):
        open_page(page, file)
        captions = page.locator("#own-part figcaption").all_inner_texts()
        assert captions[1] == "Its reconstruction through the posterior mean"  # as two words, between which a line ends
        heights = page.locator("#shift-ticks span").evaluate_all("all => all.map(each => each.offsetHeight)")
        assert max(heights) < 30
        told = page.locator("#nearness-rows .small")
        assert all(len(text.split(",")) == 3 for text in told.all_inner_texts())
        assert told.evaluate_all("all => all.every(each => each.scrollHeight <= each.offsetHeight + 1)")
    assert problems == []


def test_a_map_leaves_room_for_a_finger_that_scrolls_on_a_low_screen(browser, file):
    with new_page(browser.context.browser, **{**PHONE, "viewport": {"width": 740, "height": 360}}) as (page, problems):
        open_page(page, file)
        assert page.locator(".stage").bounding_box()["height"] <= 0.8 * 360
    assert problems == []


def send_touches(page, places) -> None:
    """Set a finger down at the first place, move it to the others, and lift it."""
    fingers = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(places):
        kind = "touchMove" if number else "touchStart"
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_moves_the_map(browser, file):
    with new_page(browser.context.browser, **PHONE) as (page, problems):
        open_page(page, file)
        page.locator("#map").scroll_into_view_if_needed()
        box = page.locator("#map").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = page.evaluate("() => explorer.map.toScreen([0.5, 0.5])")
        send_touches(page, [(x, y), (x + 20, y + 10), (x + 50, y + 30)])
        after = page.evaluate("() => explorer.map.toScreen([0.5, 0.5])")
        assert np.subtract(after, before) == pytest.approx([50, 30], abs=0.5)
    assert problems == []


# What readers without one kind of cones see of red, green and blue light (Machado et al. 2009).
CONES = {
    "all": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def as_seen(colours: np.ndarray, cones: str) -> np.ndarray:
    """Colours in CIELAB as a reader with some cones sees them, from sRGB of 0 to 255."""
    share = colours / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ np.transpose(CONES[cones]), 0, 1)
    to_xyz = np.array([[0.4125, 0.3576, 0.1804], [0.2127, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])
    xyz = light @ to_xyz.T / [0.9505, 1, 1.0888]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_colour_blind_reader_tells_ten_classes_apart(scheme, browser, tmp_path, shown):
    ten = write_page(exhibition(shown.model, names=tuple("abcdefghij")), tmp_path / "page.html")
    with new_page(browser.context.browser, color_scheme=scheme) as (page, _):
        open_page(page, ten)
        marks = page.locator("#legend i").evaluate_all("all => all.map(each => each.style.background)")
    colours = np.array([[int(channel) for channel in mark[4:-1].split(",")] for mark in marks])
    for cones in CONES:
        seen = as_seen(colours, cones)
        apart = np.linalg.norm(seen[:, np.newaxis] - seen, axis=2) + 100 * np.eye(10)
        assert apart.min() > 15, cones


@pytest.mark.parametrize(("classes", "marks"), [(12, 12), (45, 40)])
def test_classes_of_one_colour_have_dots_of_different_shapes_or_are_said_to_repeat(
    classes, marks, browser, tmp_path, shown
):
    names = tuple(f"class {number}" for number in range(classes))
    part = exhibition(shown.model, count=2 * classes, names=names)
    with new_page(browser.context.browser) as (page, problems):
        open_page(page, write_page(part, tmp_path / "page.html"))
        looks = page.locator("#legend i").evaluate_all(
            "all => all.map((each) => each.style.background + each.className)"
        )
        assert len(looks) == classes
        assert len(set(looks)) == marks
        told = page.locator("#legend small")
        assert told.all_inner_texts() == (["Colours and shapes repeat after 40 classes."] if marks < classes else [])
        drawn = {}
        for label in (0, 10):  # classes of one colour, alone on the map
            hidden = [other for other in range(classes) if other != label]
            page.evaluate(
                f"hidden => explorer.store.set({{ {NOTHING_ELSE}, map: 'pca', hidden: new Set(hidden) }})", hidden
            )
            settle(page)
            drawn[label] = dot_of(page, label)
        assert not np.array_equal(drawn[0], drawn[10])
        assert drawn[0].any(axis=2).sum() == pytest.approx(drawn[10].any(axis=2).sum(), rel=0.35)
    assert problems == []


# What leaves the map to its dots: no image is chosen, and no path goes from one to another.
NOTHING_ELSE = "image: null, origin: { kind: 'own', latent: explorer.space.latent(0) }, to: explorer.store.from"


# How opaque a map is in and around what is drawn on it.
OPACITY = """() => {
    const { canvas } = explorer.map, { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const all = Array.from({ length: width * height }, (_, place) => data[4 * place + 3]);
    const seen = all.flatMap((alpha, place) => (alpha ? [[place % width, Math.floor(place / width)]] : []));
    const [left, right] = [Math.min, Math.max].map((pick) => pick(...seen.map(([x]) => x)));
    const [top, bottom] = [Math.min, Math.max].map((pick) => pick(...seen.map(([, y]) => y)));
    const rows = Array.from({ length: bottom - top + 1 }, (_, row) => (top + row) * width);
    return rows.map((begin) => all.slice(begin + left, begin + right + 1));
}"""


@pytest.mark.parametrize("ratio", [1, 1.25])
def test_a_dot_is_sharp_however_many_pixels_the_map_takes(ratio, browser, tmp_path, shown):
    part = exhibition(shown.model, count=20, names=tuple("abcdefghijklmnopqrst"))
    screen = {"viewport": {"width": 1003, "height": 701}, "device_scale_factor": ratio}
    with new_page(browser.context.browser, **screen) as (page, problems):
        open_page(page, write_page(part, tmp_path / "page.html"))
        others = [label for label in range(20) if label != 3]
        page.evaluate(f"hidden => explorer.store.set({{ {NOTHING_ELSE}, hidden: new Set(hidden) }})", others)
        settle(page)
        dot = np.array(page.evaluate(OPACITY))
        np.testing.assert_array_equal(dot, dot[:, ::-1])
        np.testing.assert_array_equal(dot, dot[::-1])
        sides = page.evaluate("() => [explorer.map.canvas.width, explorer.map.canvas.height]")
        assert ratio != 1 or page.evaluate("() => explorer.map.size()") == sides
    assert problems == []


def dot_of(page, index: int) -> np.ndarray:
    """The pixels around an image's dot, what is not of its class's colour black."""
    x, y = page.evaluate(
        "at => { const { x, y } = explorer.map.map(); return explorer.map.toScreen([x[at], y[at]]); }", index
    )
    values = canvas_values(page, "#map")[round(y) - 7 : round(y) + 8, round(x) - 7 : round(x) + 8].astype(int)
    return np.where(np.ptp(values, axis=2, keepdims=True) > 40, values, 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_accessibility_finds_nothing(scheme, browser, file):
    with new_page(browser.context.browser, color_scheme=scheme) as (page, problems):
        open_page(page, file)
        assert violations(page) == []
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_a_narrow_page_with_a_selection_and_an_own_image_finds_nothing(scheme, browser, file):
    screen = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    with new_page(browser.context.browser, **screen) as (page, problems):
        open_page(page, file)
        page.locator("#map-view").click()
        page.locator("#own-canvas").click(position={"x": 80, "y": 120})
        until(page, "() => explorer.store.area !== null && explorer.store.own !== null")
        assert violations(page) == []
    assert problems == []


def violations(page) -> list:
    """What an audit of the page, with all that is folded opened, finds: each rule with its elements."""
    for summary in page.locator("details:not([hidden]) summary").all():
        summary.click()
    found = Axe().run(page).response
    assert len(found["passes"]) > 20
    return [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
