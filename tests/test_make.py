"""What `make` is told, it does or refuses."""

import importlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.plugins.base_plugin import TBPlugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def planned(folder, *words):
    """What make would do in a folder where nothing is installed."""
    for name in ("Makefile", "requirements.txt", "requirements.lock", "requirements-test.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    command = ["make", "--dry-run", "--no-print-directory", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


def test_options_for_a_run_that_is_trained_already_are_refused(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    finished = tmp_path / "saved_models" / "first" / "training.json"
    finished.parent.mkdir(parents=True)
    finished.touch()
    command = ["make", "report", "RUN=first", "ARGS=--latent-dim 8"]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert "run first is trained already: give another RUN" in process.stderr


@pytest.mark.parametrize(
    ("words", "options"), [([], []), (["RUN=beta-1", "ARGS=--beta 1"], ["--run", "beta-1", "--beta", "1"])]
)
def test_a_training_has_the_name_and_the_options_that_are_given(words, options, tmp_path):
    (line,) = [line for line in planned(tmp_path, "train", *words) if "train.py" in line]
    assert line.split()[2:] == options


def test_the_environment_has_the_package_for_tensorboard_to_find_its_tab(tmp_path):
    assert any(line.endswith("--no-deps --editable .") for line in planned(tmp_path, "train"))


@pytest.mark.parametrize(
    ("variables", "installed"),
    [("CI=true", "--require-hashes --no-deps -r requirements.lock"), ("CI=", "-r requirements.txt")],
)
def test_ci_installs_what_is_locked_and_everybody_else_within_the_ranges(variables, installed, tmp_path):
    steps = [line.partition(" install ")[2].strip() for line in planned(tmp_path, "test", variables)]
    assert [step for step in steps if step] == [installed, "--no-deps --editable .", "-r requirements-test.txt"]


def test_the_software_bill_of_materials_names_every_package_that_is_locked_with_its_version(tmp_path):
    _, *words = shlex.split(planned(tmp_path, "sbom")[-1])
    subprocess.run([sys.executable, *words], cwd=tmp_path, check=True)
    listed = json.loads((tmp_path / "sbom.json").read_text())
    locked = re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert listed["bomFormat"] == "CycloneDX"
    assert sorted((each["name"], each["version"]) for each in listed["components"]) == sorted(locked)


def test_the_wheel_of_the_package_tells_tensorboard_of_its_tab():
    (point,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
        "tensorboard_plugins"
    ].values()
    module, name = point.split(":")
    assert issubclass(getattr(importlib.import_module(module), name), TBPlugin)
