"""The scripts, started as a user starts them."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(script: str, *arguments: str, root: Path, status: int = 0) -> subprocess.CompletedProcess:
    """Run a script in a folder of a user; it must end with the exit code that is expected."""
    process = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments],
        cwd=root,
        env={name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert process.returncode == status, process.stderr
    return process
