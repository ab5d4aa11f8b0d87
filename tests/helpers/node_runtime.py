"""ONNX Runtime in Node, installed in a folder of its own as its lock says."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

SOURCES = Path(__file__).parent / "node"


class NodeRuntime:
    """Answers calls of ONNX files in a Node process each.

    Args:
        folder: an empty folder to install in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        # Without scripts nothing is fetched but the packages themselves.
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit"], cwd=folder, check=True, capture_output=True)

    def call(self, file: Path, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What an ONNX file gives for some inputs, by name."""
        call, result = self.folder / "inputs.json", self.folder / "outputs.json"
        call.write_text(json.dumps({name: _packed(array) for name, array in inputs.items()}))
        self.run(self.folder / "run_onnx.mjs", file, call, result)
        return {name: _unpacked(array) for name, array in json.loads(result.read_text()).items()}

    def run(self, *words: str | Path, folder: Path | None = None) -> str:
        """What a script, which lies in the folder of the packages, prints."""
        return subprocess.run(
            ["node", *words], cwd=folder, check=True, capture_output=True, text=True, timeout=120
        ).stdout


def _packed(array: np.ndarray) -> dict:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"type": array.dtype.name, "shape": array.shape, "data": data}


def _unpacked(array: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["data"]), array["type"]).reshape(array["shape"])
