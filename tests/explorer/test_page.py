"""What a reader does on the page: point, choose, select, pull and walk."""

import io

import numpy as np
import pytest
from explorer_page import canvas_values, decoded, grey, in_own_units, point_at, settle, until
from matplotlib.path import Path
from PIL import Image
from sklearn.decomposition import PCA

from keras_vae.explorer import make_page
from keras_vae.latent_space.path_measures import class_shift
from keras_vae.latent_space.paths import spherical, straight


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


def test_a_dot_under_the_pointer_is_shown_with_its_reconstruction_before_it_is_chosen(page, shown, means):
    point_at(page, 42)
    assert page.locator("#chosen-title").inner_text() == "Image 42, c"
    assert page.locator("#chosen-note").inner_text() == "under the pointer"
    np.testing.assert_array_equal(grey(page, "#chosen-image"), shown.images[42, ..., 0])
    assert np.abs(grey(page, "#chosen-again") - decoded(shown, means[42])).max() < 2.5
    assert page.evaluate("() => explorer.store.image") == 0


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


def test_what_is_in_view_is_selected_without_a_pointer(page, shown):
    page.locator("#map").focus()
    for key in ("+", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    page.get_by_role("button", name="Select what is in view").press("Enter")
    left, top = page.evaluate("() => explorer.map.toMap([0, 0])")
    right, bottom = page.evaluate("() => explorer.map.toMap(explorer.map.size())")
    points = (shown.maps["umap"] - shown.maps["umap"].min(axis=0)) / np.ptp(shown.maps["umap"], axis=0).max()
    inside = ((points > [left, bottom]) & (points < [right, top])).all(axis=1)
    assert 3 < inside.sum() < 117
    assert page.locator("#selection-title").inner_text().startswith(f"{inside.sum()} images")


def test_the_nearest_classes_of_each_are_those_of_its_nearest_images(page, shown, means):
    distances = np.linalg.norm(means[:, np.newaxis] - means, axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = shown.labels[np.argsort(distances, axis=1)[:, :5]]
    for label, name in enumerate(shown.class_names):
        shares = np.bincount(nearest[shown.labels == label].ravel(), minlength=4) / nearest[shown.labels == label].size
        others = [at for at in np.argsort(-shares, kind="stable") if at != label and shares[at] >= 0.02]
        row = page.locator("#nearness-rows button", has=page.locator("b", has_text=name)).locator(".small")
        expected = {f"{shown.class_names[at]} {round(100 * shares[at])}%" for at in others}
        assert set(row.inner_text().split(", ")) == (expected or {"hardly any other class"})


def test_a_row_of_the_nearest_classes_shows_only_these_and_then_all_again(page):
    row = page.locator("#nearness-rows button").first
    names = {
        row.locator("b").inner_text(),
        *(each.rsplit(" ", 1)[0] for each in row.locator(".small").inner_text().split(", ")),
    }
    row.click()
    pressed = page.locator('#legend button[aria-pressed="true"]').all_inner_texts()
    assert set(pressed) == names
    assert 1 < len(names) < 4
    row.click()
    assert page.locator('#legend button[aria-pressed="true"]').count() == 4


def test_a_class_that_is_switched_off_is_neither_drawn_nor_found(page, shown):
    coloured = lambda: (np.ptp(canvas_values(page, "#map"), axis=2) > 40).sum()  # noqa: E731
    before = coloured()
    for name in ("a", "b", "c"):
        page.get_by_role("button", name=name, exact=True).click()
    for _ in range(50):  # until it is drawn, which takes a busy machine a while
        if coloured() < 0.6 * before:
            break
        page.wait_for_timeout(100)
    assert coloured() < 0.6 * before
    point_at(page, 40)  # of class a
    assert page.locator("#chosen-title").inner_text() != "Image 40, a"
    point_at(page, 43)  # of class d
    assert page.locator("#chosen-title").inner_text() == "Image 43, d"


def test_a_slider_redraws_the_image_of_its_latent(page, shown, means):
    slider = page.get_by_role("slider", name="Latent 2")
    before = grey(page, "#latents-image")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 20, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    settle(page)
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


def test_what_a_slider_does_is_shown_on_several_images(page, shown, means):
    page.get_by_role("slider", name="Latent 2").focus()
    settle(page)
    strips = page.locator("#slider-strips canvas")
    images = [0, 1, 2, 3]  # the chosen one, and one of each other class
    assert strips.count() == len(images)
    ends = np.linspace(means[:, 2].min(), means[:, 2].max(), 9)
    for row, image in enumerate(images):
        path = np.repeat(means[image : image + 1], 9, axis=0)
        path[:, 2] = ends
        expected = 255.0 * np.concatenate(list(np.asarray(shown.model.decode(path))[..., 0]), axis=1)
        assert np.abs(grey(page, f"#slider-strips canvas >> nth={row}") - expected).max() < 2.5


def test_the_keyboard_pulls_a_slider(page):
    slider = page.get_by_role("slider", name="Latent 1")
    before = page.evaluate("() => explorer.store.latent[1]")
    slider.focus()
    slider.press("End")
    assert page.evaluate("() => explorer.store.latent[1]") == float(slider.get_attribute("max")) > before


def test_along_a_path_stands_the_density_that_the_prior_has(page, shown, means):
    labels = page.locator("#path-chart text")
    values = [float(text.replace("\N{MINUS SIGN}", "-")) for text in labels.all_text_contents()[:-2]]
    places = labels.evaluate_all("all => all.map(each => Number(each.getAttribute('y')) - 4)")[:-2]
    lines = page.locator("#path-chart polyline").evaluate_all("all => all.map(each => each.getAttribute('points'))")
    (low, *_, high), (bottom, *_, top) = values, places
    for line, way in zip(lines[:2], (straight, spherical), strict=True):
        heights = np.array([float(point.split(",")[1]) for point in line.split()])
        found = low + (heights - bottom) / (top - bottom) * (high - low)
        path = way(means[:1], means[1:2], 41)[0]
        assert found == pytest.approx(np.asarray(shown.model.prior.log_density(path)), abs=0.01 * (high - low) + 0.05)


def test_three_questions_lead_to_their_answers(page):
    read = "() => Array.from(explorer.store.latent)"
    before = page.evaluate(read)
    assert page.locator("#tour button").all_inner_texts() == [
        "Which classes lie near each other?",
        "What lies between a and b?",
        "What does the third slider do?",
    ]
    page.get_by_role("button", name="What does the third slider do?").click()
    third = int(page.locator("#sliders input").nth(2).get_attribute("id").removeprefix("latent-"))
    until(page, "latent => explorer.store.latent.some((value, at) => value !== latent[at])", before)
    moved = page.evaluate(read)
    assert [index for index, value in enumerate(moved) if value != before[index]] == [third]
    page.get_by_role("button", name="What lies between a and b?").click()
    assert page.evaluate("() => document.activeElement.id") == "path-play"
    until(page, "() => explorer.store.share > 0")


def test_another_sample_is_another_image(page):
    seen = {grey(page, "#latents-image").tobytes()}
    for count in (2, 3, 4):
        page.get_by_role("button", name="Another sample").click()
        for _ in range(100):
            page.wait_for_timeout(80)
            seen.add(grey(page, "#latents-image").tobytes())
            if len(seen) == count:
                break
        assert len(seen) == count
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
    page.wait_for_timeout(300)  # the strip is drawn when the slider is still
    strip = grey(page, "#shift-strip")
    assert np.abs(strip[:, 6 * 16 : 7 * 16] - decoded(shown, means[0] + shift)).max() < 2.5


def test_the_ends_of_a_path_are_chosen_by_number_class_and_map(page, shown):
    page.get_by_label("From: number of an image").fill("50")
    page.get_by_label("From: number of an image").press("Enter")
    page.get_by_label("To: any image of a class").select_option("d")
    state = page.evaluate("() => [explorer.store.from, explorer.store.to]")
    assert state[0] == 50
    assert shown.labels[state[1]] == 3
    page.get_by_role("button", name="End of the path").click()
    assert page.evaluate("() => explorer.store.to") == page.evaluate("() => explorer.store.image")
    page.get_by_role("button", name="Another sample").click()  # which no path begins or ends at
    for name in ("Start of the path", "End of the path"):
        assert page.get_by_role("button", name=name).is_disabled()


def test_the_strips_are_saved_as_a_picture(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save these strips").click()
    picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert picture.format == "PNG"
    assert picture.size == (12 * 16 * 7, (3 * 16 + 2 * 4) * 7)
    assert download.value.suggested_filename == "path-0-1.png"


def test_a_play_goes_to_the_end_of_the_path(page):
    page.locator("#path-share").evaluate("slider => { slider.value = 0.5; slider.dispatchEvent(new Event('input')); }")
    page.get_by_role("button", name="Play the path").or_(page.locator("#path-play")).first.click()
    page.locator("#path-play", has_text="Pause").wait_for()
    page.locator("#path-play", has_text="Play").wait_for()
    assert page.evaluate("() => explorer.store.share") == 1.0


def test_the_same_exhibition_gives_the_same_page(shown):
    assert make_page(shown) == make_page(shown)
