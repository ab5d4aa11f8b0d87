"""Worker processes of one distributed training, on this machine."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENOUGH = 400  # seconds, on a busy machine


def addresses(count: int) -> list[str]:
    """As many addresses of this machine at which nothing listens."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


def tf_config(cluster: Sequence[str], index: int) -> str:
    return json.dumps({"cluster": {"worker": list(cluster)}, "task": {"type": "worker", "index": index}})


@contextlib.contextmanager
def workers(*commands: Sequence[object]) -> Iterator[list[subprocess.Popen]]:
    """Start one worker for each command, which follows Python's name; none outlives the block."""
    cluster = addresses(len(commands))
    processes = [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**os.environ, "TF_CONFIG": tf_config(cluster, index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for index, command in enumerate(commands)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.communicate()


def outcome(process: subprocess.Popen, seconds: float = ENOUGH) -> tuple[int, str, str]:
    """The exit code, and what the process wrote to its output and to its errors."""
    output, errors = process.communicate(timeout=seconds)
    return process.returncode, output, errors
