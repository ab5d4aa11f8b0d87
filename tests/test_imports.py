"""Packages are entered by their front door, and nothing heavy is imported before it is needed.

Which package may import which is a contract of import-linter, in pyproject.toml; `make lint` holds it.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "keras_vae"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
PACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))

# What takes arrays and gives arrays, or makes pages of what is saved, does without.
WITHOUT_TENSORFLOW = [
    "evaluation/sample_quality.py",
    "explorer/plugin.py",
    "latent_space/class_overlap.py",
    "latent_space/clusters.py",
    "latent_space/maps.py",
    "plotting/evaluation_charts.py",
    "plotting/grids.py",
    "plotting/map_charts.py",
    "plotting/path_charts.py",
    "plotting/training_charts.py",
    "report/build.py",
    "report/sheets.py",
    "report/text.py",
    "report/typesetting.py",
]
LIGHT = [
    "runs/config.py",
    "evaluation/config.py",
    "latent_space/config.py",
    "encoding/config.py",
    "command_line.py",
    "files.py",
    "cli.py",
]
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules imported anywhere in a file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_reaches_past_a_package_into_its_inside(path):
    inside = {name for name in imported(path) if name.startswith("keras_vae.") and name.count(".") > 1}
    own = path.relative_to(PACKAGE).parts[0]
    assert all(name.split(".")[1] == own for name in inside)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_data_package_imports_tensorflow_datasets(path):
    assert path.parent.name == "data" or not any(name.startswith("tensorflow_datasets") for name in imported(path))


def test_every_exported_name_can_be_imported():
    names = ["keras_vae", *(f"keras_vae.{name}" for name in PACKAGES)]
    code = (
        "import importlib\n"
        f"for package in map(importlib.import_module, {names}):\n"
        "    assert package.__all__, package\n"
        "    for name in package.__all__: getattr(package, name)"
    )
    result = run_python(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("paths", "never"),
    [
        (WITHOUT_TENSORFLOW, {"tensorflow", "keras"}),
        (LIGHT, {"tensorflow", "keras", "numpy", "matplotlib", "tensorflow_datasets"}),
    ],
    ids=["arrays and pages", "what answers --help"],
)
def test_what_stays_light_loads_nothing_heavy(paths, never):
    modules = [f"keras_vae.{path.removesuffix('.py').replace('/', '.')}" for path in paths]
    result = run_python(f"import sys, {', '.join(modules)}\nprint(*sys.modules)")
    assert result.returncode == 0, result.stderr
    assert not never & set(result.stdout.split())


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_answers_before_anything_heavy_is_imported(script):
    code = (
        "import runpy, sys, json\n"
        f"sys.argv = ['{script}', '--help']\n"
        f"try: runpy.run_path('scripts/{script}', run_name='__main__')\n"
        "except SystemExit as stop: code = stop.code\n"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    result = run_python(code)
    status, modules = json.loads(result.stderr)
    assert status == 0
    assert result.stdout.startswith("usage:")
    assert not {"tensorflow", "keras", "numpy", "matplotlib", "tensorflow_datasets"} & set(modules)


@pytest.mark.parametrize(
    "code", ["from keras_vae import VAE", "import keras_vae.model", "from keras_vae.training import train"]
)
def test_another_backend_in_the_environment_is_refused_and_not_replaced(code):
    result = run_python(code, KERAS_BACKEND="torch")
    assert result.returncode == 1
    assert "BackendError: keras_vae needs Keras on TensorFlow, not on torch" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_a_command_answers_another_backend_in_one_line_with_exit_code_2(script):
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    arguments = [] if script == "train.py" else ["reference-default"]
    command = [sys.executable, str(ROOT / "scripts" / script), *arguments]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: keras_vae needs Keras on TensorFlow, not on jax")
    assert len(result.stderr.splitlines()) == 1


def test_another_backend_in_the_users_keras_json_is_overruled(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax"}))
    result = run_python("import keras_vae, keras; print(keras.backend.backend())", KERAS_HOME=str(tmp_path))
    assert result.stdout.strip() == "tensorflow"


def test_a_backend_that_is_already_loaded_is_named_in_one_line():
    code = (
        "import sys, types\n"
        "sys.modules['keras'] = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: 'jax'))\n"
        "import keras_vae.model"
    )
    result = run_python(code)
    assert result.returncode == 1
    assert "BackendError: keras_vae needs Keras on TensorFlow" in result.stderr.splitlines()[-1]
