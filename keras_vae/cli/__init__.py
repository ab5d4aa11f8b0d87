"""A command line -> one of the commands; `scripts/` and `keras-vae` call it.

May import everything below.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
