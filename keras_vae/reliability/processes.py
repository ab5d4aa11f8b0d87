"""Command lines in processes of their own, forked from one that has imported everything: they begin at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

__all__ = ["Main", "finish", "interrupt", "last_line", "start", "wait_for"]

Main = Callable[[Sequence[str]], None]
"""The console program: it is given the words of a command line."""

PRELOADED = [
    f"keras_vae.{name}" for name in ("training.trainer", "evaluation.evaluator", "latent_space.exploration")
] + ["keras_vae.explorer.build", "keras_vae.report.build", "umap", "openTSNE"]
PATIENCE = 900.0  # seconds after which a command counts as hanging


def start(main: Main, words: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> BaseProcess:
    """Begin a command.

    Args:
        main: the console program.
        words: of the command line.
        log: what it prints is added to this file.
        environment: variables that are set for it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=_run, args=(main, list(words), str(log), dict(environment or {})), daemon=True)
    process.start()
    return process


def finish(process: BaseProcess) -> int:
    """Wait for the end of a command, and return its exit code; minus the signal where one ended it."""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError(f"a command did not end within {PATIENCE:.0f} s")
    return process.exitcode


def interrupt(process: BaseProcess, kind: signal.Signals) -> None:
    """Send a signal to a command that may have ended meanwhile."""
    if process.pid is not None and process.is_alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, kind)


def wait_for(process: BaseProcess, begun: Callable[[], bool]) -> None:
    """Wait until a phase of a command has begun, or the command has ended."""
    while process.is_alive() and not begun():
        time.sleep(0.005)


def last_line(log: Path) -> str:
    """The last line of what a command printed; empty where it printed nothing."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _run(main: Main, words: list[str], log: str, environment: dict[str, str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a server of forks ignores it
    os.environ.update(environment)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    main(words)
