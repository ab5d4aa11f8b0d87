"""A run that was started is never lost, a file that exists is whole, a bad input is answered by one clear line.

The short form of `scripts/reliability.py`; docs/reliability.md has the figures of the long one.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def reliability(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "scripts/reliability.py", "--folder", str(folder / "trials"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)


@pytest.mark.slow
def test_a_command_that_is_killed_is_taken_up_again_to_the_same_bits(tmp_path):
    process = reliability("--kills", "4", "--phases", "checkpoint", "export", folder=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "| all | 4 / 4 | |" in process.stdout


@pytest.mark.slow
def test_absurd_and_damaged_inputs_are_taken_or_refused_in_one_line(tmp_path):
    process = reliability("--fuzz", "300", folder=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "| latent.json of a run, for its report | 18 / 18 |" in process.stdout


def test_nothing_to_try_is_an_error_in_one_line(tmp_path):
    process = reliability(folder=tmp_path)
    assert process.returncode == 2
    assert (
        process.stderr
        == "error: There is nothing to try: give --kills, --fuzz, --coverage, --power, --disks or --soak.\n"
    )
    assert not list(tmp_path.iterdir())
