"""The reference made from the docstrings names everything that is public, and nothing in it is amiss."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["keras_vae", *(f"keras_vae.{path.parent.name}" for path in sorted(ROOT.glob("keras_vae/*/__init__.py")))]


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """What `make api` writes; without a warning."""
    folder = tmp_path_factory.mktemp("api")
    planned = subprocess.run(
        ["make", "--no-print-directory", "-n", "api"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    _, *arguments = shlex.split(planned.stdout.splitlines()[-1])
    arguments[arguments.index("docs/api")] = str(folder)
    made = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert not [line for line in made.stderr.splitlines() if line.startswith("Warn")]
    return folder


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_its_entry(package, pages):
    page = (pages / f"{package.replace('.', '/')}.html").read_text()
    assert set(importlib.import_module(package).__all__) - {"__version__"} <= set(
        re.findall(r'<section id="(\w+)"', page)
    )


def test_the_first_page_says_what_the_words_mean_and_every_page_leads_there(pages):
    words = re.findall(r"^- \*\*`?(.+?)`?\*\*", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    first = (pages / "index.html").read_text()
    assert all(word in first for word in words)
    for package in PACKAGES:
        page = pages / f"{package.replace('.', '/')}.html"
        (target,) = re.findall(r'href="([./]*index\.html)"', page.read_text())
        assert (page.parent / target).resolve() == pages / "index.html"
