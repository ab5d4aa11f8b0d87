"""A trained run -> its model for another runtime; one that is measured and explored -> a small copy to be shipped.

May import `latent_space` and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
