"""What `make` is told, it does or refuses."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_options_for_a_run_that_is_trained_already_are_refused(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    finished = tmp_path / "saved_models" / "first" / "training.json"
    finished.parent.mkdir(parents=True)
    finished.touch()
    command = ["make", "report", "RUN=first", "ARGS=--latent-dim 8"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "run first is trained already: give another RUN" in process.stderr
