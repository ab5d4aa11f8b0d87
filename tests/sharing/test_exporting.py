"""A run is exported by its name, and what is lost is said."""

import sys

import numpy as np
import pytest

from keras_vae.errors import InputError
from keras_vae.model import VAE, save_model
from keras_vae.runs import Run, TrainConfig
from keras_vae.sharing import ExportConfig, export


@pytest.fixture
def run(picture_folder, tmp_path) -> Run:
    """What a run has once it has weights."""
    run = Run.create(TrainConfig(dataset=str(picture_folder), latent_dim=3), "bars", tmp_path)
    save_model(VAE((16, 16, 1), 3, widths=(8,)), run.model_file)
    return run


@pytest.mark.parametrize(
    ("name", "missing"), [("onnx", "tf2onnx"), ("onnx", "onnxruntime"), ("litert", "ai_edge_litert")]
)
def test_without_its_extra_a_format_is_refused_and_nothing_is_written(name, missing, run, monkeypatch):
    monkeypatch.setitem(sys.modules, missing, None)
    before = sorted(run.folder.rglob("*"))
    with pytest.raises(ModuleNotFoundError, match=missing):
        export(run, ExportConfig(name))
    assert sorted(run.folder.rglob("*")) == before


@pytest.mark.parametrize("name", ["saved_model", "onnx"])
def test_every_output_is_compared_with_the_model(name, run):
    exported = export(run, ExportConfig(name))
    assert exported.path == run.folder / name
    assert exported.size == sum(path.stat().st_size for path in exported.path.rglob("*") if path.is_file())
    rows = [line.split(" | ") for line in exported.table.splitlines()[2:] if line.startswith("| ")]
    outputs = "encode: mean, encode: log_var, decode: images, reconstruct: images, interpolate: images, log_prior: nats"
    assert [row[0].removeprefix("| ") for row in rows] == [*outputs.split(", "), "decode_prior: images"]
    assert all(float(row[1]) < 1e-5 for row in rows)
    errors = [float(word.strip(".,")) for word in exported.table.splitlines()[-1].split() if word[:2] == "0."]
    assert np.ptp(errors) < 1e-6 < errors[0]
    others = run.folder / f".{name}.part" / "of another process"
    others.mkdir(parents=True)
    assert export(run, ExportConfig(name)).path == exported.path  # which is replaced
    assert others.is_dir()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "torch"}, "--format must be one of saved_model, onnx, litert"),
        ({"output": "."}, "--output '.' has no name of its own"),
        ({"output": "there/.."}, "--output 'there/..' has no name of its own"),
        ({"format": "onnx", "precision": "int8"}, "--precision int8 is for --format litert"),
        ({"format": "litert", "output": "vae.onnx"}, r"--output must end in \.tflite"),
        ({"format": "onnx", "output": "vae.tflite"}, "--output is a folder"),
    ],
)
def test_what_does_not_go_together_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        ExportConfig(**options)


def test_an_empty_folder_is_written_to(run, tmp_path):
    (tmp_path / "empty").mkdir()
    assert export(run, ExportConfig("saved_model", output=str(tmp_path / "empty"))).path.is_dir()
    assert (tmp_path / "empty" / "saved_model.pb").is_file()


def test_other_files_are_not_removed(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds something else"):
        export(run, ExportConfig("onnx", output=str(tmp_path / "mine")))
    assert (tmp_path / "mine" / "thesis.tex").is_file()
