"""A training configuration -> a trained run, with Keras's `fit` and callbacks.

May import `tensorboard` and what lies below it.
"""

import lazy_loader

from keras_vae.backend import require_tensorflow

require_tensorflow()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
