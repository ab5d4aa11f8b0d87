"""What a mouse can do on the page, a finger can do: real touches, on a telephone's screen."""

import numpy as np
import pytest
from explorer_page import decoded, grey, in_own_units, new_page, open_page, settle

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def telephone(browser, file):
    with new_page(browser.context.browser, **PHONE) as (page, problems):
        yield page
    assert problems == []


@pytest.fixture
def phone(telephone, file):
    open_page(telephone, file)
    return telephone


def corner_of(page, element: str) -> np.ndarray:
    """Where an element that is brought into view begins on the screen."""
    page.locator(element).scroll_into_view_if_needed()
    box = page.locator(element).bounding_box()
    return np.array([box["x"], box["y"]])


class Finger:
    """One finger on the screen; places are from the screen's left upper corner, in pixels."""

    def __init__(self, page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)

    def down(self, place) -> None:
        self._send("touchStart", [place])

    def move(self, *places) -> None:
        for place in places:
            self._send("touchMove", [place])

    def up(self) -> None:
        self._send("touchEnd", [])
        settle(self._page)

    def drag(self, first, *others) -> None:
        self.down(first)
        self.move(*others)
        self.up()

    def _send(self, kind: str, places) -> None:
        points = [{"x": float(x), "y": float(y)} for x, y in places]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def finger(phone) -> Finger:
    return Finger(phone)


def weighted_mean(shown, means, place) -> np.ndarray:
    """The latent of a place on a map without a formula."""
    points = shown.maps["umap"]
    distances = np.linalg.norm(points - in_own_units(points, place), axis=1)
    nearest = np.argsort(distances)[:8]
    return np.average(means[nearest], axis=0, weights=1.0 / distances[nearest] ** 2)


def assert_drawn_there(page, shown, means, place) -> None:
    latent = weighted_mean(shown, means, page.evaluate("place => explorer.map.toMap(place)", list(place)))
    assert np.abs(grey(page, "#pointer-image") - decoded(shown, latent)).max() < 2.5  # means are rounded to 1/128


@pytest.mark.parametrize("place", [(90, 200), (250, 120)])
def test_after_a_tap_what_the_network_draws_there_stays(place, phone, shown, means):
    before = grey(phone, "#pointer-image")
    phone.touchscreen.tap(*(corner_of(phone, "#map") + place))
    settle(phone)
    assert_drawn_there(phone, shown, means, place)
    assert np.abs(grey(phone, "#pointer-image") - before).max() > 5


def test_while_a_finger_moves_the_map_its_middle_is_decoded(phone, finger, shown, means):
    corner = corner_of(phone, "#map")
    middle = phone.evaluate("() => explorer.map.size().map(side => side / 2)")
    seen = []
    for by in ((-60, -40), (70, 30)):
        start = corner + (180, 200)
        finger.down(start)
        finger.move(start + np.array(by) / 2, start + by)
        settle(phone)
        assert_drawn_there(phone, shown, means, middle)
        seen.append(grey(phone, "#pointer-image"))
        finger.up()
        assert_drawn_there(phone, shown, means, middle)
    assert np.abs(seen[1] - seen[0]).max() > 5
