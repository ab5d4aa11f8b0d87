"""Notebooks run from their first cell to their last, and show what they gave."""

from pathlib import Path

import nbformat
import pytest
from notebook import executed

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALL = {"preset": "quick", "options": {"epochs": 1, "widths": (64,), "latent_dim": 4, "prior_components": 20}}
INSTALLS = "install"  # the cell that calls pip where there is no keras_vae yet


def outputs_of(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """The kinds of what each cell gave, such as `image/png`, cell by cell; messages of libraries are none."""
    found = []
    for cell in (cell for cell in notebook.cells if cell.id != INSTALLS):
        for each in cell.get("outputs", ()):
            kinds = each.data if "data" in each else {"text": ""} if each.get("name") == "stdout" else {}
            found += [(cell.id, kind) for kind in sorted(kinds)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_every_cell_runs_and_gives_what_is_kept_in_the_notebook(path):
    again = executed(path, **SMALL)
    assert outputs_of(again) == outputs_of(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_small_and_was_run_in_order_without_an_error(path):
    assert path.stat().st_size < 1_000_000
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not [
        each for cell in cells for each in cell.outputs if each.output_type == "error" or each.get("name") == "stderr"
    ]
    assert {kind for _, kind in outputs_of(notebook)} >= {"text", "image/png"}
