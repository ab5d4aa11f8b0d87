"""Keras has one backend in a process: TensorFlow, or what is said in one line."""

import os
import sys
from pathlib import Path

from keras_vae.errors import InputError

__all__ = [
    "GPU_DRIVER",
    "LOG_LEVEL",
    "NO_NOTES",
    "BackendError",
    "choose_tensorflow",
    "compute_exactly",
    "require_tensorflow",
]

GPU_DRIVER = Path("/proc/driver/nvidia")  # exists where the driver of an NVIDIA GPU is loaded
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
NO_NOTES = "3"  # the level at which TensorFlow writes nothing, not even errors


class BackendError(InputError, ImportError):
    """Keras computes, or is told to compute, with another backend than TensorFlow."""


def choose_tensorflow() -> None:
    """Let Keras compute with TensorFlow whatever the user's `keras.json` names, and TensorFlow miss no GPU.

    Both read this once, as they are imported. A variable of the environment is the user's own choice, and stays.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if not GPU_DRIVER.exists():  # where TensorFlow calls it an error that CUDA finds none
        os.environ.setdefault(LOG_LEVEL, NO_NOTES)


def compute_exactly() -> None:
    """Let TensorFlow compute float32 as float32 on GPUs too, in this process.

    From Ampere on it multiplies them as TensorFloat-32, whose three digits are too few for densities: their large terms
    cancel. What is fast enough in bfloat16 has that type.
    """
    import tensorflow

    tensorflow.config.experimental.enable_tensor_float_32_execution(False)


def require_tensorflow() -> None:
    """See that Keras computes, or will compute, with TensorFlow.

    Raises:
        BackendError: it does not.
    """
    if "keras" in sys.modules:
        backend = sys.modules["keras"].backend.backend()
    else:
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise BackendError(
            f"keras_vae needs Keras on TensorFlow, not on {backend}: import keras_vae before keras, and set "
            "KERAS_BACKEND to tensorflow or not at all."
        )
