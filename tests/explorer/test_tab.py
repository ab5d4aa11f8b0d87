"""The tab in a real TensorBoard: a menu of the runs that were explored, each with its page, in a real browser."""

import contextlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from axe_playwright_python.sync_playwright import Axe
from browser import FLAGS, find_chromium
from explorer_page import exhibition
from playwright.sync_api import sync_playwright
from tensorboard.errors import NotFoundError
from tensorboard.plugins.base_plugin import TBContext
from tensorboard_server import tensorboard
from werkzeug.test import Client

from keras_vae.explorer.log_folder import FOLDER, find_runs, write_log_folder
from keras_vae.explorer.page import packed
from keras_vae.explorer.plugin import ExplorerPlugin
from keras_vae.model import VAE


def write_run(folder: Path, explored: bool = True, title: str = "tiny", width: int = 24) -> VAE:
    """A run as TensorBoard finds it: scalars, and an explorer where it was explored."""
    with tf.summary.create_file_writer(str(folder / "train")).as_default():
        tf.summary.scalar("loss", 1.0, step=0)
    model = VAE((16, 16, 1), 4, widths=(width,))
    if explored:
        content = packed(exhibition(model, title=title))
        write_log_folder(folder / FOLDER, content.facts, {name: part.content for name, part in content.parts.items()})
    return model


@pytest.fixture(scope="module")
def logs(tmp_path_factory) -> Path:
    """Two runs that were explored, and one that is still training."""
    folder = tmp_path_factory.mktemp("logs")
    write_run(folder / "first")
    write_run(folder / "second & <b>", title="another")
    write_run(folder / "training", explored=False)
    return folder


@pytest.fixture(scope="module")
def copied(tmp_path_factory) -> tuple[Path, VAE]:
    """A log folder that is no longer where it was written."""
    folder = tmp_path_factory.mktemp("copied")
    model = write_run(folder / "here" / "original", title="from elsewhere")
    shutil.move(folder / "here", folder / "there")
    return folder / "there", model


@pytest.fixture(scope="module")
def url(logs, copied):
    """A TensorBoard of several log folders."""
    with tensorboard(f"{logs},copied:{copied[0]}", ["scalars", "explorer"], installed=True) as url:
        yield url


@contextlib.contextmanager
def tab(url: str, fragment: str = "#explorer", **options):
    """The tab as it opens, in a browser in which nothing goes wrong and nothing leaves this machine."""
    with board(url, fragment, **options) as page:
        yield page.frame_locator("iframe")


@contextlib.contextmanager
def board(url: str, fragment: str = "#explorer", **options):
    """TensorBoard's own page, in which the tab is a frame, likewise."""
    problems = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("request", lambda asked: problems.append(asked.url) if not asked.url.startswith((url, "data:")) else 0)
        page.goto(f"{url}/{fragment}")
        yield page
        browser.close()
    assert problems == []


def title(view) -> str:
    """Which run's page is open, once it computes."""
    shown = view.frame_locator("iframe")
    shown.locator("html[data-ready]").wait_for(state="attached")
    return shown.locator("#kicker").inner_text()


def test_the_tab_lists_the_runs_that_were_explored_and_shows_the_chosen_one(url, copied):
    with tab(url) as view:
        assert title(view).startswith("Run from elsewhere")
        menu = view.get_by_label("Run")
        assert menu.locator("option").all_inner_texts() == ["copied/original", "first", "second & <b>"]

        latents = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
        code = "(_, rows) => rows.map(row => Array.from(explorer.decode(Float32Array.from(row))))"
        found = view.frame_locator("iframe").locator("html").evaluate(code, latents.tolist())
        assert np.abs(np.array(found) - np.asarray(copied[1].decode(latents)).reshape(10, -1)).max() < 1e-3

        menu.select_option("second & <b>")
        view.frame_locator("iframe").get_by_text("Run another").wait_for()
        assert title(view).startswith("Run another")


def frame_of(page, part: str):
    """The frame of the tab, or that of the run's page in it, once it is there."""
    page.frame_locator("iframe").frame_locator("iframe").locator("html[data-ready]").wait_for(state="attached")
    return next(frame for frame in page.frames if part in frame.url)


def until(page, condition) -> None:
    for _ in range(600):
        if condition():
            return
        page.wait_for_timeout(100)
    raise AssertionError("It never came true.")


STATE = "() => [explorer.store.image, explorer.store.map, explorer.store.view, [...explorer.store.hidden]]"


def test_a_link_to_tensorboard_opens_the_same_run_in_the_same_state(url):
    with board(url) as page:
        page.frame_locator("iframe").get_by_label("Run").select_option("second & <b>")
        page.frame_locator("iframe").frame_locator("iframe").get_by_text("Run another").wait_for()
        frame = frame_of(page, "/page?run=second")
        view = {"x": 0.4, "y": 0.55, "zoom": 2.5}
        code = """view => explorer.store.set(
            { map: 'pca', view, hidden: new Set([1]), image: 7, latent: explorer.space.latent(7) })"""
        frame.evaluate(code, view)
        until(page, lambda: "image%3D7" in page.url)
        link = page.url
        page.get_by_text("Scalars", exact=False).first.click()
        until(page, lambda: "#scalars" in page.url)
        page.get_by_role("tab", name=re.compile("latent space", re.I)).click()
        until(page, lambda: "#explorer" in page.url)
        assert page.url == link  # what was chosen is still there
    for given in (link, link[:-3]):
        with board(url, given.removeprefix(f"{url}/")) as page:
            frame = frame_of(page, "/page?run=second")
            assert frame.evaluate(STATE)[:2] == [7, "pca"]
            if given == link:
                assert frame.evaluate(STATE)[2:] == [view, [1]]


def test_a_page_that_is_being_left_tells_no_state_of_the_next_one(url):
    with board(url) as page:
        frame, held = frame_of(page, "/page?run=copied"), []
        page.route("**/page?run=second*", lambda route: held.append(route))
        page.frame_locator("iframe").get_by_label("Run").select_option("second & <b>")
        until(page, lambda: held)
        frame.evaluate("() => explorer.store.set({ share: 0.25 })")
        page.wait_for_timeout(600)
        assert "p.explorer.run=second" in page.url
        assert "at%3D0.250" not in page.url
        held[0].continue_()
        page.frame_locator("iframe").frame_locator("iframe").get_by_text("Run another").wait_for()


def test_a_link_to_a_run_that_is_not_there_opens_the_first_one(url):
    with tab(url, "#explorer&p.explorer.run=gone&p.explorer.state=%23image%3D7") as view:
        assert title(view).startswith("Run from elsewhere")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_audit_of_accessibility_of_the_tab_finds_nothing(scheme, url):
    with board(url, color_scheme=scheme) as page:
        page_of_run = frame_of(page, "/page?run=")
        for frame in (next(each for each in page.frames if "plugin_entry" in each.url), page_of_run):
            found = Axe().run(frame).response
            assert len(found["passes"]) > 5
            assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]] == []


def test_a_run_that_is_explored_while_the_tab_is_open_joins_the_menu(url, logs):
    with tab(url) as view:
        title(view)
        menu = view.get_by_label("Run")
        assert "training" not in menu.locator("option").all_inner_texts()
        write_run(logs / "training", title="trained")
        menu.focus()
        view.locator("option", has_text="training").wait_for(state="attached")
        assert menu.input_value() == "copied/original"
        menu.select_option("training")
        view.frame_locator("iframe").get_by_text("Run trained").wait_for()


def asked(plugin: ExplorerPlugin, route: str, **query: str):
    """What the plugin answers to a request, without a server around it."""
    pattern = "/assets/*" if route.startswith("/assets/") else route
    return Client(plugin.get_plugin_apps()[pattern]).get(route, query_string=query)


def plugin_of(folder: Path) -> ExplorerPlugin:
    return ExplorerPlugin(TBContext(logdir=str(folder)))


def test_without_an_explored_run_the_tab_is_not_active(tmp_path):
    write_run(tmp_path / "training", explored=False)
    plugin = plugin_of(tmp_path)
    assert not plugin.is_active()
    assert asked(plugin, "/runs").json == {"runs": [], "command": "python scripts/explore.py"}
    write_run(tmp_path / "training")
    assert plugin.is_active()


def test_a_log_folder_below_home_is_found_as_tensorboard_finds_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_run(tmp_path / "logs" / "training")
    assert plugin_of(Path("~/logs")).is_active()


@pytest.mark.parametrize(
    ("route", "query"),
    [
        ("/page", {"run": "nothing"}),
        ("/page", {"run": "../first"}),
        ("/page", {}),
        ("/part", {"run": "first", "name": "../facts.json"}),
        ("/assets/../plugin.py", {}),
        ("/assets/index.html", {}),
    ],
)
def test_what_is_not_there_is_not_found(route, query, logs):
    with pytest.raises(NotFoundError):
        asked(plugin_of(logs), route, **query)


def test_a_folder_from_elsewhere_opens_no_file_outside_of_itself(tmp_path):
    write_run(tmp_path / "run")
    (tmp_path / "secret.bin").write_bytes(b"secret")
    change_facts(tmp_path / "run", lambda facts: facts["parts"]["decoder"].update(file="../../secret.bin"))
    with pytest.raises(NotFoundError):
        asked(plugin_of(tmp_path), "/part", run="run", name="decoder")


def test_a_run_of_another_version_is_answered_with_the_command(tmp_path):
    write_run(tmp_path / "run")
    change_facts(tmp_path / "run", lambda facts: facts.update(format=0))
    answer = asked(plugin_of(tmp_path), "/page", run="run").text
    assert answer.endswith("by another version of keras_vae. Once more: python scripts/explore.py run")


def change_facts(run: Path, change) -> None:
    path = run / FOLDER / "facts.json"
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def test_runs_are_found_through_links_once_and_hidden_folders_left_out(tmp_path):
    write_run(tmp_path / "logs" / "deep" / "run")
    shutil.copytree(tmp_path / "logs" / "deep" / "run", tmp_path / "logs" / ".hidden")
    (tmp_path / "logs" / "deep" / "up").symlink_to(tmp_path / "logs")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "logs")
    assert list(find_runs({tmp_path / "elsewhere": None})) == ["deep/run"]
    assert list(find_runs({tmp_path / "logs" / "deep" / "run": None})) == ["."]
    assert find_runs({tmp_path / "nothing": None}) == {}


def test_a_folder_that_nobody_may_read_hides_no_run(tmp_path, monkeypatch):
    write_run(tmp_path / "run")
    (tmp_path / "lost+found").mkdir()
    iterdir = Path.iterdir

    def refused(path):
        if path.name == "lost+found":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refused)
    assert list(find_runs({tmp_path: None})) == ["run"]


def test_exploring_again_leaves_nothing_of_the_old_content(tmp_path):
    folder = tmp_path / "run" / FOLDER
    write_run(tmp_path / "run")
    before = {path.name for path in folder.iterdir()}
    write_run(tmp_path / "run", width=25)
    after = {path.name for path in folder.iterdir()}
    assert len(before) == len(after) == 7
    assert before & after == {"facts.json", *(name for name in before if name.startswith(("images", "prior")))}
