"""The page on any screen, by finger, and for a screen reader."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer_page import canvas_values, new_page, open_page


def test_one_finger_chooses_and_a_narrow_page_is_not_wider_than_its_screen(browser, file):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with new_page(browser.context.browser, **phone) as (page, problems):
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_accessibility_finds_nothing(scheme, browser, file):
    with new_page(browser.context.browser, color_scheme=scheme) as (page, problems):
        open_page(page, file)
        for summary in page.locator("details:not([hidden]) summary").all():
            summary.click()
        found = Axe().run(page).response
        assert len(found["passes"]) > 20
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []
    assert problems == []
