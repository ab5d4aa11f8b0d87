"""How a run is made again: the commands, and the code as git knows it."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_vae.config import EvaluationConfig, ExplorationConfig, command_options
from keras_vae.runs import Run

__all__ = ["code_commit", "code_origin", "commands", "public_address"]

ROOT = Path(__file__).resolve().parents[1]
LINE, LONGEST_NAME = 56, 60  # letters of a line, and of a run that is named in each command
GENERATED = "docs"  # written from runs, so that its changes are none of the code


def commands(run: Run, metrics: Mapping[str, Any], latent: Mapping[str, Any]) -> list[list[str]]:
    """The commands that make a run and its report again, each in lines that a shell takes as they are.

    An evaluation or exploration with default settings is left out, as the report makes it.

    Args:
        run: trained, evaluated and explored.
        metrics: what `metrics.json` holds.
        latent: what `latent.json` holds.
    """
    name = run.name if len(run.name) <= LONGEST_NAME else "RUN"  # the page has room for such a name once
    found = [["scripts/train.py", "--run", run.name, *run.config.command_options()]]
    for settings in metrics["evaluations"].values():
        config = _configuration(EvaluationConfig, settings)
        own = config.dataset in (None, run.config.dataset)
        given = dataclasses.replace(config, dataset=None) if own else config
        options = ["--protocol", config.protocol] if config.protocol != EvaluationConfig().protocol else []
        options += command_options(given, EvaluationConfig(config.protocol))  # which decides on the number of samples
        if options:
            found.append(["scripts/evaluate.py", name, *options])
    if options := command_options(_configuration(ExplorationConfig, latent["settings"])):
        found.append(["scripts/explore.py", name, *options])
    found.append(["scripts/report.py", name])
    return [_in_lines(["python", *each]) for each in found]


def code_commit() -> str | None:
    """The commit of this project's code, with `+` if files have been changed since; None where git knows none."""
    if _git("rev-parse", "--show-toplevel") != str(ROOT):  # installed, perhaps within another project's folder
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
    parts = [f"trained at commit {trained}"] if trained else []
    parts.append("the report too" if trained == now else f"report of commit {now}")
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


def _in_lines(words: list[str]) -> list[str]:
    """Break a command before its options, with what a shell needs there."""
    parts = [words[0]]
    for quoted in map(shlex.quote, words[1:]):
        if quoted.startswith("--"):
            parts.append(quoted)
        else:
            parts[-1] += f" {quoted}"
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) < LINE:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"  {part}")
    return lines


def _configuration(kind: Any, settings: Mapping[str, Any]) -> Any:
    names = {each.name for each in dataclasses.fields(kind)}
    return kind(**{name: value for name, value in settings.items() if name in names})


def _git(*arguments: str) -> str:
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
