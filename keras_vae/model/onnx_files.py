"""A trained model as ONNX files, one for each thing that it answers, and their weights once beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from keras_vae.files import make_folder, replace_folder, temporary_folder
from keras_vae.model.endpoint import Endpoint, frozen_endpoints
from keras_vae.model.vae import VAE

__all__ = ["export_onnx"]

OPSET = 17  # of ONNX 1.12 (2022), and the latest that tf2onnx has tests for
WEIGHTS_FILE = "weights.bin"
LEAST_SHARED = 1024  # bytes; what is smaller stays within its graph, where shapes are read
ALIGNMENT = 4096  # so that a runtime can map the file into memory


def export_onnx(model: VAE, folder: Path | str) -> Path:
    """Write `encode`, `decode`, `reconstruct`, `interpolate`, `log_prior` and `decode_prior`, each as an `.onnx` file.

    Weights are in `weights.bin` beside them, each once. The number of images is free. Inputs and outputs have the names
    that the SavedModel has, but for the output of `reconstruct`: ONNX has no room for two values of one name, and it is
    called `reconstructions`.

    Args:
        model: a VAE.
        folder: is replaced, once the new one is complete.

    Raises:
        ModuleNotFoundError: tf2onnx is not installed.
    """
    folder = Path(folder)
    make_folder(folder.parent)
    with temporary_folder(folder) as temporary:
        part = Path(temporary, folder.name)
        part.mkdir()
        with (part / WEIGHTS_FILE).open("wb") as file:
            shared: dict[bytes, tuple[int, int]] = {}
            for name, endpoint in frozen_endpoints(model).items():
                graph = _graph(name, endpoint)
                _share_weights(graph, file, shared)
                (part / f"{name}.onnx").write_bytes(graph.SerializeToString())
        replace_folder(part, folder)
    return folder


def _graph(name: str, endpoint: Endpoint) -> Any:
    """The ONNX model of one endpoint."""
    import tf2onnx

    def computed(*arguments: Any) -> dict[str, Any]:
        results = endpoint.function(*arguments)
        return {"reconstructions": results["images"]} if name == "reconstruct" else results

    function = tf.function(computed, input_signature=endpoint.signature, autograph=False)
    model, _ = tf2onnx.convert.from_function(function, input_signature=endpoint.signature, opset=OPSET)
    model.graph.name = name
    for value in (*model.graph.input, *model.graph.output):
        for dimension in value.type.tensor_type.shape.dim:
            if not dimension.HasField("dim_value"):
                dimension.dim_param = "n"
    return model


def _share_weights(model: Any, file: Any, shared: dict[bytes, tuple[int, int]]) -> None:
    """Move the constants of a graph to a file, those that are there already only by their place."""
    from onnx import TensorProto

    for tensor in model.graph.initializer:
        content = tensor.raw_data
        if len(content) < LEAST_SHARED:
            continue
        if content not in shared:
            file.write(bytes(-file.tell() % ALIGNMENT))
            shared[content] = file.tell(), len(content)
            file.write(content)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in zip(("offset", "length"), shared[content], strict=True):
            tensor.external_data.add(key=key, value=str(value))
        tensor.external_data.add(key="location", value=WEIGHTS_FILE)
