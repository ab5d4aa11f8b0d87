"""The page about a latent space as a user has it: from the disk, in a headless Chromium, without a network."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from browser import FLAGS, find_chromium
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from keras_vae.explorer import Exhibition, make_page
from keras_vae.model import VAE

__all__ = [
    "SHAPE",
    "browser_page",
    "canvas_values",
    "classes_of_bars",
    "decoded",
    "exhibition",
    "grey",
    "in_own_units",
    "new_page",
    "open_page",
    "point_at",
    "settle",
    "until",
    "write_page",
]

SHAPE = (16, 16, 1)
"""Of the images of most pages that tests open."""

_PATIENCE = 120_000.0
"""Milliseconds after which a page that does not show something counts as broken, on however busy a machine."""


@contextmanager
def browser_page() -> Iterator[tuple[Page, list[str]]]:
    """A page of a browser, as `new_page` has it."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            with new_page(browser) as opened:
                yield opened
        finally:
            browser.close()


@contextmanager
def new_page(browser: Browser, **options: Any) -> Iterator[tuple[Page, list[str]]]:
    """A page that cannot reach any network, and a list that grows with every problem of it."""
    context = browser.new_context(
        offline=True, reduced_motion="reduce", **{"viewport": {"width": 1280, "height": 900}, **options}
    )
    page = context.new_page()
    page.set_default_timeout(_PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: problems.append(request.url) if _leaves(request.url) else None)
    page.on("dialog", lambda dialog: problems.append(f"dialog: {dialog.message}"))
    yield page, problems
    context.close()


def open_page(page: Page, path: Path, fragment: str = "") -> None:
    """Open the file and wait until all of it, the encoder too, is there and drawn."""
    page.goto("about:blank")
    page.goto(f"file://{path}{fragment}")
    page.wait_for_selector("html[data-ready]", state="attached")
    settle(page)


def settle(page: Page) -> None:
    """Wait until what was done is drawn, however long a frame takes, and the strips of images that follow too."""
    page.evaluate("""() => new Promise((done) => {
        const frame = (work) => requestAnimationFrame(() => requestAnimationFrame(work));
        const look = () => (document.querySelector("[aria-busy]") ? frame(look) : done());
        frame(look);
    })""")


def canvas_values(page: Page, canvas: str) -> np.ndarray:
    """What a canvas shows, `(h, w, 3)` uint8."""
    address = page.locator(canvas).evaluate("canvas => canvas.toDataURL()")
    content = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def classes_of_bars(
    count: int, shape: tuple[int, int, int], classes: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright band at a place that belongs to their class, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = rng.integers(0, 60, (count, *shape), np.uint8)
    height = max(1, shape[0] // classes)
    for image, label in zip(images, labels, strict=True):
        image[label * height : (label + 1) * height] = rng.integers(150, 255)
    return images, labels


def exhibition(
    model: VAE, count: int = 120, names: tuple[str, ...] = ("a", "b", "c", "d"), **changes: Any
) -> Exhibition:
    """Images in the latent space of a small model, with two maps: one that is PCA, and one that is not linear."""
    images, labels = classes_of_bars(count, model.image_shape, len(names))
    model.adapt(images)
    mean = np.asarray(model.encode(images / np.float32(255))[0], np.float64)
    left, _, right = np.linalg.svd(mean - mean.mean(axis=0), full_matrices=False)
    plane = (mean - mean.mean(axis=0)) @ right[:2].T
    pca = np.pad(plane, ((0, 0), (0, 2 - plane.shape[1])))
    angle = np.arctan2(left[:, 0], left[:, -1])
    maps = {"umap": np.stack([3.0 * np.cos(angle) + labels, np.sin(angle)], axis=1), "pca": pca}
    ends = np.array([[0, 1], [3, min(77, count - 1)]])
    paths = {"path_ends": ends, "shortest_paths": _detour(mean, ends)}
    shown = {"images": images, "labels": labels, "class_names": names, "maps": maps}
    return Exhibition(model=model, **{"title": "tiny", "dataset": "bars", **shown, **paths, **changes})


def write_page(shown: Exhibition, path: Path) -> Path:
    """The page of an exhibition as a file."""
    path.write_bytes(make_page(shown))
    return path


def point_at(page: Page, index: int, by: tuple[float, float] = (0.0, 0.0)) -> tuple[float, float]:
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


def until(page: Page, condition: str, given: Any = None) -> None:
    """Wait for what a function of the page says; its policy forbids Playwright's own way."""
    for _ in range(600):
        if page.evaluate(condition, given):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"It never came true: {condition}")


def decoded(shown: Exhibition, latent: np.ndarray) -> np.ndarray:
    """What Python decodes, in grey values."""
    return 255.0 * np.asarray(shown.model.decode(np.float32([latent])))[0, ..., 0]


def grey(page: Page, canvas: str) -> np.ndarray:
    """What a canvas shows, in grey values."""
    return canvas_values(page, canvas)[..., 0].astype(float)


def in_own_units(points: np.ndarray, place: tuple[float, float]) -> np.ndarray:
    """A place on a map, from 0 to 1, in the units that its points have."""
    return points.min(axis=0) + np.array(place) * np.ptp(points, axis=0).max()


def _leaves(url: str) -> bool:
    return not url.startswith(("file:", "blob:", "data:", "about:"))


def _detour(means: np.ndarray, ends: np.ndarray, steps: int = 6) -> np.ndarray:
    """Paths that are not straight: `(n, steps, d)`, between the means of the images that they begin and end at."""
    share = np.linspace(0.0, 1.0, steps)[:, np.newaxis]
    line = (1 - share) * means[ends[:, 0], np.newaxis] + share * means[ends[:, 1], np.newaxis]
    return line + np.sin(np.pi * share)
