"""A configuration -> how fast this machine trains and evaluates, to be compared within one process.

May import `latent_space`, `training` and what lies below them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
