"""TensorBoard's Embedding Projector as a user sees it: driven and photographed in a headless Chromium."""

import io
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Request, Response, sync_playwright

__all__ = ["FLAGS", "check_projector", "find_chromium", "photograph_projector"]

_PATIENCE = 180.0
"""Seconds after which a page that does not show something counts as broken, on however busy a machine."""

_BACKGROUND = 250
"""A pixel is blank if its darkest channel is at least this bright, of 255."""

_VIVID = 40
"""A pixel is coloured if its channels differ by more than this, of 255."""

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


def check_projector(
    url: str, run: str, tensor: str, counts: Mapping[str, int], searched: str, screenshot: Path | None = None
) -> None:
    """Assert that a user can open, colour and search an embedding, and that the page is at peace.

    Args:
        url: A TensorBoard's address.
        run: The projector's run, such as `<run>/projector`.
        tensor: The embedding's name.
        counts: How many points each label has.
        searched: A label that is not a part of another one.
        screenshot: Where to keep a picture of the coloured page.
    """
    with _open_projector(url, run, tensor) as view:
        assert Counter(view.labels()) == counts
        view.until(view.projects_to_finite_values, "every point has its place")
        view.until(lambda: view.share_drawn() > 0.05, "points are drawn")
        assert view.share_coloured() < 0.01, "there is colour before one has been asked for"

        view.color_by("label")
        assert view.legend() == counts
        view.until(lambda: view.share_coloured() > 0.02, "points are coloured")
        if screenshot:
            view.photograph(screenshot)

        view.isolate(searched)
        assert Counter(view.labels()) == {searched: counts[searched]}
        view.until(view.projects_to_finite_values, "every point has its place")
        view.until(lambda: view.share_drawn() > 0.005, "the isolated points are drawn")
        view.show_all()
        assert Counter(view.labels()) == counts


def photograph_projector(
    url: str, run: str, tensor: str, path: Path, flat: bool = False, size: tuple[int, int] = (1600, 1000)
) -> None:
    """Save a picture of the page with its points coloured by label.

    Args:
        url: A TensorBoard's address.
        run: The projector's run, such as `<run>/projector`.
        tensor: The embedding's name.
        path: The PNG file to write.
        flat: Whether to draw two dimensions, as suits a map, instead of three.
        size: Width and height in pixels.
    """
    with _open_projector(url, run, tensor, size) as view:
        if flat:
            view.flatten()
        view.color_by("label")
        view.until(lambda: view.share_coloured() > 0.02, "points are coloured")
        view.photograph(path)


@contextmanager
def _open_projector(url: str, run: str, tensor: str, size: tuple[int, int] = (1280, 800)) -> Iterator["_Projector"]:
    """Open a tensor; at the end assert that the page met no error and sent no request off this machine."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_default_timeout(_PATIENCE * 1000)
        problems = _collect_problems(page, url)
        try:
            page.goto(f"{url}/#projector")
            view = _Projector(page)
            view.open(run, tensor)
            yield view
        finally:
            print(*problems, sep="\n")  # They explain what the user did not get to see.
            browser.close()
    assert problems == []


def find_chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("CI"):
        pytest.fail("There is no Chromium: continuous integration must look at the page.")
    pytest.skip("There is no Chromium to look at the page with.")


def _collect_problems(page: Page, url: str) -> list[str]:
    """Return a list that grows with every error of the page, failed request and request to another machine."""
    problems: list[str] = []

    def on_request(request: Request) -> None:
        if not request.url.startswith((f"{url}/", "data:", "blob:")):
            problems.append(f"left this machine: {request.url}")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            problems.append(f"status {response.status}: {response.url}")

    def on_failure(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # The page itself withdraws a question that has been superseded.
            problems.append(f"{request.failure}: {request.url}")

    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("request", on_request)
    page.on("response", on_response)
    page.on("requestfailed", on_failure)
    return problems


class _Projector:
    """The page, in the words of its user."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._view = page.frame_locator("iframe").frame_locator("iframe")
        self._element = self._view.locator("vz-projector")
        self._scatter = self._view.locator("#scatter")

    def open(self, run: str, tensor: str) -> None:
        self._wait_for_data()
        for menu, choice in (("runs found", run), ("tensors? found", tensor)):
            # The old tensor stays in view until the new one arrives: only a mark tells them apart.
            self._element.evaluate("projector => { projector.dataSet.isOld = true; }")
            if self._choose(menu, choice):
                self._wait_for_data("!projector.dataSet.isOld")
        shown = self._element.evaluate(
            "projector => [projector.dataPanel.selectedRun, projector.dataPanel.selectedTensor]"
        )
        assert shown == [run, tensor]
        self._scatter.click(position={"x": 5, "y": 5})  # Stops the rotation, so that pictures can be compared.

    def labels(self) -> list[str]:
        return self._element.evaluate("projector => projector.dataSet.points.map(point => point.metadata.label)")

    def projects_to_finite_values(self) -> bool:
        return self._element.evaluate(
            "({dataSet, projection}) => Boolean(projection) && dataSet.points.every(point => "
            "projection.projectionComponents.every(component => Number.isFinite(point.projections?.[component])))"
        )

    def color_by(self, column: str) -> None:
        self._choose("Color by", column)

    def legend(self) -> dict[str, int]:
        items = self._view.locator("vz-projector-legend .item")
        items.first.wait_for()
        return {label: int(count) for label, count in (text.split("\n") for text in items.all_inner_texts())}

    def isolate(self, text: str) -> None:
        self._view.locator("vz-projector-inspector-panel #search-box input").fill(text)
        self._press("set-filter")

    def show_all(self) -> None:
        self._press("reset-filter")

    def flatten(self) -> None:
        self._view.locator("#z-checkbox").click()

    def share_drawn(self) -> float:
        return float((self._pixels().min(axis=2) < _BACKGROUND).mean())

    def share_coloured(self) -> float:
        return float((np.ptp(self._pixels(), axis=2) > _VIVID).mean())

    def photograph(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._page.screenshot(path=path)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"It never came true that {what}."
            self._page.wait_for_timeout(250)

    def _choose(self, label: str, choice: str) -> bool:
        """Choose from the menu with this label; return whether there was such a menu and it had another value."""
        menus = self._view.locator("vz-projector-data-panel paper-dropdown-menu")
        menu = menus.filter(has_text=re.compile(label))
        if menu.count() == 0 or menu.evaluate("menu => menu.value") == choice:
            return False
        menu.click()
        menu.locator("paper-item").filter(has_text=re.compile(rf"^\s*{re.escape(choice)}(\s|$)")).click()
        self.until(lambda: menu.evaluate("menu => menu.value") == choice, f"{choice} is chosen")
        return True

    def _press(self, button: str) -> None:
        self._view.locator(f"vz-projector-inspector-panel button.{button}").click()

    def _wait_for_data(self, condition: str = "true") -> None:
        ready = "projector.dataSet?.spriteAndMetadataInfo && projector.projection"
        self.until(lambda: self._element.evaluate(f"projector => Boolean({ready} && {condition})"), "a tensor is shown")
        self._view.locator("#notification-dialog").wait_for(state="hidden")  # It shows what is loading, and errors.

    def _pixels(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self._scatter.screenshot())).convert("RGB"))
