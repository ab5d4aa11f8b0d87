"""Images by name, folder or archive -> tf.data batches in [0, 1] that a resumed training takes up where it was.

May import `files`, `memory` and what lies below them; the only package that imports TensorFlow Datasets.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
