"""What the texts point to is there, and they agree on the version."""

import re
from pathlib import Path

import pytest

from keras_vae.version import __version__

ROOT = Path(__file__).resolve().parents[1]
MADE = {"data/prepared", "docs/api/index.html"}  # by commands
TEXTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(each for folder in ("docs", "data/*") for each in ROOT.glob(f"{folder}/*.md")),
]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_files_that_are_named_exist(path):
    text = path.read_text()
    links = [link.partition("#") for link in re.findall(r"\]\((?!https?://)([^)]+)\)", text)]
    for target, _, anchor in links:
        file = path.parent / target if target else path
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in {
                re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")  # as GitHub makes it
                for title in re.findall(r"^#+ (.+)$", file.read_text(), re.M)
            }
    for name in re.findall(r"`((?:keras_vae|scripts|docs|tests|data)/[\w./-]*)`", text):
        assert (ROOT / name).exists() or name in MADE, name


def test_the_readme_can_be_read_in_one_go():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_every_text_names_the_same_version():
    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == __version__
