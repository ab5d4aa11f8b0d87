"""Measure the page about a latent space.

python tests/helpers/explorer_speed.py saved_models/default/explorer.html
python tests/helpers/explorer_speed.py 50000    # of so many images of 8 x 8 in 40 latents, which nobody trained on
python tests/helpers/explorer_speed.py 2000 convolutional 64 3    # likewise: another network, side and channels
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from browser import FLAGS, find_chromium
from explorer_page import classes_of_bars, write_page
from playwright.sync_api import Page, sync_playwright

from keras_vae.explorer import Exhibition
from keras_vae.model import VAE

OPENINGS = 5

_DECODE = """() => {
    const { decode, space } = explorer, rounds = 200;
    for (let round = 0; round < 50; round++) decode(space.latent(round % space.count));
    const begun = performance.now();
    for (let round = 0; round < rounds; round++) decode(space.latent(round % space.count));
    return (performance.now() - begun) / rounds;
}"""

# Frames while something changes at every frame, for two seconds.
_FRAMES = """([kind]) => new Promise((done) => {
    const { store, map, facts } = explorer, begun = performance.now();
    const index = facts.latents.active.indexOf(true);
    const [low, high] = [facts.latents.low[index], facts.latents.high[index]];
    const input = document.getElementById(`latent-${index}`);
    (kind === "slider" ? input : document.getElementById("map")).scrollIntoView({ block: "center" });
    let frames = 0;
    function frame(now) {
        const share = (1 + Math.sin((now - begun) / 300)) / 2;
        if (kind === "slider") {
            input.value = low + share * (high - low);
            input.dispatchEvent(new Event("input"));
        } else map.panBy(share > 0.5 ? 3 : -3, 0);
        frames++;
        if (now - begun < 2000) requestAnimationFrame(frame);
        else done([frames, (now - begun) / 1000]);
    }
    requestAnimationFrame(frame);
})"""


def measure(file: Path) -> None:
    """Print how large the page is, how soon it is ready, and how fast it computes and draws."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        ready = [_seconds_to_open(browser.new_page(), file) for _ in range(OPENINGS)]
        page = browser.new_page(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        _seconds_to_open(page, file)
        page.wait_for_timeout(8_000)  # until what is computed at leisure is done
        rows = {
            "size of the file, MB": f"{file.stat().st_size / 1e6:.1f}",
            "ready after, s (all parts, the encoder too)": f"{statistics.median(ready):.2f}",
            "decoding an image, ms": f"{page.evaluate(_DECODE):.2f}",
        }
        for kind, what in {"slider": "a slider is pulled", "map": "the map is moved"}.items():
            speed, busy = _frames(page, kind)
            rows[f"frames a second while {what}"] = f"{speed:.0f}"
            rows[f"processor time of the page a frame while {what}, ms"] = f"{busy:.1f}"
        version = browser.version
        browser.close()
    print(f"| Chromium {version} without a GPU, {os.cpu_count()} CPUs | {file.name} |")
    print("| --- | ---: |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")


def _frames(page: Page, kind: str) -> tuple[float, float]:
    """Frames a second, and the milliseconds that the page's thread computes for each, which others cannot lengthen."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    before = busy()
    frames, seconds = page.evaluate(_FRAMES, [kind])
    return frames / seconds, 1000 * (busy() - before) / frames


def _seconds_to_open(page: Page, file: Path) -> float:
    page.set_default_timeout(120_000)
    begun = time.perf_counter()
    page.goto(f"file://{file.resolve()}")
    page.wait_for_selector("html[data-ready]", state="attached")
    return time.perf_counter() - begun


def measure_many(count: int, network: str = "dense", side: int = 8, channels: int = 1) -> None:
    """Print the same of a page with many images, which lie in groups on its map."""
    shape, classes = (side, side, channels), 10
    images, labels = classes_of_bars(count, shape, classes)
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(classes, 2)) * 4
    points = groups[labels] + rng.normal(size=(count, 2))
    model = VAE(shape, 40, network=network, widths=(256, 256) if network == "dense" else None)
    names = [f"class {label}" for label in range(classes)]
    shown = Exhibition("many", "bars", model, images, labels, names, {"umap": points})
    with tempfile.TemporaryDirectory() as folder:
        measure(write_page(shown, Path(folder) / f"{count} of {network} {side} x {side} x {channels}.html"))


if __name__ == "__main__":
    if sys.argv[1].isdecimal():
        count, *network = sys.argv[1:]
        measure_many(int(count), *network[:1], *map(int, network[1:]))
    else:
        measure(Path(sys.argv[1]))
