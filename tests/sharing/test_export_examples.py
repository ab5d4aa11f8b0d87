"""The examples of docs/export.md run as they stand there, with the shipped run."""

import re
from pathlib import Path

import pytest
from node_runtime import NodeRuntime

from keras_vae.runs import Run
from keras_vae.sharing import ExportConfig, export

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "export.md").read_text()

pytestmark = pytest.mark.slow


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the examples find the exports that they name."""
    folder = tmp_path_factory.mktemp("examples")
    for name, output in (("onnx", "onnx"), ("litert", "vae.tflite")):
        path = folder / "saved_models" / "default" / output
        path.parent.mkdir(parents=True, exist_ok=True)
        export(Run("reference-default", ROOT), ExportConfig(name, output=str(path)))
    return folder


def test_those_in_python_give_images_and_latents(folder, monkeypatch):
    monkeypatch.chdir(folder)
    names: dict = {}
    for code in examples("python"):
        exec(code, names)
    assert names["images"].shape == (16, 28, 28, 1)
    assert names["images"].min() >= 0.0 and names["images"].max() <= 1.0
    assert names["mean"].shape == (5, 40)


def test_that_in_node_gives_images(folder, tmp_path):
    (code,) = examples("js")
    runtime = NodeRuntime(tmp_path / "node")
    script = runtime.folder / "example.mjs"
    script.write_text(code + "console.log(JSON.stringify(reconstructions.dims));")
    assert runtime.run(script, folder=folder).strip() == "[5,28,28,1]"
