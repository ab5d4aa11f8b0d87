"""What a reader does on the page: point, choose, select, pull, walk, draw, and come back by the address."""

import io

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from explorer_page import browser_page, canvas_values, exhibition, new_page, open_page, write_page
from matplotlib.path import Path
from PIL import Image
from sklearn.decomposition import PCA

from keras_vae.explorer import make_page
from keras_vae.latent_space.path_measures import class_shift
from keras_vae.model import VAE

SHAPE = (16, 16, 1)


@pytest.fixture(scope="module")
def browser():
    with browser_page() as (page, problems):
        yield page
    assert problems == []  # nothing was asked of a network, and nothing went wrong


@pytest.fixture(scope="module")
def shown():
    model = VAE(SHAPE, 4, widths=(24,))
    rng = np.random.default_rng(3)
    for weight in model.encoder.trainable_weights + model.decoder.trainable_weights:
        scale = 2.0 / np.sqrt(np.prod(weight.shape[:-1])) if len(weight.shape) > 1 else 0.3
        weight.assign(rng.normal(0.0, scale, weight.shape))
    return exhibition(model)


@pytest.fixture(scope="module")
def means(shown):
    return np.asarray(shown.model.encode(shown.images / np.float32(255))[0])


@pytest.fixture(scope="module")
def file(shown, tmp_path_factory):
    return write_page(shown, tmp_path_factory.mktemp("page") / "explorer.html")


@pytest.fixture
def page(browser, file):
    open_page(browser, file)
    return browser


def point_at(page, index: int, by: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
    """Move the mouse to an image's dot, or some pixels beside it; the place on the map, from 0 to 1."""
    page.locator("#map").scroll_into_view_if_needed()
    found = page.evaluate(
        """([index, [right, down]]) => {
            const { map, store } = explorer, { x, y } = map.map(), box = map.canvas.getBoundingClientRect();
            const [left, top] = map.toScreen([x[index], y[index]]).map(Math.round);
            const place = [left + right, top + down];
            return { mouse: [place[0] + box.left, place[1] + box.top], map: map.toMap(place) };
        }""",
        [index, list(by)],
    )
    page.mouse.move(*found["mouse"])
    page.wait_for_timeout(120)
    return tuple(found["map"])


def until(page, condition: str, given=None) -> None:
    """Wait for what a function of the page says; its policy forbids Playwright's own way."""
    for _ in range(600):
        if page.evaluate(condition, given):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"It never came true: {condition}")


def decoded(shown, latent) -> np.ndarray:
    return 255.0 * np.asarray(shown.model.decode(np.float32([latent])))[0, ..., 0]


def grey(page, canvas: str) -> np.ndarray:
    return canvas_values(page, canvas)[..., 0].astype(float)


def in_own_units(points: np.ndarray, place: tuple[float, float]) -> np.ndarray:
    return points.min(axis=0) + np.array(place) * np.ptp(points, axis=0).max()


def test_on_pca_the_pointer_shows_what_python_decodes_there(page, shown, means):
    page.get_by_role("radio", name="PCA").click()
    pca = PCA(2).fit(means)
    signs = np.sign(np.sum(shown.maps["pca"] * pca.transform(means), axis=0))
    for index in (5, 60):
        place = in_own_units(shown.maps["pca"], point_at(page, index, (9, -7)))
        latent = pca.inverse_transform([place * signs])[0]
        assert np.abs(grey(page, "#pointer-image") - decoded(shown, latent)).max() < 1.5


def test_on_umap_the_pointer_shows_the_weighted_mean_of_the_nearest_images(page, shown, means):
    points = shown.maps["umap"]
    for index in (5, 60):
        place = in_own_units(points, point_at(page, index, (9, -7)))
        distances = np.linalg.norm(points - place, axis=1)
        nearest = np.argsort(distances)[:8]
        latent = np.average(means[nearest], axis=0, weights=1.0 / distances[nearest] ** 2)
        assert np.abs(grey(page, "#pointer-image") - decoded(shown, latent)).max() < 2.5  # means are rounded to 1/128
        assert "mean of the nearest images" in page.locator("#pointer-kind").inner_text()


def test_the_nearest_dots_are_found_wherever_the_pointer_is(page, shown):
    points = (shown.maps["umap"] - shown.maps["umap"].min(axis=0)) / np.ptp(shown.maps["umap"], axis=0).max()
    places = np.random.default_rng(0).uniform(-0.3, 1.3, (200, 2))
    code = "places => places.map(([x, y]) => explorer.map.map().near(x, y, 8).map(({ distance }) => distance))"
    found = np.array(page.evaluate(code, places.tolist()))
    distances = np.linalg.norm(points - places[:, np.newaxis], axis=2)
    assert found == pytest.approx(np.sort(distances, axis=1)[:, :8], abs=1e-4)


def test_the_pointer_is_told_the_nearest_image_and_the_density(page, shown, means):
    point_at(page, 17)
    note = page.locator("#pointer-note").inner_text()
    density = float(np.asarray(shown.model.prior.log_density(means[17:18]))[0])
    assert "Nearest: Image 17, b, at a distance of 0.0" in note
    assert float(note.partition("Prior: ")[2].partition(" nats")[0].replace("\N{MINUS SIGN}", "-")) == pytest.approx(
        density, abs=0.3
    )


def test_a_click_chooses_the_image_and_shows_it_with_its_reconstruction(page, shown, means):
    point_at(page, 42)
    page.mouse.down()
    page.mouse.up()
    page.mouse.move(5, 5)
    page.wait_for_timeout(100)
    assert page.locator("#chosen-title").inner_text() == "Image 42, c"
    assert page.get_by_role("status").first.inner_text() == "Image 42, c"
    np.testing.assert_array_equal(grey(page, "#chosen-image"), shown.images[42, ..., 0])
    assert np.abs(grey(page, "#chosen-again") - decoded(shown, means[42])).max() < 2.5


def test_the_keyboard_chooses_too(page):
    page.locator("#map").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    nearest = page.evaluate(
        "() => explorer.map.map().near(...explorer.map.toMap(explorer.map.size().map(side => side / 2)), 1)[0].index"
    )
    assert page.evaluate("() => explorer.store.image") == nearest


def test_the_wheel_zooms_around_the_pointer_and_a_drag_moves_the_map(page):
    before = point_at(page, 30)
    page.mouse.wheel(0, -600)
    page.wait_for_timeout(100)
    where = """() => { const { map } = explorer, box = map.canvas.getBoundingClientRect();
        const { x, y } = map.map(); const [left, top] = map.toScreen([x[30], y[30]]);
        return { mouse: [left + box.left, top + box.top], unit: map.toMap([100, 0])[0] - map.toMap([0, 0])[0] }; }"""
    zoomed = page.evaluate(where)
    again = point_at(page, 30)
    assert again == pytest.approx(before, abs=0.003)
    page.mouse.down()
    page.mouse.move(zoomed["mouse"][0] + 40, zoomed["mouse"][1] + 25, steps=4)
    page.mouse.up()
    moved = page.evaluate(where)
    assert np.subtract(moved["mouse"], zoomed["mouse"]) == pytest.approx([40, 25], abs=1.5)
    assert moved["unit"] == pytest.approx(zoomed["unit"])
    page.locator("#map-fit").click()
    assert page.evaluate(where)["unit"] > 1.5 * zoomed["unit"]


def test_shift_and_drag_select_an_area_whose_mean_is_decoded(page, shown, means):
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 12, box["y"] + 12)  # its corners are round
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 3, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    edge = page.evaluate("() => explorer.map.toMap([explorer.map.size()[0] / 2, 0])[0]")
    inside = shown.maps["umap"][:, 0] < in_own_units(shown.maps["umap"], (edge, 0.0))[0]
    assert 0 < inside.sum() < len(inside)
    assert page.locator("#selection-title").inner_text().startswith(f"{inside.sum()} images")
    mean = means[inside].mean(axis=0)
    assert np.abs(grey(page, "#selection-images canvas >> nth=0") - decoded(shown, mean)).max() < 2.5


def test_a_lasso_selects_what_it_goes_around(page, shown):
    page.get_by_role("button", name="Lasso").click()
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    corners = np.array([[0.5, 0.05], [0.95, 0.95], [0.5, 0.4], [0.05, 0.95]])  # a hollow shape, unlike its box
    along = [(1 - share) * corners[at - 1] + share * corners[at] for at in (1, 2, 3) for share in (0.25, 0.5, 0.75, 1)]
    places = [np.array([box["x"], box["y"]]) + point * [box["width"], box["height"]] for point in (corners[0], *along)]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    sides = page.evaluate("() => explorer.map.size()")
    on_map = np.array([page.evaluate("place => explorer.map.toMap(place)", list(corner * sides)) for corner in corners])
    points = (shown.maps["umap"] - shown.maps["umap"].min(axis=0)) / np.ptp(shown.maps["umap"], axis=0).max()
    inside = Path(on_map).contains_points(points)
    assert 3 < inside.sum() < 110
    assert page.locator("#selection-title").inner_text().startswith(f"{inside.sum()} images")
    assert page.get_by_role("button", name="Lasso").get_attribute("aria-pressed") == "false"


def test_a_class_that_is_switched_off_is_neither_drawn_nor_found(page, shown):
    coloured = lambda: (np.ptp(canvas_values(page, "#map"), axis=2) > 40).sum()  # noqa: E731
    before = coloured()
    for name in ("a", "b", "c"):
        page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_timeout(100)
    assert coloured() < 0.6 * before
    point_at(page, 40)  # of class a
    assert page.locator("#chosen-title").inner_text() != "Image 40, a"
    point_at(page, 43)  # of class d
    assert page.locator("#chosen-title").inner_text() == "Image 43, d"


def test_a_slider_redraws_the_image_of_its_latent(page, shown, means):
    slider = page.get_by_role("slider", name="Latent 2")
    before = grey(page, "#latents-image")
    slider.evaluate("slider => { slider.value = slider.max; slider.dispatchEvent(new Event('input')); }")
    page.wait_for_timeout(100)
    latent = means[0].copy()
    latent[2] = means[:, 2].max()
    assert np.abs(grey(page, "#latents-image") - decoded(shown, latent)).max() < 2.5
    assert np.abs(grey(page, "#latents-image") - before).max() > 5
    page.get_by_role("button", name="Back").click()
    page.wait_for_timeout(100)
    np.testing.assert_array_equal(grey(page, "#latents-image"), before)


def test_at_the_ends_of_a_slider_stands_what_the_image_would_become(page, shown, means):
    page.wait_for_timeout(300)
    ends = page.locator(".slider").filter(has=page.get_by_role("slider", name="Latent 2")).locator("canvas")
    for end, extreme in enumerate((means[:, 2].min(), means[:, 2].max())):
        latent = means[0].copy()
        latent[2] = extreme
        found = ends.nth(end).evaluate("canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 16, 16).data)")
        assert np.abs(np.array(found).reshape(16, 16, 4)[..., 0] - decoded(shown, latent)).max() < 2.5


def test_three_questions_lead_to_their_answers(page):
    read = "() => Array.from(explorer.store.latent)"
    before = page.evaluate(read)
    assert page.locator("#tour button").all_inner_texts() == [
        "Which classes lie near each other?",
        "What lies between a and b?",
        "What does the third slider do?",
    ]
    page.get_by_role("button", name="What does the third slider do?").click()
    third = int(page.locator("#sliders b").nth(2).inner_text())
    until(page, "latent => explorer.store.latent.some((value, at) => value !== latent[at])", before)
    moved = page.evaluate(read)
    assert [index for index, value in enumerate(moved) if value != before[index]] == [third]
    page.get_by_role("button", name="What lies between a and b?").click()
    assert page.evaluate("() => document.activeElement.id") == "path-play"
    until(page, "() => explorer.store.share > 0")


def test_sliders_are_ordered_by_kl_and_unused_latents_folded_away(browser, tmp_path, means, shown):
    model = VAE(SHAPE, 4, widths=(24,))
    model.set_weights([weight.numpy() for weight in shown.model.weights])
    kernel, bias = model.encoder.layers[-1].kernel, model.encoder.layers[-1].bias
    kernel.assign(kernel.numpy() * np.where(np.arange(8) == 1, 0.0, 1.0))  # the second mean does not vary any more
    bias.assign(bias.numpy() * np.where(np.arange(8) == 1, 0.0, 1.0))
    open_page(browser, write_page(exhibition(model), tmp_path / "page.html"))
    mean, log_var = (np.asarray(each) for each in model.encode(shown.images / np.float32(255)))
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).mean(axis=0)
    expected = [str(index) for index in np.argsort(-kl) if index != 1]
    assert browser.locator("#sliders b").all_inner_texts() == expected
    assert browser.locator("#unused-summary").inner_text().startswith("1 unused")
    assert browser.locator("#unused-sliders").is_hidden()


def test_another_sample_is_another_image(page):
    seen = set()
    for _ in range(3):
        page.get_by_role("button", name="Another sample").click()
        page.wait_for_timeout(80)
        seen.add(grey(page, "#latents-image").tobytes())
    assert len(seen) == 3
    assert page.locator("#latents-origin").inner_text() == "A sample of the prior"


def test_the_difference_of_two_classes_is_added(page, shown, means):
    page.locator("#shift-from").select_option("b")
    page.locator("#shift-to").select_option("d")
    page.locator("#shift-amount").evaluate(
        "slider => { slider.value = 0.75; slider.dispatchEvent(new Event('input')); }"
    )
    shift = class_shift(means, shown.labels, 1, 3)
    expected = decoded(shown, means[0] + 0.75 * shift)
    for _ in range(50):
        if (difference := np.abs(grey(page, "#shift-after") - expected).max()) < 2.5:
            break
        page.wait_for_timeout(100)
    assert difference < 2.5
    assert np.abs(grey(page, "#shift-before") - decoded(shown, means[0])).max() < 2.5
    strip = grey(page, "#shift-strip")
    assert np.abs(strip[:, 6 * 16 : 7 * 16] - decoded(shown, means[0] + shift)).max() < 2.5


def test_the_ends_of_a_path_are_chosen_by_number_class_and_map(page, shown):
    page.get_by_label("From: number of an image").fill("50")
    page.get_by_label("From: number of an image").press("Enter")
    page.get_by_label("To: any image of a class").select_option("d")
    state = page.evaluate("() => [explorer.store.from, explorer.store.to]")
    assert state[0] == 50
    assert shown.labels[state[1]] == 3
    page.evaluate("() => document.querySelector('#chosen-to').click()")
    assert page.evaluate("() => explorer.store.to") == page.evaluate("() => explorer.store.image")


def test_the_strips_are_saved_as_a_picture(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save these strips").click()
    picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert picture.format == "PNG"
    assert picture.size == (12 * 16 * 7, (3 * 16 + 2 * 4) * 7)
    assert download.value.suggested_filename == "path-0-1.png"


def test_a_play_goes_to_the_end_of_the_path(page):
    page.locator("#path-share").evaluate("slider => { slider.value = 0.9; slider.dispatchEvent(new Event('input')); }")
    page.get_by_role("button", name="Play the path").or_(page.locator("#path-play")).first.click()
    page.locator("#path-play", has_text="Pause").wait_for()
    page.locator("#path-play", has_text="Play").wait_for()
    assert page.evaluate("() => explorer.store.share") == 1.0


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


def test_one_draws_with_the_mouse(page):
    page.locator("#own-clear").click()
    page.wait_for_timeout(100)
    assert not grey(page, "#own-canvas").any()
    assert page.locator(".own-more").is_hidden()
    box = page.locator("#own-canvas").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    page.wait_for_timeout(100)
    drawn = grey(page, "#own-canvas")
    assert (drawn[7:9, 5:11] == 255).all()
    assert not drawn[:4].any()
    assert page.locator(".own-more").is_visible()


def test_the_address_brings_back_what_was_chosen(page, file):
    page.get_by_role("radio", name="PCA").click()
    page.evaluate(
        """() => { const { store, space } = explorer, latent = space.latent(7); latent[1] = 1.25;
        store.set({ image: 7, latent, from: 9, to: 11, share: 0.25, hidden: new Set([2]),
                    shift: { less: 2, plus: 0, amount: 0.5 } }); }"""
    )
    page.wait_for_timeout(400)
    fragment = page.evaluate("() => location.hash")
    read = """() => { const { map, image, latent, from, to, share, hidden, shift } = explorer.store;
        return { map, image, latent: Array.from(latent), from, to, share, hidden: [...hidden], shift }; }"""
    before = page.evaluate(read)
    open_page(page, file, fragment)
    assert page.evaluate(read) == before
    assert before["map"] == "pca"


@pytest.mark.parametrize(
    "fragment", ["#map=x&image=-1&from=999&to=a&at=9&hidden=77&shift=1,9,x&latents=9:1,b", "#&&=", "#%"]
)
def test_an_address_that_makes_no_sense_does_no_harm(browser, file, fragment):
    open_page(browser, file, fragment)
    assert browser.evaluate("() => [explorer.store.map, explorer.store.from]") == ["umap", 0]


def test_two_latents_are_a_map_themselves(browser, tmp_path):
    model = VAE(SHAPE, 2, widths=(24,))
    shown = exhibition(model)
    means = np.asarray(model.encode(shown.images / np.float32(255))[0])
    open_page(browser, write_page(shown, tmp_path / "page.html"))
    assert browser.locator("#map-choice button").first.inner_text() == "Latent plane"
    latent = in_own_units(means, point_at(browser, 12, (9, -7)))
    assert np.abs(grey(browser, "#pointer-image") - decoded(shown, latent)).max() < 1.5


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


def test_two_thousand_classes_leave_the_page_usable(browser, tmp_path, shown):
    names = tuple(f"class {number}" for number in range(2000))
    open_page(browser, write_page(exhibition(shown.model, count=2000, names=names), tmp_path / "page.html"))
    assert browser.locator("#legend").bounding_box()["height"] < 300
    browser.locator("#shift-to").select_option("class 1999")
    browser.wait_for_timeout(100)
    point_at(browser, 1234)
    image, label = browser.locator("#chosen-title").inner_text().removeprefix("Image ").split(", class ")
    assert image.replace(",", "") == label


HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "\"quoted\" & 'single' <!-- style --> \u2028 \\",
    "\u0645\u0644\u0627\u0628\u0633 \u05d1\u05d2\u05d3",
    "long " * 60 + "name",
)


def test_names_of_any_kind_are_shown_as_they_are(browser, tmp_path, shown):
    page = write_page(
        exhibition(shown.model, names=HOSTILE, title="</title><script>alert(2)</script>"), tmp_path / "p.html"
    )
    open_page(browser, page)
    assert browser.locator("#legend button span").evaluate_all("all => all.map(each => each.textContent)") == list(
        HOSTILE
    )
    assert browser.locator("img").count() == 0
    assert browser.title() == "Latent space of </title><script>alert(2)</script>"
    assert browser.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    browser.set_viewport_size({"width": 390, "height": 844})
    assert browser.evaluate("() => document.documentElement.scrollWidth") <= 390
    browser.set_viewport_size({"width": 1280, "height": 900})


def test_without_several_classes_their_parts_are_left_out(browser, tmp_path, shown):
    open_page(browser, write_page(exhibition(shown.model, names=("only",)), tmp_path / "page.html"))
    assert browser.locator("#legend").is_hidden()
    assert browser.locator("#shift-part").count() == 0
    assert browser.locator("#chosen-title").inner_text() == "Image 0"
    assert browser.locator("#path-part").is_visible()


def test_twenty_images_are_enough(browser, tmp_path, shown):
    open_page(browser, write_page(exhibition(shown.model, count=20), tmp_path / "page.html"))
    assert "20 test images" in browser.locator("#kicker").inner_text()
    point_at(browser, 19)
    assert browser.locator("#chosen-title").inner_text() == "Image 19, d"


def test_a_page_says_of_how_many_images_it_shows_a_part(browser, tmp_path, shown):
    part = exhibition(shown.model, count=40, numbers=np.arange(0, 120, 3), available=120)
    open_page(browser, write_page(part, tmp_path / "page.html"))
    assert "40 of 120 test images" in browser.locator("#kicker").inner_text()
    point_at(browser, 10)
    assert browser.locator("#chosen-title").inner_text() == "Image 30, c"


def test_the_same_exhibition_gives_the_same_page(shown):
    assert make_page(shown) == make_page(shown)
