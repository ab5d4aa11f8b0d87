"""A variational autoencoder in Keras 3 on TensorFlow, for Fashion-MNIST and data of one's own."""

import importlib
import os
import sys
from typing import Any

if "keras" in sys.modules:
    if sys.modules["keras"].backend.backend() != "tensorflow":
        raise ImportError(
            "keras_vae needs Keras on TensorFlow: import keras_vae before keras, or set KERAS_BACKEND=tensorflow."
        )
else:  # Keras reads this once, at its first import: whatever backend the user's keras.json names, this one is used.
    os.environ["KERAS_BACKEND"] = "tensorflow"

_HOME = {
    "VAE": "model",
    "TrainConfig": "config",
    "Run": "runs",
    "InputError": "errors",
    "train": "training",
    "open_dataset": "data",
    "export_saved_model": "export",
    "load_model": "export",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import what is asked for only then, so that `import keras_vae` and `--help` answer at once."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
