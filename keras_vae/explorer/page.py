"""An exhibition -> facts and packed arrays -> one HTML page that needs nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras_vae.explorer.content import Exhibition, exhibit
from keras_vae.explorer.log_folder import FORMAT
from keras_vae.explorer.parts import Part, as_text, pack
from keras_vae.explorer.template import whole_page
from keras_vae.version import __version__

__all__ = ["Content", "make_page", "packed", "page_of"]


class Content(NamedTuple):
    """What a page holds.

    Attributes:
        facts: as JSON has them.
        parts: packed arrays by their names.
    """

    facts: dict[str, Any]
    parts: dict[str, Part]


def make_page(exhibition: Exhibition) -> bytes:
    """Write a page that computes with a model in the browser.

    Args:
        exhibition: model and images.

    Returns:
        An HTML file in UTF-16, whose first bytes say so to a browser, whatever a server says.

    Raises:
        InputError: the model has a layer that the page cannot compute.
    """
    return page_of(packed(exhibition))


def packed(exhibition: Exhibition) -> Content:
    """Compute what a page holds.

    Raises:
        InputError: the model has a layer that the page cannot compute.
    """
    facts, arrays = exhibit(exhibition)
    parts = {name: pack(part) for name, part in arrays.items()}
    manifests = {name: part.manifest for name, part in parts.items()}
    return Content({**facts, "format": FORMAT, "version": __version__, "parts": manifests}, parts)


def page_of(content: Content) -> bytes:
    """Write what was packed as a page, as `make_page` does."""
    texts = {name: as_text(part.content) for name, part in content.parts.items()}
    return b"\xff\xfe" + whole_page(content.facts, texts).encode("utf-16-le")
