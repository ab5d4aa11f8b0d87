"""Where to decode an image takes long, the page goes on answering: it draws one image at a time."""

import io

import numpy as np
import pytest
from explorer_page import exhibition, grey, new_page, open_page, settle, until, write_page
from PIL import Image

from keras_vae.model import VAE

# A clock by which each image that is drawn takes 20 ms; and which images are drawn between two of the page's breaks.
SLOW = """() => {
    let late = 0, task = 0;
    const { now } = performance, { setTimeout: wait, requestAnimationFrame: frame } = window;
    performance.now = () => now.call(performance) + late;
    window.setTimeout = (work, ...given) => wait(() => { task++; work(); }, ...given);
    window.requestAnimationFrame = (work) => frame((time) => { task++; work(time); });
    window.drawn = [];
    const { putImageData } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.putImageData = function (...given) {
        late += 20;
        window.drawn.push([task, this.canvas.id || this.canvas.parentElement?.id || `${this.canvas.width} wide`]);
        putImageData.apply(this, given);
    };
}"""
CHANGES = {
    "strips between two images": ("{ from: 9, to: 11 }", "strip-", 24),
    "what a slider does": ("{ slider: 3 }", "slider-strips", 36),
    "an attribute": ("{ shift: { less: 2, plus: 0, amount: 0.5 } }", "shift-strip", 9),
}


@pytest.mark.parametrize("change", CHANGES)
def test_images_beside_each_other_are_drawn_one_at_a_time(change, page):
    values, canvas, count = CHANGES[change]
    page.evaluate(SLOW)
    page.evaluate(f"() => explorer.store.set({values})")
    page.wait_for_timeout(250)  # until the reader pauses
    settle(page)
    tasks = [task for task, drawn_on in page.evaluate("() => drawn") if drawn_on.startswith(canvas)]
    assert len(tasks) == count
    assert len(set(tasks)) == count


def test_the_plane_of_two_latents_is_drawn_one_image_at_a_time(browser, tmp_path):
    file = write_page(exhibition(VAE((16, 16, 1), 2, widths=(8,))), tmp_path / "page.html")
    with new_page(browser.context.browser) as (page, problems):
        page.add_init_script(f"({SLOW})()")
        open_page(page, file)
        read = "() => drawn.filter(([, on]) => on === '320 wide').map(([task]) => task)"  # 20 x 20 images
        until(page, f"() => ({read})().length >= 400")
        tasks = page.evaluate(read)
    assert len(set(tasks)) == len(tasks) == 400
    assert problems == []


def test_strips_that_are_still_being_drawn_are_saved_whole(page):
    page.evaluate(SLOW)
    with page.expect_download() as download:
        page.evaluate("""() => {
            explorer.store.set({ from: 3, to: 77 });
            document.getElementById("path-save").click();
        }""")
    saved = np.asarray(Image.open(io.BytesIO(download.value.path().read_bytes())))[3::7, 3::7, 0]
    settle(page)
    assert download.value.suggested_filename == "path-3-77.png"
    for row, name in enumerate(("straight", "spherical", "shortest")):
        np.testing.assert_array_equal(saved[20 * row : 20 * row + 16], grey(page, f"#strip-{name}"))
