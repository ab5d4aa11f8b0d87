"""A trained run -> maps, clusters and paths of its latent space, with measurements.

May import `evaluation` and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
