"""Facts, packed arrays and the files in `assets/` -> one HTML page that needs nothing else."""

from __future__ import annotations

import html
import json
from typing import Any

from keras_vae.explorer.bundle import ASSETS, bundle
from keras_vae.explorer.content import Exhibition, exhibit
from keras_vae.explorer.parts import pack
from keras_vae.version import __version__

__all__ = ["make_page"]

_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def make_page(exhibition: Exhibition) -> bytes:
    """Write a page that computes with a model in the browser.

    Args:
        exhibition: model and images.

    Returns:
        An HTML file in UTF-16, whose first bytes say so to a browser, whatever a server says.

    Raises:
        InputError: the model has a layer that the page cannot compute.
    """
    facts, arrays = exhibit(exhibition)
    parts = {name: pack(part) for name, part in arrays.items()}
    facts |= {"version": __version__, "parts": {name: part.manifest for name, part in parts.items()}}
    page = (ASSETS / "index.html").read_text()
    for name, content in {
        "title": html.escape(exhibition.title),
        "style": (ASSETS / "style.css").read_text(),
        "facts": _embedded(facts),
        "parts": "\n".join(
            f'<script type="application/octet-stream" id="part-{name}">{part.text}</script>'
            for name, part in parts.items()
        ),
        "script": bundle("main.js"),
    }.items():
        before, found, after = page.partition(f"<!-- {name} -->")
        assert found, name
        page = before + content + after
    return b"\xff\xfe" + page.encode("utf-16-le")


def _embedded(facts: dict[str, Any]) -> str:
    """JSON that ends neither the element that holds it nor a line of a script, whatever names are in it."""
    return "".join(_ESCAPES.get(character, character) for character in json.dumps(facts, allow_nan=False))
