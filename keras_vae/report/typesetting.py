"""Typst templates, facts and pictures -> PDF and PNG pages, with the fonts that the compiler brings along."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import typst

__all__ = ["count_pages", "page_pictures", "typeset"]

TEMPLATES = Path(__file__).resolve().parent / "templates"

Template = Literal["report", "sheet"]


def typeset(template: Template, facts: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> bytes:
    """Set a document.

    Args:
        template: `report` for one page on a run, `sheet` for text under headings.
        facts: what the template says, as JSON has it.
        files: pictures by the names under which the template knows them.

    Returns:
        A PDF, the same for the same arguments.

    Raises:
        typst.TypstError: a file is missing, or damaged.
    """
    with _prepared(template, facts, files or {}) as main:
        return typst.compile(main, root=main.parent, ignore_system_fonts=True, timestamp=0)


def page_pictures(
    template: Template, facts: Mapping[str, Any], files: Mapping[str, bytes] | None = None, dots_per_inch: float = 150.0
) -> list[bytes]:
    """The pages of a document as PNG files; arguments as those of `typeset`."""
    with _prepared(template, facts, files or {}) as main:
        pages = typst.compile(main, root=main.parent, ignore_system_fonts=True, format="png", ppi=dots_per_inch)
    return pages if isinstance(pages, list) else [pages]


def count_pages(template: Template, facts: Mapping[str, Any], files: Mapping[str, bytes] | None = None) -> int:
    """How many pages a document takes; arguments as those of `typeset`."""
    with _prepared(template, facts, files or {}) as main:
        return int(typst.query(main, "<pages>", field="value", one=True, root=main.parent, ignore_system_fonts=True))


@contextmanager
def _prepared(template: Template, facts: Mapping[str, Any], files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder that holds all that the compiler reads, so that it finds nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (f"{template}.typ", "style.typ"):
            Path(folder, name).write_bytes((TEMPLATES / name).read_bytes())
        for name, content in files.items():
            Path(folder, name).write_bytes(content)
        Path(folder, "facts.json").write_text(json.dumps(facts))
        yield Path(folder, f"{template}.typ")
