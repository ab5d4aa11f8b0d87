"""Run a notebook, and write it with what its cells gave: `python tests/helpers/notebook.py notebooks/tour.ipynb`."""

import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient


def executed(path: Path, **parameters: Any) -> nbformat.NotebookNode:
    """Run every cell in a process of its own; a cell that fails raises, and the console's messages are left out.

    Args:
        path: of the notebook, whose folder the cells run in.
        parameters: what names in the cell that is tagged `parameters` are set to instead.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if parameters and "parameters" in cell.metadata.get("tags", ()):
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    client = NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": path.parent}}, coalesce_streams=True, record_timing=False
    )
    client.execute()
    for cell in notebook.cells:
        if "outputs" in cell:  # what libraries say of a machine is no result
            cell.outputs = [each for each in cell.outputs if each.get("name") != "stderr"]
    return notebook


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        nbformat.write(executed(name), name)
