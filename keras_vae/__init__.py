"""A variational autoencoder in Keras 3 on TensorFlow, for Fashion-MNIST and data of one's own."""

import os
import sys

import lazy_loader

from keras_vae.version import __version__ as __version__

if "keras" in sys.modules:
    _backend = sys.modules["keras"].backend.backend()
else:  # Keras reads this once, at its first import: whatever backend the user's keras.json names, this one is used.
    _backend = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if _backend != "tensorflow":
    raise ImportError(
        f"keras_vae needs Keras on TensorFlow, not on {_backend}: import keras_vae before keras, and set KERAS_BACKEND "
        "to tensorflow or not at all."
    )

# Everything is imported where it is asked for, so that `import keras_vae` and `--help` answer at once.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
