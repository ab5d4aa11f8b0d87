"""A text in Markdown -> a PDF, set as the report is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from keras_vae.errors import InputError
from keras_vae.files import write_atomically
from keras_vae.report.typesetting import typeset

__all__ = ["sheet_content", "write_sheet"]

STYLES = {"strong_open": "strong", "em_open": "emphasis"}


def write_sheet(path: Path) -> Path:
    """Set a Markdown file, and write the PDF beside it.

    Args:
        path: a text of headings, paragraphs and lists.

    Returns:
        The PDF's path.

    Raises:
        InputError: there is no such file, it is called a PDF, or has what a sheet cannot show.
    """
    if not path.is_file():
        raise InputError(f"There is no {path}: give a text in Markdown.")
    if (pdf := path.with_suffix(".pdf")) == path:
        raise InputError(f"{path} would be lost to its own PDF: give it another ending, such as .md.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8 ({error.reason}): save it as one.") from error
    return write_atomically(pdf, typeset("sheet", sheet_content(text)))


def sheet_content(text: str) -> dict[str, Any]:
    """Take a text in Markdown apart.

    Args:
        text: headings, paragraphs and lists, with strong and emphasised words, code and links.

    Returns:
        `title`, that of the first heading, and `blocks`: each a `kind` of `heading` (with its `level`), `paragraph` or
        `item`, whether it is `followed` by an item, and its `spans` of `text`, `style` (plain, strong, emphasis or
        code) and `link` (None, or an address).

    Raises:
        InputError: there is no text, or it has something else, such as a table or a picture.
    """
    blocks: list[dict[str, Any]] = []
    kind, level, items = "paragraph", 0, 0
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "heading_open":
            kind, level = "heading", int(token.tag[1:])
        elif token.type in {"list_item_open", "list_item_close"}:
            items += token.nesting
        elif token.type == "paragraph_open":
            kind = "item" if items else "paragraph"
        elif token.type == "inline":
            spans = list(_spans(token.children or []))
            blocks.append({"kind": kind, "level": level if kind == "heading" else 0, "spans": spans})
        elif not token.type.startswith(("heading", "paragraph", "bullet_list")):
            place = f" (line {token.map[0] + 1})" if token.map else ""
            raise InputError(f"A sheet shows headings, paragraphs and bullet lists, not this: {token.type}{place}.")
    if not blocks:
        raise InputError("There is no text to be set: give headings, paragraphs or lists.")
    for each, following in zip(blocks, [*blocks[1:], None], strict=True):
        each["followed"] = following is not None and following["kind"] == "item"
    headings = [each for each in blocks if each["kind"] == "heading"]
    title = "".join(span["text"] for span in headings[0]["spans"]) if headings else ""
    return {"title": title, "blocks": blocks}


def _spans(tokens: list[Token]) -> Iterator[dict[str, str | None]]:
    styles, link, place = ["plain"], None, ""
    for token in tokens:
        if token.type in STYLES:
            styles.append(STYLES[token.type])
        elif token.type in {"strong_close", "em_close"}:
            styles.pop()
        elif token.type == "link_open":
            address = str(token.attrs["href"])
            link = address if address.startswith(("https://", "http://")) else None
            place = "" if link else f" ({address.removeprefix('../')})"  # a link to a file leads nowhere on paper
        elif token.type == "link_close":
            yield {"text": place, "style": styles[-1], "link": None}
            link = None
        elif token.type == "code_inline":
            yield {"text": token.content, "style": "code", "link": link}
        elif token.type in {"text", "softbreak"}:
            yield {"text": token.content if token.type == "text" else " ", "style": styles[-1], "link": link}
        else:
            raise InputError(f"A sheet shows words, code and links, not this: {token.type}.")
