"""What the tab of TensorBoard reads: `logs/<run>/explorer`, the facts and the packed arrays of a page as files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_vae.files import write_atomically

__all__ = ["FOLDER", "FORMAT", "find_runs", "read_facts", "read_part", "write_log_folder"]

FOLDER = "explorer"
FACTS = "facts.json"
FORMAT = 4  # of facts and parts; a page reads its own one only


def write_log_folder(folder: Path, facts: Mapping[str, Any], parts: Mapping[str, bytes]) -> None:
    """Write a page's content as files, so that whoever reads meanwhile sees the old content or the new one.

    Args:
        folder: `logs/<run>/explorer`.
        facts: of the page; of its `parts`, each gets the name of its file.
        parts: packed arrays by their names.
    """
    files = {name: f"{name}-{hashlib.sha256(content).hexdigest()[:12]}.bin" for name, content in parts.items()}
    for name, content in parts.items():
        write_atomically(folder / files[name], content)
    manifests = {name: {**facts["parts"][name], "file": file} for name, file in files.items()}
    write_atomically(folder / FACTS, json.dumps({**facts, "parts": manifests}, allow_nan=False))
    for path in folder.glob("*.bin"):
        if path.name not in files.values():
            path.unlink()


def read_facts(folder: Path) -> dict[str, Any]:
    """What a page is told of the run whose logs are in a folder."""
    return dict(json.loads((folder / FOLDER / FACTS).read_text()))


def read_part(folder: Path, name: str) -> bytes:
    """A packed part of the page of the run whose logs are in a folder.

    Raises:
        KeyError: there is no part of this name.
    """
    file = read_facts(folder)["parts"][name]["file"]
    return (folder / FOLDER / Path(file).name).read_bytes()  # a folder from elsewhere names no file outside of itself


def find_runs(log_folders: Mapping[Path, str | None]) -> dict[str, Path]:
    """Find the runs that have an explorer.

    Args:
        log_folders: folders that TensorBoard was given, and what it calls each of them, or None.

    Returns:
        The folder of each run by TensorBoard's name of it, in the order of the alphabet.
    """
    found: dict[str, Path] = {}
    for root, group in log_folders.items():
        for folder in _explored(root, set()):
            name = folder.relative_to(root).as_posix()
            name = name if group is None else group if name == "." else f"{group}/{name}"
            found[str(folder) if name in found else name] = folder
    return dict(sorted(found.items()))


def _explored(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Folders that hold an explorer, links followed once."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        is_explored = (folder / FOLDER / FACTS).is_file()
        below = sorted(entry for entry in folder.iterdir() if entry.is_dir())
    except OSError:  # there is no such folder, or none any more, or nobody may read it
        return
    if is_explored:
        yield folder
    for entry in below:
        if not entry.name.startswith(".") and entry.name != FOLDER:
            yield from _explored(entry, seen)
