"""A training configuration -> the folders of a run, and where its numbers come from (commit, machine, versions).

May import `model`, `data` and what lies below them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
