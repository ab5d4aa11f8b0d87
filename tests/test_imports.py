"""Each module knows only what stands above it, and nothing heavy is imported before it is needed."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "keras_vae"

# The order of docs: a module may import those before it, never those after it.
ORDER = [
    "errors",
    "console",
    "config",
    "runs",
    "archives",
    "folders",
    "sources",
    "data",
    "distributions",
    "priors",
    "networks",
    "model",
    "export",
    "projector",
    "figures",
    "pictures",
    "charts",
    "callbacks",
    "origin",
    "environment",
    "dashboard",
    "training",
    "classifier",
    "features",
    "reconstruction",
    "likelihood",
    "generation",
    "contingency",
    "clusters",
    "metrics",
    "subject",
    "measuring",
    "evaluation",
    "maps",
    "map_charts",
    "paths",
    "path_measures",
    "path_charts",
    "space",
    "exploring",
    "travelling",
    "exploration",
    "typesetting",
    "facts",
    "report",
    "sheets",
    "speed",
]
NEVER = {
    "model": {"config", "data", "runs", "callbacks"},
    "projector": {"model"},
    "figures": {"model"},
    "charts": {"model"},
    "generation": {"model", "tensorflow", "keras"},
    "clusters": {"model", "tensorflow", "keras"},
    "contingency": {"model", "tensorflow", "keras"},
    "maps": {"model", "tensorflow", "keras"},
    "map_charts": {"model", "tensorflow", "keras"},
    "path_charts": {"model", "tensorflow", "keras"},
    "typesetting": {"model", "tensorflow", "keras"},
    "facts": {"model", "tensorflow", "keras"},
    "report": {"model", "tensorflow", "keras"},
    "sheets": {"model", "tensorflow", "keras"},
    "config": {"tensorflow", "keras", "numpy"},
    "console": {"keras", "numpy"},
}
SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules imported anywhere in a file: those of this package by their short name."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.removeprefix("keras_vae.") if name.startswith("keras_vae.") else name.split(".")[0] for name in names}


def test_every_module_has_its_place():
    assert {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_knows_only_what_stands_above_it(module):
    names = imported(PACKAGE / f"{module}.py")
    below = set(ORDER[ORDER.index(module) :])
    assert not names & below
    assert not names & NEVER.get(module, set())


@pytest.mark.parametrize("module", ORDER)
def test_only_the_data_modules_import_tensorflow_datasets(module):
    allowed = {"archives", "folders", "sources", "data"}
    assert module in allowed or "tensorflow_datasets" not in imported(PACKAGE / f"{module}.py")


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


def test_another_backend_in_the_environment_is_overruled():
    result = run_python("import keras_vae, keras; print(keras.backend.backend())", KERAS_BACKEND="jax")
    assert result.stdout.strip() == "tensorflow"


def test_a_backend_that_is_already_loaded_is_named_in_one_line():
    code = (
        "import sys, types\n"
        "sys.modules['keras'] = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: 'jax'))\n"
        "import keras_vae"
    )
    result = run_python(code)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("ImportError: keras_vae needs Keras on TensorFlow")


def test_every_public_name_of_the_package_can_be_imported():
    result = run_python("import keras_vae\nfor name in keras_vae.__all__: assert getattr(keras_vae, name), name")
    assert result.returncode == 0, result.stderr
