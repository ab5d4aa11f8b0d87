"""Installed from its wheel, in an environment of its own, the package does all that the repository does."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]


def requirements(lines: list[str]) -> set[str]:
    """Requirements without comments and without differences of spelling."""
    return {re.sub(r"[\s\"']", "", line.partition("#")[0]).lower() for line in lines} - {""}


def test_requirements_txt_is_the_whole_of_what_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = requirements(project["dependencies"]) | requirements(project["optional-dependencies"]["all"])
    assert asked == requirements((ROOT / "requirements.txt").read_text().splitlines())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run a program of a fresh environment, in a user's folder, with nothing of this repository in reach."""
    environment, home, folder = (tmp_path_factory.mktemp(name) for name in ("environment", "home", "user"))
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TF_CPP"))}

    def run(program: str, *arguments: object, status: int = 0) -> subprocess.CompletedProcess:
        process = subprocess.run(
            [environment / "bin" / program, *map(str, arguments)],
            cwd=folder,
            env=variables if program == "pip" else {**variables, "HOME": str(home), "XDG_CACHE_HOME": f"{home}/cache"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert process.returncode == status, process.stderr
        return process

    run("pip", "install", "--quiet", wheel)
    run.folder, run.home = folder, home
    return run


def test_the_wheel_has_every_file_that_the_page_is_made_of(wheel):
    assets = {path.name for path in (ROOT / "keras_vae" / "explorer" / "assets").iterdir()}
    packed = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    assert {path.name for path in packed if path.parent.name == "assets"} == assets


@pytest.mark.slow
def test_the_wheel_trains_and_names_the_missing_extra_and_with_it_does_everything(installed, wheel):
    trained = installed("keras-vae", "train", "--preset", "quick", "--epochs", "1")
    assert "test (10,000 images)" in trained.stdout
    assert (installed.home / "cache" / "keras_vae" / "fashion_mnist").is_dir()
    code = 'import keras_vae; print(keras_vae.open_dataset("fashion_mnist").counts["test"])'
    assert installed("python", "-c", code).stdout.strip() == "10000"

    installed("keras-vae", "evaluate", "quick", "--importance-samples", "2")
    refused = installed("keras-vae", "explore", "quick", "--points", "500", status=2).stderr.splitlines()
    assert refused == ["error: this command needs umap: pip install 'keras_vae[all]' brings it."]

    installed("pip", "install", "--quiet", f"{wheel}[all]")
    installed("keras-vae", "explore", "quick", "--points", "500", "--pairs", "4", "--repeats", "2")
    installed("keras-vae", "report", "quick")
    run = installed.folder / "saved_models" / "quick"
    assert (run / "report.pdf").read_bytes().startswith(b"%PDF")
    assert (run / "explorer.html").stat().st_size > 1e6
    code = "from tensorboard.default import get_dynamic_plugins as found; print([each.plugin_name for each in found()])"
    assert "explorer" in installed("python", "-c", code).stdout
    assert json.loads((run / "training.json").read_text())["commit"] is None
