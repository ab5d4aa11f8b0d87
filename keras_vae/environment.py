"""What figures were measured on."""

import os
import platform
from typing import Any

import keras
import tensorflow as tf

__all__ = ["environment"]


def environment() -> dict[str, Any]:
    """The class of the machine, and the versions of what computes."""
    return {
        "machine": {
            "cores": os.cpu_count(),
            "gpus": len(tf.config.list_physical_devices("GPU")),
            "processor": platform.machine(),
            "system": platform.system(),
        },
        "versions": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }
