"""The saved measurements and pictures of a run -> a one-page PDF.

May import `latent_space`, `training` and what lies below them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
