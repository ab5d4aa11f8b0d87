"""The files in `assets/` and the facts of a run -> HTML, as one file or as a page that loads the others."""

from __future__ import annotations

import html
import json
from typing import Any
from urllib.parse import quote

from keras_vae.explorer.bundle import ASSETS, bundle

__all__ = ["linked_page", "whole_page"]

_ESCAPES = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src blob: data:; base-uri 'none'; form-action 'none'\">"
)


def whole_page(facts: dict[str, Any], parts: dict[str, str]) -> str:
    """A page that needs nothing else, and is forbidden to ask for anything.

    Args:
        facts: what the page is told, as JSON has it.
        parts: the packed arrays as text, by their names.
    """
    carried = (
        f'<script type="application/octet-stream" id="part-{name}">{text}</script>' for name, text in parts.items()
    )
    return _filled(
        facts,
        policy=_POLICY,
        style=f"<style>\n{(ASSETS / 'style.css').read_text()}</style>",
        parts="\n".join(carried),
        script=f"<script>\n{bundle('main.js')}\n</script>",
    )


def linked_page(facts: dict[str, Any], run: str) -> str:
    """A page that loads the files in `assets/`, and each packed part, from the server that it came from.

    Args:
        facts: what the page is told, as JSON has it.
        run: what the server calls the run.
    """
    return _filled(
        {**facts, "server": f"part?run={quote(run, safe='')}&name="},
        policy="",
        style='<link rel="stylesheet" href="assets/style.css">',
        parts="",
        script='<script type="module" src="assets/main.js"></script>',
    )


def _filled(facts: dict[str, Any], **content: str) -> str:
    page = (ASSETS / "index.html").read_text()
    for name, text in {**content, "title": html.escape(facts["title"]), "facts": _embedded(facts)}.items():
        before, found, after = page.partition(f"<!-- {name} -->")
        assert found, name
        page = before + text + after
    return page


def _embedded(facts: dict[str, Any]) -> str:
    """JSON that ends neither the element that holds it nor a line of a script, whatever names are in it."""
    return "".join(_ESCAPES.get(character, character) for character in json.dumps(facts, allow_nan=False))
