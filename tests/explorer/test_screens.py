"""The page on any screen, by finger, and for a screen reader."""

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer_page import canvas_values, exhibition, new_page, open_page, until, write_page

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
@pytest.mark.parametrize("width", [390, 1024, 1600])
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


def send_touches(page, places) -> None:
    """Set a finger down at the first place, move it to the others, and lift it."""
    fingers = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(places):
        kind = "touchMove" if number else "touchStart"
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_moves_the_map_and_pulls_a_slider(browser, file):
    with new_page(browser.context.browser, **PHONE) as (page, problems):
        open_page(page, file)
        page.locator("#map").scroll_into_view_if_needed()
        box = page.locator("#map").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        before = page.evaluate("() => explorer.map.toScreen([0.5, 0.5])")
        send_touches(page, [(x, y), (x + 20, y + 10), (x + 50, y + 30)])
        after = page.evaluate("() => explorer.map.toScreen([0.5, 0.5])")
        assert np.subtract(after, before) == pytest.approx([50, 30], abs=0.5)

        slider = page.locator("#path-share")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        row = box["y"] + box["height"] / 2
        send_touches(page, [(box["x"] + box["width"] * share, row) for share in (0.5, 0.6, 0.75)])
        assert page.evaluate("() => explorer.store.share") == pytest.approx(0.75, abs=0.03)
    assert problems == []


def seen_without_green(colours: np.ndarray) -> np.ndarray:
    """Colours in CIELAB as a reader without the green cones sees them (Machado et al. 2009), from sRGB of 0 to 255."""
    share = colours / 255
    light = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    left = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]])
    light = np.clip(light @ left.T, 0, 1)
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
    seen = seen_without_green(colours)
    apart = np.linalg.norm(seen[:, np.newaxis] - seen, axis=2) + 100 * np.eye(10)
    assert apart.min() > 15


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
