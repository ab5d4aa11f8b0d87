"""A Dask cluster of processes on this machine, started as its users start it."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Cluster", "dask_cluster"]


class Cluster(NamedTuple):
    """The address of its scheduler, and its workers' processes."""

    address: str
    workers: list[subprocess.Popen]


@contextlib.contextmanager
def dask_cluster(folder: Path, workers: int, threads: int = 1) -> Iterator[Cluster]:
    """Start a scheduler and workers, none of which is started again when it ends; stop them afterwards."""
    file = folder / "scheduler.json"
    with contextlib.ExitStack() as stack:
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
        scheduler = _start(stack, folder, "dask_scheduler", *options)
        while not file.is_file():
            assert scheduler.poll() is None, scheduler.returncode
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        options = (address, "--nthreads", str(threads), "--no-nanny", "--no-dashboard")
        yield Cluster(address, [_start(stack, folder, "dask_worker", *options) for _ in range(workers)])


def _start(stack: contextlib.ExitStack, folder: Path, program: str, *options: str) -> subprocess.Popen:
    log = stack.enter_context((folder / f"{program}.log").open("a"))
    command = [sys.executable, "-m", f"distributed.cli.{program}", *options]
    process = stack.enter_context(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
    stack.callback(process.kill)
    return process
