"""What figures were measured on."""

import os
import platform
from typing import Any

import keras
import tensorflow as tf

from keras_vae.origin import code_commit

__all__ = ["environment"]


def environment() -> dict[str, Any]:
    """The class of the machine, the versions of what computes, and the commit of the code where git knows one."""
    return {
        "commit": code_commit(),
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
