"""Exported models, run by what they were exported for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

__all__ = ["RUNTIMES", "Served", "check_installed"]

NEEDED = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}  # packages, by format

# The name of an endpoint and its named arrays -> its named results.
Served = Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]


def check_installed(name: str) -> None:
    """Raise a `ModuleNotFoundError` where what writes a format, or runs it, is not installed."""
    for package in NEEDED.get(name, ()):
        importlib.import_module(package)


def _tensorflow(path: Path) -> Served:
    signatures = tf.saved_model.load(str(path)).signatures

    def run(endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        results = signatures[endpoint](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in results.items()}

    return run


def _onnx_runtime(path: Path) -> Served:
    import onnxruntime

    def run(endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        session = onnxruntime.InferenceSession(path / f"{endpoint}.onnx", providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs), strict=True))

    return run


def _litert(path: Path) -> Served:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))

    def run(endpoint: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(interpreter.get_signature_runner(endpoint)(**inputs))

    return run


RUNTIMES: dict[str, Callable[[Path], Served]] = {
    "saved_model": _tensorflow,
    "onnx": _onnx_runtime,
    "litert": _litert,
}
