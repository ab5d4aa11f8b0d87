"""What `make` is told, it does or refuses."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

from tensorboard.plugins.base_plugin import TBPlugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


def test_the_environment_has_the_package_for_tensorboard_to_find_its_tab(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    command = ["make", "--dry-run", "train"]
    planned = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.splitlines()
    assert any(line.endswith("--no-deps --editable .") for line in planned)


def test_the_wheel_of_the_package_tells_tensorboard_of_its_tab():
    (point,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "tensorboard_plugins"
    ].values()
    module, name = point.split(":")
    assert issubclass(getattr(importlib.import_module(module), name), TBPlugin)
