"""Where numbers come from: the code as git knows it, the machine, and the versions of what computes."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from typing import Any

from keras_vae.files import REPOSITORY

__all__ = ["code_commit", "code_origin", "environment", "public_address"]

GENERATED = "docs"  # written from runs, so that its changes are none of the code


def environment() -> dict[str, Any]:
    """The class of the machine, the versions of what computes, and the commit of the code where git knows one."""
    import keras  # what names the code alone has no need of them
    import tensorflow as tf

    return {
        "commit": code_commit(),
        "machine": {
            "cores": os.cpu_count(),
            "gpus": len(tf.config.list_physical_devices("GPU")),
            "processor": platform.machine(),
            "system": platform.system(),
        },
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }


def code_commit() -> str | None:
    """The commit of this project's code, with `+` if files have been changed since; None where git knows none."""
    # Where the package is installed, git may know the folder of another project.
    if REPOSITORY is None or _git("rev-parse", "--show-toplevel") != str(REPOSITORY):
        return None
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{GENERATED}")
    return f"{commit}{'+' if changed else ''}" if commit else None


def code_origin(trained: str | None) -> str:
    """Say which code made a run, and where it is to be had.

    Args:
        trained: commit of the training, where it is known.
    """
    now = code_commit()
    if now is None:
        return "The code is not under git here."
    parts = [f"commit {trained}"] if trained else []
    parts.append("the report too" if trained == now else f"report of {now}" if parts else f"report of commit {now}")
    if address := public_address(_git("remote", "get-url", "origin")):
        parts.append(address)
    changed = " (+ with changed files)" if "+" in f"{trained}{now}" else ""
    return f"Code: {', '.join(parts)}{changed}."


def public_address(remote: str) -> str:
    """The address of a repository in a browser, without a user's name or password; empty of a path on this machine.

    Args:
        remote: as git has it, such as `git@host:owner/name.git`.
    """
    if match := re.fullmatch(r"(?:ssh://)?(?:[^@/]+@)([^:/]+)(?::\d+/|[:/])(.+?)(?:\.git)?/?", remote):
        return f"https://{match[1]}/{match[2]}"
    if match := re.fullmatch(r"https?://(?:[^@/]*@)?([^/]+)/(.+?)(?:\.git)?/?", remote):
        return f"https://{match[1]}/{match[2]}"
    return ""


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
