"""A trained run -> measurements on a whole test split (reconstruction, likelihood, generated images) and charts.

May import `tensorboard` and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
