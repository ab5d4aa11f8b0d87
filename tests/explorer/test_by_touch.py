"""What a mouse can do on the page, a finger can do: real touches, on a telephone's screen."""

import itertools

import numpy as np
import pytest
from explorer_page import decoded, grey, in_own_units, new_page, open_page, settle, until
from matplotlib.path import Path

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
    phone.touchscreen.tap(*(corner_of(phone, "#map") + np.array(place)))
    settle(phone)
    assert_drawn_there(phone, shown, means, place)
    assert np.abs(grey(phone, "#pointer-image") - before).max() > 5


def test_while_a_finger_moves_the_map_its_middle_is_decoded(phone, finger, shown, means):
    corner = corner_of(phone, "#map")
    middle = phone.evaluate("() => explorer.map.size().map(side => side / 2)")
    seen = []
    for by in ((-60, -40), (70, 30)):
        start = corner + np.array([180, 200])
        finger.down(start)
        finger.move(start + np.array(by) / 2, start + by)
        settle(phone)
        assert_drawn_there(phone, shown, means, middle)
        seen.append(grey(phone, "#pointer-image"))
        finger.up()
        assert_drawn_there(phone, shown, means, middle)
    assert np.abs(seen[1] - seen[0]).max() > 5


KINDS = {"Select a box": [(0.1, 0.2), (0.55, 0.8)], "Lasso": [(0.5, 0.05), (0.95, 0.95), (0.5, 0.4), (0.05, 0.95)]}


@pytest.mark.parametrize("kind", KINDS)
def test_a_finger_selects_an_area(kind, phone, finger, shown, means):
    phone.get_by_role("button", name=kind).tap()
    sides = np.array(phone.evaluate("() => explorer.map.size()"))
    corner = corner_of(phone, "#map")
    corners = np.array(KINDS[kind]) * sides
    ends = itertools.pairwise(corners)
    finger.drag(corner + corners[0], *(corner + a + s * (b - a) for a, b in ends for s in (0.25, 0.5, 0.75, 1)))
    if kind == "Select a box":
        (left, top), (right, bottom) = corners
        corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    area = [phone.evaluate("place => explorer.map.toMap(place)", each) for each in corners.tolist()]
    points = (shown.maps["umap"] - shown.maps["umap"].min(axis=0)) / np.ptp(shown.maps["umap"], axis=0).max()
    inside = Path(area).contains_points(points)
    assert 3 < inside.sum() < 110
    assert phone.locator("#selection-title").inner_text().startswith(f"{inside.sum()} images")
    mean = grey(phone, "#selection-images canvas >> nth=0")
    assert np.abs(mean - decoded(shown, means[inside].mean(axis=0))).max() < 2.5


def test_a_finger_switches_a_class_off_and_on(phone):
    button = phone.locator("#legend button", has_text="b")
    for hidden in ([1], []):
        button.tap()
        assert phone.evaluate("() => [...explorer.store.hidden]") == hidden
        assert button.get_attribute("aria-pressed") == str(not hidden).lower()


@pytest.mark.parametrize("slider", ["latent-2", "path-share", "shift-amount"])
def test_a_finger_pulls_a_slider_to_its_end(slider, phone, finger, shown, means):
    value = {
        "latent-2": "explorer.store.latent[2]",
        "path-share": "explorer.store.share",
        "shift-amount": "explorer.store.shift.amount",
    }[slider]
    corner = corner_of(phone, f"#{slider}")
    box = phone.locator(f"#{slider}").bounding_box()
    row = box["height"] / 2
    now = phone.locator(f"#{slider}").evaluate("({ value, min, max }) => (value - min) / (max - min)")
    places = [(box["width"] * (now + share * (1 - now)), row) for share in (0, 0.3, 0.7, 1)]
    finger.drag(*(corner + np.array(place) for place in places), corner + np.array([box["width"] + 8, row]))
    end = float(phone.locator(f"#{slider}").get_attribute("max"))
    assert phone.evaluate(f"() => {value}") == pytest.approx(end, abs=1e-3)
    if slider == "latent-2":
        latent = [*means[0][:2], means[:, 2].max(), means[0][3]]
        assert np.abs(grey(phone, "#latents-image") - decoded(shown, latent)).max() < 2.5


def test_a_finger_chooses_both_ends_of_a_path_and_plays_it(phone):
    for end, index in (("Start", 63), ("End", 21)):
        corner = corner_of(phone, "#map")
        place = phone.evaluate(
            "at => { const { x, y } = explorer.map.map(); return explorer.map.toScreen([x[at], y[at]]); }", index
        )
        phone.touchscreen.tap(*(corner + np.array(place)))
        phone.get_by_role("button", name=f"{end} of the path").tap()
    assert phone.evaluate("() => [explorer.store.from, explorer.store.to]") == [63, 21]
    phone.evaluate("() => explorer.store.set({ share: 0 })")
    phone.locator("#path-play").tap()
    until(phone, "() => explorer.store.share > 0.1")
    phone.locator("#path-play").tap()
    assert phone.locator("#path-play").inner_text() == "Play"
    assert phone.evaluate("() => explorer.store.share") < 1


def test_a_finger_on_the_reconstruction_scrolls_the_page(phone, finger):
    corner = corner_of(phone, "#own-again") + 30
    before = phone.evaluate("() => scrollY")
    finger.drag(corner, *(corner + np.array([0, 20 * step]) for step in range(1, 8)))
    until(phone, f"() => scrollY < {before} - 40")


def test_a_second_finger_draws_nothing(phone):
    phone.locator("#own-clear").tap()
    corner = corner_of(phone, "#own-canvas")
    width = phone.locator("#own-canvas").bounding_box()["width"]
    (x, y), (right, down) = corner + 0.25 * width, corner + 0.75 * width
    session = phone.context.new_cdp_session(phone)
    first, second = {"x": x, "y": y, "id": 0}, {"x": right, "y": down, "id": 1}
    for kind, points in (("touchStart", [first]), ("touchStart", [first, second]), ("touchEnd", [])):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    settle(phone)
    drawn = grey(phone, "#own-canvas")
    assert drawn[4, 4] > 150
    assert not drawn[8:].any()


def test_a_finger_draws_new_samples(phone):
    phone.locator("#latents-sample").tap()
    settle(phone)
    first = grey(phone, "#latents-image")
    phone.locator("#latents-sample").tap()
    settle(phone)
    assert np.abs(grey(phone, "#latents-image") - first).max() > 5
