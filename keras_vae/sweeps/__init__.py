"""Configurations -> many runs, and one table of them.

May import `evaluation`, `training` and what lies below them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
