"""Processes in which something is measured: they find this package, wherever the command was typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["environment", "measured_in_child", "output_of"]

_ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """The variables of this process, with some more or others."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}


def output_of(arguments: Sequence[str], **variables: str) -> str:
    """What a new Python process prints.

    Args:
        arguments: of Python.
        variables: of its environment, besides those of this process.

    Raises:
        RuntimeError: it failed; the message has the end of what it wrote to its errors.
    """
    process = subprocess.run(
        [sys.executable, *arguments], env=environment(**variables), capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{process.stderr[-2000:]}")
    return process.stdout


def measured_in_child(kind: str, **options: Any) -> dict[str, Any]:
    """What `keras_vae.benchmark.child` measures in a new process.

    Args:
        kind: what it does.
        options: as that takes them, of what JSON has.

    Raises:
        RuntimeError: it failed.
    """
    told = output_of(["-m", "keras_vae.benchmark.child", kind, json.dumps(options)], TF_CPP_MIN_LOG_LEVEL="3")
    return dict(json.loads(told.splitlines()[-1]))
