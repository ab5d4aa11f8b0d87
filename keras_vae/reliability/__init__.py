"""A number of tries -> how many of them the commands survive: kills, damaged and absurd inputs, full disks.

May import everything but the command line, which it is given.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
