"""Latents, images and measurements -> TensorBoard's projector, images and HParams.

May import `plotting`, `runs` and what lies below them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
