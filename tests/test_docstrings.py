"""Examples in docstrings do what they show."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHOWN = sorted(path for path in (ROOT / "keras_vae").rglob("*.py") if ">>>" in path.read_text())


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_examples_in_docstrings_run_as_they_stand(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
