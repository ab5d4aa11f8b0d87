"""A variational autoencoder in Keras 3 on TensorFlow, for Fashion-MNIST and data of one's own."""

import lazy_loader

from keras_vae.backend import choose_tensorflow
from keras_vae.version import __version__ as __version__

choose_tensorflow()  # before anything imports Keras; whoever computes sees that it was heard

# Everything is imported where it is asked for, so that `import keras_vae` and `--help` answer at once.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
