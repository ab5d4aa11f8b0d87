"""Processes in which something is measured: they find this package, wherever the command was typed."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["environment"]

_ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """The variables of this process, with some more or others."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}
