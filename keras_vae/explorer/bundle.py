"""ES modules -> one script: from `file://` a browser loads no module from another file.

The rule, which the modules in `assets/` keep to: an import stands on one line, `import { a, b } from "./other.js";`,
and names no default; what is exported is declared so, `export function`, `export async function`, `export class` or
`export const`. Each module becomes a function that is called once, after those that it imports, so that names that
are not exported stay its own; lines that are comments are left out, for a page has little room. Editors, linters and a
page served over HTTP read the same files as they are.
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["ASSETS", "bundle"]

ASSETS = Path(__file__).resolve().parent / "assets"

_IMPORT = re.compile(r'^import (\{[^}]+\}) from "\./([\w.-]+)";$', re.M)
_COMMENT = re.compile(r"^ *//.*\n", re.M)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.M)


def bundle(entry: str, folder: Path = ASSETS) -> str:
    """Join a module and all that it imports.

    Args:
        entry: name of the file that begins.
        folder: where the files are.

    Returns:
        A classic script.

    Raises:
        ValueError: modules import each other in a circle, or a line breaks the rule above.
    """
    order: list[str] = []
    _collect(entry, folder, order, [])
    return '"use strict";\n' + "\n".join(_wrapped(name, (folder / name).read_text()) for name in order)


def _collect(name: str, folder: Path, order: list[str], above: list[str]) -> None:
    if name in above:
        raise ValueError(f"Modules import each other in a circle: {' -> '.join([*above, name])}.")
    if name not in order:
        for _, other in _IMPORT.findall((folder / name).read_text()):
            _collect(other, folder, order, [*above, name])
        order.append(name)


def _wrapped(name: str, source: str) -> str:
    exported = [found for _, found in _EXPORT.findall(source)]
    source = _COMMENT.sub("", source)
    body = _IMPORT.sub(lambda match: f"const {match[1]} = {_variable(match[2])};", source)
    body = _EXPORT.sub(r"\1 \2", body)
    if left := re.search(r"^(import|export)\b.*", body, re.M):
        raise ValueError(f"{name} breaks the rule of bundling: {left[0]}")
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _variable(name: str) -> str:
    return "module_" + re.sub(r"\W", "_", name.removesuffix(".js"))
