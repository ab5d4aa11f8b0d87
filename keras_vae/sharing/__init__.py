"""A trained, measured and explored run -> a small copy of it that can be shipped.

May import `latent_space` and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
