"""What is drawn on the map besides the dots: paths and one's own image, each where Python says that it belongs."""

import numpy as np
import pytest
from explorer_page import canvas_values, settle, until

from keras_vae.latent_space.paths import spherical, straight

# The share of a path's steps that are seen at least: later paths lie above earlier ones, and have gaps between dashes;
# on a map without a formula each step has a dot of its own.
LEAST = {
    "pca": {"straight": 0.8, "spherical": 0.3, "shortest": 0.3},
    "umap": {"straight": 0.5, "spherical": 0.5, "shortest": 0.6},
}
COLOURS = {"straight": "accent", "spherical": "second", "shortest": "third"}


def place_of(shown, means, name: str, latents: np.ndarray) -> np.ndarray:
    """Where latents belong on a map, from 0 to 1."""
    points = shown.maps[name]
    if name == "pca":
        line = np.linalg.lstsq(means - means.mean(axis=0), points, rcond=None)[0]
        found = (latents - means.mean(axis=0)) @ line
    else:
        apart = np.linalg.norm(latents[:, np.newaxis] - means, axis=2)
        nearest = np.argsort(apart, axis=1)[:, :8]
        weights = 1 / (np.take_along_axis(apart, nearest, axis=1) ** 2 + 1e-12)
        found = np.sum(points[nearest] * weights[..., np.newaxis], axis=1) / weights.sum(axis=1, keepdims=True)
    return (found - points.min(axis=0)) / np.ptp(points, axis=0).max()


def seen_at(page, places: np.ndarray, colour: str) -> np.ndarray:
    """Whether the map shows a colour of the style sheet at each place, or a pixel beside it."""
    screen = np.array(page.evaluate("all => all.map(explorer.map.toScreen)", places.tolist()))
    style = f"() => getComputedStyle(document.documentElement).getPropertyValue('--{colour}').trim()"
    wanted = page.evaluate(style)
    values = canvas_values(page, "#map").astype(int)
    is_wanted = np.abs(values - [int(wanted[at : at + 2], 16) for at in (1, 3, 5)]).max(axis=2) < 40
    x, y = screen.round().astype(int).T
    return np.array([is_wanted[b - 1 : b + 2, a - 1 : a + 2].any() for a, b in zip(x, y, strict=True)])


def only(page, name: str, **values) -> None:
    """A map with nothing but paths on it."""
    page.evaluate("values => explorer.store.set({ ...values, hidden: new Set([0, 1, 2, 3]) })", {"map": name, **values})
    settle(page)


def ways(shown, means) -> dict[str, np.ndarray]:
    """The paths between the images 3 and 77, in 25 steps."""
    ends = means[[3]], means[[77]]
    computed = shown.shortest_paths[1]
    at = np.linspace(0, len(computed) - 1, 25)
    shortest = np.stack([np.interp(at, range(len(computed)), each) for each in computed.T], axis=1)
    return {"straight": straight(*ends, 25)[0], "spherical": spherical(*ends, 25)[0], "shortest": shortest}


@pytest.mark.parametrize("name", ["pca", "umap"])
def test_the_paths_are_on_the_map_where_python_places_their_latents(name, page, shown, means):
    page.evaluate("() => explorer.store.set({ from: 3, to: 77 })")
    only(page, name, share=0)
    for way, path in ways(shown, means).items():
        places = place_of(shown, means, name, path)
        assert np.ptp(places, axis=0).max() > 0.05
        seen = seen_at(page, places, COLOURS[way])
        assert seen.mean() > LEAST[name][way]
        assert seen_at(page, 1 - places, COLOURS[way]).mean() < 0.3


@pytest.mark.parametrize("name", ["pca", "umap"])
@pytest.mark.parametrize("step", [6, 15])
def test_a_disc_on_each_path_is_where_the_slider_stands(step, name, page, shown, means):
    page.evaluate("() => explorer.store.set({ from: 3, to: 77 })")
    only(page, name, share=step / 24)
    for way, path in reversed(ways(shown, means).items()):
        x, y = place_of(shown, means, name, path[[step]])[0]
        unit = page.evaluate("() => explorer.map.toMap([1, 0])[0] - explorer.map.toMap([0, 0])[0]")
        around = np.array([(x + 3 * unit * right, y + 3 * unit * up) for right in (-1, 0, 1) for up in (-1, 0, 1)])
        assert seen_at(page, around, COLOURS[way]).all() or way != "shortest"  # the last one lies above the others
        found = page.evaluate("latent => explorer.map.map().place(latent)", path[step].tolist())
        assert found == pytest.approx([x, y], abs=0.01)


@pytest.mark.parametrize("name", ["pca", "umap"])
def test_ones_own_image_is_on_the_map_where_python_places_its_mean(name, page, shown, means):
    page.locator("#own-canvas").click(position={"x": 80, "y": 120})
    until(page, "() => explorer.store.own !== null")
    drawn = page.evaluate(
        "() => [...document.getElementById('own-canvas').getContext('2d').getImageData(0, 0, 16, 16).data]"
    )
    image = np.array(drawn, np.float32).reshape(1, 16, 16, 4)[..., :1] / 255
    mean = np.asarray(shown.model.encode(image)[0])
    page.evaluate("() => explorer.store.set({ to: explorer.store.from })")
    only(page, name, view=None)
    nearest = np.argsort(np.linalg.norm(means - mean, axis=1))[:10]
    numbers = page.locator("#own-nearest button").evaluate_all("all => all.map((each) => each.title)")
    assert numbers == [f"Image {index}, {'abcd'[shown.labels[index]]}" for index in nearest]
    place = place_of(shown, means, name, mean)
    page.evaluate("([x, y]) => explorer.store.set({ view: { x, y, zoom: 1 } })", place[0].tolist())
    settle(page)
    assert seen_at(page, place, "second").all()
    assert not seen_at(page, place + np.array([[0.2, 0.1]]), "second").any()
