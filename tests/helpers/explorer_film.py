"""Film the page about a latent space: python tests/helpers/explorer_film.py docs/explorer.html docs/explorer.gif."""

import io
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from browser import FLAGS, find_chromium
from PIL import Image
from playwright.sync_api import Page, sync_playwright

SIZE = {"width": 1000, "height": 620}
WIDTH = 760  # pixels of the film
COLOURS = 160
GREYS = 64  # besides, as the images are grey
MILLISECONDS = 110  # of a frame

# Where the middles of ten classes lie on the screen.
_MIDDLES = """() => {
    const { map, space, facts } = explorer, { x, y } = map.map(), box = map.canvas.getBoundingClientRect();
    const median = (axis, label) => {
        const values = Array.from(axis).filter((_, index) => space.labels[index] === label);
        return values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
    };
    return facts.classes.slice(0, 10).map(({ label }) => {
        const [left, top] = map.toScreen([median(x, label), median(y, label)]);
        return [left + box.left, top + box.top];
    });
}"""


def film(page_file: Path, path: Path) -> None:
    """Move over the map, pull the third slider, walk along a path; and keep what is seen as a GIF."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        page.set_default_timeout(120_000)
        page.goto(f"file://{page_file.resolve()}")
        page.wait_for_selector("html[data-ready]", state="attached")
        page.wait_for_timeout(10_000)  # until the verdicts and the ends of the sliders are there
        frames = [*_move_over_the_map(page), *_pull_a_slider(page), *_walk(page)]
        browser.close()
    palette = _palette(frames[:: len(frames) // 3])
    first, *others = [frame.quantize(COLOURS, palette=palette, dither=Image.Dither.NONE) for frame in frames]
    first.save(path, save_all=True, append_images=others, duration=MILLISECONDS, loop=0, optimize=True)
    print(f"{path}: {len(frames)} frames, {path.stat().st_size / 1e6:.2f} MB")


def _palette(frames: list[Image.Image]) -> Image.Image:
    """Colours that serve all frames, and greys."""
    together = Image.fromarray(np.concatenate([np.asarray(frame) for frame in frames]))
    colours = together.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).getpalette()[: 3 * COLOURS]
    greys = np.repeat(np.linspace(0, 255, GREYS).astype(int), 3).tolist()
    palette = Image.new("P", (1, 1))
    palette.putpalette([*colours, *greys])
    return palette


def _move_over_the_map(page: Page) -> Iterator[Image.Image]:
    """From class to class, in the order of their colours."""
    page.locator("#map-part .bar").scroll_into_view_if_needed()
    page.evaluate("() => window.scrollTo(0, document.querySelector('#map-part .bar').offsetTop - 12)")
    places = page.evaluate(_MIDDLES)
    order = sorted(places, key=lambda place: place[0])
    for start, end in itertools.pairwise(order[:7]):
        for share in np.linspace(0.0, 1.0, 5)[:-1]:
            yield _frame(page, *((1 - share) * np.array(start) + share * np.array(end)))


def _pull_a_slider(page: Page) -> Iterator[Image.Image]:
    page.evaluate("() => window.scrollTo(0, document.querySelector('#latents-part').offsetTop)")
    slider = page.locator("#sliders input").nth(2)
    low, high = (float(slider.get_attribute(name)) for name in ("min", "max"))
    for share in (1 + np.sin(np.linspace(0, 2 * np.pi, 16))) / 2:
        pull = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')); }"
        slider.evaluate(pull, low + share * (high - low))
        yield _frame(page)


def _walk(page: Page) -> Iterator[Image.Image]:
    page.evaluate("() => window.scrollTo(0, document.querySelector('#path-ends').offsetTop - 12)")
    for share in np.linspace(0.0, 1.0, 18):
        page.evaluate("share => explorer.store.set({ share })", share)
        yield _frame(page)


def _frame(page: Page, *pointer: float) -> Image.Image:
    if pointer:
        page.mouse.move(*pointer)
    page.wait_for_timeout(150)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    film(Path(sys.argv[1]), Path(sys.argv[2]))
