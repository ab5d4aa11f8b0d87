"""A trained run and a collection of images -> their posteriors in Parquet files, shard by shard.

May import `evaluation` and what lies below it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
